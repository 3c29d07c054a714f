"""Findings of active hosts as numbers and as lines, from one statement.

Whoever counts here counts exactly what the list shows: both have the same rows, the same
scope and the same idea of `stale`.
"""

import json
import sqlite3
from typing import Any, Final

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence, freshness, serving_since, shown

_Q: Final = named("read.sql")
_SHOWN: Final = "CASE WHEN seen.stale THEN 'stale' ELSE f.outcome END"
_CELL: Final = f"seen.municipality_id, f.rule_id, {_SHOWN} AS shown, count(*)"
_LINE: Final = (
    f"seen.agent, seen.name, seen.municipality_id, f.rule_id, f.subject, {_SHOWN} AS shown,"
    " f.outcome, f.since, f.reason, f.readings, f.baseline, f.pack_digest"
)
_URGENCY: Final = (
    "CASE shown WHEN 'fail' THEN 0 WHEN 'error' THEN 1 WHEN 'stale' THEN 2 WHEN 'pass' THEN 3"
    " ELSE 4 END, seen.municipality, seen.name, f.rule_id, f.subject"
)


def finding_counts(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> list[views.CellRow]:
    """The findings that match, counted by municipality, rule and outcome as shown."""
    sql, values = _judged(db, query, _CELL, scope=scope, now=now)
    rows = db.execute(f"{sql} GROUP BY 1, 2, 3", values)
    return [views.CellRow(*row) for row in rows]


def outcome_counts(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> dict[str, int]:
    """The findings that match, counted by outcome as shown: what stands above their list."""
    sql, values = _judged(db, query, f"{_SHOWN} AS shown, count(*)", scope=scope, now=now)
    return dict(db.execute(f"{sql} GROUP BY 1", values).fetchall())


def unjudged_hosts(db: sqlite3.Connection, *, scope: Scope) -> dict[str, int]:
    """How many active hosts have no finding at all, by municipality."""
    bounds, values = fence(scope)
    return dict(db.execute(_Q["unjudged_hosts"].format(scope=bounds), values).fetchall())


def finding_page(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> list[views.FindingRow]:
    """One page of exactly the findings that `finding_counts` counts, what is urgent first."""
    sql, values = _judged(db, query, _LINE, scope=scope, now=now)
    values |= {"limit": query.limit, "offset": query.offset}
    rows = db.execute(f"{sql} ORDER BY {_URGENCY} LIMIT :limit OFFSET :offset", values)
    return [_finding_line(row) for row in rows]


def _finding_line(row: tuple[Any, ...]) -> views.FindingRow:
    readings = [(path, value) for path, value in json.loads(row[9])]
    parts = (row[0].hex(), *row[1:9], readings, bool(row[10]), row[11])
    return views.FindingRow(*parts)


def _judged(
    db: sqlite3.Connection, query: views.FindingQuery, columns: str, *, scope: Scope, now: int
) -> tuple[str, dict[str, Any]]:
    """The statement behind number and list alike, up to its WHERE, and its values."""
    since = serving_since(db)

    def is_stale(last_seen: int | None, interval_s: int, silent: int, unknown: int) -> bool:
        fresh = freshness(last_seen, interval_s, silent=silent, now=now, serving_since=since)
        return shown("pass", fresh, bool(unknown)) == "stale"

    # SQL asks the one function that knows, so that no second definition can drift away.
    db.create_function("is_stale", 4, is_stale)
    bounds, values = fence(scope)
    parts = ["1 = 1"]
    for column, wanted in ((_SHOWN, query.outcome), ("f.rule_id", query.rules)):
        if wanted or (column == "f.rule_id" and query.group):
            names = [f"{'outcome' if column == _SHOWN else 'rule'}{i}" for i in range(len(wanted))]
            parts.append(f"{column} IN ({', '.join(':' + n for n in names)})")
            values |= dict(zip(names, wanted, strict=True))
    if query.municipality:
        parts.append("seen.municipality_id = :municipality")
        values["municipality"] = query.municipality
    if query.q:
        text = "f.rule_id || ' ' || f.subject || ' ' || seen.name || ' ' || seen.municipality"
        parts.append(f"instr(lower({text}), lower(:q)) > 0")
        values["q"] = query.q
    sql = _Q["judged"].format(scope=bounds, columns=columns, filter=" AND ".join(parts))
    return sql, values
