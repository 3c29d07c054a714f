"""Messages of a fleet brought to one door by a bounded number of threads, and what became of each.

Every message ends in exactly one of three ways: acknowledged by a signed answer, refused with a
code, or lost, which means that no answer came however often it was sent. A host whose message was
lost stays silent afterwards, as its chain would have a gap.
"""

import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from typing import Final, NamedTuple

from deploy.load.doors import Door, bring
from deploy.load.errors import Gone
from deploy.load.facts import OFTEN, Facts, Variant
from deploy.load.fleet import Fleet, Keys
from deploy.load.host import KINDS, Host, Kind, Message

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import WireError

TRIES: Final = 3
AGAIN_S: Final = 0.5
WAIT_S: Final = 0.01
MOST_CONNECTIONS: Final = 256
BREAKS_ONE_IN: Final = 10  # section changes
Witness = Callable[[Host, Message], None]


class Plan(NamedTuple):
    """What is to be sent. messages: at most so many. interval_s: of each host; 0 for no pause."""

    messages: int
    interval_s: float = 900.0
    mix: tuple[int, int, int] = (70, 29, 1)  # beats, section changes, full reports
    connections: int = 16
    seed: int = 1
    lasts_s: float = float("inf")


class Turn(NamedTuple):
    """One host is to say this; a full report if the collector does not know its state."""

    host: Host
    kind: Kind
    section: str
    variant: Variant


class Tally:
    """What became of the messages so far. Every number may be read while it is counted."""

    def __init__(self) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.refused: Counter[Code] = Counter()
        self.acked = self.lost = self.again = 0
        self.waits = array("f")  # seconds until the answer
        self.last_problem = ""
        self.began = time.monotonic()

    @property
    def sent(self) -> int:
        """Messages whose fate is known."""
        return self.acked + self.lost + self.refused.total()

    @property
    def per_s(self) -> float:
        """Messages per second since the beginning."""
        return self.sent / max(time.monotonic() - self.began, 1e-9)

    def wait_ms(self, percent: int) -> float:
        """So many per cent of the answers came within this time; 0 without any."""
        ordered = sorted(self.waits[-100_000:])
        return 1000 * ordered[(len(ordered) - 1) * percent // 100] if ordered else 0.0


class Drive:
    """One run. `stop` ends it after the messages that are on their way."""

    def __init__(
        self,
        fleet: Fleet,
        hosts: list[Host],
        door: Door,
        plan: Plan,
        witness: Witness | None = None,
    ) -> None:
        self._fleet, self._door, self._plan, self._witness = fleet, door, plan, witness
        self._facts: Facts = fleet.facts
        self._downlink = fleet.answers_by()
        self._chance, self._lock, self._stop = (
            Random(plan.seed),
            threading.Lock(),
            threading.Event(),
        )
        order = list(hosts)
        self._chance.shuffle(order)
        self._waiting = deque(order)  # who is not speaking, in the order of their turns
        self._alive = len(order)  # hosts that have lost no message
        self._turns = self._turns_of(plan, plan.interval_s / len(order))
        self.tally = Tally()

    def stop(self) -> None:
        """No new message is begun."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Nothing more is begun."""
        return self._stop.is_set()

    def run(self, tell: Callable[[Tally], None] = lambda _: None, every_s: float = 5.0) -> Tally:
        """The plan is carried out, or was stopped; every message that was begun is counted."""
        threads = [
            threading.Thread(target=self._work, name=f"host-{i}")
            for i in range(min(self._plan.connections, MOST_CONNECTIONS))
        ]
        self.tally.began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                until = time.monotonic() + every_s
                while time.monotonic() < until and any(thread.is_alive() for thread in threads):
                    time.sleep(0.05)
                tell(self.tally)
        finally:
            self.stop()
            for thread in threads:
                thread.join()
        return self.tally

    def _turns_of(self, plan: Plan, pause_s: float) -> Iterator[float]:
        """When somebody is to speak, in seconds after the beginning."""
        for i in range(plan.messages):
            if i * pause_s > plan.lasts_s:
                return
            yield i * pause_s

    def _work(self) -> None:
        with closing(self._fleet.open_keys()) as keys:
            while not self._stop.is_set():
                with self._lock:
                    at = next(self._turns, None)
                if at is None or self._stop.wait(
                    max(0.0, self.tally.began + at - time.monotonic())
                ):
                    return
                turn = self._turn()
                if turn is None:
                    return
                self._speak(turn, keys.of(turn.host))

    def _turn(self) -> Turn | None:
        """Who speaks and what it says; None if nobody is left. Chosen in one place by the seed."""
        while not self._stop.is_set():
            with self._lock:
                if not self._alive:
                    return None
                if self._waiting:
                    (kind,) = self._chance.choices(KINDS, self._plan.mix)
                    (section,) = self._chance.choices(tuple(OFTEN), tuple(OFTEN.values()))
                    broken = self._chance.randrange(BREAKS_ONE_IN) == 0
                    variant = Variant(self._chance.randrange(100, 50_000), broken)
                    return Turn(self._waiting.popleft(), kind, section, variant)
            self._stop.wait(WAIT_S)  # more turns than hosts: one of them has to finish first
        return None

    def _speak(self, turn: Turn, keys: Keys) -> None:
        host = turn.host
        if turn.kind == "full" or not host.told:
            message = host.full(self._facts, keys.signer)
        elif turn.kind == "change":
            message = host.change(turn.section, turn.variant, self._facts, keys.signer)
        else:
            message = host.beat(self._facts, keys.signer)
        code, again = None, -1
        began = time.monotonic()
        while code is None and again + 1 < TRIES and not (again >= 0 and self._stop.is_set()):
            again += 1
            if again:
                self._stop.wait(AGAIN_S * again)
            code = self._try(host, keys, message)
        self._count(host, message, code, again, time.monotonic() - began)

    def _try(self, host: Host, keys: Keys, message: Message) -> Code | None:
        try:
            answer = bring(self._door, keys.caller, message.raw)
            return host.read_answer(answer, message, self._downlink)
        except (Gone, WireError) as problem:
            self.tally.last_problem = str(problem)
            return None

    def _count(
        self, host: Host, message: Message, code: Code | None, again: int, wait_s: float
    ) -> None:
        with self._lock:
            tally = self.tally
            tally.kinds[message.kind] += 1
            tally.again += again
            if code is None:
                tally.lost += 1
                self._alive -= 1
                return  # it gets no further turn: it must not go on over a gap
            self._waiting.append(host)
            if code in (Code.OK, Code.DUPLICATE):
                tally.acked += 1
                tally.waits.append(wait_s)
                if self._witness is not None:
                    self._witness(host, message)
            else:
                tally.refused[code] += 1
