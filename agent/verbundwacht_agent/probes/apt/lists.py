"""Package lists: whether they are there, whole, and how old.

Pure. apt itself reports missing lists as "0 upgraded" with exit 0, so an empty answer is believed
only after this module has seen a list for every configured source. Hard-learned: the time stamp
of a list file is the archive's own, only `Date:` inside its Release file can be relied on; an
archive may announce a list as empty, and apt then stores none. The size of a compressed list is
checked only where apt_pkg could be asked for it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from verbundwacht_agent.errors import Unavailable

FOLDER: Final = "/var/lib/apt/lists"
RELEASES: Final = ("_InRelease", "_Release")
"""Endings of the files that sign an archive's lists."""

_ALL: Final = "_binary-all_Packages"
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DATE: Final = re.compile(
    r"^Date: \w{3}, +(\d{1,2}) (\w{3}) (\d{4}) +(\d{1,2}:\d\d:\d\d) (?:UTC|GMT|\+0000)\s*$",
    re.M | re.A,
)
_NAMES: Final = re.compile(r"^(?:Suite|Codename|Label): *(.*?) *$", re.MULTILINE)


class Lists(NamedTuple):
    """What the lists on disk can answer."""

    date: datetime | None  # of the newest Release file
    complete: bool  # every configured source has its list
    security: bool  # there are security lists, and every configured one is there


def is_security(name: str) -> bool:
    """True for suite, codename or label of a security archive: jammy-security, Debian-Security."""
    return name.lower().endswith("-security")


def assess(
    targets: Mapping[str, int | None], sizes: Mapping[str, int], releases: Mapping[str, str]
) -> Lists:
    """What can be answered with the lists of this host.

    targets: name, without extension, of every list that the configured sources should have ->
    bytes apt reads from it, None if not asked; sizes: name -> bytes of every file in the folder;
    releases: name -> content.
    Raises Unavailable `no_sources`, `lists_missing` or `lists_broken`.
    """
    if not targets:
        hint = "Es sind keine Paketquellen eingetragen: /etc/apt/sources.list.d prüfen."
        raise Unavailable("failed", "no_sources", hint)
    states = {target: _state(target, size, sizes, releases) for target, size in targets.items()}
    security = {states[target] for target in targets if _is_security_list(target, releases)}
    if "present" not in states.values():
        hint = "Die Paketlisten fehlen: apt-get update ausführen."
        raise Unavailable("failed", "lists_missing", hint)
    return Lists(
        date=max(filter(None, map(parse_date, releases.values())), default=None),
        complete="missing" not in states.values(),
        security=not security.isdisjoint(("present", "empty")) and "missing" not in security,
    )


def _state(
    target: str, read: int | None, sizes: Mapping[str, int], releases: Mapping[str, str]
) -> Literal["present", "empty", "missing", "not offered"]:
    """Whether a list is there, announced as empty, should be there, or is not offered."""
    announced = _announced_size(target, releases)
    if any(size and _is_of(name, target) for name, size in sizes.items()):
        # apt reads a list that was cut between two packages without complaint.
        actual = read if read is not None else sizes.get(target)
        if None not in (actual, announced) and actual != announced:
            hint = "Eine Paketliste ist beschädigt: apt-get update ausführen."
            raise Unavailable("failed", "lists_broken", hint)
        return "present"
    if announced == 0:
        return "empty"
    # Lists for "all" alone are optional everywhere: the one per architecture decides.
    if target.endswith(_ALL) or not _is_offered(target, releases):
        return "not offered"
    return "missing"


def _is_of(name: str, target: str) -> bool:
    """True for the file of a list, plain or compressed."""
    return name == target or name.startswith(f"{target}.")


def _release(target: str, releases: Mapping[str, str]) -> tuple[str, str] | None:
    """Prefix and content of the Release file that covers a list; the longest prefix wins."""
    covering = [
        (name.removesuffix(ending).removesuffix("_") + "_", content)
        for name, content in releases.items()
        for ending in ("InRelease", "Release")
        if name.endswith(f"_{ending}")
    ]
    return max((found for found in covering if target.startswith(found[0])), default=None)


def _announced_size(target: str, releases: Mapping[str, str]) -> int | None:
    """Bytes of a list by its Release file; None if that does not tell."""
    found = _entry(target, releases, r"")
    return int(found[1]) if found else None


def _is_offered(target: str, releases: Mapping[str, str]) -> bool:
    """True unless a Release file is there and names the list in no form."""
    # An architecture or component that an archive does not have is no gap of this host.
    return _release(target, releases) is None or bool(_entry(target, releases, r"(?:\.\w+)?"))


def _entry(target: str, releases: Mapping[str, str], extension: str) -> re.Match[str] | None:
    """The line `hash size path` of a list in its Release file."""
    found = _release(target, releases)
    if found is None:
        return None
    prefix, content = found
    # apt writes a path of the archive as a file name with "_" for "/".
    path = re.escape(target.removeprefix(prefix).replace("_", "/"))
    line = rf"^ [0-9a-f]{{32,128}} +([0-9]{{1,12}}) {path}{extension}$"
    return re.search(line, content, re.MULTILINE)


def _is_security_list(target: str, releases: Mapping[str, str]) -> bool:
    found = _release(target, releases)
    names = _NAMES.findall(found[1]) if found else re.findall(r"_dists_(.*?)_", target)
    return any(map(is_security, names))


def parse_date(release: str) -> datetime | None:
    """When an archive made its lists; None if the field is missing or no date."""
    found = _DATE.search(release)
    if found is None or found[2] not in _MONTHS:
        return None
    hour, minute, second = map(int, found[4].split(":"))
    try:
        month = _MONTHS.index(found[2]) + 1
        return datetime(int(found[3]), month, int(found[1]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
