"""Pause, maintenance, announced absence: what covers an alert, and until when. Pure.

An overlay holds messages back and nothing else. It is no state: an alert opens, changes and
resolves under it as everywhere, so its end can lose nothing and change nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from verbundwacht_collector.alerts.model import HOST_SILENT
from verbundwacht_collector.store.records import OverlayRecord

Cover = Literal["pause", "maintenance", "absence", "mass_silence"]

HOUR_MS: Final = 3600 * 1000
WEEK: Final = timedelta(days=7)
MAX_PAUSE_MS: Final = 72 * HOUR_MS
MAX_WINDOW_MS: Final = 72 * HOUR_MS
MAX_ABSENCE_MS: Final = 4 * HOUR_MS
MAX_WEEKLY_MS: Final = 366 * 24 * HOUR_MS
MAX_GRACE_MS: Final = HOUR_MS
"""A host of rare messages may not outwait the gap between two nights' maintenance."""
REMEMBERED_MS: Final = 10 * 24 * HOUR_MS
"""Longer ago no end of an overlay can matter: the longest window and three days' intervals."""
ZONE: Final = ZoneInfo("Europe/Berlin")


class Window(NamedTuple):
    """A span of time in Unix ms; `end` no longer belongs to it."""

    start: int
    end: int

    def holds(self, now: int) -> bool:
        """Whether this moment lies inside."""
        return self.start <= now < self.end


class Problem(Protocol):
    """What an overlay must know of an alert; host_id None: it is about the municipality."""

    @property
    def fingerprint(self) -> bytes:
        """The identity of what is wrong."""

    @property
    def municipality_id(self) -> str:
        """Where."""

    @property
    def host_id(self) -> int | None:
        """On which host."""

    @property
    def rule_id(self) -> str:
        """By which rule."""


class Covered(NamedTuple):
    """What covers an alert now. until: Unix ms; None where only evidence ends it."""

    kind: Cover
    until: int | None


def windows(overlay: OverlayRecord, now: int) -> tuple[Window | None, Window | None]:
    """(the newest window that has begun by now, the next one), each None where there is none.

    A weekly window begins at the same local time each week, also over a change of the clocks;
    its length is the same number of hours. Ended by hand means: no window begins or lasts
    after that.
    """
    span = overlay.ends_at - overlay.starts_at
    starts = _weekly(overlay, now) if overlay.weekly_until else [overlay.starts_at]
    found = [Window(start, start + span) for start in starts]
    if overlay.ended_at is not None:
        cut = overlay.ended_at
        found = [Window(w.start, min(w.end, cut)) for w in found if w.start < cut]
    begun = [w for w in found if w.start <= now]
    return (begun[-1] if begun else None), next((w for w in found if w.start > now), None)


def _weekly(overlay: OverlayRecord, now: int) -> list[int]:
    """Starts around now, oldest first; never after the last day."""
    first = datetime.fromtimestamp(overlay.starts_at / 1000, UTC).astimezone(ZONE)
    # One more than fits: local weeks may be an hour shorter.
    weeks = (min(now, overlay.weekly_until or 0) - overlay.starts_at) // (7 * 24 * HOUR_MS) + 1
    starts = []
    for n in range(max(weeks - 3, 0), max(weeks, 0) + 3):
        # Wall-clock arithmetic: zoneinfo adds days in local time. It forgets which of the two
        # hours that are called the same was meant, so the first start is taken as it stands.
        start = round((first + n * WEEK).timestamp() * 1000) if n else overlay.starts_at
        if start < (overlay.weekly_until or 0):
            starts.append(start)
    return starts


def day_after(at: int) -> int:
    """The midnight, in local time, that ends the day of this moment; days last 23 to 25 h."""
    try:
        day = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZONE)
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return round((midnight + timedelta(days=1)).timestamp() * 1000)
    except (OverflowError, ValueError):  # no calendar has that day; nobody plans so far ahead
        return at + 24 * HOUR_MS


def is_over(overlay: OverlayRecord, now: int) -> bool:
    """No window of it lasts or will come."""
    begun, coming = windows(overlay, now)
    return coming is None and (begun is None or begun.end <= now)


def covers(overlay: OverlayRecord, alert: Problem) -> bool:
    """Whether the overlay is about this alert, whenever it applies."""
    if overlay.kind == "pause":
        return overlay.fingerprint == alert.fingerprint
    if overlay.municipality_id != alert.municipality_id:
        return False
    if overlay.kind == "maintenance":
        return overlay.host_id in (None, alert.host_id)
    # A host announces that it will not speak. It cannot announce that its faults are none.
    return overlay.host_id == alert.host_id and alert.rule_id == HOST_SILENT


def covered(
    overlays: Iterable[OverlayRecord], alert: Problem, now: int, *, mass: bool = False
) -> Covered | None:
    """What covers the alert now, the longest first; None if nothing does.

    mass: the connection to the alert's municipality is known to be broken.
    """
    found = []
    for overlay in overlays:
        begun, _ = windows(overlay, now) if covers(overlay, alert) else (None, None)
        if begun is not None and begun.holds(now):
            found.append(Covered(overlay.kind, begun.end))
    if found:
        return max(found, key=lambda one: one.until or 0)
    if mass and alert.rule_id == HOST_SILENT:
        return Covered("mass_silence", None)
    return None


class Ended(NamedTuple):
    """What last covered an alert, and when that ended. at: Unix ms."""

    kind: Cover
    at: int


def ended(
    overlays: Sequence[OverlayRecord], alert: Problem, now: int, *, line_back_at: int | None
) -> Ended | None:
    """What last covered the alert; None if nothing is known of that any more.

    line_back_at: when the last mass silence of its municipality ended.
    """
    found = [] if line_back_at is None else [Ended("mass_silence", line_back_at)]
    for overlay in overlays:
        begun, _ = windows(overlay, now) if covers(overlay, alert) else (None, None)
        if begun is not None and begun.end <= now:
            found.append(Ended(overlay.kind, begun.end))
    return max(found, key=lambda one: one.at, default=None)


def may_speak(last: Ended, *, last_seen: int | None, interval_ms: int, now: int) -> bool:
    """Whether people are told now of an alert that was covered and is still open.

    After anything but a pause the host gets two messages' time to come back as it was: told is
    what still fails then. A host that stays away is told of after three intervals. An interval
    counts for an hour at most.
    """
    if last.kind == "pause":
        return True
    interval_ms = min(interval_ms, MAX_GRACE_MS)
    heard_twice = (last_seen or 0) >= last.at + interval_ms
    return heard_twice or now >= last.at + 3 * interval_ms
