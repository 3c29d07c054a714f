"""Units of systemd that failed, and network services that start by themselves.

`parse_failed`, `parse_enabled` and the table of names are pure. Hard-learned: no failed unit is
an empty answer and a good one, no enabled unit at all is an empty answer and a broken one.
"""

import re
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, content, text
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Services

_PLAIN: Final = ("--plain", "--no-legend", "--no-pager")
FAILED: Final = ("systemctl", "list-units", "--failed", *_PLAIN)
ENABLED: Final = (
    "systemctl", "list-unit-files", "--state=enabled", "--type=service,socket", *_PLAIN,
)  # fmt: skip

_UNIT: Final = re.compile(
    r"^[●*×○ \t]*([A-Za-z0-9:_.\\@-]+\.(?:service|socket|target|mount|automount|timer|swap|path"
    r"|slice|scope|device))(?:\s|$)"
)
_NAMES: Final = """
    apache2 atftpd avahi-daemon bind9 caddy clamav-daemon cockpit collectd conserver cups
    cups-browsed dnsmasq docker dovecot elasticsearch exim4 frr ftpd gitea grafana-server haproxy
    httpd icinga2 inetd inetutils-inetd influxdb isc-dhcp-server isc-dhcp-server6 jenkins
    kea-dhcp4-server kea-dhcp6-server kibana lighttpd mariadb memcached minidlna mongod mosquitto
    munin-node mysql nagios-nrpe-server named netdata nfs-kernel-server nfs-server nginx nmbd ntp
    ntpsec openbsd-inetd openvpn postfix postgresql prometheus prometheus-node-exporter proftpd
    pure-ftpd rabbitmq-server redis-server rlogin rpcbind rsh rsync samba samba-ad-dc sendmail
    slapd smbd snmpd squid ssh sshd strongswan strongswan-starter telnet telnetd tftpd-hpa
    tigervncserver tomcat9 tomcat10 tomcat11 unbound vncserver vsftpd webmin wg-quick winbind
    x11vnc xinetd xrdp xrdp-sesman ypserv zabbix-agent zabbix-agent2 zabbix-server
"""
NETWORK: Final = frozenset(_NAMES.split())
"""Names of units that offer something to the network, without instance and suffix."""
_PHP_FPM: Final = re.compile(r"php[0-9.]*-fpm")


def probe(host: Host) -> Collected:
    """Both lists of systemd. Raises Unavailable, `absent` where systemd is not process 1."""
    if not host.exists("/run/systemd/system"):  # the test of sd_booted(3)
        raise Unavailable("absent", "no_systemd", "")
    failed = host.run(FAILED)
    # Not content(): on a healthy host this listing is empty.
    if failed.code != 0:
        raise Unavailable("failed", "exit_code", "systemctl list-units --failed prüfen.")
    enabled = content(host.run(ENABLED))
    body = Services(failed=parse_failed(text(failed.stdout)), network=parse_enabled(enabled))
    return Collected(body)


def parse_failed(listing: str) -> tuple[str, ...]:
    """Sorted names of failed units; an empty listing means that none failed."""
    return tuple(sorted(set(_units(listing))))


def parse_enabled(listing: str) -> tuple[str, ...]:
    """Sorted names, with suffix, of enabled units that are known to serve the network.

    Raises Unavailable if the listing names no unit at all: every system enables some.
    """
    units = _units(listing)
    if not units:
        raise Unavailable("failed", "empty_output", "systemctl list-unit-files prüfen.")
    return tuple(sorted({unit for unit in units if _serves_network(unit)}))


def _units(listing: str) -> list[str]:
    """The unit at the start of every line. Raises Unavailable for a line without one."""
    units: list[str] = []
    for line in filter(None, map(str.strip, listing.splitlines())):
        found = _UNIT.match(line)
        if found is None:
            raise Unavailable("failed", "bad_output", "Die Ausgabe von systemctl ist unbekannt.")
        units.append(found[1])
    return units


def _serves_network(unit: str) -> bool:
    stem = unit.rsplit(".", 1)[0].split("@", 1)[0]
    return stem in NETWORK or _PHP_FPM.fullmatch(stem) is not None
