"""The page of pauses and maintenance: what is muted now, what will be, what just ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from verbundwacht_collector.alerts.overlays import ZONE, is_over, windows
from verbundwacht_collector.i18n import N_, _, lookup, ngettext
from verbundwacht_collector.store.views import OverlayRow
from verbundwacht_collector.web import dates
from verbundwacht_collector.web.errors import InputError
from verbundwacht_collector.web.words import Word

KINDS: Final = {
    "pause": N_("Pause"),
    "maintenance": N_("Wartung"),
    "absence": N_("angekündigte Abwesenheit"),
}
ENDED_SHOWN_MS: Final = 7 * 24 * 3600 * 1000
WEEKDAYS: Final = (
    N_("jeden Montag"),
    N_("jeden Dienstag"),
    N_("jeden Mittwoch"),
    N_("jeden Donnerstag"),
    N_("jeden Freitag"),
    N_("jeden Samstag"),
    N_("jeden Sonntag"),
)


@dataclass(frozen=True)
class OverlayLine:
    """One overlay as the list shows it. start, end: of the window that counts now, Unix ms."""

    id: int
    kind: str
    about: str
    url: str
    place: str
    state: Word
    start: int
    end: int
    weekly: str
    reason: str
    creator: str
    can_end: bool


@dataclass(frozen=True)
class OverlayList:
    """Everything on the page."""

    verdict: str
    current: tuple[OverlayLine, ...]
    ended: tuple[OverlayLine, ...]


def overlay_list(rows: list[OverlayRow], now: int) -> OverlayList:
    """The page's values, oldest start first: what was forgotten stands on top."""
    lines = [overlay_line(row, now) for row in rows]
    current = tuple(line for line, row in zip(lines, rows, strict=True) if _lasts(row, now))
    ended = tuple(line for line, row in zip(lines, rows, strict=True) if not _lasts(row, now))
    return OverlayList(verdict(rows, now), current, ended[::-1])


def _lasts(row: OverlayRow, now: int) -> bool:
    return not is_over(row.overlay, now)


def verdict(rows: list[OverlayRow], now: int) -> str:
    """One sentence: how much is muted at this moment."""
    muted = sum(_is_active(row, now) for row in rows)
    if not muted:
        return _("Zurzeit wird nichts zurückgehalten.")
    return ngettext(
        "Zurzeit hält %(num)s Eintrag Nachrichten zurück.",
        "Zurzeit halten %(num)s Einträge Nachrichten zurück.",
        muted,
    )


def _is_active(row: OverlayRow, now: int) -> bool:
    begun, _next = windows(row.overlay, now)
    return begun is not None and begun.holds(now)


def overlay_line(row: OverlayRow, now: int) -> OverlayLine:
    """One overlay as a line."""
    overlay = row.overlay
    begun, coming = windows(overlay, now)
    active = begun is not None and begun.holds(now)
    window = begun if active or coming is None else coming
    start = window.start if window else overlay.starts_at
    end = window.end if window else overlay.ends_at
    if overlay.kind == "pause" and row.alert:
        about, url = row.alert, f"/alerts/{row.alert}"
    else:
        about = row.host or _("alle Server")
        url = (
            f"/hosts/{row.host_id}"
            if row.host_id
            else f"/hosts?municipality={overlay.municipality_id}"
        )
    return OverlayLine(
        id=overlay.id,
        kind=lookup(KINDS[overlay.kind]),
        about=about,
        url=url,
        place=row.municipality,
        state=_state(row, now),
        start=start,
        end=end,
        weekly=_weekly(row, now),
        reason=overlay.reason,
        creator=row.creator or _("der Server selbst"),
        can_end=_lasts(row, now) and overlay.kind != "absence",
    )


def _state(row: OverlayRow, now: int) -> Word:
    if not _lasts(row, now):
        return Word(_("beendet"), "closed")
    return Word(_("läuft"), "taken") if _is_active(row, now) else Word(_("geplant"), "new")


def _weekly(row: OverlayRow, now: int) -> str:
    until = row.overlay.weekly_until
    if until is None:
        return ""
    weekday = lookup(WEEKDAYS[dates.local(row.overlay.starts_at).weekday()])
    return _("%(weekday)s bis %(day)s", weekday=weekday, day=dates.day(until - 1, now))


def local_time(fields: dict[str, str], day: str, clock: str) -> int:
    """Unix ms of two form fields, a date and a time of day in Berlin. Raises InputError."""
    text = f"{fields.get(day, '')}T{fields.get(clock, '') or '00:00'}"
    try:
        when = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=ZONE)
    except ValueError:
        raise InputError(
            day, _("Bitte Datum und Uhrzeit angeben, etwa 24.12. und 20:00.")
        ) from None
    return round(when.timestamp() * 1000)
