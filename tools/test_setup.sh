#!/bin/sh
# What the tests want from Debian: installed when this runs as root, named when it does not.
set -eu
wanted="chromium openssh-server mosquitto mosquitto-clients python3-apt util-linux iproute2 fonts-dejavu-core
    nftables iptables sudo cron auditd rsyslog chrony nginx apache2 samba-common-bin mariadb-client-core"
missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "The tests need these Debian packages:$missing" >&2
    echo "Install them once as root: apt-get install$missing" >&2
    exit 2
fi
echo "test set-up: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# A policy script keeps Debian from starting servers that nobody asked for.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
# shellcheck disable=SC2086 - one word per package
apt-get -qq install -y --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
