"""What this process has done since it started: plain numbers, added up once per batch.

No I/O and no clock. The writer thread adds, the event loop reads; nothing here is locked,
because every value is one that may be a moment old.
"""

from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from statistics import median
from typing import Final, NamedTuple

from verbundwacht_wire.codes import Code

COMMIT_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
BATCH: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0)
MINUTES: Final = 15
CLOCKS: Final = 256  # hosts whose newest frame says what time it is
CLOCKS_PER_BATCH: Final = 16


class Buckets:
    """A histogram. counts[i] values lie at or below bounds[i] and above the bound before."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float, by: int = 1) -> None:
        """The value has been seen `by` times more."""
        self.counts[bisect_left(self.bounds, value)] += by
        self.sum += value * by


class Arrived(NamedTuple):
    """One message of a batch that is done. at: Unix ms; code None: it could not be stored."""

    door: str
    size: int
    at: int
    code: Code | None


class Minute(NamedTuple):
    """What was committed within one minute of the clock."""

    minute: int
    messages: int
    worst_lag_ms: int


class Tally:
    """The counters of one collector. Times are Unix milliseconds, None if there was none."""

    def __init__(self) -> None:
        self.messages: Counter[tuple[str, Code]] = Counter()
        self.bytes: Counter[str] = Counter()
        self.lost = 0  # not stored, so not acknowledged: their agents send them again
        self.batch, self.commit_s, self.lag_s = Buckets(BATCH), Buckets(COMMIT_S), Buckets(LAG_S)
        self.worked_at: int | None = None  # the writer finished something, be it nothing at all
        self.committed_at: int | None = None
        self.failed_at: int | None = None
        self.minutes: deque[Minute] = deque(maxlen=MINUTES)
        self._clocks: OrderedDict[int, int] = OrderedDict()  # host -> its clock minus ours, ms

    def refused_at_door(self, door: str, code: Code, by: int) -> None:
        """A door let this many messages in no further."""
        self.messages[door, code] += by

    def committed(self, seconds: float, clocks: Iterable[tuple[int, int]]) -> None:
        """One transaction is durable. clocks: (host, its clock minus ours in ms) of some frames."""
        self.commit_s.add(seconds)
        for host, skew_ms in clocks:
            self._clocks[host] = skew_ms
            self._clocks.move_to_end(host)
        while len(self._clocks) > CLOCKS:
            self._clocks.popitem(last=False)

    def batch_done(self, arrived: list[Arrived], now: int) -> None:
        """All of a batch is answered, or failed."""
        self.batch.add(len(arrived))
        for (door, code), many in Counter((one.door, one.code) for one in arrived).items():
            if code is None:
                self.lost += many
            else:
                self.messages[door, code] += many
        for one in arrived:
            self.bytes[one.door] += one.size
        times = Counter(one.at for one in arrived if one.code is not None)
        if sum(times.values()) < len(arrived):
            self.failed_at = now
        if times:
            self.committed_at = now
            self._lags(times, now)

    def _lags(self, times: Counter[int], now: int) -> None:
        # Many of a batch arrive in the same millisecond: one entry stands for all of them.
        for at, many in times.items():
            self.lag_s.add(max(0, now - at) / 1000, many)
        minute, worst, many = now // 60_000, max(0, now - min(times)), sum(times.values())
        if self.minutes and self.minutes[-1].minute == minute:
            last = self.minutes.pop()
            many, worst = many + last.messages, max(worst, last.worst_lag_ms)
        self.minutes.append(Minute(minute, many, worst))

    def recent(self, now: int) -> tuple[int, int | None]:
        """(messages committed in the last quarter of an hour, the longest any of them waited)."""
        known = list(self.minutes)
        # After a quiet time the newest minute still says how long the last messages waited.
        last = [one for one in known if one.minute > now // 60_000 - MINUTES] or [
            one._replace(messages=0) for one in known[-1:]
        ]
        worst = max((one.worst_lag_ms for one in last), default=None)
        return sum(one.messages for one in last), worst

    def clock_offset(self) -> tuple[int | None, int]:
        """(median of the hosts' clocks minus ours in ms, over how many hosts)."""
        skews = list(self._clocks.values())
        return (round(median(skews)), len(skews)) if skews else (None, 0)
