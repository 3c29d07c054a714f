"""Every read of the store. Each takes a `scope` without default, and there is no other way in.

`freshness` and `stale` are derived here and nowhere else, so that pages, commands and
exports never disagree. A foreign id is not found, like one that does not exist.
"""

import json
import sqlite3
import zlib
from typing import Any, Final

from verbundwacht_collector.errors import NotFound
from verbundwacht_collector.i18n import _
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named

_Q: Final = named("read.sql") | named("notify.sql")
LATE_INTERVALS, SILENT_INTERVALS = 2, 3
SEVERITIES: Final = ("critical", "high", "medium", "low")
_RANK = "CASE a.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END"
SORTS: Final = {
    "severity": f"{_RANK}, a.opened_at DESC, a.id DESC",
    "newest": "a.opened_at DESC, a.id DESC",
    "oldest": "a.opened_at, a.id",
    "changed": "a.changed_at DESC, a.id DESC",
    "municipality": f"m.name, {_RANK}, a.id DESC",
}


def fence(scope: Scope) -> tuple[str, dict[str, Any]]:
    """The condition on the joined municipality `m` that keeps a reader inside the scope."""
    if isinstance(scope, MunicipalityScope):
        return "m.id = :scope", {"scope": scope.municipality_id}
    if isinstance(scope, AllianceScope):
        return "m.alliance_id = :scope", {"scope": scope.alliance_id}
    return "1 = 1", {}


def freshness(
    last_seen: int | None, interval_s: int, *, silent: int, now: int, serving_since: int
) -> views.Freshness:
    """Late after two, silent after three intervals; time before `serve` ran does not count.

    silent: the host was found silent and has sent nothing since. A restart of the collector
    must not make it look fresh.
    """
    if last_seen is None:
        return "never"
    if silent:
        return "silent"
    quiet = now - max(last_seen, min(serving_since, now))
    if quiet > SILENT_INTERVALS * interval_s * 1000:
        return "silent"
    return "late" if quiet > LATE_INTERVALS * interval_s * 1000 else "fresh"


def serving_since(db: sqlite3.Connection) -> int:
    """When the collector last started to serve; 0 if never. Says nothing about anybody."""
    row = db.execute(_Q["serving_since"]).fetchone()
    return 0 if row is None else int(row[0])


def alerts(
    db: sqlite3.Connection, query: views.AlertQuery, *, scope: Scope, now: int
) -> tuple[list[views.AlertRow], int]:
    """(the asked-for page of alerts, how many there are in all)."""
    where, values = _alert_filter(query, scope)
    sql = _Q["alerts"].format(scope=where)
    total = db.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0]  # noqa: S608 - named SQL
    order = SORTS.get(query.sort, SORTS["severity"])
    values |= {"limit": query.limit, "offset": query.offset}
    rows = db.execute(f"{sql} ORDER BY {order} LIMIT :limit OFFSET :offset", values).fetchall()
    since = serving_since(db)
    return [_alert(row, now, since) for row in rows], int(total)


def _alert_filter(query: views.AlertQuery, scope: Scope) -> tuple[str, dict[str, Any]]:
    bounds, values = fence(scope)
    parts = [bounds]
    for column, wanted in (("a.state", query.state), ("a.severity", query.severity)):
        if wanted:
            names = [f"{column[2:]}{i}" for i in range(len(wanted))]
            parts.append(f"{column} IN ({', '.join(':' + n for n in names)})")
            values |= dict(zip(names, wanted, strict=True))
    if query.group:
        names = [f"rule{i}" for i in range(len(query.rules))]
        parts.append(f"a.rule_id IN ({', '.join(':' + n for n in names)})")
        values |= dict(zip(names, query.rules, strict=True))
    if query.municipality:
        parts.append("a.municipality_id = :municipality")
        values["municipality"] = query.municipality
    if query.held is not None:
        parts.append("a.held = :held")
        values["held"] = query.held
    if query.host:
        parts.append("h.agent = :host")
        values["host"] = _agent(query.host)
    if query.q:
        names = [f"said{i}" for i in range(len(query.saying))]
        said = f" OR a.rule_id IN ({', '.join(f':{name}' for name in names)})" if names else ""
        parts.append(
            "(instr(lower(a.title || ' ' || a.number || ' ' || a.rule_id || ' ' || "
            "coalesce(h.name, '')"
            f" || ' ' || m.name || ' ' || a.subject), lower(:q)) > 0{said})"
        )
        values |= {"q": query.q, **dict(zip(names, query.saying, strict=True))}
    return " AND ".join(parts), values


def _agent(host_id: str) -> bytes:
    try:
        return bytes.fromhex(host_id)
    except ValueError:
        return b""


def _alert(row: tuple[Any, ...], now: int, since: int) -> views.AlertRow:
    fresh: views.Freshness = "fresh"
    if row[19] is not None:
        fresh = freshness(row[14], row[15], silent=row[20], now=now, serving_since=since)
    parts = (
        *row[:8],
        row[8].hex(),
        row[9],
        bool(row[10]),
        *row[11:14],
        fresh,
        *row[16:18],
        row[21],
        row[22].hex(),
        bool(row[23]),
    )
    return views.AlertRow(*parts)


def alert(db: sqlite3.Connection, number: str, *, scope: Scope, now: int) -> views.AlertDetail:
    """One alert with its history. Raises NotFound, also for one outside the scope."""
    bounds, values = fence(scope)
    sql = _Q["alerts"].format(scope=f"{bounds} AND a.number = :number")
    row = db.execute(sql, values | {"number": number}).fetchone()
    if row is None:
        raise NotFound(
            _("Keine Warnung %(number)s. Vorhandene zeigt: verbundwacht alerts", number=number)
        )
    alert_id, host_id = row[18], row[19]
    host = None if host_id is None else host_row(db, row[8].hex(), scope=scope, now=now)
    events = db.execute(_Q["events"], {"alert_id": alert_id}).fetchall()
    history = [views.EventRow(*(*e[:5], e[5].hex() if e[5] else None)) for e in events]
    cited = next((e[5] for e in reversed(events) if e[5]), b"")
    return views.AlertDetail(
        row=_alert(row, now, serving_since(db)),
        host=host,
        finding=_finding_of(db, host_id, row[3], row[4], host) if host else None,
        evidence=_evidence(db, host_id, cited),
        events=history,
        deliveries=deliveries(db, alert_id, scope=scope),
        earlier=[
            dict(zip(("number", "opened_at", "state", "changed_at"), e, strict=True))
            for e in db.execute(_Q["predecessors"], {"alert_id": alert_id})
        ],
        children=[] if host else _silent_children(db, row[6], scope=scope, now=now),
    )


def _silent_children(
    db: sqlite3.Connection, municipality: str, *, scope: Scope, now: int
) -> list[views.AlertRow]:
    """The alerts about single hosts that an alert about their municipality holds back."""
    bounds, values = fence(scope)
    sql = _Q["alerts"].format(
        scope=f"{bounds} AND a.municipality_id = :town AND a.rule_id = 'system.host-silent'"
        " AND a.state IN ('new', 'taken', 'fix_claimed')"
    )
    since = serving_since(db)
    found = db.execute(f"{sql} ORDER BY h.name, a.id", values | {"town": municipality})
    return [_alert(row, now, since) for row in found]


def deliveries(db: sqlite3.Connection, alert_id: int, *, scope: Scope) -> list[views.DeliveryRow]:
    """What became of the messages about an alert; none for an alert outside the scope.

    The addresses of channels that belong to others are "", and so is what their side answered.
    """
    bounds, values = fence(scope)
    sql = _Q["deliveries"].format(scope=bounds, own=_THEIRS.get(type(scope), "1 = 1"))
    rows = db.execute(sql, values | {"alert_id": alert_id})
    return [_delivery(row) for row in rows]


def _delivery(row: tuple[Any, ...]) -> views.DeliveryRow:
    parts = (*row[:10], bool(row[10]))
    return views.DeliveryRow(*parts)


_THEIRS: Final[dict[type, str]] = {
    MunicipalityScope: "c.municipality_id = :scope",
    AllianceScope: "(c.alliance_id = :scope OR cm.alliance_id = :scope)",
}
"""Which channels a reader knows: a joint SOC also those of the municipalities it looks after."""


def _evidence(db: sqlite3.Connection, host_id: int, entry: bytes) -> views.EvidenceRow | None:
    row = db.execute(_Q["evidence"], {"host_id": host_id, "hash": entry}).fetchone()
    if row is None:
        return None
    return views.EvidenceRow(row[0], row[1].hex(), row[2], row[3], row[4].hex())


def _finding_of(
    db: sqlite3.Connection, host_id: int, rule_id: str, subject: str, host: views.HostRow
) -> views.FindingRow | None:
    values = {"host_id": host_id, "rule_id": rule_id, "subject": subject}
    row = db.execute(_Q["finding"], values).fetchone()
    if row is None:
        return None
    return views.FindingRow(
        host_id=host.id,
        host=host.name,
        municipality_id=host.municipality_id,
        rule_id=row[0],
        subject=row[1],
        outcome=shown(row[2], host.freshness, host.facts_unknown),
        stored_outcome=row[2],
        since=row[3],
        reason=row[4],
        readings=[(path, value) for path, value in json.loads(row[5])],
        baseline=bool(row[7]),
        pack_digest=row[6],
    )


def shown(outcome: str, fresh: views.Freshness, facts_unknown: bool) -> str:
    """What a reader may be told: stale, if the host is silent or its facts are older ones."""
    return outcome if fresh in ("fresh", "late") and not facts_unknown else "stale"


def hosts(
    db: sqlite3.Connection, *, scope: Scope, now: int, outcomes: bool = True
) -> list[views.HostRow]:
    """All hosts in the scope, by municipality and name; without their outcomes if unasked."""
    bounds, values = fence(scope)
    counts: dict[int, dict[str, int]] = {}
    # The outcomes are a walk over all findings, the hosts alone are not.
    if outcomes:
        for host_id, outcome, n in db.execute(_Q["outcomes"].format(scope=bounds), values):
            counts.setdefault(host_id, {})[outcome] = n
    since = serving_since(db)
    rows = db.execute(_Q["hosts"].format(scope=bounds), values).fetchall()
    return [_host(row, counts.get(row[0], {}), now, since) for row in rows]


def _host(row: tuple[Any, ...], counts: dict[str, int], now: int, since: int) -> views.HostRow:
    fresh = freshness(row[6], row[7], silent=row[14], now=now, serving_since=since)
    outcomes: dict[str, int] = {}
    for outcome, n in counts.items():
        key = shown(outcome, fresh, bool(row[11]))
        outcomes[key] = outcomes.get(key, 0) + n
    return views.HostRow(
        id=row[1].hex(),
        name=row[2],
        municipality_id=row[3],
        municipality=row[4],
        os=row[5],
        last_seen=row[6],
        interval_s=row[7],
        freshness=fresh,
        simulated=bool(row[8]),
        state=row[9],
        agent_version=row[10],
        facts_unknown=bool(row[11]),
        clock_skew_ms=row[12],
        open_alerts=row[13],
        outcomes=outcomes,
    )


def _host_id(db: sqlite3.Connection, host: str, scope: Scope) -> tuple[int, tuple[Any, ...]]:
    bounds, values = fence(scope)
    sql = _Q["hosts"].format(scope=f"{bounds} AND h.agent = :agent")
    row = db.execute(sql, values | {"agent": _agent(host)}).fetchone()
    if row is None:
        raise NotFound(f"Kein Server {host}. Vorhandene zeigt: verbundwacht host list")
    return row[0], row


def host_row(db: sqlite3.Connection, host: str, *, scope: Scope, now: int) -> views.HostRow:
    """One host. Raises NotFound, also for one outside the scope."""
    host_id, row = _host_id(db, host, scope)
    sql = "SELECT outcome, count(*) FROM finding WHERE host_id = :id GROUP BY outcome"
    counts = dict(db.execute(sql, {"id": host_id}).fetchall())
    return _host(row, counts, now, serving_since(db))


def host(db: sqlite3.Connection, host: str, *, scope: Scope, now: int) -> views.HostDetail:
    """One host with its sections and findings. Raises NotFound."""
    host_id, _ = _host_id(db, host, scope)
    chain = db.execute(_Q["chain"], {"host_id": host_id}).fetchone()
    return views.HostDetail(
        row=host_row(db, host, scope=scope, now=now),
        sections=[_section(row) for row in db.execute(_Q["sections"], {"host_id": host_id})],
        findings=findings(db, scope=scope, now=now, host=host),
        chain=views.ChainRow(
            chain[0], chain[1].hex(), chain[2], chain[3], chain[4], chain[5].hex(), chain[6]
        ),
    )


def _section(row: tuple[Any, ...]) -> views.SectionRow:
    body = json.loads(zlib.decompress(row[6])) if row[6] else None
    return views.SectionRow(*(*row[:6], body))


def findings(
    db: sqlite3.Connection, *, scope: Scope, now: int, host: str = ""
) -> list[views.FindingRow]:
    """The findings of all hosts in the scope, or of one host (none if it is outside)."""
    bounds, values = fence(scope)
    if host:
        bounds, values = f"{bounds} AND h.agent = :agent", values | {"agent": _agent(host)}
    since = serving_since(db)
    found = []
    for row in db.execute(_Q["findings"].format(scope=bounds), values):
        fresh = freshness(row[3], row[4], silent=row[13], now=now, serving_since=since)
        found.append(
            views.FindingRow(
                host_id=row[0].hex(),
                host=row[1],
                municipality_id=row[2],
                rule_id=row[5],
                subject=row[6],
                outcome=shown(row[7], fresh, bool(row[12])),
                stored_outcome=row[7],
                since=row[8],
                reason=row[9],
                readings=[(path, value) for path, value in json.loads(row[10])],
                baseline=bool(row[11]),
                pack_digest=row[14],
            )
        )
    return found


def municipalities(db: sqlite3.Connection, *, scope: Scope) -> list[views.MunicipalityRow]:
    """The municipalities in the scope, by name."""
    bounds, values = fence(scope)
    rows = db.execute(_Q["municipalities"].format(scope=bounds), values)
    return [views.MunicipalityRow(*row) for row in rows]


def evidence_frame(db: sqlite3.Connection, entry: str, *, scope: Scope) -> bytes:
    """The signed bytes of one message, as received. Raises NotFound."""
    bounds, values = fence(scope)
    sql = _Q["frame"].format(scope=bounds)
    row = db.execute(sql, values | {"hash": _agent(entry)}).fetchone()
    if row is None:
        raise NotFound(_("Keine Meldung %(value)s…", value=entry[:16]))
    return bytes(row[0])
