"""Random histories of two hosts, their people, their rules and time; and ways to replay them.

A history is made once: its messages are signed once and then delivered again and again, in
other batches, with crashes in between, to copies of the same database.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from tests.collector.alerts.story import JANA, SOC, TOBIAS, healthy
from tests.collector.fakes import Collector
from tests.collector.rulebook import CANARY, FAILED, OLD_BOOT, PORTS, REBOOT, RELEASE, RULES
from tests.fakes import (
    DAY,
    HOUR,
    INTERVAL,
    MINUTE,
    START,
    FakeAgent,
    Not,
    Said,
    kernel,
    listening,
    services,
    system,
)

from verbundwacht_collector import pipeline
from verbundwacht_collector.alerts import actions, planning
from verbundwacht_collector.errors import CollectorError
from verbundwacht_collector.pipeline import Received
from verbundwacht_collector.store.protocol import Transaction

DENIED: Final = Not("denied", "read_denied")
SAYS: Final[dict[str, tuple[Said, ...]]] = {
    "kernel": (kernel(), kernel(reboot=True), kernel(booted_at=START - 29 * DAY), DENIED, None),
    "os": (system("12"), system("13"), system("9"), DENIED),
    "services": (services(), services("x.service"), Not("absent", "no_systemd"), None),
    "listening": (listening(22), listening(22, 23), listening(), listening(23, 24), DENIED),
}
PACKS: Final = (
    RULES,
    (REBOOT, OLD_BOOT, PORTS, CANARY.replace("canary", "stable", 2)),
    (REBOOT.replace("critical", "low"), RELEASE.replace("12", "11"), FAILED, PORTS),
)
OVERLAY: Final = "overlay"
"""What a step says that begins or ends an overlay."""
WAITS: Final = (MINUTE, INTERVAL, 2 * INTERVAL + 1, 3 * INTERVAL + 1, 73 * HOUR)


class Step(NamedTuple):
    """One thing that happens. at: Unix ms; what: for people who read a failure."""

    at: int
    what: str
    do: Callable[[Transaction, Collector], object]
    message: Received | None = None


changes = st.dictionaries(
    st.sampled_from(sorted(SAYS)), st.integers(0, 4), min_size=0, max_size=3
).map(lambda picks: {name: SAYS[name][n % len(SAYS[name])] for name, n in picks.items()})

host = st.integers(0, 1)
BAD: Final[dict[str, Said]] = {"kernel": kernel(reboot=True), "listening": listening(22, 23)}
GOOD: Final[dict[str, Said]] = {"kernel": kernel(), "listening": listening(22)}
turn = st.sampled_from([BAD, GOOD])
events = st.one_of(
    st.tuples(st.just("report"), host, changes),
    st.tuples(st.just("report"), host, turn),
    st.tuples(st.just("report"), host, turn),
    st.tuples(st.just("beats"), host, st.integers(1, 3)),
    st.tuples(st.just("delayed"), host, turn, st.sampled_from(WAITS[1:4])),
    st.tuples(st.just("hold"), host, changes),
    st.tuples(st.just("deliver"), st.integers(0, 9)),
    st.tuples(st.just("again"), st.integers(0, 99)),
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("tick")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("act"), st.sampled_from(["take", "claim", "close", "comment"]), host),
    st.tuples(st.just("repack"), st.integers(0, len(PACKS) - 1)),
    st.tuples(st.just("repack"), st.integers(0, len(PACKS) - 1)),
    st.tuples(st.just("pause"), st.sampled_from([1, 4, 72])),
    st.tuples(st.just("maintain"), host, st.sampled_from([1, 24]), st.booleans()),
    st.tuples(st.just("uncover")),
    st.tuples(st.just("sent"), st.sampled_from(["delivered", "delivered", "failed", "expired"])),
)
histories = st.lists(events, min_size=14, max_size=30)


class History:
    """The steps of one drawn history, ready to be replayed."""

    def __init__(self, folder: Path, drawn: Sequence[tuple[Any, ...]]) -> None:
        self.folder = folder
        with Collector(folder, durable=False) as self.collector:
            self.clock = self.collector.clock
            self.agents = [self.collector.host(f"web0{n}") for n in range(2)]
            self.enrolled = self.collector.copied()
        self.agents[1].interval_s = 6 * 3600  # the clock alone does not make this one silent
        self.steps: list[Step] = []
        self.held: list[bytes] = []
        self.known: list[bytes] = []
        for agent in self.agents:
            self._send(agent.report(healthy()))
        for kind, *rest in drawn:
            getattr(self, f"_{kind}")(*rest)

    def _add(self, what: str, do: Callable[[Transaction, Collector], object]) -> None:
        self.steps.append(Step(self.clock(), what, do))

    def _send(self, raw: bytes) -> None:
        message = self.collector.received(raw)
        self.known.append(raw)

        def do(tx: Transaction, collector: Collector) -> object:
            return pipeline.take_in(tx, message, collector.judge(tx))

        self.steps.append(Step(self.clock(), "message", do, message))

    def _next(self, number: int) -> FakeAgent:
        self.clock.advance(INTERVAL // 3)
        return self.agents[number]

    def _report(self, number: int, said: dict[str, Said]) -> None:
        self._send(self._next(number).report(said))

    def _beats(self, number: int, count: int) -> None:
        for _ in range(count):
            self._send(self._next(number).beat())

    def _delayed(self, number: int, said: dict[str, Said], ms: int) -> None:
        raws = [self._next(number).report(said), self.agents[number].beat()]
        self.clock.advance(ms)
        for raw in raws:
            self._send(raw)

    def _hold(self, number: int, said: dict[str, Said]) -> None:
        self.held.append(self._next(number).report(said))

    def _deliver(self, which: int) -> None:
        if self.held:
            self._send(self.held.pop(which % len(self.held)))

    def _again(self, which: int) -> None:
        self._send(self.known[which % len(self.known)])

    def _wait(self, ms: int) -> None:
        self.clock.advance(ms)

    def _tick(self) -> None:
        # the host's own minute, so that rules that read the clock are judged too
        self.clock.now = self.clock.now // HOUR * HOUR + HOUR + MINUTE
        now = self.clock()
        self._add(
            "tick", lambda tx, c: pipeline.tick(tx, c.judge(tx), now=now, serving_since=since(tx))
        )

    def _act(self, kind: str, number: int) -> None:
        now, actor = self.clock.advance(1), (JANA, TOBIAS)[number]

        def do(tx: Transaction, _: Collector) -> object:
            rows = tx.execute("SELECT number FROM alert ORDER BY id DESC", {})
            if not rows:
                return None
            common: dict[str, Any] = {"scope": SOC, "number": rows[0][0], "actor": actor}
            common["now"] = now
            try:
                if kind == "comment":
                    return actions.comment(tx, **common, text="Gesehen.")
                if kind == "close":
                    return actions.close(tx, **common, reason="rule_wrong", text="", version=None)
                return (actions.take if kind == "take" else actions.claim_fix)(
                    tx, **common, version=None
                )
            except CollectorError:
                return None

        self._add(kind, do)

    def _pause(self, hours: int) -> None:
        now = self.clock.advance(1)

        def do(tx: Transaction, _: Collector) -> object:
            rows = tx.execute("SELECT number FROM alert ORDER BY id DESC", {})
            asked: dict[str, Any] = {"scope": SOC, "actor": JANA, "now": now, "version": None}
            with suppress(CollectorError, IndexError):
                planning.pause(
                    tx, number=rows[0][0], for_ms=hours * HOUR, reason="Bekannt", **asked
                )
            return None

        self._add(OVERLAY, do)

    def _maintain(self, number: int, hours: int, whole_town: bool) -> None:
        now, agent = self.clock.advance(1), self.agents[number]

        def do(tx: Transaction, _: Collector) -> object:
            return planning.plan_maintenance(
                tx,
                scope=SOC,
                municipality_id=agent.municipality,
                host_id="" if whole_town else agent.agent.hex(),
                actor=TOBIAS,
                now=now,
                starts_at=now,
                ends_at=now + hours * HOUR,
                weekly_until=None,
                reason="Umzug",
            )

        self._add(OVERLAY, do)

    def _uncover(self) -> None:
        now = self.clock.advance(1)

        def do(tx: Transaction, _: Collector) -> object:
            rows = tx.execute("SELECT id FROM overlay ORDER BY id DESC", {})
            with suppress(CollectorError, IndexError):
                planning.end_overlay(tx, scope=SOC, overlay_id=rows[0][0], actor=JANA, now=now)
            return None

        self._add(OVERLAY, do)

    def _repack(self, which: int) -> None:
        self._add(f"pack {which}", lambda tx, c: c.put_pack(tx, *PACKS[which]))
        now = self.clock.advance(1)
        self._add("judge", lambda tx, c: pipeline.judge_anew(tx, c.judge(tx), now=now, limit=10))

    def _restart(self) -> None:
        now = self.clock()
        self._add("restart", lambda tx, _: tx.set_counter("serving_since", now))

    def _sent(self, state: str) -> None:
        def do(tx: Transaction, _: Collector) -> object:
            sql = "UPDATE delivery SET state = :s, attempts = 1 WHERE state = 'waiting'"
            return tx.execute(sql, {"s": state})

        self._add(f"outbox {state}", do)

    @contextmanager
    def replay(self) -> Iterator[Collector]:
        """A collector with the two hosts enrolled and nothing received yet."""
        with (
            TemporaryDirectory(dir=self.folder) as folder,
            Collector(Path(folder), durable=False) as collector,
        ):
            collector.restore(self.enrolled)
            yield collector


def since(tx: Transaction) -> int:
    """When the collector last started."""
    return tx.counter("serving_since")


class Crash(Exception):  # noqa: N818 - it is one
    """The power is gone before the commit."""


def perform(collector: Collector, batch: Sequence[Step], *, crash: bool = False) -> None:
    """The steps in one transaction; with a crash nothing of them has happened."""

    def work(tx: Transaction) -> None:
        for step in batch:
            collector.clock.now = step.at
            step.do(tx, collector)
        if crash:
            raise Crash

    with suppress(Crash):
        collector.act(work)
