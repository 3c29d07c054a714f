"""One run: what is looked at again, what is sent, in how many messages, after a restart."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from deploy.demo.recorded_host import RecordedHost
from tests.agent.fakes import Machine, recorded
from tests.collector.fakes import Collector
from tests.fakes import HOUR, MINUTE

from verbundwacht_agent import collect as collecting
from verbundwacht_agent import gather as gathering
from verbundwacht_agent.collect import collect
from verbundwacht_agent.errors import Busy, StateError, Unavailable
from verbundwacht_agent.host import Host
from verbundwacht_agent.probes import PROBES, Collected, Probe

STATUS = "/var/lib/dpkg/status"
LOCK = "/var/lib/dpkg/lock-frontend"


def with_package(host: RecordedHost, name: str) -> RecordedHost:
    """One more package is installed."""
    stanza = f"\nPackage: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
    return host.with_file(STATUS, host.read_bytes(STATUS) + stanza.encode())


def locked(host: RecordedHost) -> RecordedHost:
    """The package manager is at work."""
    host = host.with_file(LOCK, "")
    line = f"1: POSIX  ADVISORY  WRITE 1 08:01:{host.stat(LOCK).inode} 0 EOF\n"
    return host.with_file("/proc/locks", line)


def test_nothing_new_is_one_beat_that_attests_the_last_report(machine: Machine) -> None:
    from verbundwacht_wire.manifest import manifest_hash

    first = machine.gather()
    machine.clock.advance()
    done = [machine.gather(), machine.gather()]

    assert (first, done, machine.spooled()) == ("report", ["beat", "beat"], [1])
    assert machine.beat().manifest == manifest_hash(machine.report().manifest)
    assert machine.beat().n == 2


def test_only_the_changed_section_is_sent_and_the_manifest_names_all(machine: Machine) -> None:
    machine.gather()
    machine.change()
    machine.gather()

    assert machine.report().bodies.keys() == {"sysctl"}
    assert machine.report().manifest.keys() == PROBES.keys()


def test_a_costly_section_keeps_its_time_until_its_files_change(machine: Machine) -> None:
    machine.gather()
    at = machine.report().manifest["packages"].at
    machine.clock.advance()
    machine.change()
    machine.gather()
    kept = machine.report().manifest["packages"].at
    machine.host = with_package(machine.host, "new")
    machine.gather()
    entry = machine.report().manifest["packages"]

    assert (at, kept, entry.at) == (at, at, machine.clock.now)
    assert b'"new"' in bytes(machine.report().bodies["packages"])


def test_a_costly_section_is_looked_at_again_after_six_hours(machine: Machine) -> None:
    machine.gather()
    times = []
    for step in (6 * HOUR - 1, 1):
        machine.clock.advance(step)
        machine.change(f"{step}")
        machine.gather()
        times.append(machine.report().manifest["updates"].at)

    assert times == [machine.clock.now - 6 * HOUR, machine.clock.now]


def test_a_clock_that_was_set_back_makes_nothing_look_fresh(machine: Machine) -> None:
    machine.gather()
    machine.clock.advance(-HOUR)
    machine.change()
    machine.gather()

    assert machine.report().manifest["packages"].at == machine.clock.now


def test_a_busy_package_manager_leaves_the_old_list_with_its_time_and_no_longer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "BUSY_WAIT_S", 0.0)
    machine.gather()
    free, at = with_package(machine.host, "halfway"), machine.clock.now
    machine.clock.advance(MINUTE)
    machine.host = locked(free)
    busy = machine.gather()
    stays = machine.report().manifest["packages"].at
    machine.clock.advance(MINUTE)
    machine.host = free
    done = machine.gather()

    assert (busy, stays, done) == ("beat", at, "report")
    assert b'"halfway"' in bytes(machine.report().bodies["packages"])


def test_a_busy_package_manager_on_the_first_run_is_a_named_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "BUSY_WAIT_S", 0.0)
    sections = collect(locked(recorded()), lambda: 1)

    assert {(sections[n].entry.status, sections[n].entry.reason) for n in ("packages", "updates")} \
        == {("failed", "package_manager_busy")}  # fmt: skip
    assert sections["sysctl"].entry.status == "ok"


def test_what_changes_while_a_probe_looks_is_looked_at_once_more(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = PROBES["packages"]

    def slow(host: Host) -> Collected:
        found = probe.probe(host)
        assert isinstance(host, RecordedHost)
        host._files[STATUS] = with_package(host, "meanwhile").read_bytes(STATUS)
        return found

    machine.host = with_package(machine.host, "before")  # a copy of our own
    monkeypatch.setitem(PROBES, "packages", probe._replace(probe=slow))
    machine.gather()
    monkeypatch.setitem(PROBES, "packages", probe)
    machine.gather()

    assert b'"meanwhile"' in bytes(machine.report().bodies["packages"])


def test_a_damaged_kept_section_only_means_another_look(machine: Machine) -> None:
    machine.gather()
    for path in machine.paths.sections.iterdir():
        path.write_bytes(b'{"entry": \xff')
    machine.clock.advance()
    machine.change()
    machine.gather()

    assert machine.report().manifest["packages"].at == machine.clock.now


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The first four probes hang until the test is over."""
    let_go = threading.Event()

    def hang(_: Host) -> Collected:
        let_go.wait(30)
        raise Unavailable("failed", "read_error")

    for name in list(PROBES)[:4]:
        monkeypatch.setitem(PROBES, name, Probe(name, hang))
    yield let_go
    let_go.set()


def test_four_hanging_probes_are_timeouts_and_stop_no_other(hanging: threading.Event) -> None:
    begun = time.monotonic()
    sections = collect(recorded(), lambda: 1, all_s=120.0, each_s=0.5)
    took = time.monotonic() - begun
    late = list(PROBES)[:4]

    assert {(sections[n].entry.status, sections[n].entry.reason) for n in late} == {
        ("timeout", "probe_limit")
    }
    assert {sections[n].entry.status for n in PROBES if n not in late} <= {"ok", "absent"}
    assert took < 60, "the limit of the run, which nobody waits for"


def test_probes_that_never_got_their_turn_are_named_by_the_limit_of_the_run(
    hanging: threading.Event,
) -> None:
    sections = collect(recorded(), lambda: 1, names=list(PROBES)[:5], all_s=0.2, each_s=60.0)

    assert [sections[n].entry.reason for n in list(PROBES)[:4]] == ["run_limit"] * 4
    assert not hanging.is_set()


_LEAVES: Final = """
import sys, threading, time
from pathlib import Path
from verbundwacht_agent import host
from verbundwacht_agent.host import LocalHost
words = ("/bin/sh", "-c", f"echo $$ > {sys.argv[1]}; exec sleep 600")
hang = lambda: LocalHost().run(words, timeout_s=600)
threading.Thread(target=hang, daemon=True).start()
while not (Path(sys.argv[1]).exists() and Path(sys.argv[1]).read_text() and host._running):
    time.sleep(0.01)
"""


def test_the_command_of_a_probe_that_hangs_ends_with_the_run(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", _LEAVES, note], check=True, timeout=60)
    process = Path("/proc", note.read_text().strip())

    until = time.monotonic() + 30
    while _is_running(process) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _is_running(process)


def _is_running(process: Path) -> bool:
    """It is there, and no zombie that only waits for its parent to notice."""
    try:
        return ") Z" not in (process / "stat").read_text()
    except OSError:
        return False


def test_a_probe_with_a_fault_of_its_own_is_one_failed_section(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, sammler: Collector
) -> None:
    def broken(_: Host) -> Collected:
        raise KeyError("bug")

    monkeypatch.setitem(PROBES, "mounts", Probe("mounts", broken))
    machine.gather()
    entry = machine.report().manifest["mounts"]

    assert (entry.status, entry.reason, entry.hash) == ("failed", "internal_error", "")
    assert "mounts" not in machine.report().bodies
    assert machine.codes(sammler) == ["OK"]


def test_a_restart_of_the_machine_raises_the_epoch_once(machine: Machine) -> None:
    machine.gather()
    for boot in ("second", "second", "third"):
        machine.host = machine.host.with_file("/proc/sys/kernel/random/boot_id", f"{boot}\n")
        machine.change(f"{boot}{machine.spooled()}")
        machine.gather()
    headers = [machine.frame(seq).header for seq in machine.spooled()]

    assert [header.epoch for header in headers] == [1, 2, 2, 3]
    assert len({header.boot for header in headers}) == 3


def test_a_second_run_beside_the_first_leaves_at_once_and_touches_nothing(
    machine: Machine,
) -> None:
    machine.gather()
    before = machine.state()
    with gathering._alone(machine.paths), pytest.raises(Busy, match="anderer Lauf"):
        machine.gather()

    assert machine.state() == before


@pytest.mark.parametrize("name", ["spool", "beat", "downlink", "rebase", "receipt"])
def test_damaged_state_is_one_sentence_that_names_the_file_and_a_step(
    machine: Machine, name: str
) -> None:
    from verbundwacht_agent.errors import AgentError

    machine.gather()
    machine.gather()
    path = {
        "spool": machine.paths.spool / f"{1:020d}.vw",
        "beat": machine.paths.beat,
        "downlink": machine.paths.gather / "downlink",
        "rebase": machine.paths.rebase,
        "receipt": machine.paths.receipt,
    }[name]
    answer = machine.answer()
    path.write_bytes(b"damaged")
    (machine.paths.inbox / "0001.vw").write_bytes(answer)
    with pytest.raises(AgentError) as caught:
        machine.gather()

    assert str(path if name != "receipt" else "Quittung") in str(caught.value)
    assert caught.value.args[0].endswith(("KÜRZEL", "holen."))


def test_a_spooled_frame_whose_content_is_damaged_is_named_as_well(machine: Machine) -> None:
    machine.gather()
    path = machine.paths.spool / f"{1:020d}.vw"
    raw = bytearray(path.read_bytes())
    raw[400] ^= 1
    path.write_bytes(raw)

    with pytest.raises(StateError, match="beschädigt"):
        machine.gather()
