"""Dates and numbers as German readers write them; times are shown in Europe/Berlin.

Pure. Instants are Unix milliseconds. Absolute time first: "vor 3 Minuten" is wrong as soon
as a page stays open.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal

BERLIN: Final = ZoneInfo("Europe/Berlin")
GERMAN: Final = Locale.parse("de_DE")


def local(ms: int) -> datetime:
    """The instant in Berlin time."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone(BERLIN)


def iso(ms: int) -> str:
    """For `<time datetime>`: RFC 3339 with offset, whole seconds."""
    return local(ms).isoformat(timespec="seconds")


def moment(ms: int, now: int) -> str:
    """„heute, 13:41 Uhr“ on the day of `now`, otherwise „19.11.2026, 13:41 Uhr“."""
    when, today = local(ms), local(now).date()
    clock = format_time(when, "HH:mm", tzinfo=BERLIN, locale=GERMAN)
    if when.date() == today:
        return f"heute, {clock} Uhr"
    if when.date() == today - timedelta(days=1):
        return f"gestern, {clock} Uhr"
    return format_datetime(when, "dd.MM.y, HH:mm 'Uhr'", tzinfo=BERLIN, locale=GERMAN)


def day(ms: int, now: int) -> str:
    """„heute“, „gestern“ or „19.11.2026“."""
    when, today = local(ms).date(), local(now).date()
    if when == today:
        return "heute"
    if when == today - timedelta(days=1):
        return "gestern"
    return format_date(when, "dd.MM.y", locale=GERMAN)


def day_key(ms: int) -> str:
    """The Berlin day as „2026-11-19“, to tell whether two instants lie on one day."""
    return local(ms).date().isoformat()


def clock(ms: int) -> str:
    """„13:41“."""
    return format_time(local(ms), "HH:mm", tzinfo=BERLIN, locale=GERMAN)


def to_the_second(ms: int) -> str:
    """„19.11.2026, 13:41:07 Uhr“, for evidence."""
    return format_datetime(local(ms), "dd.MM.y, HH:mm:ss 'Uhr'", tzinfo=BERLIN, locale=GERMAN)


def span(ms: int) -> str:
    """A length of time in its largest unit: „3 Stunden“, „16 Tage“."""
    return format_timedelta(timedelta(milliseconds=ms), threshold=1.0, locale=GERMAN)


def number(value: float) -> str:
    """„48.213“, „4,2“."""
    return format_decimal(value, locale=GERMAN)


def count(value: int, one: str, many: str) -> str:
    """„1 Server“, „12 Warnungen“: the number with the noun that fits it."""
    return f"{number(value)} {one if value == 1 else many}"


SMALL_NUMBERS: Final = (
    *("keine", "eine", "zwei", "drei", "vier", "fünf", "sechs"),
    *("sieben", "acht", "neun", "zehn", "elf", "zwölf"),
)


def in_words(value: int) -> str:
    """Numbers up to twelve as words (feminine), for sentences; larger ones in digits."""
    return SMALL_NUMBERS[value] if 0 <= value < len(SMALL_NUMBERS) else number(value)
