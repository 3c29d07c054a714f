"""24 invented servers: recordings of real commands take the place of the door to the machine.

Everything behind that door is the real thing: keys, enrolment, parsers, signatures, spool,
sending. The mark "simulated" is set by `host add --simulated`, never by the agent.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.agent.probes.recorded import RecordedHost

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
_RECORDINGS = ("debian12", "ubuntu2204", "ubuntu2404", "debian13")


class Simulated(NamedTuple):
    """One invented server."""

    municipality: str
    name: str
    host: Host


def fleet() -> Iterator[Simulated]:
    """24 servers over five municipalities; which one has which fault never changes."""
    places = [(m, p) for p in _PURPOSES for m in MUNICIPALITIES]
    for index, (municipality, purpose) in enumerate(places[:24]):
        name = f"{municipality[:2]}-{purpose}"
        recording = RecordedHost.named(_RECORDINGS[index % len(_RECORDINGS)])
        host = _named(recording, name)
        for spoil in _FAULTS[index % len(_FAULTS)]:
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


def _unreadable_shadow(host: RecordedHost) -> RecordedHost:
    return host.denying("/etc/shadow")


_Spoil = Callable[[RecordedHost], RecordedHost]
_FAULTS: tuple[tuple[_Spoil, ...], ...] = (
    (),
    (_setting("permitrootlogin", "yes"),),
    (_sysctl("net/ipv4/conf/all/accept_redirects", "1"),),
    (),
    (_setting("passwordauthentication", "yes"), _setting("x11forwarding", "yes")),
    (_second_root,),
    (_unreadable_shadow,),
)
