"""The questions that pages ask the store, each in one go on one connection.

`scope` is a required keyword of every one of them and goes on to the store unchanged, so
there is no way to ask for more than a person may see.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.i18n import _
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store import channels, judged, news, read, views
from verbundwacht_collector.web.filters import PAGE_SIZE, AlertQuery, FindingQuery, HostQuery
from verbundwacht_collector.web.rulebook import RuleBook
from verbundwacht_collector.web.views.deliveries import ChannelLine, channel_line
from verbundwacht_collector.web.words import OPEN_STATES, SEVERITIES


@dataclass(frozen=True)
class Frame:
    """What the layout shows of a scope. municipalities: id -> name, in the order of names."""

    name: str
    municipalities: dict[str, str]
    open_alerts: int
    newest: int
    """The last event that this reader may know of; live updates continue after it."""
    broken: tuple[ChannelLine, ...] = ()
    """Channels over which the scope's people are not reached at present."""


@dataclass(frozen=True)
class Figures:
    """How things stand in a scope, as numbers."""

    open_by_severity: dict[str, int]
    untaken: int
    hosts_by_freshness: dict[str, int]


def frame(db: sqlite3.Connection, *, scope: Scope) -> Frame:
    """Name, municipalities and open work of the scope."""
    towns = read.municipalities(db, scope=scope)
    return Frame(
        name=_name(scope, towns),
        municipalities={town.id: town.name for town in towns},
        open_alerts=sum(town.open_alerts for town in towns),
        newest=news.newest_seen(db, scope=scope),
        broken=tuple(channel_line(row, now=0) for row in channels.broken(db, scope=scope)),
    )


def _name(scope: Scope, towns: list[views.MunicipalityRow]) -> str:
    if isinstance(scope, MunicipalityScope):
        return towns[0].name if towns else scope.municipality_id
    if isinstance(scope, AllianceScope):
        return towns[0].alliance if towns else scope.alliance_id
    return _("Alle Verbünde")


Cells = dict[tuple[str, str], Counter[str]]
"""(municipality, group) -> outcome -> how many findings."""


@dataclass(frozen=True)
class FindingPage:
    """One page of findings, and how many match, by outcome."""

    rows: list[views.FindingRow]
    by_outcome: Counter[str]


def findings(
    db: sqlite3.Connection, query: FindingQuery, book: RuleBook, *, scope: Scope, now: int
) -> FindingPage:
    """One page of the findings that match."""
    asked = views.FindingQuery(
        outcome=query.outcome,
        municipality=query.municipality,
        group=query.group,
        rules=book.of_group(query.group) if query.group else (),
        q=query.q,
        limit=PAGE_SIZE,
        offset=(query.page - 1) * PAGE_SIZE,
    )
    counted = judged.outcome_counts(db, asked, scope=scope, now=now)
    rows = judged.finding_page(db, asked, scope=scope, now=now)
    return FindingPage(rows, Counter(counted))


def cells(db: sqlite3.Connection, book: RuleBook, *, scope: Scope, now: int) -> Cells:
    """All findings of the scope, counted for the heatmap."""
    found: Cells = {}
    groups = {rule.id: rule.group for rule in book.rules.values()}
    for row in judged.finding_counts(db, views.FindingQuery(), scope=scope, now=now):
        group = groups.get(row.rule_id) or book.texts(row.rule_id).group
        key = row.municipality_id, group
        if key not in found:
            found[key] = Counter()
        found[key][row.outcome] += row.count
    return found


@dataclass(frozen=True)
class Situation:
    """Everything that the overview shows."""

    figures: Figures
    queue: list[views.AlertRow]
    hosts: list[views.HostRow]
    cells: Cells
    unjudged: dict[str, int]
    """Municipality -> active hosts without any finding; 0 is left out."""


QUEUE: Final = 6


def situation(db: sqlite3.Connection, book: RuleBook, *, scope: Scope, now: int) -> Situation:
    """How things stand in the scope, in one snapshot."""
    queue, _total = read.alerts(db, views.AlertQuery(limit=QUEUE, held=False), scope=scope, now=now)
    everything = read.hosts(db, scope=scope, now=now, outcomes=False)
    return Situation(
        figures=figures(db, scope=scope, now=now, hosts=everything),
        queue=queue,
        hosts=[row for row in everything if row.state == "active"],
        cells=cells(db, book, scope=scope, now=now),
        unjudged=judged.unjudged_hosts(db, scope=scope),
    )


def figures(
    db: sqlite3.Connection, *, scope: Scope, now: int, hosts: list[views.HostRow] | None = None
) -> Figures:
    """The numbers above the list of alerts. hosts: all of the scope, if they are read already."""

    def how_many(query: views.AlertQuery) -> int:
        return read.alerts(db, query, scope=scope, now=now)[1]

    return Figures(
        open_by_severity={
            code: how_many(views.AlertQuery(state=OPEN_STATES, severity=(code,), limit=0))
            for code in SEVERITIES
        },
        untaken=how_many(views.AlertQuery(state=("new",), limit=0)),
        hosts_by_freshness=freshness_counts(
            read.hosts(db, scope=scope, now=now, outcomes=False) if hosts is None else hosts
        ),
    )


def freshness_counts(rows: list[views.HostRow]) -> dict[str, int]:
    """How many active hosts are fresh, late, silent, or were never heard of."""
    return dict(Counter(row.freshness for row in rows if row.state == "active"))


def alerts(
    db: sqlite3.Connection, query: AlertQuery, book: RuleBook, *, scope: Scope, now: int
) -> tuple[list[views.AlertRow], int]:
    """One page of the alerts that match, and how many match in all."""
    asked = views.AlertQuery(
        state=query.states,
        severity=query.severity,
        municipality=query.municipality,
        host=query.host,
        group=query.group,
        rules=book.of_group(query.group),
        q=query.q,
        saying=book.saying(query.q),
        sort=query.sort,
        limit=PAGE_SIZE,
        offset=(query.page - 1) * PAGE_SIZE,
    )
    return read.alerts(db, asked, scope=scope, now=now)


@dataclass(frozen=True)
class HostPage:
    """One page of hosts, how many match in all, and how many there are by freshness."""

    rows: list[views.HostRow]
    total: int
    hosts_by_freshness: dict[str, int]


def hosts(db: sqlite3.Connection, query: HostQuery, *, scope: Scope, now: int) -> HostPage:
    """One page of the hosts that match. Freshness is derived, so it cannot be asked in SQL."""
    # All of the scope: 3,700 rows take 60 ms, and counts and list cannot disagree.
    everything = read.hosts(db, scope=scope, now=now)
    matching = [row for row in everything if _matches(row, query)]
    matching.sort(key=lambda row: _order(row, query.sort))
    start = (query.page - 1) * PAGE_SIZE
    return HostPage(
        matching[start : start + PAGE_SIZE], len(matching), freshness_counts(everything)
    )


def _matches(row: views.HostRow, query: HostQuery) -> bool:
    text = f"{row.name} {row.os} {row.municipality}".casefold()
    return (
        query.municipality in ("", row.municipality_id)
        # The counts above the list leave retired hosts out, so their links must, too.
        and (not query.freshness or (row.freshness in query.freshness and row.state == "active"))
        and query.q.casefold() in text
    )


def _order(row: views.HostRow, sort: str) -> tuple[int | str, ...]:
    if sort == "name":
        return (row.name, row.municipality)
    if sort == "municipality":
        return (row.municipality, row.name)
    if sort == "last_seen":
        return (row.last_seen or 0, row.name)
    # Open work first, then hosts that nobody hears, then the number of failures.
    urgency = ("silent", "never", "late", "fresh").index(row.freshness)
    return (-row.open_alerts, urgency, -row.outcomes.get("fail", 0), row.name)
