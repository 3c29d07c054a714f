"""findings, alerts and what people do with one alert."""

import argparse

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.model import OPEN
from verbundwacht_collector.commands.common import (
    EVERYTHING,
    plain,
    reading,
    say_json,
    say_table,
    when,
    writing,
)
from verbundwacht_collector.commands.registry import (
    FRESHNESS,
    OUTCOMES,
    check_municipality,
    find_host,
)
from verbundwacht_collector.store.views import DeliveryRow

SEVERITY = {"critical": "kritisch", "high": "hoch", "medium": "mittel", "low": "niedrig"}
STATE = {
    "new": "neu",
    "taken": "übernommen",
    "fix_claimed": "Nachweis offen",
    "resolved": "behoben",
    "closed": "geschlossen",
}


def findings(args: argparse.Namespace) -> int:
    """All findings, or those of one host, are printed."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import read

    with reading(args) as db:
        host = find_host(db, args.host) if args.host else ""
        rows = read.findings(db, scope=EVERYTHING, now=now_ms(), host=host)
    if args.json:
        say_json(rows)
        return 0
    say_table(
        ("Server", "Regel", "Gegenstand", "Ergebnis", "seit", "gelesen"),
        [
            (
                r.host,
                r.rule_id,
                r.subject or "–",
                OUTCOMES[r.outcome],
                when(r.since),
                "; ".join(f"{p} = {v}" for p, v in r.readings[:2])[:70] or r.reason[:70],
            )
            for r in rows
        ],
        "Noch keine Befunde.",
    )
    return 0


def alerts(args: argparse.Namespace) -> int:
    """The open alerts, or with --all the ended ones too, are printed."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import read
    from verbundwacht_collector.store.views import AlertQuery

    with reading(args) as db:
        query = AlertQuery(
            state=() if args.all else OPEN,
            municipality=check_municipality(db, args.municipality) if args.municipality else "",
            host=find_host(db, args.host) if args.host else "",
            limit=args.limit,
        )
        rows, total = read.alerts(db, query, scope=EVERYTHING, now=now_ms())
    if args.json:
        say_json(rows)
        return 0
    say_table(
        ("Nummer", "Schwere", "Stand", "Kommune", "Server", "Warnung", "seit"),
        [
            (
                r.number,
                SEVERITY[r.severity],
                STATE[r.state],
                r.municipality,
                f"{r.host} (simuliert)" if r.simulated else r.host,
                f"{r.title} ({r.subject})" if r.subject else r.title,
                when(r.opened_at),
            )
            for r in rows
        ],
        "Keine offene Warnung.",
    )
    if total > len(rows):
        print(f"… {total - len(rows)} weitere. Alle mit --limit {total}")
    return 0


def show(args: argparse.Namespace) -> int:
    """One alert with its evidence and history is printed."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import read

    with reading(args) as db:
        detail = read.alert(db, args.number, scope=EVERYTHING, now=now_ms())
    if args.json:
        say_json(detail)
        return 0
    row = detail.row
    about = f" ({row.subject})" if row.subject else ""
    print(plain(f"{row.number}  {SEVERITY[row.severity]}, {STATE[row.state]}: {row.title}{about}"))
    print(plain(f"{row.host}, {row.municipality}; Server: {FRESHNESS[row.freshness]}"))
    if detail.finding:
        for path, value in detail.finding.readings:
            print(plain(f"  gelesen: {path} = {value}"))
    if detail.evidence:
        seq = f"Nr. {detail.evidence.seq}" if detail.evidence.seq else "Lebenszeichen"
        print(plain(f"  Nachweis: {seq}, {detail.evidence.hash}"))
    for event in detail.events:
        text = f": {' '.join(event.text.split())}" if event.text else ""
        who = event.actor or "Verbundwacht"
        print(plain(f"  {when(event.at)}  {who}: {event.kind} ({event.reason}){text}"))
    for sent in detail.deliveries:
        print(*map(plain, _told(sent)), sep="\n")
    return 0


def _told(sent: DeliveryRow) -> list[str]:
    """What became of one message, in the words of the pages."""
    from verbundwacht_collector.web.views.deliveries import delivery_line

    line = delivery_line(sent)
    parts = [f"  {line.channel} an {line.recipient}: {line.about}, {line.state.text}"]
    parts += ["gesammelt mit anderen"] if line.bundled else []
    parts += [f"{line.attempts} Versuche"] if line.attempts > 1 else []
    if line.next_at:
        parts.append(f"nächster Versuch {when(line.next_at)}")
    elif line.at:
        parts.append(when(line.at))
    parts += [f"Antwort: {line.answer}"] if line.answer else []
    return [", ".join(parts)] + ([f"    {line.advice}"] if line.advice else [])


def _act(args: argparse.Namespace, kind: str) -> int:
    from verbundwacht_collector.admin import operator
    from verbundwacht_collector.app import now_ms

    with writing(args) as tx:
        actor = operator(tx, args.by)
        common = {"scope": EVERYTHING, "number": args.number, "actor": actor, "now": now_ms()}
        if kind == "take":
            alert = actions.take(tx, **common, version=None)
        elif kind == "comment":
            alert = actions.comment(tx, **common, text=args.text)
        else:
            alert = actions.close(tx, **common, reason=args.reason, text=args.text, version=None)
    if args.json:
        say_json({"number": alert.number, "state": alert.state, "version": alert.version})
    else:
        print(f"{alert.number}: {STATE[alert.state]}")
    return 0


def take(args: argparse.Namespace) -> int:
    """The alert is taken."""
    return _act(args, "take")


def comment(args: argparse.Namespace) -> int:
    """The comment is part of the history."""
    return _act(args, "comment")


def close(args: argparse.Namespace) -> int:
    """The alert is closed with a reason."""
    return _act(args, "close")
