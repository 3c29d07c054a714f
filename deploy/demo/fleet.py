"""24 invented servers: recordings of real commands take the place of the door to the machine.

Everything behind that door is the real thing: keys, enrolment, parsers, signatures, spool,
sending. The mark "simulated" is set by `host add --simulated`, never by the agent.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from deploy.demo.recorded_host import RecordedHost
from deploy.demo.tidy import tidy

from verbundwacht_agent.host import Host

MUNICIPALITIES = {
    "altenbach": "Verbandsgemeinde Altenbach",
    "birkenau-tal": "Verbandsgemeinde Birkenau-Tal",
    "hohenfels": "Verbandsgemeinde Hohenfels",
    "lindenried": "Verbandsgemeinde Lindenried",
    "rosental": "Verbandsgemeinde Rosental",
}
HOME = "altenbach"  # this machine is enrolled here
_PURPOSES = ("web01", "db01", "file01", "mail01", "bkp01")
_TIDY = ("debian13", "ubuntu2404")
_NEGLECTED = {7: "debian12", 16: "ubuntu2204"}  # two that nobody looked after


class Simulated(NamedTuple):
    """One invented server."""

    municipality: str
    name: str
    host: Host


def fleet() -> Iterator[Simulated]:
    """24 servers over five municipalities; which one has which fault never changes."""
    now = datetime.now(UTC)
    places = [(m, p) for p in _PURPOSES for m in MUNICIPALITIES]
    for index, (municipality, purpose) in enumerate(places[:24]):
        name = f"{municipality[:2]}-{purpose}"
        host = _named(RecordedHost.named(_NEGLECTED.get(index, _TIDY[index % 2])), name)
        if index not in _NEGLECTED:
            host = tidy(host, now)
            for spoil in _FAULTS.get(index, ()):
                host = spoil(host)
        yield Simulated(municipality, name, host)


def _named(host: RecordedHost, name: str) -> RecordedHost:
    mark = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    host = host.with_file("/proc/sys/kernel/hostname", f"{name}\n")
    host = host.with_file("/proc/sys/kernel/random/boot_id", f"{mark}\n")
    return host.with_file("/etc/machine-id", f"{mark}\n")


def _setting(name: str, value: str) -> Callable[[RecordedHost], RecordedHost]:
    """A server on which `sshd -T` answers otherwise."""

    def spoil(host: RecordedHost) -> RecordedHost:
        argv = ("/usr/sbin/sshd", "-T")
        told = host.run(argv)
        lines = told.stdout.decode().splitlines()
        kept = [line for line in lines if not line.startswith(f"{name} ")]
        text = "\n".join([*kept, f"{name} {value}"])
        return host.answering(argv, told._replace(stdout=text.encode()))

    return spoil


def _sysctl(path: str, value: str) -> Callable[[RecordedHost], RecordedHost]:
    return lambda host: host.with_file(f"/proc/sys/{path}", f"{value}\n")


def _second_root(host: RecordedHost) -> RecordedHost:
    passwd = host.read_bytes("/etc/passwd").decode()
    return host.with_file("/etc/passwd", passwd + "toor:x:0:0::/root:/bin/sh\n")


def _open_docker(host: RecordedHost) -> RecordedHost:
    options = '{"hosts": ["fd://", "tcp://0.0.0.0:2375"]}'
    return host.with_file("/etc/docker/daemon.json", options)


def _old_backup(host: RecordedHost) -> RecordedHost:
    return host.with_file("/var/lib/verbundwacht-backup/last", '{"date": "2026-08-14T02:10:00Z"}')


def _unreadable_shadow(host: RecordedHost) -> RecordedHost:
    return host.denying("/etc/shadow")


_Spoil = Callable[[RecordedHost], RecordedHost]
_FAULTS: dict[int, tuple[_Spoil, ...]] = {
    2: (_setting("permitrootlogin", "yes"),),
    4: (_sysctl("net/ipv4/conf/all/accept_redirects", "1"),),
    6: (_open_docker,),
    9: (_setting("passwordauthentication", "yes"), _setting("x11forwarding", "yes")),
    12: (_second_root,),
    17: (_old_backup,),
    19: (_unreadable_shadow,),
    21: (_setting("permitemptypasswords", "yes"),),
}
