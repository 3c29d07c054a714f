"""When an overlay applies: once, weekly over a change of the clocks, and ended by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.alerts.overlays import (
    HOUR_MS,
    ZONE,
    Ended,
    Window,
    day_after,
    is_over,
    may_speak,
    windows,
)
from verbundwacht_collector.store.records import OverlayRecord

DAY_MS = 24 * HOUR_MS


def ms(text: str) -> int:
    """Unix ms of a local time."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def maintenance(start: int, end: int, **changes: Any) -> OverlayRecord:
    known: dict[str, Any] = {"kind": "maintenance", "municipality_id": "m", "reason": "Umbau"}
    return OverlayRecord(
        **(known | {"starts_at": start, "ends_at": end, "created_at": 0} | changes)
    )


def test_a_single_window_is_coming_then_lasts_then_is_over() -> None:
    start, end = ms("2026-11-25T20:00"), ms("2026-11-25T22:00")
    once = maintenance(start, end)

    assert windows(once, start - 1) == (None, Window(start, end))
    assert windows(once, start) == (Window(start, end), None)
    assert (is_over(once, end - 1), is_over(once, end)) == (False, True)


@pytest.mark.parametrize(
    ("first", "changed"),
    [
        ("2026-10-18T22:00", "2026-10-25T22:00"),  # the clocks go back in between
        ("2027-03-21T22:00", "2027-03-28T22:00"),  # and forward
    ],
)
def test_a_weekly_window_keeps_its_local_time_when_the_clocks_change(
    first: str, changed: str
) -> None:
    start = ms(first)
    weekly = maintenance(start, start + 2 * HOUR_MS, weekly_until=ms("2027-09-01T00:00"))

    begun, _ = windows(weekly, ms(changed))
    assert begun == Window(ms(changed), ms(changed) + 2 * HOUR_MS)


def test_no_window_begins_after_the_last_day() -> None:
    start, last = ms("2026-11-02T22:00"), ms("2026-11-20T00:00")
    weekly = maintenance(start, start + HOUR_MS, weekly_until=last)

    begun, coming = windows(weekly, ms("2026-11-30T22:30"))
    assert (begun, coming) == (Window(ms("2026-11-16T22:00"), ms("2026-11-16T23:00")), None)
    assert is_over(weekly, ms("2026-11-30T22:30"))


def test_what_was_ended_by_hand_ends_then_and_does_not_come_back() -> None:
    start, stop = ms("2026-11-02T22:00"), ms("2026-11-09T22:30")
    weekly = maintenance(start, start + HOUR_MS, weekly_until=ms("2027-01-01T00:00"), ended_at=stop)

    assert windows(weekly, stop)[0] == Window(ms("2026-11-09T22:00"), stop)
    assert is_over(weekly, stop)


@given(
    hour=st.integers(0, 24 * 7 - 1),
    length=st.integers(1, 72),
    weeks=st.integers(0, 60),
    at=st.integers(0, 70 * 7 * 24),
)
def test_windows_agree_with_walking_the_calendar_week_by_week(
    hour: int, length: int, weeks: int, at: int
) -> None:
    """The oracle adds one week of local time after the other and looks where `now` lies."""
    first = datetime(2026, 9, 1, tzinfo=ZONE) + timedelta(hours=hour)
    start = round(first.timestamp() * 1000)
    until, now = start + weeks * 7 * DAY_MS + 1, start + at * HOUR_MS
    weekly = maintenance(start, start + length * HOUR_MS, weekly_until=until)
    begun: Window | None = None
    coming: Window | None = None
    for n in range(80):
        opens = round((first + timedelta(weeks=n)).timestamp() * 1000)
        if opens >= until:
            break
        if opens <= now:
            begun = Window(opens, opens + length * HOUR_MS)
        elif coming is None:
            coming = Window(opens, opens + length * HOUR_MS)

    assert windows(weekly, now) == (begun, coming)


def test_a_maintenance_is_followed_by_two_messages_or_three_quiet_intervals() -> None:
    end, interval = 10 * HOUR_MS, HOUR_MS // 4
    done = Ended("maintenance", end)

    def told(last_seen: int, now: int) -> bool:
        return may_speak(done, last_seen=last_seen, interval_ms=interval, now=now)

    assert not told(end + interval - 1, end + interval)
    assert told(end + interval, end + interval)
    assert not told(end - 1, end + 3 * interval - 1)
    assert told(end - 1, end + 3 * interval)
    assert may_speak(Ended("pause", end), last_seen=None, interval_ms=interval, now=end)


@pytest.mark.parametrize(
    ("day", "after"),
    [
        ("2026-10-25T00:00", "2026-10-26T00:00"),  # 25 hours
        ("2027-03-28T00:00", "2027-03-29T00:00"),  # 23 hours
        ("2026-12-18T20:15", "2026-12-19T00:00"),
    ],
)
def test_the_last_day_lasts_until_midnight_also_when_the_clocks_change(
    day: str, after: str
) -> None:
    assert day_after(ms(day)) == ms(after)


def test_a_window_late_on_a_last_day_of_25_hours_still_begins() -> None:
    start, last = ms("2026-10-18T23:30"), ms("2026-10-25T00:00")
    weekly = maintenance(start, start + HOUR_MS, weekly_until=day_after(last))

    assert windows(weekly, start)[1] == Window(ms("2026-10-25T23:30"), ms("2026-10-26T00:30"))
