"""One side was put back to an earlier state, from a backup or a snapshot: both find together."""

from pathlib import Path

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector

from verbundwacht_collector.store.views import HostRow


def seen(sammler: Collector, machine: Machine) -> HostRow:
    """The host as a reader sees it now."""
    sammler.clock.now = machine.clock.now
    (row,) = sammler.seen()
    return row


def is_well(sammler: Collector, machine: Machine) -> bool:
    """Heard now, facts known, nothing left to explain or to send."""
    row = seen(sammler, machine)
    closed = sammler.value("SELECT hi = upto FROM chain")
    return row.freshness == "fresh" and not row.facts_unknown and bool(closed)


@pytest.mark.parametrize("changes_after", [0, 1, 3])
@pytest.mark.parametrize("lost", [1, 2, 5])
def test_a_collector_from_a_backup_hears_its_hosts_again_within_four_runs(
    sammler: Collector, machine: Machine, lost: int, changes_after: int
) -> None:
    machine.round(sammler)
    backup = sammler.copied()
    for n in range(lost):
        machine.change(f"lost {n}")
        machine.round(sammler)
    machine.round(sammler)  # the last answer is read
    sammler.restore(backup)
    for n in range(4):
        if n < changes_after:
            machine.change(f"after {n}")
        machine.round(sammler)

    assert is_well(sammler, machine)
    assert machine.round(sammler) == "beat"
    assert is_well(sammler, machine)


def test_a_collector_from_a_backup_shows_nothing_old_as_good_meanwhile(
    sammler: Collector, machine: Machine
) -> None:
    machine.round(sammler)
    backup = sammler.copied()
    machine.change()
    machine.round(sammler)
    machine.round(sammler)
    sammler.restore(backup)
    machine.round(sammler)

    row = seen(sammler, machine)
    assert set(row.outcomes) <= {"stale"}


def test_frames_that_cannot_be_read_any_more_do_not_keep_the_host_silent(
    sammler: Collector, machine: Machine
) -> None:
    machine.round(sammler)
    machine.clock.advance()
    machine.change("never sent")
    machine.gather()
    machine.paths.spool.joinpath(f"{2:020d}.vw").unlink()  # lost with the disk's block
    machine.change("sent")
    machine.gather()
    for _ in range(4):
        machine.round(sammler)

    assert seen(sammler, machine).freshness == "fresh"


@pytest.mark.parametrize("beats", [1, 5, 40])
def test_a_host_from_a_snapshot_is_heard_again_within_three_runs(
    sammler: Collector, machine: Machine, tmp_path: Path, beats: int
) -> None:
    machine.round(sammler)
    machine.round(sammler)
    snapshot = machine.copy(tmp_path / "snapshot")
    for _ in range(beats):
        machine.round(sammler)
    snapshot.clock.now = machine.clock.now
    for _ in range(3):
        snapshot.round(sammler)

    assert is_well(sammler, snapshot)


def test_a_host_from_a_snapshot_with_other_facts_is_heard_again_within_three_runs(
    sammler: Collector, machine: Machine, tmp_path: Path
) -> None:
    machine.round(sammler)
    snapshot = machine.copy(tmp_path / "snapshot")
    for n in range(3):
        machine.change(str(n))
        machine.round(sammler)
        machine.round(sammler)
    snapshot.clock.now = machine.clock.now
    for _ in range(4):
        snapshot.round(sammler)

    assert is_well(sammler, snapshot)
    assert sammler.value("SELECT manifest FROM host") is not None
