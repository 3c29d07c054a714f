"""Messages per second and core through the real pipeline: one thread, SQLite FULL, 328 rules.

`Committer._transact` is what the writer thread runs for each batch: verification, chain, store,
rules, alerts, commit, signed acknowledgements. Doors and TLS are measured in `door`.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from tests.bench import population
from tests.bench.figures import Budget, Figure, Ratio, median, percentile
from tests.bench.machine import verify_us
from tests.system.fleet import Member
from tests.system.running import Stage, quiet_log

from verbundwacht_collector import acks, pipeline, verify
from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.app import now_ms
from verbundwacht_collector.committer import BATCH, Committer
from verbundwacht_collector.equipment import load_signer
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.pipeline import Received
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_collector.store.transaction import SqliteTransaction

SMALL_BATCH: Final = 50  # what waits while one commit runs, at a third of the load


class Speed(NamedTuple):
    """How fast messages were taken in."""

    cpu_us: float  # per message
    wall_us: float

    @property
    def per_s(self) -> float:
        """Messages per second of one core."""
        return 1e6 / self.cpu_us


@contextmanager
def open_committer(stage: Stage) -> Iterator[Committer]:
    """The committer of this collector, driven from here instead of its own thread."""
    store = SqliteStore(stage.folder.database)
    source = JudgeSource(Settings("plan"))
    try:
        yield Committer(store, source.current, load_signer(stage.folder), now_ms)
    finally:
        store.close()


def take(committer: Committer, messages: Sequence[Received], batch: int = BATCH) -> Speed:
    """All messages are committed and acknowledged."""
    cpu, wall = time.thread_time(), time.perf_counter()
    for start in range(0, len(messages), batch):
        answers = committer._transact(messages[start : start + batch])
        assert all(answer.ack is not None and not answer.code for answer in answers)
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    return Speed(cpu / len(messages) * 1e6, wall / len(messages) * 1e6)


class Clock:
    """CPU time inside some functions, the calls among themselves counted once."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time added under the name."""

        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent[name] = self.spent.get(name, 0.0) + time.thread_time() - start

        return run


PARTS: Final[tuple[tuple[Any, str, str], ...]] = (
    (verify, "check_signature", "signature verification"),
    (pipeline, "read_frame", "frame"),
    (pipeline, "read_beat", "content"),
    (pipeline, "read_report", "content"),
    (SqliteTransaction, "host_by_kid", "host and key from the store"),
    (SqliteTransaction, "put_beat", "beat to the store"),
    (SqliteTransaction, "seen", "freshness to the store"),
    (acks, "seal", "signing the acknowledgement"),
)


def shares(committer: Committer, messages: Sequence[Received]) -> dict[str, float]:
    """Part -> its share of all CPU time, 0 to 1; "everything else" included."""
    clock = Clock()
    cpu = time.thread_time()
    with _watched(clock):
        take(committer, messages)
    cpu = time.thread_time() - cpu
    clock.spent["everything else"] = cpu - sum(clock.spent.values())
    return {name: spent / cpu for name, spent in clock.spent.items()}


@contextmanager
def _watched(clock: Clock) -> Iterator[None]:
    patches = [
        patch.object(owner, name, clock.timed(part, getattr(owner, name)))
        for owner, name, part in PARTS
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


class Load(NamedTuple):
    """One kind of traffic. many: messages in one round."""

    name: str
    make: Callable[[Sequence[Member], int], list[Received]]
    many: int
    budget: Budget | None


LOADS: Final = (
    Load("beats", population.beats, 4 * BATCH, Budget(6_000, at_least=True)),
    Load("section changes", population.changes, BATCH, None),
    Load("mix 70/29/1", population.mix, 2 * BATCH, Budget(3_000, at_least=True)),
    Load("full reports, 370 packages", population.full_reports, BATCH // 2, None),
)


def measure(quick: bool) -> list[Figure]:
    """Each kind of traffic with 328 rules and with the 82 of the pack; where a beat goes."""
    hosts, rounds = (20, 1) if quick else (500, 15)
    shrink = 40 if quick else 1
    raw = verify_us()
    with _settled(hosts, population.COPIES) as (one, members):
        figures = [_load(one, members, load, shrink, rounds, raw) for load in LOADS]
        figures += _shares(one, members, 200 if quick else 10_000)
        small = take(one, population.beats(members, 200 if quick else 5_000), SMALL_BATCH)
        note = f"batches of {SMALL_BATCH}"
        figures.append(Figure("pipeline: beats, small batches", small.per_s, "/s·core", note=note))
    if quick:
        return figures
    with _settled(hosts, 1) as (one, members):
        shipped = [load._replace(name=f"{load.name}, 82 rules", budget=None) for load in LOADS[1:3]]
        return [*figures, *(_load(one, members, load, 1, rounds, raw) for load in shipped)]


@contextmanager
def _settled(hosts: int, copies: int) -> Iterator[tuple[Committer, list[Member]]]:
    """A fleet some days old, and its collector."""
    with tempfile.TemporaryDirectory() as folder, quiet_log():
        stage, members = population.alliance(Path(folder), hosts, copies)
        with open_committer(stage) as committer:
            for reports in population.first_reports(members):
                take(committer, reports)
            yield committer, members


def _load(
    committer: Committer,
    members: Sequence[Member],
    load: Load,
    shrink: int,
    rounds: int,
    verify_raw: float,
) -> Figure:
    """From the second of fifteen rounds: what else runs on the machine can only add to it."""
    many = load.many // shrink
    times = [take(committer, load.make(members, many)).cpu_us for _ in range(rounds)]
    calm, middle = percentile(times, 10), median(times)
    ratio = Ratio(calm / verify_raw, "one raw verification")
    note = f"{calm:.0f} µs CPU each, median {middle:.0f}; {rounds} rounds of {many}"
    return Figure(f"pipeline: {load.name}", 1e6 / calm, "/s·core", load.budget, ratio, note)


def _shares(committer: Committer, members: Sequence[Member], many: int) -> list[Figure]:
    found = shares(committer, population.beats(members, many))
    named = sorted(found.items(), key=lambda part: -part[1])
    return [Figure(f"share of a beat: {name}", 100 * share, "%") for name, share in named]
