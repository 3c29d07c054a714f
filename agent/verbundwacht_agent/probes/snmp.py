"""Who may ask the SNMP server, as counts. Community strings never leave this module.

`judge` is pure. Hard-learned: one community may be given in two ways (`rocommunity`, or com2sec
with group and access), and without a source either is open to every address. Accounts of
version 3 are kept by the running server in a file that holds their keys; it is not touched.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.conf.files import Budget, config, first_there
from verbundwacht_wire.facts import Snmp

PROGRAMS: Final = ("/usr/sbin/snmpd", "/usr/local/sbin/snmpd")
CONFIG: Final = "/etc/snmp/snmpd.conf"
_KNOWN: Final = """
    public private community snmp snmpd snmptrap admin administrator cisco manager monitor
    monitoring default guest internal network netman nagios security secret system test tivoli
    openview write read readonly readwrite rw ro all router switch server root password passwort
    gemeinde rathaus kommune stadt 0 1234 12345 123456
"""
KNOWN: Final = frozenset(hashlib.sha256(word.encode()).digest() for word in _KNOWN.split())
"""Hashes of communities that scanners try first."""

_WORD: Final = re.compile(r'"([^"]*)"|\'([^\']*)\'|(\S+)')
_EVERYWHERE: Final = ("default", "0.0.0.0/0", "0/0", "::/0")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.:\[\]%/-]{1,100}")

Lines = list[list[str]]


class Community(NamedTuple):
    """One way in for versions 1 and 2c."""

    name: str  # never leaves the host
    source: str
    writes: bool


def probe(host: Host) -> Collected:
    """What the configuration allows. Raises Unavailable; absent if no server is installed."""
    if first_there(host, PROGRAMS) is None:
        raise Unavailable("absent", "no_snmp_server", "")
    return Collected(judge(list(_lines(host, config(host, CONFIG), Budget(), 0))))


def _lines(host: Host, text: str, budget: Budget, depth: int) -> Iterator[list[str]]:
    """Words of every line, those of included files in their place. Source: snmp_config(5)."""
    for words in parse_lines(text):
        files: list[str] = []
        if words[0] == "includefile" and len(words) > 1:
            files = [words[1] if words[1][0] == "/" else f"/etc/snmp/{words[1]}"]
        elif words[0] == "includedir" and len(words) > 1:
            files = _in_folder(host, words[1])
        else:
            yield words
        for file in files:
            budget.take(depth)
            try:
                yield from _lines(host, host.read_text(file), budget, depth + 1)
            except Missing:
                continue  # snmpd warns and goes on


def _in_folder(host: Host, folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in host.list_dir(folder) if name.endswith(".conf")]
    except Missing:
        return []


def parse_lines(text: str) -> Lines:
    """Words of every line, the first in lower case, comments left out."""
    found = []
    for line in text.split("\n"):
        words = [a or b or c for a, b, c in _WORD.findall(line.strip())]
        if words and words[0] and words[0][0] != "#":
            found.append([words[0].lower(), *words[1:]])
    return found


def judge(lines: Lines) -> Snmp:
    """Counts over all lines of all files. Source: snmpd.conf(5), "ACCESS CONTROL"."""
    communities = [*_short(lines), *_long(lines)]
    users = [words for words in lines if words[0] in ("rouser", "rwuser") and len(words) > 1]
    return Snmp(
        addresses=_addresses(lines),
        communities=len(communities),
        default_communities=sum(
            hashlib.sha256(community.name.lower().encode()).digest() in KNOWN
            for community in communities
        ),
        write_communities=sum(community.writes for community in communities),
        open_communities=sum(community.source in _EVERYWHERE for community in communities),
        v3_users=len({words[1] for words in users}),
        v3_unprotected=sum(len(words) > 2 and words[2].lower() == "noauth" for words in users)
        + _unprotected_groups(lines),
    )


def _short(lines: Lines) -> Iterator[Community]:
    """`rocommunity COMMUNITY [SOURCE [OID]]` and its relatives."""
    for words in lines:
        if words[0] in ("rocommunity", "rwcommunity", "rocommunity6", "rwcommunity6"):
            source = words[2] if len(words) > 2 and words[2] != "-V" else "default"
            if len(words) > 1:
                yield Community(words[1], source, words[0].startswith("rw"))


def _long(lines: Lines) -> Iterator[Community]:
    """`com2sec [-Cn CONTEXT] NAME SOURCE COMMUNITY`, with what `group` and `access` make of it."""
    writing = _writing(lines)
    for words in lines:
        if words[0] in ("com2sec", "com2sec6"):
            given = words[3:] if words[1:2] == ["-Cn"] else words[1:]
            if len(given) == 3:
                yield Community(given[2], given[1], given[0] in writing)


def _groups(lines: Lines, models: Iterable[str]) -> dict[str, set[str]]:
    """Group -> security names of these models, from `group NAME MODEL SECNAME`."""
    found: dict[str, set[str]] = {}
    for words in lines:
        if words[0] == "group" and len(words) == 4 and words[2].lower() in models:
            found.setdefault(words[1], set()).add(words[3])
    return found


def _writing(lines: Lines) -> set[str]:
    """Security names that may write: `access GROUP CONTEXT MODEL LEVEL MATCH READ WRITE NOTIFY`."""
    groups = _groups(lines, ("v1", "v2c", "any"))
    found: set[str] = set()
    for words in lines:
        if words[0] == "access" and len(words) > 7 and words[7] != "none":
            found |= groups.get(words[1], set())
    return found


def _unprotected_groups(lines: Lines) -> int:
    """Version 3 groups that `access` lets in at level noauth."""
    groups = _groups(lines, ("usm",))
    levels = {words[1]: words[4].lower() for words in lines if words[0] == "access" and words[5:]}
    return sum(levels.get(group) == "noauth" for group in groups)


def _addresses(lines: Lines) -> tuple[str, ...]:
    """Where it listens; the last line counts. Empty: every address, UDP port 161."""
    given = [",".join(words[1:]) for words in lines if words[0] == "agentaddress"]
    parts = given[-1].split(",") if given else []
    return tuple(sorted({part for part in parts if _ADDRESS.fullmatch(part)}))
