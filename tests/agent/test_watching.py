"""Watched files: what a run looks at again, which changes it sees, when it waits for its turn."""

import copy
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from deploy.demo.recorded_host import RecordedHost
from tests.agent.fakes import Machine, recorded
from tests.agent.probes.test_certificates import made
from tests.fakes import Clock

from verbundwacht_agent import watching
from verbundwacht_agent.gather import gather
from verbundwacht_agent.host import LIMIT, FileStat, Host, LocalHost
from verbundwacht_agent.paths import DEFAULT_DIR, Paths
from verbundwacht_agent.probes import PROBES, Collected, signature
from verbundwacht_agent.watching import ALSO, REPEATS, look, pace, settle, watched
from verbundwacht_wire.facts import Sysctl

STATUS = "/var/lib/dpkg/status"
SETTING = "/proc/sys/kernel/sysrq"


class Mixed(RecordedHost):
    """A recording, in which one setting is read from a real file."""

    real: Path

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        if path == SETTING:
            return self.real.read_bytes()
        return super().read_bytes(path, limit)

    def stat(self, path: str) -> FileStat:
        return LocalHost().stat(str(self.real)) if path == SETTING else super().stat(path)


@pytest.fixture
def file(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real file with a number in it, which is watched and which section `sysctl` reads."""
    machine.host = copy.copy(machine.host)
    machine.host.__class__ = Mixed
    assert isinstance(machine.host, Mixed)
    machine.host.real = tmp_path / "real"
    machine.host.real.write_text("1")
    monkeypatch.setattr(watching, "ALSO", (SETTING,))
    return machine.host.real


def slowly(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> list[int]:
    """The probe has read its file when `meanwhile` happens; returns what it has read so far."""
    probe, read = PROBES["sysctl"], list[int]()

    def slow(host: Host) -> Collected:
        found = probe.probe(host)
        assert isinstance(found.body, Sysctl) and found.body.kernel_sysrq is not None
        read.append(found.body.kernel_sysrq)
        meanwhile()
        return found

    monkeypatch.setitem(PROBES, "sysctl", probe._replace(probe=slow))
    return read


def test_a_file_changed_while_a_slow_probe_runs_is_reported_by_the_same_run(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = slowly(monkeypatch, lambda: file.read_text() == "22" or file.write_text("22"))

    assert machine.gather() == "report"
    assert read == [1, 22]
    assert machine.spooled() == [1, 2]
    assert b"22" in bytes(machine.report().bodies["sysctl"])


def test_a_run_in_which_nothing_changed_looks_once(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = slowly(monkeypatch, lambda: None)

    machine.gather()

    assert (read, machine.spooled()) == ([int(file.read_text())], [1])


def test_a_file_that_never_rests_ends_the_run_after_two_repeats(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = slowly(monkeypatch, lambda: file.write_text(f"{int(file.read_text())}0"))

    machine.gather()

    assert read == [1, 10, 100]
    assert len(read) == 1 + REPEATS


def test_a_change_that_changes_no_fact_ends_with_a_beat_and_the_run_still_says_report(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch, lambda: os.utime(file, (1, 1)))

    assert machine.gather() == "report"
    assert machine.spooled() == [1]
    assert machine.beat().n >= 1


def touched(path: Path) -> None:
    path.write_text("longer than before")


def moved_over(path: Path) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(path.read_bytes())
    os.utime(fresh, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    fresh.replace(path)


@pytest.mark.parametrize(
    "change", [touched, moved_over, Path.unlink, lambda path: path.chmod(0o600)],
    ids=["written", "replaced-with-the-same-time", "deleted", "mode"],
)  # fmt: skip
@pytest.mark.parametrize("what", ["file", "folder"])
def test_every_kind_of_change_is_seen_in_a_file_and_in_a_watched_folder(
    tmp_path: Path, change: Callable[[Path], object], what: str
) -> None:
    path = tmp_path / "folder" / "one.conf"
    path.parent.mkdir()
    path.write_text("before")
    path.chmod(0o644)
    paths = (str(path if what == "file" else path.parent),)
    before = signature(LocalHost(), paths)

    change(path)

    assert signature(LocalHost(), paths) != before


def test_an_edit_in_place_below_a_watched_folder_makes_a_costly_probe_run_again(
    machine: Machine,
) -> None:
    """The folder itself stays as it was."""
    source = "/etc/apt/sources.list.d/debian.sources"
    machine.host = machine.host.with_file(source, "Types: deb\n")
    machine.gather()
    machine.clock.advance()
    machine.host = machine.host.with_file(source, "Types: deb-src\n")
    machine.change()
    machine.gather()

    assert machine.report().manifest["updates"].at == machine.clock.now


def test_a_renewed_certificate_is_seen_wherever_it_lies(
    machine: Machine,
) -> None:
    where = "/srv/portal/portal.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = made(key, cn="alt"), made(key, cn="ein neuer Name")
    machine.host = with_nginx(machine.host, where).with_file(where, old)
    times = []
    for content in (old, old, old, new):
        machine.host = machine.host.with_file(where, content)
        machine.clock.advance()
        machine.change(str(machine.clock.now))
        machine.gather()
        times.append(machine.report().manifest["certificates"].at)

    assert times[3] == machine.clock.now
    assert times[2] == times[1], "nothing had changed"


def with_nginx(host: RecordedHost, certificate: str) -> RecordedHost:
    """One TLS site with this certificate."""
    site = f"http {{ server {{ listen 443 ssl; ssl_certificate {certificate}; }} }}"
    return host.with_file("/usr/sbin/nginx", "").with_file("/etc/nginx/nginx.conf", site)


def test_what_is_watched_is_what_probes_declare_and_never_the_inbox() -> None:
    found = watched()

    assert set(found) >= {*ALSO, STATUS, "/etc/shadow", "/etc/ssh/sshd_config.d"}
    assert list(found) == sorted(set(found))
    inbox = str(Paths(DEFAULT_DIR).inbox)
    assert not [path for path in found if inbox.startswith(f"{path}/") or path.startswith(inbox)]
    assert not [path for path in found if path.startswith(("/proc", "/sys"))]


def test_a_path_that_may_not_be_looked_at_is_no_change() -> None:
    host = recorded().denying("/etc/ssh")

    assert look(host) == look(host)
    assert look(host)["/etc/ssh/sshd_config.d"] is None


def test_a_report_of_any_round_is_what_the_run_has_done(file: Path, machine: Machine) -> None:
    results = iter(["beat", "report", "beat"])

    def once() -> str:
        file.write_text(f"{file.read_text()}0")
        return next(results)

    assert settle(machine.host, once) == "report"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def runs(file: Path, clock: Clock, *seconds_between: float) -> list[float]:
    """One run after the other; returns how long each waited first, seconds."""
    waited: list[float] = []

    def pause(wait_s: float) -> None:
        waited[-1] += wait_s
        clock.advance(round(wait_s * 1000))

    for step in seconds_between:
        clock.advance(round(step * 1000))
        waited.append(0.0)
        pace(file, clock, pause)
    return waited


def test_the_fourth_run_of_a_minute_waits_until_the_minute_is_over(
    tmp_path: Path, clock: Clock
) -> None:
    assert runs(tmp_path / "run" / "starts", clock, 0, 5, 5, 5, 1) == [0, 0, 0, 45, 4]


def test_runs_of_the_timer_never_wait(tmp_path: Path, clock: Clock) -> None:
    assert runs(tmp_path / "starts", clock, *[900.0] * 5) == [0] * 5


def test_a_clock_set_back_makes_no_run_wait(tmp_path: Path, clock: Clock) -> None:
    assert runs(tmp_path / "starts", clock, 0, 1, 1, -7200, 1) == [0] * 5


@pytest.mark.parametrize("content", [b"", b"1 2 x", b"\xff", b"9" * 5000])
def test_a_damaged_note_of_the_last_runs_stops_nothing(
    tmp_path: Path, clock: Clock, content: bytes
) -> None:
    (tmp_path / "starts").write_bytes(content)

    assert runs(tmp_path / "starts", clock, 0, 1) == [0, 0]


def test_no_run_ever_waits_longer_than_a_minute(tmp_path: Path) -> None:
    for gaps in ((0.0,) * 9, (19.9,) * 9, (0.001,) * 9):
        waited = runs(tmp_path / str(gaps[0]), Clock(), *gaps)
        assert max(waited) <= 60


def test_only_a_patient_run_waits(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(watching.pace, "__defaults__", (waited.append,))
    for patient in (False, False, False, False, True, True, True, True):
        gather(machine.paths, machine.host, machine.clock, patient=patient)

    assert waited == [60.0]
