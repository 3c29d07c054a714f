"""Findings of active hosts as numbers and as lines.

A large region has hundreds of thousands of them, so numbers come from tallies that are kept in the
transaction of every finding, less those of hosts that nobody hears; `stale` is decided by the one
function that knows. That numbers and lines agree is what the property tests are for.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence, freshness, serving_since, shown

_Q: Final = named("judged.sql")
_SHOWN: Final = "CASE WHEN seen.stale THEN 'stale' ELSE f.outcome END"
_LINE: Final = (
    f"seen.agent, seen.name, seen.municipality_id, f.rule_id, f.subject, {_SHOWN} AS shown,"
    " f.outcome, f.since, f.reason, f.readings, f.baseline, f.pack_digest"
)
_URGENCY: Final = (
    "CASE shown WHEN 'fail' THEN 0 WHEN 'error' THEN 1 WHEN 'stale' THEN 2 WHEN 'pass' THEN 3"
    " ELSE 4 END"
)
_ORDER: Final = f"{_URGENCY}, seen.municipality, seen.name, seen.id, f.rule_id, f.subject"
Values = dict[str, Any]


def finding_counts(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> list[views.CellRow]:
    """The findings that match, counted by municipality, rule and outcome as shown."""
    cells: dict[tuple[str, str, str], int] = {}
    if query.q:
        cell = f"seen.municipality_id, f.rule_id, {_SHOWN} AS shown, count(*)"
        sql, values = _matching(db, query, cell, scope=scope, now=now)
        sql += " GROUP BY 1, 2, 3"
    else:
        cell = "municipality_id, rule_id, shown, findings"
        sql, values = _tallied(db, query, cell, scope=scope, now=now)
    # Added up here: SQLite would sort all of them for it.
    for town, rule, outcome, findings in db.execute(sql, values):
        key = town, rule, outcome
        cells[key] = cells.get(key, 0) + findings
    return [views.CellRow(*key, count) for key, count in cells.items() if count]


def outcome_counts(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> dict[str, int]:
    """The findings that match, counted by outcome as shown: what stands above their list."""
    if query.q:
        columns = f"{_SHOWN} AS shown, count(*)"
        sql, values = _matching(db, query, columns, scope=scope, now=now)
        sql += " GROUP BY 1"
    else:
        columns = "shown, sum(findings)"
        sql, values = _tallied(db, query, columns, scope=scope, now=now)
        sql += " GROUP BY 1 HAVING sum(findings) > 0"
    return dict(db.execute(sql, values).fetchall())


def unjudged_hosts(db: sqlite3.Connection, *, scope: Scope) -> dict[str, int]:
    """How many active hosts have no finding at all, by municipality."""
    bounds, values = fence(scope)
    return dict(db.execute(_Q["unjudged_hosts"].format(scope=bounds), values).fetchall())


def finding_page(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> list[views.FindingRow]:
    """One page of exactly the findings that `finding_counts` counts, what is urgent first."""
    if not query.q and not query.group and not query.rules:
        return _page_by_host(db, query, scope=scope, now=now)
    sql, values = _matching(db, query, _LINE, scope=scope, now=now)
    values |= {"limit": query.limit, "offset": query.offset}
    rows = db.execute(f"{sql} ORDER BY {_ORDER} LIMIT :limit OFFSET :offset", values)
    return [_finding_line(row) for row in rows]


def _page_by_host(
    db: sqlite3.Connection, query: views.FindingQuery, *, scope: Scope, now: int
) -> list[views.FindingRow]:
    """The same page without sorting everything: the tallies say whose findings stand on it."""
    bounds, values = _within(db, query, scope=scope, now=now)
    lanes = db.execute(_Q["lanes"].format(scope=bounds, order=_URGENCY), values)
    rows: list[Any] = []
    start, end, at = query.offset, query.offset + query.limit, 0
    first, hosts = 0, dict[str, list[int]]()
    for host_id, outcome, findings in lanes:
        if query.outcome and outcome not in query.outcome:
            continue
        if at < end and at + findings > start:
            first = at if not hosts else first
            hosts.setdefault(outcome, []).append(host_id)
        at += findings
    for outcome, some in hosts.items():
        narrow = msgspec.structs.replace(query, outcome=(outcome,))
        sql, values = _matching(db, narrow, _LINE, scope=scope, now=now, hosts=some)
        rows += db.execute(f"{sql} ORDER BY {_ORDER}", values)
    return [_finding_line(row) for row in rows[start - first : end - first]]


def _finding_line(row: tuple[Any, ...]) -> views.FindingRow:
    readings = [(path, value) for path, value in json.loads(row[9])]
    parts = (row[0].hex(), *row[1:9], readings, bool(row[10]), row[11])
    return views.FindingRow(*parts)


def _within(
    db: sqlite3.Connection,
    query: views.FindingQuery,
    *,
    scope: Scope,
    now: int,
    hosts: Sequence[int] = (),
) -> tuple[str, Values]:
    """The condition on hosts, and its values; SQL can ask `is_stale` afterwards."""
    since = serving_since(db)

    def is_stale(last_seen: int | None, interval_s: int, silent: int, unknown: int) -> bool:
        fresh = freshness(last_seen, interval_s, silent=silent, now=now, serving_since=since)
        return shown("pass", fresh, bool(unknown)) == "stale"

    # SQL asks the one function that knows, so that no second definition can drift away.
    db.create_function("is_stale", 4, is_stale)
    bounds, values = fence(scope)
    if query.municipality:
        bounds, values = f"{bounds} AND m.id = :town", values | {"town": query.municipality}
    if hosts:
        bounds += " AND h.id IN (SELECT value FROM json_each(:hosts))"
        values |= {"hosts": json.dumps(hosts)}
    return bounds, values


def _tallied(
    db: sqlite3.Connection, query: views.FindingQuery, columns: str, *, scope: Scope, now: int
) -> tuple[str, Values]:
    """The statement behind numbers without a text to look for, and its values."""
    bounds, values = _within(db, query, scope=scope, now=now)
    parts = ["1 = 1", *_one_of("shown", query.outcome, values)]
    if query.group or query.rules:
        parts += _one_of("rule_id", query.rules, values) or ["1 = 0"]
    sql = _Q["tallied"].format(scope=bounds, columns=columns, filter=" AND ".join(parts))
    return sql, values


def _matching(
    db: sqlite3.Connection,
    query: views.FindingQuery,
    columns: str,
    *,
    scope: Scope,
    now: int,
    hosts: Sequence[int] = (),
) -> tuple[str, Values]:
    """The statement behind lines, and behind numbers with a text to look for; and its values."""
    bounds, values = _within(db, query, scope=scope, now=now, hosts=hosts)
    parts = ["1 = 1", *_shown_as(query.outcome, values)]
    if query.group or query.rules:
        parts += _one_of("f.rule_id", query.rules, values) or ["1 = 0"]
    named_ = "0"
    if query.q:
        values["q"] = query.q
        named_ = "instr(lower(h.name || ' ' || m.name), lower(:q)) > 0"
        parts.append(_speaks_of(query.q))
    sql = _Q["matching"].format(
        scope=bounds, columns=columns, filter=" AND ".join(parts), named=named_
    )
    return sql, values


def _one_of(column: str, wanted: Sequence[str], values: Values) -> list[str]:
    """The condition that the column is one of these; none if nothing is wanted."""
    names = [f"{column.replace('.', '_')}{i}" for i in range(len(wanted))]
    values |= dict(zip(names, wanted, strict=True))
    return [f"{column} IN ({', '.join(':' + n for n in names)})"] if names else []


def _shown_as(wanted: Sequence[str], values: Values) -> list[str]:
    """The condition that the outcome as shown is one of these, in a form that an index serves."""
    found = _one_of("f.outcome", wanted, values)
    if not found:
        return []
    return [
        f"(seen.stale OR {found[0]})" if "stale" in wanted else f"NOT seen.stale AND {found[0]}"
    ]


def _speaks_of(text: str) -> str:
    """The condition that rule, subject, host or municipality contain the text :q.

    A text without a space lies within one of them, and most rows need not be put together.
    """
    if " " in text:
        whole = "f.rule_id || ' ' || f.subject || ' ' || seen.name || ' ' || seen.municipality"
        return f"instr(lower({whole}), lower(:q)) > 0"
    rules = "SELECT id FROM (SELECT DISTINCT rule_id AS id FROM rule_tally)"
    rule = f"f.rule_id IN ({rules} WHERE instr(lower(id), lower(:q)) > 0)"
    subject = "(f.subject <> '' AND instr(lower(f.subject), lower(:q)) > 0)"
    return f"(seen.named OR {rule} OR {subject})"
