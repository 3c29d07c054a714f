"""Evidence that backups run: units that make them, and a mark that the operator's script leaves.

`parse_mark`, `job` and `label` are pure. "Ran" is not "restorable": only the operator can say
that a restore was tried, in the mark. Hard-learned: a unit that has never run says `success`; a
target often holds a user or a password, so only a host name or a plain label is taken from it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes import units
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Backup
from verbundwacht_wire.facts.servers import BackupJob, BackupMark

MARKS: Final = ("/var/lib/verbundwacht-backup/last", "/etc/verbundwacht/backup.json")
"""Where the operator's script may leave its mark; both count."""

_LIMIT: Final = 4096
_STAMPS: Final = "/var/lib/systemd/timers/stamp-"
PATTERNS: Final = tuple(
    f"{name}*.service"
    for name in (
        "acronis", "amanda", "backup", "bacula", "bareos", "barman", "borg", "commvault", "dsmc",
        "duplicity", "duply", "kopia", "netbackup", "networker", "pgbackrest", "proxmox-backup",
        "rdiff-backup", "restic", "rsnapshot", "rustic", "urbackup", "veeam",
    )
)  # fmt: skip
_PROGRAMS: Final = (
    ("amanda", "/usr/sbin/amandad"), ("bacula", "/usr/sbin/bacula-fd"),
    ("bareos", "/usr/sbin/bareos-fd"), ("borg", "/usr/bin/borg"),
    ("borgmatic", "/usr/bin/borgmatic"), ("commvault", "/opt/commvault"),
    ("duplicity", "/usr/bin/duplicity"), ("kopia", "/usr/bin/kopia"),
    ("netbackup", "/usr/openv/netbackup"), ("pgbackrest", "/usr/bin/pgbackrest"),
    ("proxmox-backup", "/usr/bin/proxmox-backup-client"), ("rdiff-backup", "/usr/bin/rdiff-backup"),
    ("restic", "/usr/bin/restic"), ("rsnapshot", "/usr/bin/rsnapshot"),
    ("spectrum-protect", "/opt/tivoli/tsm"), ("urbackup", "/usr/local/sbin/urbackupclientbackend"),
    ("veeam", "/usr/bin/veeamconfig"),
)  # fmt: skip
_LABEL: Final = re.compile(r"[\w .:()-]{1,64}")
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,100}")


def probe(host: Host) -> Collected:
    """All evidence, possibly none. Raises Unavailable if programs cannot be looked for."""
    host.stat("/usr/bin")
    marks, reason = _marks(host)
    found = units.show(host, *PATTERNS)
    if found is None:
        reason = reason or "services_not_seen"
    jobs = [unit for unit in found or [] if _ends(unit)]
    clients = {_stem(unit["Id"]) for unit in found or [] if not _ends(unit) and _is_active(unit)}
    body = Backup(
        programs=tuple(sorted(name for name, path in _PROGRAMS if host.exists(path))),
        jobs=tuple(job(unit, _stamp(host, unit)) for unit in jobs),
        clients=tuple(sorted(clients)),
        marks=marks,
    )
    return Collected(body, reason)


def _ends(unit: units.Unit) -> bool:
    """True for what runs and ends, by itself or by a timer; the rest waits for its server."""
    return unit.get("Type") == "oneshot" or ".timer" in unit.get("TriggeredBy", "")


def _is_active(unit: units.Unit) -> bool:
    return unit["ActiveState"] in ("active", "reloading")


def _stem(unit: str) -> str:
    """The unit without its instance, which may be named after a person."""
    return re.sub(r"@.*(?=\.)", "@", unit)


def job(unit: Mapping[str, str], triggered: datetime | None) -> BackupJob:
    """One run of one unit. Only what has ended since the last boot has a result."""
    ended = units.parse_time(unit.get("InactiveEnterTimestamp", ""))
    started = units.parse_time(unit.get("ExecMainStartTimestamp", ""))
    result = "success" if unit.get("Result") == "success" else "failed"
    if unit["ActiveState"] in ("activating", "active", "reloading", "deactivating"):
        result = "running"
    elif started is None and result == "success":
        result = "never"
    return BackupJob(
        unit=_stem(unit["Id"]),
        result=result,  # type: ignore[arg-type]
        ended=ended,
        triggered=triggered,
    )


def _stamp(host: Host, unit: units.Unit) -> datetime | None:
    """When the unit's timer last went off; it outlives a reboot, unlike the result."""
    for name in unit.get("TriggeredBy", "").split():
        try:
            return datetime.fromtimestamp(int(host.stat(f"{_STAMPS}{name}").mtime), UTC)
        except Missing:
            continue  # only timers with Persistent= have one
    return None


def _marks(host: Host) -> tuple[tuple[BackupMark, ...], str | None]:
    """The operator's marks, newest first, and why one of the files gives none."""
    marks, reason = [], None
    for path in MARKS:
        try:
            # Where anybody may write, anybody can write a success that never was.
            if host.stat(path).mode & 0o002:
                reason = "mark_untrusted"
                continue
            mark = parse_mark(host.read_text(path, _LIMIT))
        except Missing:
            continue
        except Unavailable as error:
            reason = "mark_denied" if error.status == "denied" else "mark_unreadable"
            continue
        if mark is None:
            reason = "mark_unreadable"
        else:
            marks.append(mark)
    return tuple(sorted(marks, key=lambda mark: mark.date, reverse=True)), reason


def parse_mark(text: str) -> BackupMark | None:
    """A JSON object with `date`, `target`, `restore_tested`, or lines with date and target.

    Dates are RFC 3339; without a zone they are UTC. None if there is no date.
    """
    fields: dict[str, Any]
    if text.lstrip().startswith("{"):
        try:
            fields = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return None
    else:
        lines = [*text.strip().split("\n"), ""]
        fields = {"date": lines[0].strip(), "target": lines[1].strip()}
    date = _date(fields.get("date"))
    if date is None:
        return None
    return BackupMark(
        date=date,
        target=label(fields.get("target")),
        restore_tested=_date(fields.get("restore_tested")),
    )


def _date(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def label(target: object) -> str | None:
    """The host of an address, or a plain label; None for anything that could hold a secret."""
    if not isinstance(target, str):
        return None
    if "://" in target or "@" in target:
        # user:password@ goes first, then what stands behind the host.
        bare = target.rpartition("://")[2].rpartition("@")[2]
        name = re.split("[:/]", bare)[0]
        return name if _HOST.fullmatch(name) else None
    return target if _LABEL.fullmatch(target) else None
