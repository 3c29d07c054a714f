"""An alliance under load: hosts of a usual size, 328 rules, and messages made beforehand.

Making and signing messages costs as much as taking them in, so it never happens while a clock
runs.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any, Final

from deploy.load.facts import OFTEN
from tests.system.facts import Bodies, basis, section, well_kept
from tests.system.fleet import Member, Names, enrol
from tests.system.running import Stage, new_stage

from verbundwacht_collector.admin import bundled_pack
from verbundwacht_collector.alerts.model import STREAK_CAP
from verbundwacht_collector.app import now_ms
from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.pipeline import Received
from verbundwacht_collector.rules.load import read_files

COPIES: Final = 4  # of the 82 rules of linux-basis: 328
MUNICIPALITIES: Final = ("aurach", "bernstein", "calmbach", "dornfeld", "eschau")
PACKAGES: Final = Path(__file__).with_name("recordings") / "packages-370.tsv"
BREAKS_ONE_IN: Final = 100  # section changes; each makes all copies of a rule fail

_CHANCE = random.Random(1)
_NUMBER = count(1)


@cache
def packages() -> list[dict[str, str]]:
    """The packages of one Debian 12 server with mail, web, files and a database."""
    found = []
    for line in PACKAGES.read_text().splitlines()[1:]:
        name, version, arch, source, source_version = line.split("\t")
        package = {"name": name, "version": version, "arch": arch}
        if source != name:
            package["source"] = source
        if source_version != version:
            package["source_version"] = source_version
        found.append(package)
    return found


@cache
def server() -> Bodies:
    """All sections of a server with 370 packages."""
    return {**well_kept(), "packages": section("packages", installed=packages())}


def many_rules(folder: Path, copies: int = COPIES) -> Path:
    """A pack with some copies of each rule of `linux-basis`, under ids of their own.

    The ids keep their beginning, as in a pack of so many rules: what reads a section is together.
    """
    folder.mkdir()
    for name, content in read_files(bundled_pack()).items():
        if b"- id: linux." not in content:  # what all rules share, such as fixtures
            (folder / name).write_bytes(content)
            continue
        for copy in range(copies):
            renamed = re.sub(rb"(- id: linux\.\S+)", rb"\1-%d" % copy, content)
            (folder / f"{copy:02}-{name}").write_bytes(renamed)
    return folder


def alliance(root: Path, hosts: int, copies: int = COPIES) -> tuple[Stage, list[Member]]:
    """A collector with 328 rules and its enrolled hosts, spread over five municipalities."""
    pack = many_rules(root / "pack", copies)
    stage = new_stage(root / "collector", baseline="plan", pack=pack)
    stage.add(*MUNICIPALITIES)
    names = [Names(m, f"server-{i}") for i, m in zip(range(hosts), cycle(MUNICIPALITIES))]
    return stage, enrol(stage.folder, names, stage.addresses)


def received(member: Member, raw: bytes) -> Received:
    """The message as a door hands it on."""
    return Received(raw, Peer(member.names.municipality, member.agent), now_ms())


def first_reports(members: Sequence[Member]) -> Iterator[list[Received]]:
    """Everything about every host, and once more as often as an attestation is counted.

    Afterwards a fleet is what it is after its first days: a rule that passed before and passes
    again leaves nothing to write.
    """
    yield [received(one, one.report(server())) for one in members]
    for _ in range(STREAK_CAP):
        everything = {name: _changed(name) for name in server()}
        yield [received(one, one.report(everything)) for one in members]


def full_reports(members: Sequence[Member], many: int) -> list[Received]:
    """All bodies again, one section of them new."""
    return [
        received(one, one.report(_next_change(), everything=True))
        for one in islice(cycle(members), many)
    ]


def changes(members: Sequence[Member], many: int) -> list[Received]:
    """One section is new."""
    return [received(one, one.report(_next_change())) for one in islice(cycle(members), many)]


def beats(members: Sequence[Member], many: int) -> list[Received]:
    """Nothing is new."""
    return [received(one, one.beat()) for one in islice(cycle(members), many)]


def mix(members: Sequence[Member], many: int) -> list[Received]:
    """70 % beats, 29 % section changes, 1 % full reports, in any order."""
    kinds = _CHANCE.choices(("beat", "change", "full"), (70, 29, 1), k=many)
    found = []
    for kind, member in zip(kinds, islice(cycle(members), many), strict=True):
        if kind == "beat":
            raw = member.beat()
        else:
            raw = member.report(_next_change(), everything=kind == "full")
        found.append(received(member, raw))
    return found


def _minutes_ago(minutes: int) -> str:
    return f"{datetime.now(UTC) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def _next_change() -> Bodies:
    """A changed section, never the same twice."""
    (name,) = _CHANCE.choices(tuple(OFTEN), tuple(OFTEN.values()))
    return {name: _changed(name, breaks=_CHANCE.randrange(BREAKS_ONE_IN) == 0)}


def _changed(name: str, *, breaks: bool = False) -> bytes:
    return section(name, **_change(name, next(_NUMBER), breaks))


def _change(name: str, number: int, breaks: bool) -> dict[str, Any]:
    """Fields that differ from the change before; with `breaks` a rule objects."""
    fixture = basis().fixtures["debian"][name]
    match name:
        case "os":
            return {"name": f"Debian GNU/Linux 12 ({number})"}
        case "kernel":
            return {"running": f"6.1.0-{number}-amd64", "reboot_required": breaks}
        case "packages":
            return {"installed": [*packages(), {**packages()[0], "name": f"x{number}"}]}
        case "updates":
            lists = {"lists_checked": _minutes_ago(number % 600)}
            update = {"name": "bash", "installed": "1", "held": False, "phased": False}
            pending = {"pending": [{**update, "candidate": str(number), "security": breaks}]}
            return {**lists, **(pending if breaks or number % 4 == 0 else {})}
        case "sshd":
            return {"maxauthtries": number, "permitrootlogin": "yes" if breaks else "no"}
        case "sysctl":
            return {"kernel_sysrq": number, "fs_protected_hardlinks": int(not breaks)}
        case "mounts":
            point = {"path": f"/srv/{number}", "fstype": "ext4", "options": ["relatime", "rw"]}
            return {"points": [*fixture["points"], point]}
        case "accounts":
            return {"login_shells": number, "empty_password": int(breaks)}
        case "services":
            return {"failed": ["x.service"] if breaks else [], "network": [f"{number}.service"]}
        case "listening":
            return _sockets(fixture, number, breaks)
    return _seldom(name, number)


def _seldom(name: str, number: int) -> dict[str, Any]:
    """Another value of a field that no rule reads, in a section that hardly ever changes."""
    values: dict[str, dict[str, Any]] = {
        "sudo": {"rules": number},
        "cron": {"allow_list": bool(number % 2)},
        "firewall": {"rules": number},
        "mac": {"lsm": [f"lsm-{number}"]},
        "audit": {"journal": {"persistent": True, "storage": "auto", "max_use": f"{number}M"}},
        "time": {"authenticated": number},
        "modules": {"hardening": [f"word-{number}"]},
        "web": {"servers": [("nginx", "apache")[number % 2]]},
        "samba": {"restrict_anonymous": number},
        "snmp": {"v3_users": number},
        "backup": {"programs": [f"program-{number}"]},
    }
    return values.get(name, {})


def _sockets(fixture: Mapping[str, Any], number: int, breaks: bool) -> dict[str, Any]:
    """One more local port, and with `breaks` an open one for Telnet."""
    local = {
        "proto": "tcp",
        "address": "127.0.0.1",
        "exposed": False,
        "port": 1024 + number % 60_000,
    }
    telnet = {"proto": "tcp", "address": "0.0.0.0", "exposed": True, "port": 23}
    return {"sockets": [*fixture["sockets"], local, *([telnet] if breaks else ())]}
