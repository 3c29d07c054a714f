"""channel list and channel test: who is told, and whether that works."""

import argparse
import sqlite3
import time
from typing import Final

from verbundwacht_collector.commands.common import (
    EVERYTHING,
    plain,
    reading,
    say_json,
    say_table,
    when,
    writing,
)
from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.store import channels as store
from verbundwacht_collector.store.channels import ChannelRow

WAIT_S: Final = 90.0
LOOK_EVERY_S: Final = 0.5


def listing(args: argparse.Namespace) -> int:
    """All channels are printed, with how they have fared."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.web.views.deliveries import channel_line

    with reading(args) as db:
        rows = store.channels(db, scope=EVERYTHING)
    if args.json:
        say_json(rows)
        return 0
    lines = [channel_line(row, now=now_ms()) for row in rows]
    say_table(
        (
            "Nr.",
            _("Weg"),
            _("Empfänger"),
            _("gilt für"),
            _("Stand"),
            _("zuletzt angekommen"),
            _("letzter Fehler"),
        ),
        [
            (
                line.id,
                line.channel,
                line.recipient,
                line.whose,
                line.state.text,
                when(line.last_success_at),
                f"{when(line.last_error_at)} {line.last_error[:60]}" if line.last_error_at else "–",
            )
            for line in lines
        ],
        _("Noch kein Kanal. Empfänger unter [mail] oder [[webhook]] in collector.toml eintragen."),
    )
    return 0


def test(args: argparse.Namespace) -> int:
    """A test message waits to be sent; with --wait its result is printed. 1 if it failed."""
    from verbundwacht_collector.admin import operator
    from verbundwacht_collector.app import now_ms

    with reading(args) as db:
        row = _named(db, args.name)
    with writing(args) as tx:
        actor = operator(tx, args.by)
        store.request_test(tx, row.id, scope=EVERYTHING, actor=actor, now=now_ms())
    found = _result(args, row) if args.wait else None
    state, response = (found.state, found.response) if found else ("waiting", "")
    if args.json:
        say_json({"id": row.id, "recipient": row.recipient, "state": state, "response": response})
    else:
        print(plain(_sentence(row, state, response)))
    return 1 if state in ("failed", "expired") or (args.wait and found is None) else 0


def _named(db: sqlite3.Connection, name: str) -> ChannelRow:
    rows = store.channels(db, scope=EVERYTHING)
    found = [row for row in rows if name in (row.recipient, str(row.id))]
    if not found:
        raise NotFound(
            _("Keinen Kanal %(name)s. Vorhandene zeigt: verbundwacht channel list", name=name)
        )
    if len(found) > 1:
        numbers = ", ".join(map(str, sorted(row.id for row in found)))
        raise Refused(
            _(
                "%(name)s gibt es mehrmals. Die Nummer nennen, eine von: %(numbers)s",
                name=name,
                numbers=numbers,
            )
        )
    return found[0]


def _result(args: argparse.Namespace, row: ChannelRow) -> store.TestRow | None:
    """The test's end, or None if none came in time."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with reading(args) as db:
            (now,) = [one for one in store.channels(db, scope=EVERYTHING) if one.id == row.id]
        if now.test is not None and now.test.state not in ("waiting", "sending"):
            return now.test
        time.sleep(LOOK_EVERY_S)
    return None


def _sentence(row: ChannelRow, state: str, response: str) -> str:
    from verbundwacht_collector.web.views.deliveries import advice

    if state == "delivered":
        return _(
            "Angenommen für %(recipient)s: %(response)s", recipient=row.recipient, response=response
        )
    if state in ("failed", "expired"):
        return _(
            "Fehlgeschlagen an %(recipient)s: %(response)s. %(advice)s",
            recipient=row.recipient,
            response=response,
            advice=advice(row.kind, response),
        )
    return _(
        "Testnachricht an %(recipient)s ist vorgemerkt; ein laufender Sammler sendet sie. "
        "Ergebnis: verbundwacht channel list",
        recipient=row.recipient,
    )
