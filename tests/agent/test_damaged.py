"""The disk changed a report that waits: it is declared as lost, and everything else goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector

from verbundwacht_agent.post import letters


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    """One bit of the payload: only the signature shows it."""
    raw = bytearray(path.read_bytes())
    raw[-90] ^= 1
    path.write_bytes(raw)


def exchanged(path: Path) -> None:
    """A right frame under a wrong number."""
    path.write_bytes(min(path.parent.glob("*.vw")).read_bytes())


def waiting(machine: Machine, *changes: str) -> None:
    """Reports wait, one for each change and a first one with everything."""
    machine.gather()
    for change in changes:
        machine.change(change)
        machine.gather()


def file(machine: Machine, seq: int) -> Path:
    return machine.paths.spool / f"{seq:020d}.vw"


def settled(machine: Machine, collector: Collector) -> bool:
    """Everything is acknowledged, and only the beat is left to be sent."""
    machine.send(collector)
    machine.gather()
    return machine.spooled() == [max(machine.spooled())] and [
        letter.path for letter in letters(machine.paths)
    ] == [machine.paths.beat]


@pytest.mark.parametrize("damage", [cut, flipped, exchanged])
def test_a_damaged_report_in_the_middle_is_declared_and_the_beat_goes_on_at_once(
    machine: Machine, sammler: Collector, damage: Callable[[Path], None]
) -> None:
    waiting(machine, "a", "b", "c")
    damage(file(machine, 3))
    done = machine.gather()
    newest = machine.report()

    assert done == "report"
    assert (newest.dropped, machine.spooled()) == ((3, 3), [1, 2, 4, 5])
    assert newest.bodies.keys() == {n for n, e in newest.manifest.items() if e.hash}
    assert machine.codes(sammler) == ["OK", "OK", "GAP", "OK"]
    assert settled(machine, sammler)


def test_a_damaged_first_report_is_declared_too(machine: Machine, sammler: Collector) -> None:
    waiting(machine, "a", "b")
    cut(file(machine, 1))
    machine.gather()

    assert machine.report().dropped == (1, 1)
    machine.send(sammler)
    assert settled(machine, sammler)


def test_several_damaged_reports_are_declared_each_and_nothing_between_them(
    machine: Machine, sammler: Collector
) -> None:
    waiting(machine, *"abcdef")
    for seq in (2, 4, 5):
        flipped(file(machine, seq))
    machine.gather()

    assert [machine.report(seq).dropped for seq in (8, 9)] == [(2, 2), (4, 5)]
    assert machine.spooled() == [1, 3, 6, 7, 8, 9]
    machine.send(sammler)
    assert settled(machine, sammler)


def test_damage_is_found_once_and_the_second_run_has_nothing_to_declare(
    machine: Machine,
) -> None:
    waiting(machine, "a", "b")
    flipped(file(machine, 2))
    done = [machine.gather(), machine.gather()]

    assert done == ["report", "beat"]


def test_a_sound_spool_that_waits_for_days_declares_nothing(machine: Machine) -> None:
    waiting(machine, *"abcd")

    assert [machine.report(seq).dropped for seq in machine.spooled()] == [None] * 5
    assert machine.gather() == "beat"


def test_the_damage_is_one_line_of_the_log(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting(machine, "a", "b")
    flipped(file(machine, 2))
    capsys.readouterr()
    machine.gather()

    assert '"event": "frame.damaged", "level": "error"' in capsys.readouterr().err
