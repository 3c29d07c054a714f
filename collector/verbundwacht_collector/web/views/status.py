"""How the collector stands, in sentences: the page and `verbundwacht status` say the same.

Each answer of a check (its `note`) has a sentence, and one that says what to do unless all is
well. What is missing is called unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.i18n import _, lookup, ngettext
from verbundwacht_collector.observe.status import (
    ALARMING,
    REMARKS,
    Check,
    Numbers,
    Refusal,
    Status,
)
from verbundwacht_collector.store.observed import OddHost
from verbundwacht_collector.web import dates
from verbundwacht_collector.web.views.status_words import CODES, SENTENCES, STEPS, TITLES, WORDS
from verbundwacht_collector.web.words import Word
from verbundwacht_wire.codes import Code

ABOUT_THE_DISPLAY: Final = ("store", "ingest", "doors", "hosts", "packs", "clock")
"""If one of these is bad, what the other pages show may be old or wrong."""


_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Line:
    """One check as people read it. step: what to do, empty if nothing."""

    title: str
    word: Word
    text: str
    step: str


@dataclass(frozen=True)
class CodeLine:
    """One code of the table. loud: somebody should look at it."""

    code: int
    meaning: str
    kind: str
    loud: bool
    count: int
    since_start: int
    last_at: int | None


@dataclass(frozen=True)
class StatusView:
    """Everything on the page."""

    verdict: str
    lines: tuple[Line, ...]
    codes: tuple[CodeLine, ...]
    numbers: Numbers
    sizes: dict[str, str | None]
    lag: str | None
    offset: str | None
    odd: tuple[tuple[OddHost, str], ...]


def status_view(status: Status) -> StatusView:
    """The page's values."""
    numbers = status.numbers
    disk, lag, offset = numbers.disk, numbers.ingest.worst_lag_ms, numbers.clock.offset_ms
    return StatusView(
        verdict=verdict(status),
        lines=tuple(line(check, numbers) for check in status.checks),
        codes=tuple(map(_code_line, numbers.refusals)),
        numbers=numbers,
        sizes={
            "free": size(disk.free),
            "total": size(disk.total),
            "database": size(disk.database),
            "journal": size(disk.journal),
        },
        lag=None if lag is None else length(lag),
        offset=None if offset is None else length(abs(offset)),
        odd=tuple((one, length(abs(one.skew_ms)) if one.skew_ms else "") for one in numbers.odd),
    )


def verdict(status: Status) -> str:
    """Can the display be believed? One sentence, and the first reason if not."""
    if not status.running:
        return _("Der Sammler läuft nicht.")
    by_level: dict[str, list[Check]] = {}
    for check in status.checks:
        by_level.setdefault(check.level, []).append(check)
    bad = by_level.get("bad", [])
    wrong = [check for check in bad if check.name in ABOUT_THE_DISPLAY]
    if wrong:
        reason = _reason(wrong[0], status.numbers)
        return _("Die Anzeige ist nicht verlässlich. %(reason)s", reason=reason)
    if bad:
        reason = _reason(bad[0], status.numbers)
        return _("Die Anzeige ist aktuell, aber etwas ist gestört. %(reason)s", reason=reason)
    if names := _names(by_level.get("warn", [])):
        return _("Die Anzeige ist aktuell. Bitte ansehen: %(what)s.", what=names)
    if names := _names(by_level.get("unknown", [])):
        return _("Die Anzeige ist aktuell, soweit bekannt. Unbekannt ist: %(what)s.", what=names)
    return _("Die Anzeige ist aktuell. %(hosts)s", hosts=_hosts_line(status))


def _reason(check: Check, numbers: Numbers) -> str:
    found = line(check, numbers)
    return f"{found.text} {found.step}".strip()


def _hosts_line(status: Status) -> str:
    return next(line(one, status.numbers).text for one in status.checks if one.name == "hosts")


def _names(checks: list[Check]) -> str:
    return ", ".join(lookup(TITLES[check.name]) for check in checks)


def line(check: Check, numbers: Numbers) -> Line:
    """One check in words."""
    key = check.name, check.note
    word = WORDS[check.level]
    values = {name: make(numbers) for name, make in _VALUES.items()}
    return Line(
        title=lookup(TITLES[check.name]),
        word=Word(lookup(word.text), word.look),
        text=lookup(SENTENCES[key]) % values,
        step=lookup(STEPS.get(key, "")),
    )


def _code_line(one: Refusal) -> CodeLine:
    known = Code(one.code) if one.code in list(Code) else None
    remark = known in REMARKS
    return CodeLine(
        code=one.code,
        meaning=lookup(CODES[known]) if known in CODES else one.name,
        kind=_("angenommen") if remark else _("abgelehnt"),
        loud=known in ALARMING,
        count=one.count,
        since_start=one.since_start,
        last_at=one.last_at,
    )


def size(count: int | None) -> str | None:
    """Bytes in the unit that keeps the number short; None stays unknown."""
    if count is None:
        return None
    value, step = float(count), 0
    while value >= 1000 and step < len(_UNITS) - 1:
        value, step = value / 1000, step + 1
    return (
        f"{dates.number(round(value, 1) if value < 10 and step else round(value))} {_UNITS[step]}"
    )


def length(ms: int) -> str:
    """A short time to the tenth of a second, a long one in its largest unit."""
    if ms < 60_000:
        seconds = max(0.1, ms / 1000)
        shown = dates.number(round(seconds, 1) if seconds < 10 else round(seconds))
        return f"{shown} s"
    return dates.span(ms)


def _ago(at: int | None, numbers: Numbers) -> str:
    return "" if at is None else length(max(0, numbers.at - at))


def _lag(numbers: Numbers) -> str:
    found = numbers.ingest
    waits = 0 if found.oldest_waiting_at is None else numbers.at - found.oldest_waiting_at
    return length(max(waits, found.worst_lag_ms or 0))


def _doors(numbers: Numbers) -> str:
    closed = [door.name for door in numbers.doors if not door.open]
    return ", ".join(closed or [door.name for door in numbers.doors])


def _alarming(numbers: Numbers) -> str:
    found = [one for one in numbers.refusals if one.code in ALARMING and one.count]
    found.sort(key=lambda one: one.last_at or 0, reverse=True)
    return "; ".join(lookup(CODES[Code(one.code)]) for one in found[:3])


def _packs(numbers: Numbers) -> str:
    rules = sum(pack.rules for pack in numbers.packs)
    names = ", ".join(f"{pack.name} {pack.version}" for pack in numbers.packs)
    return ngettext("%(names)s, %(num)s Regel", "%(names)s, %(num)s Regeln", rules, names=names)


_VALUES: Final[dict[str, Callable[[Numbers], str]]] = {
    "silent": lambda n: _ago(n.ingest.store_answered_at, n),
    "lag": _lag,
    "doors": _doors,
    "fresh": lambda n: dates.number(n.hosts.get("fresh", 0) + n.hosts.get("late", 0)),
    "hosts": lambda n: dates.number(sum(n.hosts.values())),
    "packs": _packs,
    "unsent": lambda n: _ago(n.outbox.oldest_waiting_at if n.outbox else None, n),
    "free": lambda n: size(n.disk.free) or "?",
    "total": lambda n: size(n.disk.total) or "?",
    "offset": lambda n: length(abs(n.clock.offset_ms or 0)),
    "codes": _alarming,
}
