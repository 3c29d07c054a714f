"""The agent dies at every write to the disk; the next run goes on as if nothing had been."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.agent.fakes import Crash, Machine, admit, dying
from tests.collector.fakes import Collector

from verbundwacht_agent import spool
from verbundwacht_agent.enrol import accept, prepare
from verbundwacht_agent.receipt import load_enrolment

Scene = Callable[[Machine, Collector, pytest.MonkeyPatch], None]


def fresh(machine: Machine, sammler: Collector, patch: pytest.MonkeyPatch) -> None:
    """The first report of all."""


def changed(machine: Machine, sammler: Collector, patch: pytest.MonkeyPatch) -> None:
    """A report among others that wait."""
    machine.gather()
    machine.change()


def quiet(machine: Machine, sammler: Collector, patch: pytest.MonkeyPatch) -> None:
    """A beat after an answer that empties the spool."""
    for line in "abc":
        machine.change(line)
        machine.gather()
    machine.send(sammler)


def restarted(machine: Machine, sammler: Collector, patch: pytest.MonkeyPatch) -> None:
    """A report of a machine that has just started again."""
    machine.round(sammler)
    machine.host = machine.host.with_file("/proc/sys/kernel/random/boot_id", "second\n")
    machine.change()


def forked(machine: Machine, sammler: Collector, patch: pytest.MonkeyPatch) -> None:
    """Another copy of this host went on reporting, further than we did."""
    machine.round(sammler)
    twin = machine.copy(machine.paths.root.with_name(f"{machine.paths.root.name}-twin"))
    for line in "abc":
        twin.change(line)
        twin.round(sammler)
    for line in "xyz":
        machine.change(line)
        machine.gather()
    machine.clock.now = twin.clock.now
    assert machine.codes(sammler)[0] == "FORK"


def overflowing(machine: Machine, sammler: Collector, patch: pytest.MonkeyPatch) -> None:
    """More waits than the spool may hold."""
    for line in "abcd":
        machine.change(line)
        machine.gather()
    newest = machine.paths.spool / f"{machine.spooled()[-1]:020d}.vw"
    patch.setattr(spool, "MAX_BYTES", newest.stat().st_size + 10)
    machine.change("e")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("scene", [fresh, changed, quiet, restarted, forked, overflowing])
def test_a_run_that_dies_at_any_write_leaves_a_chain_that_goes_on(
    machine: Machine,
    sammler: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scene: Scene,
    after: bool,
) -> None:
    scene(machine, sammler, monkeypatch)
    limit = spool.MAX_BYTES  # holds for the run that dies, and not for those that follow
    monkeypatch.undo()
    before, at, died = sammler.copied(), 0, True
    while died:
        at += 1
        victim = machine.copy(tmp_path / f"{at}")
        sammler.restore(before)
        with monkeypatch.context() as patch, dying(at, after=after) as came:
            patch.setattr(spool, "MAX_BYTES", limit)
            with suppress(Crash):
                victim.gather()
            died = came()
        _goes_on(victim, sammler, f"{scene.__name__} at write {at}")

    assert at > 3


def _goes_on(victim: Machine, sammler: Collector, where: str) -> None:
    """Everything on the disk is accepted, whole, in order; and so is all that follows."""
    known = victim.entries()
    for _ in range(3):  # a rebase, or a gap that is declared, may need one more exchange
        victim.round(sammler)
        used = victim.entries()
        assert all(used.get(seq, entry) == entry for seq, entry in known.items()), where
    victim.change(where)
    victim.gather()
    codes = victim.codes(sammler)
    ((hi, upto),) = sammler.rows("SELECT hi, upto FROM chain")

    assert codes == ["OK"], where
    assert hi == upto == victim.spooled()[-1], where
    assert victim.round(sammler) == "beat", where
    assert victim.spooled() == [hi], where


@pytest.mark.parametrize("after", [False, True])
def test_an_enrolment_that_dies_at_any_write_is_simply_repeated(
    sammler: Collector, tmp_path: Path, after: bool
) -> None:
    at, died = 0, True
    while died:
        at += 1
        machine = Machine(tmp_path / f"{at}")
        out = machine.paths.root / "request.vw"
        with dying(at, after=after) as came:
            with suppress(Crash):
                prepare(machine.paths, machine.host, "musterdorf", out, machine.clock)
                accept(machine.paths, admit(sammler, out.read_bytes()))
            died = came()
        if not machine.paths.receipt.exists():
            accept(machine.paths, admit(sammler, machine.prepare()))
        machine.gather()

        assert load_enrolment(machine.paths).receipt.municipality == "musterdorf"
        assert machine.codes(sammler) == ["OK"], f"write {at}"

    assert at > 10
