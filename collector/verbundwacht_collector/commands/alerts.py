"""findings, alerts and what people do with one alert."""

import argparse
import sqlite3
from collections.abc import Callable

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
from verbundwacht_collector.i18n import N_, SOURCE, _, current, lookup, pgettext
from verbundwacht_collector.store.views import DeliveryRow

SEVERITY = {
    "critical": N_("kritisch"),
    "high": N_("hoch"),
    "medium": N_("mittel"),
    "low": N_("niedrig"),
}
STATE = {
    "new": N_("neu"),
    "taken": N_("übernommen"),
    "fix_claimed": N_("Nachweis offen"),
    "resolved": N_("behoben"),
    "closed": N_("geschlossen"),
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
        (
            pgettext("one of them", "Server"),
            _("Regel"),
            _("Gegenstand"),
            _("Ergebnis"),
            _("seit"),
            _("gelesen"),
        ),
        [
            (
                r.host,
                r.rule_id,
                r.subject or "–",
                lookup(OUTCOMES[r.outcome]),
                when(r.since),
                "; ".join(f"{p} = {v}" for p, v in r.readings[:2])[:70] or r.reason[:70],
            )
            for r in rows
        ],
        _("Noch keine Befunde."),
    )
    return 0


def _said(db: sqlite3.Connection) -> Callable[[str, str], str]:
    """(rule, stored title) -> what an alert says, in the reader's language; stored is German."""
    if current() == SOURCE:
        return lambda _rule_id, stored: stored
    from verbundwacht_collector import packs
    from verbundwacht_collector.web.rulebook import rule_book

    rows = db.execute("SELECT name, files FROM pack ORDER BY name").fetchall()
    return rule_book([packs.unpack(*row) for row in rows]).problem


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
        said = _said(db)
    if args.json:
        say_json(rows)
        return 0
    say_table(
        (
            _("Nummer"),
            _("Schwere"),
            _("Stand"),
            _("Kommune"),
            pgettext("one of them", "Server"),
            _("Warnung"),
            _("seit"),
        ),
        [
            (
                r.number,
                lookup(SEVERITY[r.severity]),
                lookup(STATE[r.state]),
                r.municipality,
                _("%(host)s (simuliert)", host=r.host) if r.simulated else r.host,
                said(r.rule_id, r.title) + (f" ({r.subject})" if r.subject else ""),
                when(r.opened_at),
            )
            for r in rows
        ],
        _("Keine offene Warnung."),
    )
    if (more := total - len(rows)) > 0:
        print(_("… %(value)s weitere. Alle mit --limit %(total)s", value=more, total=total))
    return 0


def show(args: argparse.Namespace) -> int:
    """One alert with its evidence and history is printed."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import read

    with reading(args) as db:
        detail = read.alert(db, args.number, scope=EVERYTHING, now=now_ms())
        said = _said(db)(detail.row.rule_id, detail.row.title)
    if args.json:
        say_json(detail)
        return 0
    row = detail.row
    about = f" ({row.subject})" if row.subject else ""
    print(
        plain(
            f"{row.number}  {lookup(SEVERITY[row.severity])}, {lookup(STATE[row.state])}: "
            f"{said}{about}"
        )
    )
    if detail.host is None:
        print(plain(row.municipality))
    else:
        print(
            plain(
                _(
                    "%(host)s, %(municipality)s; Server: %(value)s",
                    host=row.host,
                    municipality=row.municipality,
                    value=lookup(FRESHNESS[row.freshness]),
                )
            )
        )
    if detail.finding:
        for path, value in detail.finding.readings:
            print(plain(_("  gelesen: %(path)s = %(value)s", path=path, value=value)))
    if detail.evidence:
        seq = (
            _("Nr. %(seq)s", seq=detail.evidence.seq) if detail.evidence.seq else _("Lebenszeichen")
        )
        print(plain(_("  Nachweis: %(seq)s, %(hash)s", seq=seq, hash=detail.evidence.hash)))
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
    parts += [_("gesammelt mit anderen")] if line.bundled else []
    parts += [_("%(attempts)s Versuche", attempts=line.attempts)] if line.attempts > 1 else []
    if line.next_at:
        parts.append(_("nächster Versuch %(when)s", when=when(line.next_at)))
    elif line.at:
        parts.append(when(line.at))
    parts += [_("Antwort: %(answer)s", answer=line.answer)] if line.answer else []
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
        print(f"{alert.number}: {lookup(STATE[alert.state])}")
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
