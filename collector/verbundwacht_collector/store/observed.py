"""What the store says about the collector itself: numbers for its status page and its metrics.

The refusals are counted for the whole collector, since nobody knows whose a refused message
was; who sees one municipality only is told none of it.
"""

import sqlite3
from collections import Counter
from typing import Final

import msgspec

from verbundwacht_collector.scope import MunicipalityScope, Scope
from verbundwacht_collector.store import judged, views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence, freshness, serving_since
from verbundwacht_wire.codes import Code

_Q: Final = named("observed.sql")
ODD: Final = (Code.FORK, Code.GAP, Code.CLOCK)
"""Counted per host, too: rare, and each a reason to look at that one host."""
RECENT_MS: Final = 24 * 3600 * 1000


class CodeCount(msgspec.Struct, frozen=True):
    """How often a code was given since the collector was made. last_at: None if not noted."""

    code: int
    count: int
    last_at: int | None


class OddHost(msgspec.Struct, frozen=True):
    """A host whose chain or clock was odd at least once. skew_ms: of a clock that is wrong now."""

    id: str
    name: str
    municipality: str
    forks: int
    gaps: int
    clock_flags: int
    skew_ms: int


class OutboxState(msgspec.Struct, frozen=True):
    """Deliveries by state; failed and expired ones of the last day. Times are Unix ms."""

    by_state: dict[str, int]
    oldest_waiting_at: int | None
    channels: int


class Observed(msgspec.Struct, frozen=True):
    """All of it, from one snapshot of the store."""

    codes: list[CodeCount]
    odd: list[OddHost]
    outbox: OutboxState
    alerts_open: dict[str, int]
    hosts: dict[str, int]  # active ones by freshness
    facts_unknown: int
    stale_findings: int
    set_aside: int


def observed(db: sqlite3.Connection, *, scope: Scope, now: int) -> Observed:
    """What a reader of this scope may know about the collector."""
    bounds, values = fence(scope)
    hosts, unknown = _hosts(db, bounds, values, now)
    alerts = db.execute(_Q["open_by_severity"].format(scope=bounds), values).fetchall()
    stale = judged.outcome_counts(db, views.FindingQuery(), scope=scope, now=now).get("stale", 0)
    counters = {} if isinstance(scope, MunicipalityScope) else _counters(db)
    return Observed(
        codes=_codes(counters),
        odd=_odd(db, bounds, values),
        outbox=_outbox(db, bounds, values, now),
        alerts_open=dict(alerts),
        hosts=hosts,
        facts_unknown=unknown,
        stale_findings=stale,
        set_aside=counters.get("report_set_aside", 0),
    )


def _counters(db: sqlite3.Connection) -> dict[str, int]:
    return dict(db.execute(_Q["own_counters"]).fetchall())


def _codes(counters: dict[str, int]) -> list[CodeCount]:
    found = []
    for name, value in sorted(counters.items()):
        kind, _, number = name.partition(":")
        if kind == "code" and value:
            found.append(CodeCount(int(number), value, counters.get(f"at:{number}")))
    return found


def _hosts(
    db: sqlite3.Connection, bounds: str, values: dict[str, object], now: int
) -> tuple[dict[str, int], int]:
    since = serving_since(db)
    fresh: Counter[str] = Counter()
    unknown = 0
    for last_seen, interval, silent, facts_unknown in db.execute(
        _Q["heard_of"].format(scope=bounds), values
    ):
        code = freshness(last_seen, interval, silent=silent, now=now, serving_since=since)
        fresh[code] += 1
        unknown += bool(facts_unknown)
    return dict(fresh), unknown


def _odd(db: sqlite3.Connection, bounds: str, values: dict[str, object]) -> list[OddHost]:
    asked = values | {code.name.lower(): code.value for code in ODD}
    rows = db.execute(_Q["odd_hosts"].format(scope=bounds), asked)
    return [OddHost(row[0].hex(), *row[1:]) for row in rows]


def _outbox(
    db: sqlite3.Connection, bounds: str, values: dict[str, object], now: int
) -> OutboxState:
    sql = _Q["outbox_states"].format(scope=bounds)
    rows = db.execute(sql, values | {"since": now - RECENT_MS}).fetchall()
    waiting = [oldest for state, _, oldest in rows if state in ("waiting", "sending")]
    ((channels,),) = db.execute(_Q["open_channels"].format(scope=bounds), values)
    return OutboxState(
        by_state={state: many for state, many, _ in rows},
        oldest_waiting_at=min(waiting, default=None),
        channels=channels,
    )
