"""Dates and numbers as the reader's language writes them; times are shown in Europe/Berlin.

The patterns of dates are texts of the catalogue. Instants are Unix milliseconds. Absolute
time first: "vor 3 Minuten" is wrong as soon as a page stays open.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta

from verbundwacht_collector import i18n
from verbundwacht_collector.i18n import N_, _, locale, lookup, pgettext

BERLIN: Final = ZoneInfo("Europe/Berlin")
number = i18n.number


def local(ms: int) -> datetime:
    """The instant in Berlin time."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone(BERLIN)


def iso(ms: int) -> str:
    """For `<time datetime>`: RFC 3339 with offset, whole seconds."""
    return local(ms).isoformat(timespec="seconds")


def moment(ms: int, now: int) -> str:
    """„heute, 13:41 Uhr“ on the day of `now`, otherwise „19.11.2026, 13:41 Uhr“."""
    when, today = local(ms), local(now).date()
    if when.date() == today:
        return _("heute, %(time)s Uhr", time=clock(ms))
    if when.date() == today - timedelta(days=1):
        return _("gestern, %(time)s Uhr", time=clock(ms))
    return _dated(when, pgettext("date pattern", "dd.MM.y, HH:mm 'Uhr'"))


def day(ms: int, now: int) -> str:
    """„heute“, „gestern“ or „19.11.2026“."""
    when, today = local(ms).date(), local(now).date()
    if when == today:
        return _("heute")
    if when == today - timedelta(days=1):
        return _("gestern")
    return format_date(when, pgettext("date pattern", "dd.MM.y"), locale=locale())


def day_key(ms: int) -> str:
    """The Berlin day as „2026-11-19“, to tell whether two instants lie on one day."""
    return local(ms).date().isoformat()


def clock(ms: int) -> str:
    """„13:41“."""
    return format_time(local(ms), "HH:mm", tzinfo=BERLIN, locale=locale())


def to_the_second(ms: int) -> str:
    """„19.11.2026, 13:41:07 Uhr“, for evidence."""
    return _dated(local(ms), pgettext("date pattern", "dd.MM.y, HH:mm:ss 'Uhr'"))


def _dated(when: datetime, pattern: str) -> str:
    return format_datetime(when, pattern, tzinfo=BERLIN, locale=locale())


def span(ms: int) -> str:
    """A length of time in its largest unit: „3 Stunden“, „16 Tage“."""
    return format_timedelta(timedelta(milliseconds=ms), threshold=1.0, locale=locale())


SMALL_NUMBERS: Final = (
    *(N_("keine"), N_("eine"), N_("zwei"), N_("drei"), N_("vier"), N_("fünf"), N_("sechs")),
    *(N_("sieben"), N_("acht"), N_("neun"), N_("zehn"), N_("elf"), N_("zwölf")),
)


def in_words(value: int) -> str:
    """Numbers up to twelve as words (feminine), for sentences; larger ones in digits."""
    return lookup(SMALL_NUMBERS[value]) if 0 <= value < len(SMALL_NUMBERS) else number(value)
