#!/bin/sh
# What the tests want from Debian: installed when this runs as root, named when it does not.
exec sh "$(dirname "$0")/debian.sh" "The tests" \
    chromium openssh-server mosquitto mosquitto-clients python3-apt util-linux iproute2 \
    fonts-dejavu-core nftables iptables sudo cron auditd rsyslog chrony nginx apache2 \
    samba-common-bin mariadb-client-core
