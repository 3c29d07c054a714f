"""What needs action in a scope, for the morning's message: read once, then kept as it was.

The answer is stored with the digest before it is sent, so that a second try says the same.
"""

import sqlite3
from typing import Final

import msgspec

from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store import read
from verbundwacht_collector.store.channels import own
from verbundwacht_collector.store.named import named

_Q: Final = named("notify.sql")
SHOWN: Final = 20
"""So many of each list; how many there are in all is counted."""
ENDING_SOON_MS: Final = 3 * 24 * 3600 * 1000


class OpenAlert(msgspec.Struct, frozen=True):
    """One open alert. new: opened since the last digest."""

    number: str
    severity: str
    state: str
    title: str
    subject: str
    rule_id: str
    municipality: str
    host: str
    simulated: bool
    opened_at: int
    new: bool
    event_kind: str = "opened"


class SilentHost(msgspec.Struct, frozen=True):
    """One host that nobody hears; last_seen None: never."""

    name: str
    municipality: str
    simulated: bool
    last_seen: int | None


class EndingOverlay(msgspec.Struct, frozen=True):
    """One pause, maintenance or absence that ends soon. number: of the alert that is paused."""

    kind: str
    municipality: str
    host: str
    number: str
    ends_at: int
    reason: str


class Undelivered(msgspec.Struct, frozen=True):
    """Messages of one channel that did not get through since the last digest."""

    kind: str
    recipient: str
    count: int
    response: str


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What needs action, the most urgent first. Times are Unix ms."""

    whose: str
    at: int
    by_severity: dict[str, int]
    new: int
    alerts: list[OpenAlert]
    silent: list[SilentHost]
    silent_count: int
    ending: list[EndingOverlay]
    undelivered: list[Undelivered]

    @property
    def open(self) -> int:
        """How many alerts are open."""
        return sum(self.by_severity.values())

    @property
    def calm(self) -> bool:
        """There is nothing to do."""
        return not (self.open or self.silent_count or self.ending or self.undelivered)


def digest(db: sqlite3.Connection, *, scope: Scope, now: int, since: int) -> Digest:
    """What needs action in the scope now. since: Unix ms of the last digest."""
    bounds, values = read.fence(scope)
    counts = db.execute(
        _Q["digest_counts"].format(scope=bounds), values | {"since": since}
    ).fetchall()
    alerts = db.execute(
        _Q["digest_alerts"].format(scope=bounds), values | {"since": since, "limit": SHOWN}
    )
    silent = [
        SilentHost(row.name, row.municipality, row.simulated, row.last_seen)
        for row in read.hosts(db, scope=scope, now=now, outcomes=False)
        if row.state == "active" and row.freshness in ("silent", "never")
    ]
    return Digest(
        whose=_whose(db, scope),
        at=now,
        by_severity={severity: many for severity, many, _ in counts},
        new=sum(new for _, _, new in counts),
        alerts=[OpenAlert(*(*row[:8], bool(row[8]), row[9], bool(row[10]))) for row in alerts],
        silent=silent[:SHOWN],
        silent_count=len(silent),
        ending=_ending(db, scope, now),
        undelivered=_undelivered(db, scope, since),
    )


def _whose(db: sqlite3.Connection, scope: Scope) -> str:
    table, key = "municipality", ""
    if isinstance(scope, MunicipalityScope):
        key = scope.municipality_id
    elif isinstance(scope, AllianceScope):
        table, key = "alliance", scope.alliance_id
    row = db.execute(f"SELECT name FROM {table} WHERE id = :id", {"id": key}).fetchone()  # noqa: S608
    return row[0] if row else key


def _ending(db: sqlite3.Connection, scope: Scope, now: int) -> list[EndingOverlay]:
    bounds, values = read.fence(scope)
    asked = values | {"now": now, "until": now + ENDING_SOON_MS, "limit": SHOWN}
    rows = db.execute(_Q["digest_overlays"].format(scope=bounds), asked)
    return [EndingOverlay(*row) for row in rows]


def _undelivered(db: sqlite3.Connection, scope: Scope, since: int) -> list[Undelivered]:
    bounds, values = own(scope)
    rows = db.execute(_Q["digest_undelivered"].format(own=bounds), values | {"since": since})
    return [Undelivered(*row) for row in rows]
