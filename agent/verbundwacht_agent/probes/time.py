"""Who sets the clock, from which servers, and whether that works.

The parsers are pure. Hard-learned: "synchronised" says nothing about the server, two clients
fight over one clock, chrony's own answer wants a writable socket, and timesyncd leaves a mark
under /run, so that only other clients cost a command.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing, text
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import (
    enabled,
    names,
    optional,
    running,
    systemd_settings,
)
from verbundwacht_wire.facts import Time
from verbundwacht_wire.facts.records import TimeClient

ASK: Final = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
_MARK: Final = "/run/systemd/timesync/synchronized"
_ZONES: Final = "/zoneinfo/"
_NAME: Final = re.compile("[A-Za-z0-9._:-]{1,253}")
_LINE: Final = re.compile(
    r"^[ \t]*(server|servers|pool|peer|refclock|sensor)[ \t]+(\S+)(.*)$", re.M
)
_INCLUDE: Final = re.compile(r"^[ \t]*(include|confdir|sourcedir)[ \t]+(\S+)", re.MULTILINE)
_SECURED: Final = re.compile(r"\s(nts|key)\b")

Name = Literal["chrony", "ntpd", "openntpd", "timesyncd"]


class _Kind(NamedTuple):
    name: Name
    signs: tuple[str, ...]  # one of these exists: it is installed
    units: tuple[str, ...]


class Source(NamedTuple):
    """One server. secured: its answers are authenticated."""

    name: str
    secured: bool


_KINDS: Final = (
    _Kind("chrony", ("/usr/sbin/chronyd",), ("chrony.service", "chronyd.service")),
    _Kind("ntpd", ("/etc/ntpsec/ntp.conf", "/etc/ntp.conf"),
          ("ntpsec.service", "ntp.service", "ntpd.service")),
    _Kind("openntpd", ("/etc/openntpd/ntpd.conf",), ("openntpd.service",)),
    _Kind("timesyncd", ("/usr/lib/systemd/systemd-timesyncd", "/lib/systemd/systemd-timesyncd"),
          ("systemd-timesyncd.service",)),
)  # fmt: skip
_CONFIGS: Final[dict[Name, tuple[str, ...]]] = {
    "chrony": ("/etc/chrony/chrony.conf", "/etc/chrony.conf"),
    "ntpd": ("/etc/ntpsec/ntp.conf", "/etc/ntp.conf"),
    "openntpd": ("/etc/openntpd/ntpd.conf",),
}


def probe(host: Host) -> Collected:
    """The clock's masters. Raises Unavailable if the host's settings are not there."""
    try:
        host.list_dir("/etc")
    except Missing:
        raise Unavailable("failed", "no_time_settings", "/etc fehlt.") from None
    clients = tuple(_client(host, kind) for kind in _KINDS if any(map(host.exists, kind.signs)))
    active = [c.name for c in clients if c.running or (c.running is None and c.enabled)]
    sources = {source for name in active for source in _sources(host, name)}
    synchronised = _synchronised(host, active)
    body = Time(
        clients=clients,
        sources=tuple(sorted({source.name for source in sources})),
        authenticated=sum(source.secured for source in sources),
        rtc_local="LOCAL" in (optional(host, "/etc/adjtime") or "").split("\n")[2:3],
        synchronised=synchronised,
        timezone=_timezone(host),
    )
    return Collected(body, "sync_not_seen" if synchronised is None else None)


def _client(host: Host, kind: _Kind) -> TimeClient:
    return TimeClient(
        name=kind.name,
        enabled=enabled(host, *kind.units),
        running=running(host, *kind.units),
    )


def _timezone(host: Host) -> str | None:
    try:
        target = host.read_link("/etc/localtime")
    except Missing:
        return None
    zone = target.rpartition(_ZONES)[2]
    return zone if re.fullmatch("[A-Za-z0-9_+/-]{1,64}", zone) else None


def _synchronised(host: Host, active: list[Name]) -> bool | None:
    """None where nobody can tell: without systemd, or if its answer is none."""
    if active == ["timesyncd"]:
        return host.exists(_MARK)
    if not host.exists("/run/systemd/system"):
        return None
    try:
        done = host.run(ASK)
    except Unavailable:
        return None
    # Everything else is known without this answer, so its lack only makes the section partial.
    return {"yes": True, "no": False}.get(text(done.stdout).strip()) if done.code == 0 else None


def _sources(host: Host, name: Name) -> Iterator[Source]:
    if name == "timesyncd":
        settings = systemd_settings(host, "timesyncd.conf")
        for server in (settings.get("NTP") or settings.get("FallbackNTP", "")).split():
            if _NAME.fullmatch(server):
                yield Source(server, False)
        return
    texts = (optional(host, path) for path in _CONFIGS[name])
    main = next((found for found in texts if found is not None), "")
    yield from parse_sources(main)
    if name == "chrony":
        for extra in _included(host, main):
            yield from parse_sources(extra)


def _included(host: Host, main: str) -> Iterator[str]:
    """What chrony.conf(5) takes in: confdir, sourcedir, include with a wildcard at its end."""
    for kind, target in _INCLUDE.findall(main):
        folder, suffix = target, ".sources" if kind == "sourcedir" else ".conf"
        if kind == "include":
            folder, _, pattern = target.rpartition("/")
            suffix = pattern.removeprefix("*")
        for name in names(host, folder.rstrip("/"), suffix):
            yield optional(host, f"{folder.rstrip('/')}/{name}") or ""


def parse_sources(config: str) -> Iterable[Source]:
    """Servers in a configuration of chrony, ntpd or openntpd; a clock at hand is `refclock`.

    Keys follow after the name and are numbers of keys; neither is kept.
    """
    found = []
    for word, name, options in _LINE.findall(config):
        if word in ("refclock", "sensor"):
            found.append(Source("refclock", True))
        elif _NAME.fullmatch(name):
            found.append(Source(name, bool(_SECURED.search(options.partition("#")[0]))))
    return found
