"""Whatever happens to runs, answers, disk, clock and machine: host and collector agree again."""

import random
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agent.fakes import BOOT_ID, Crash, Machine, dying
from tests.collector.fakes import Collector
from tests.fakes import HOUR, MINUTE

from verbundwacht_agent import spool
from verbundwacht_agent.post import store
from verbundwacht_wire.codes import Code

STEPS = (
    *("change", "gather", "gather", "send", "send", "lost", "late", "deliver", "twice"),
    *("reboot", "wait", "crash", "crash", "overflow", "back", "damage"),
)


class History:
    """One host and its collector; what happened to them so far."""

    def __init__(self, folder: Path, sammler: Collector, chance: random.Random) -> None:
        self.machine = Machine(folder / "agent").enrol(sammler)
        self.sammler, self.chance = sammler, chance
        self.codes: set[Code] = set()
        self.held: list[bytes] = []
        self.changes = 0

    def change(self) -> None:
        self.changes += 1
        self.machine.change(str(self.changes))

    def gather(self) -> None:
        self.machine.clock.advance(MINUTE)
        self.machine.gather()

    def send(self) -> None:
        """send, and its answers are there."""
        self.codes |= {taken.code for taken in self.machine.send(self.sammler)}

    def lost(self) -> None:
        """The connection ends before the answers."""
        self.codes |= {taken.code for taken in self.machine.send(self.sammler, answers=False)}

    def late(self) -> None:
        """The answers hang somewhere."""
        self.send()
        for path in self.machine.paths.inbox.glob("*.vw"):
            self.held.append(path.read_bytes())
            path.unlink()

    def deliver(self) -> None:
        """What hung comes, in any order."""
        self.chance.shuffle(self.held)
        for raw in self.held:
            store(self.machine.paths.inbox, raw)
        self.held.clear()

    def twice(self) -> None:
        """Each answer comes once more."""
        for path in list(self.machine.paths.inbox.glob("*.vw")):
            store(self.machine.paths.inbox, path.read_bytes())

    def reboot(self) -> None:
        self.machine.host = self.machine.host.with_file(BOOT_ID, f"{self.chance.random()}\n")

    def wait(self) -> None:
        self.machine.clock.advance(7 * HOUR)

    def back(self) -> None:
        """The clock is put right, by a little."""
        self.machine.clock.advance(-3 * MINUTE)

    def crash(self) -> None:
        after, at = self.chance.random() < 0.5, self.chance.randint(1, 25)
        with suppress(Crash), dying(at, after=after):
            self.machine.gather()

    def damage(self) -> None:
        """The disk changes one bit of a frame that is not the newest."""
        for path in sorted(self.machine.paths.spool.glob("*.vw"))[:-1][-2:]:
            raw = bytearray(path.read_bytes())
            raw[self.chance.randrange(len(raw))] ^= 1 << self.chance.randrange(8)
            path.write_bytes(raw)

    def overflow(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spool, "MAX_BYTES", self.chance.randint(0, 12_000))
            self.gather()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=st.lists(st.sampled_from(STEPS), min_size=4, max_size=20), seed=st.integers(0, 2**32))
def test_after_any_history_the_collector_knows_what_the_host_last_said(
    steps: list[str], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name, Collector(Path(name), durable=False) as sammler:
        history = History(Path(name), sammler, random.Random(seed))
        machine = history.machine
        for step in steps:
            getattr(history, step)()
        history.deliver()
        history.change()
        done = [machine.round(sammler) for _ in range(5)]
        machine.clock.advance()
        machine.gather()
        last = machine.report().manifest
        taken = machine.send(sammler)

        ((hi, upto),) = sammler.rows("SELECT hi, upto FROM chain")
        known = sammler.rows("SELECT section, status, hash FROM host_section")
        assert Code.FORK not in history.codes, "one host is never taken for two"
        assert [one.code for one in taken] == [Code.OK], done
        assert (hi, upto) == (machine.spooled()[-1],) * 2
        assert done[-1] == "beat"
        assert {n: (s, h.hex() if h else "") for n, s, h in known} == {
            n: (e.status, e.hash) for n, e in last.items()
        }
