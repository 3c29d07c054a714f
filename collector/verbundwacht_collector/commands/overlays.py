"""Pauses and maintenance: what is muted, planning more of it, ending it."""

import argparse
import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from verbundwacht_collector.alerts import planning
from verbundwacht_collector.alerts.overlays import HOUR_MS, day_after, is_over, windows
from verbundwacht_collector.commands.common import (
    EVERYTHING,
    reading,
    say_json,
    say_table,
    when,
    writing,
)
from verbundwacht_collector.commands.registry import check_municipality, find_host
from verbundwacht_collector.i18n import N_, _, lookup
from verbundwacht_collector.store.views import OverlayRow

KINDS: Final = {
    "pause": N_("Pause"),
    "maintenance": N_("Wartung"),
    "absence": N_("angekündigte Abwesenheit"),
}
_ZONE: Final = ZoneInfo("Europe/Berlin")
_SPAN: Final = re.compile(r"(\d{1,4})([mhd])")
_UNIT_MS: Final = {"m": HOUR_MS // 60, "h": HOUR_MS, "d": 24 * HOUR_MS}


def span(text: str) -> int:
    """90m, 4h or 2d in milliseconds; for argparse, raises ArgumentTypeError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            _("%(text)s ist keine Dauer; möglich sind 90m, 4h oder 2d", text=repr(text))
        )
    return int(found[1]) * _UNIT_MS[found[2]]


def local_time(text: str) -> int:
    """A day, or a day and a time in Berlin, as Unix ms; raises ArgumentTypeError."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        naive = None
    if naive is None or naive.tzinfo is not None:
        raise argparse.ArgumentTypeError(
            _("%(text)s ist keine Ortszeit; Beispiel: 2026-12-24T20:00", text=repr(text))
        )
    return round(naive.replace(tzinfo=_ZONE).timestamp() * 1000)


def listing(args: argparse.Namespace) -> int:
    """What applies or will apply is printed; with --all also what ended within a month."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.store import overlays

    now = now_ms()
    with reading(args) as db:
        rows = overlays.overlays(db, scope=EVERYTHING, since=now - 31 * 24 * HOUR_MS)
        if args.municipality:
            town = check_municipality(db, args.municipality)
            rows = [row for row in rows if row.overlay.municipality_id == town]
    if not args.all:
        rows = [row for row in rows if not is_over(row.overlay, now)]
    if args.json:
        say_json([_document(row) for row in rows])
        return 0
    say_table(
        (
            "Nr.",
            _("Art"),
            _("Stand"),
            _("Kommune"),
            _("betrifft"),
            _("von"),
            _("bis"),
            _("Grund"),
            _("von wem"),
        ),
        [_cells(row, now) for row in rows],
        _("Nichts wird zurückgehalten, und nichts ist geplant."),
    )
    return 0


def _document(row: OverlayRow) -> dict[str, object]:
    overlay = row.overlay
    return {
        "id": overlay.id,
        "kind": overlay.kind,
        "municipality_id": overlay.municipality_id,
        "municipality": row.municipality,
        "host_id": row.host_id,
        "host": row.host,
        "alert": row.alert,
        "starts_at": overlay.starts_at,
        "ends_at": overlay.ends_at,
        "weekly_until": overlay.weekly_until,
        "reason": overlay.reason,
        "creator": row.creator,
        "created_at": overlay.created_at,
        "ended_at": overlay.ended_at,
    }


def _cells(row: OverlayRow, now: int) -> tuple[object, ...]:
    begun, coming = windows(row.overlay, now)
    active = begun is not None and begun.holds(now)
    window = begun if active or coming is None else coming
    state = _("läuft") if active else _("geplant") if coming else _("beendet")
    if row.overlay.weekly_until:
        state += _(", wöchentlich")
    about = row.alert if row.overlay.kind == "pause" else row.host
    return (
        row.overlay.id,
        lookup(KINDS[row.overlay.kind]),
        state,
        row.municipality,
        about or _("alle Server"),
        when(window.start if window else row.overlay.starts_at),
        when(window.end if window else row.overlay.ends_at),
        row.overlay.reason,
        row.creator or _("der Server selbst"),
    )


def pause(args: argparse.Namespace) -> int:
    """Nobody is told of the alert for a while."""
    from verbundwacht_collector.admin import operator
    from verbundwacht_collector.app import now_ms

    now = now_ms()
    with writing(args) as tx:
        alert = planning.pause(
            tx,
            scope=EVERYTHING,
            number=args.number,
            actor=operator(tx, args.by),
            now=now,
            for_ms=args.span,
            reason=args.reason,
            version=None,
        )
    if args.json:
        say_json({"number": alert.number, "until": now + args.span})
    else:
        print(
            _(
                "%(number)s: pausiert bis %(when)s. Die Warnung bleibt offen.",
                number=alert.number,
                when=when(now + args.span),
            )
        )
    return 0


def maintenance(args: argparse.Namespace) -> int:
    """A maintenance is planned."""
    from verbundwacht_collector.admin import operator
    from verbundwacht_collector.app import now_ms

    now = now_ms()
    start = args.start if args.start is not None else now
    with reading(args) as db:
        town = check_municipality(db, args.municipality)
        host = find_host(db, args.host) if args.host else ""
    with writing(args) as tx:
        overlay_id = planning.plan_maintenance(
            tx,
            scope=EVERYTHING,
            municipality_id=town,
            host_id=host,
            actor=operator(tx, args.by),
            now=now,
            starts_at=start,
            ends_at=start + args.span,
            weekly_until=day_after(args.weekly_until) if args.weekly_until else None,
            reason=args.reason,
        )
    if args.json:
        say_json({"id": overlay_id, "starts_at": start, "ends_at": start + args.span})
    else:
        print(
            _(
                "Wartung %(overlay_id)s: %(when)s bis %(when2)s",
                overlay_id=overlay_id,
                when=when(start),
                when2=when(start + args.span),
            )
        )
    return 0


def end(args: argparse.Namespace) -> int:
    """It ends now."""
    from verbundwacht_collector.admin import operator
    from verbundwacht_collector.app import now_ms

    now = now_ms()
    with writing(args) as tx:
        overlay = planning.end_overlay(
            tx,
            scope=EVERYTHING,
            overlay_id=args.id,
            actor=operator(tx, args.by),
            now=now,
        )
    if args.json:
        say_json({"id": overlay.id, "ended_at": now})
    else:
        print(
            _(
                "%(value)s %(id)s: beendet. Was noch offen ist, wird gemeldet.",
                value=lookup(KINDS[overlay.kind]),
                id=overlay.id,
            )
        )
    return 0
