"""What the collector's numbers mean: is what the pages show current, and if not, why not?

Pure: numbers and `now` in, levels out. The sentences for people are made from `note` by
`web.views.status`. A number that is missing gives `unknown`, and that is never `good`.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from verbundwacht_collector.observe.machine import Disk
from verbundwacht_collector.store.observed import RECENT_MS, OddHost, OutboxState
from verbundwacht_wire.codes import Code

Level = Literal["good", "unknown", "warn", "bad"]
LEVELS: Final[tuple[Level, ...]] = ("good", "unknown", "warn", "bad")
"""From best to worst."""

ACCEPTED: Final = frozenset({Code.OK, Code.GAP, Code.LATE})
REMARKS: Final = frozenset({*ACCEPTED, Code.DUPLICATE, Code.CLOCK})
"""The message was taken in, or was known already; everything else is a refusal."""
ALARMING: Final = frozenset(
    {
        *(Code.ALG, Code.UNKNOWN_KEY, Code.IDENTITY, Code.SIGNATURE, Code.KEY_STATE),
        *(Code.FORK, Code.CLONED),
    }
)
"""Refusals that somebody should look at: a foreign or copied key, a forged or doubled message."""

SLOW_MS, STUCK_MS = 10_000, 60_000
SILENT_STORE_MS: Final = 30_000
OUTBOX_LATE_MS, OUTBOX_STUCK_MS = 15 * 60_000, 60 * 60_000
DISK_LOW, DISK_FULL = 0.10, 0.03
DISK_FULL_BYTES: Final = 200 * 1024 * 1024
CLOCK_OFF_MS, CLOCK_WRONG_MS = 60_000, 300_000
ENOUGH_HOSTS: Final = 3


class Check(msgspec.Struct, frozen=True):
    """One question about the collector, and the answer. note: which of the answers it is."""

    name: str
    level: Level
    note: str


class Ingest(msgspec.Struct, frozen=True, kw_only=True):
    """How messages get in. Times are Unix ms; recent: the last 15 minutes."""

    waiting: int
    oldest_waiting_at: int | None
    recent_messages: int
    worst_lag_ms: int | None
    committed_at: int | None
    not_stored: int
    failed_at: int | None
    store_answered_at: int | None


class Refusal(msgspec.Struct, frozen=True):
    """One code. count: since the collector was made; since_start: since this process started."""

    code: int
    name: str
    count: int
    since_start: int
    last_at: int | None


class ClockState(msgspec.Struct, frozen=True):
    """How far the hosts' clocks are ahead of ours, as the median over their newest beats."""

    offset_ms: int | None
    hosts: int


class PackState(msgspec.Struct, frozen=True):
    """A rule pack in force."""

    name: str
    version: str
    digest: str
    rules: int


class Door(msgspec.Struct, frozen=True):
    """A way in. address: as configured."""

    name: str
    address: str
    open: bool


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about the collector at one moment."""

    at: int
    version: str
    serving_since: int | None
    ingest: Ingest
    refusals: list[Refusal]
    odd: list[OddHost]
    outbox: OutboxState | None
    alerts_open: dict[str, int]
    hosts: dict[str, int]
    facts_unknown: int | None
    stale_findings: int | None
    set_aside: int | None
    disk: Disk
    clock: ClockState
    packs: list[PackState]
    doors: list[Door]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers and what they mean. running: False if nobody answered."""

    level: Level
    running: bool
    checks: list[Check]
    numbers: Numbers


def assess(numbers: Numbers) -> Status:
    """The numbers with their meaning; the level is that of the worst check."""
    checks = [Check(name, *judge(numbers)) for name, judge in CHECKS.items()]
    return Status(
        level=worst(check.level for check in checks), running=True, checks=checks, numbers=numbers
    )


def worst(levels: Iterable[Level]) -> Level:
    """The worst of them; unknown if there is none."""
    return max(levels, key=LEVELS.index, default="unknown")


Answer = tuple[Level, str]


def _store(numbers: Numbers) -> Answer:
    found = numbers.ingest
    if found.store_answered_at is None:
        return "unknown", "never"
    if numbers.at - found.store_answered_at > SILENT_STORE_MS:
        return "bad", "stuck"
    if found.failed_at is not None and found.failed_at >= (found.committed_at or 0):
        return "bad", "failing"
    return "good", "answers"


def _ingest(numbers: Numbers) -> Answer:
    found = numbers.ingest
    waits = numbers.at - found.oldest_waiting_at if found.oldest_waiting_at is not None else 0
    if waits > STUCK_MS or (found.worst_lag_ms or 0) > STUCK_MS:
        return "bad", "stuck"
    if waits > SLOW_MS or (found.worst_lag_ms or 0) > SLOW_MS:
        return "warn", "slow"
    return ("unknown", "quiet") if found.worst_lag_ms is None else ("good", "quick")


def _doors(numbers: Numbers) -> Answer:
    if not numbers.doors:
        return "unknown", "none"
    return ("good", "open") if all(one.open for one in numbers.doors) else ("bad", "closed")


def _hosts(numbers: Numbers) -> Answer:
    total = sum(numbers.hosts.values())
    heard = total - numbers.hosts.get("never", 0)  # ever
    fresh = numbers.hosts.get("fresh", 0) + numbers.hosts.get("late", 0)
    if not total:
        return "unknown", "none"
    if not heard:
        return "unknown", "never"
    if not fresh:
        return "bad", "all_silent"
    if heard >= ENOUGH_HOSTS and 2 * fresh <= heard:
        return "warn", "half_silent"
    return "good", "heard"


def _refusals(numbers: Numbers) -> Answer:
    alarming = [one for one in numbers.refusals if one.code in ALARMING and one.count]
    if any(one.last_at is not None and numbers.at - one.last_at < RECENT_MS for one in alarming):
        return "warn", "alarming"
    if any(one.last_at is None for one in alarming):
        return "unknown", "when"
    return "good", "none"


def _outbox(numbers: Numbers) -> Answer:
    found = numbers.outbox
    if found is None:
        return "unknown", "unread"
    waits = numbers.at - found.oldest_waiting_at if found.oldest_waiting_at is not None else 0
    if waits > OUTBOX_STUCK_MS:
        return "bad", "stuck"
    if waits > OUTBOX_LATE_MS:
        return "warn", "late"
    if found.by_state.get("failed", 0) + found.by_state.get("expired", 0):
        return "warn", "failed"
    return ("good", "empty") if found.channels else ("warn", "nobody")


def _disk(numbers: Numbers) -> Answer:
    free, total = numbers.disk.free, numbers.disk.total
    if free is None or not total:
        return "unknown", "unread"
    if free < max(DISK_FULL * total, min(DISK_FULL_BYTES, DISK_LOW * total)):
        return "bad", "full"
    return ("warn", "low") if free < DISK_LOW * total else ("good", "room")


def _clock(numbers: Numbers) -> Answer:
    offset = numbers.clock.offset_ms
    if offset is None:
        return "unknown", "nobody"
    if abs(offset) > CLOCK_WRONG_MS and numbers.clock.hosts >= ENOUGH_HOSTS:
        return "bad", "wrong"
    return ("warn", "off") if abs(offset) > CLOCK_OFF_MS else ("good", "agrees")


def _packs(numbers: Numbers) -> Answer:
    return ("good", "in_force") if numbers.packs else ("bad", "none")


CHECKS: Final[dict[str, Callable[[Numbers], Answer]]] = {
    "store": _store,
    "ingest": _ingest,
    "doors": _doors,
    "hosts": _hosts,
    "packs": _packs,
    "outbox": _outbox,
    "disk": _disk,
    "clock": _clock,
    "refusals": _refusals,
}
"""In the order in which they matter to whoever looks at a page."""


def not_running(now: int, version: str) -> Status:
    """Nobody answered, so nothing is known."""
    ingest = Ingest(
        waiting=0,
        oldest_waiting_at=None,
        recent_messages=0,
        worst_lag_ms=None,
        committed_at=None,
        not_stored=0,
        failed_at=None,
        store_answered_at=None,
    )
    numbers = Numbers(
        at=now,
        version=version,
        serving_since=None,
        ingest=ingest,
        refusals=[],
        odd=[],
        outbox=None,
        alerts_open={},
        hosts={},
        facts_unknown=None,
        stale_findings=None,
        set_aside=None,
        disk=Disk(),
        clock=ClockState(None, 0),
        packs=[],
        doors=[],
    )
    return Status(level="bad", running=False, checks=[], numbers=numbers)
