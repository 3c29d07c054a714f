"""What invented hosts say about themselves: the well-kept server of the pack, and its changes.

Pure but for a cache. A body is a function of (section, number, broken) and of the day on which
the fleet was made, so a host needs to remember three small values and no body.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from verbundwacht_collector.admin import bundled_pack
from verbundwacht_collector.rules.load import load_pack
from verbundwacht_wire.facts import SECTIONS
from verbundwacht_wire.manifest import encode_body, section_hash

PACKAGES: Final = 370
OFTEN: Final = {
    "updates": 55,
    "services": 20,
    "kernel": 8,
    "packages": 5,
    "listening": 4,
    "accounts": 3,
    "mounts": 2,
    "sshd": 1,
    "sysctl": 1,
    "os": 1,
}
"""Of a hundred section changes, how many are of this section: apt refreshes its lists every day,
units fail and recover, the rest comes with patch days and with people."""


class Variant(NamedTuple):
    """One of the ways in which a section can be. broken: a rule of the pack objects to it."""

    number: int = 0
    broken: bool = False


@cache
def fixture() -> Mapping[str, Mapping[str, Any]]:
    """All sections of the server that every rule of the pack is content with."""
    return load_pack(bundled_pack()).fixtures["debian"]


SECTION_NAMES: Final = tuple(sorted(SECTIONS))
WRITTEN: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The day on which the pack's invented server is well kept; its backups age like real ones."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def moved(value: Any, to: datetime) -> Any:
    """The same facts, every date as far from `to` as it was from the day they were written."""
    if isinstance(value, dict):
        return {name: moved(one, to) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [moved(one, to) for one in value]
    if isinstance(value, str) and _DATE.fullmatch(value):
        return f"{datetime.fromisoformat(value) + (to - WRITTEN):%Y-%m-%dT%H:%M:%SZ}"
    return value


class Facts:
    """The bodies of one fleet. dated: when its package lists were fetched."""

    def __init__(self, dated: datetime) -> None:
        self._dated = dated
        self.sections = tuple(name for name in SECTION_NAMES if name in fixture())
        self.body = lru_cache(4096)(self._body)
        self.hash = lru_cache(65_536)(self._hash)

    def _hash(self, section: str, variant: Variant) -> str:
        return section_hash(self.body(section, variant))

    def _body(self, section: str, variant: Variant) -> bytes:
        """As the agent writes it."""
        kept = moved(fixture()[section], self._dated)
        fields = {**kept, **self._usual(section), **self._changes(section, variant)}
        return encode_body(msgspec.convert(fields, SECTIONS[section]))

    def _ago(self, minutes: int) -> str:
        return f"{self._dated - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

    def _usual(self, section: str) -> dict[str, Any]:
        if section == "packages":
            return {"installed": packages()}
        if section == "updates":
            automatic = {"enabled": True, "last_success": self._ago(60)}
            return {
                "lists_date": self._ago(60),
                "lists_checked": self._ago(60),
                "automatic": automatic,
            }
        return {}

    def _changes(self, section: str, variant: Variant) -> dict[str, Any]:
        if section not in OFTEN or variant == Variant():
            return {}
        if section == "updates":
            return self._updates(*variant)
        return change(section, *variant)

    def _updates(self, number: int, broken: bool) -> dict[str, Any]:
        lists = {"lists_checked": self._ago(number % 600)}
        update = {"name": "bash", "installed": "1", "held": False, "phased": False}
        pending = {"pending": [{**update, "candidate": str(number), "security": broken}]}
        return {**lists, **(pending if broken or number % 4 == 0 else {})}


@cache
def packages() -> list[dict[str, str]]:
    """As many packages as a server for mail, web, files and a database has."""
    return [
        {"name": f"package-{i:03}", "version": f"{i % 9}.{i}-{i % 4}+deb12u1", "arch": "amd64"}
        for i in range(PACKAGES)
    ]


def change(section: str, number: int, broken: bool) -> dict[str, Any]:
    """Fields that differ from those with another number; broken: a rule objects."""
    usual = fixture()[section]
    match section:
        case "os":
            return {"name": f"Debian GNU/Linux 12 ({number})"}
        case "kernel":
            return {"running": f"6.1.0-{number}-amd64", "reboot_required": broken}
        case "packages":
            return {"installed": [*packages(), {**packages()[0], "name": f"x{number}"}]}
        case "sshd":
            return {"maxauthtries": 1 + number, "permitrootlogin": "yes" if broken else "no"}
        case "sysctl":
            return {"kernel_sysrq": number, "fs_protected_hardlinks": int(not broken)}
        case "mounts":
            point = {"path": f"/srv/{number}", "fstype": "ext4", "options": ["relatime", "rw"]}
            return {"points": [*usual["points"], point]}
        case "accounts":
            return {"login_shells": number, "empty_password": int(broken)}
        case "services":
            return {"failed": ["x.service"] if broken else [], "network": [f"{number}.service"]}
    port = 1024 + number % 60_000
    local = {"proto": "tcp", "address": "127.0.0.1", "exposed": False, "port": port}
    telnet = {"proto": "tcp", "address": "0.0.0.0", "exposed": True, "port": 23}
    return {"sockets": [*usual["sockets"], local, *([telnet] if broken else ())]}
