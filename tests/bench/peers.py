"""The agent beside what towns know: one audit by lynis, and Debian's prometheus-node-exporter.

All in one run on one machine, so the ratios travel. A day is computed from runs that were really
measured: nobody waits a day for a bench. Without those programs (tools/bench_setup.sh installs
them) or without root only the agent's own figures are left.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.agent import BEATS_A_DAY, apt_with_cache, forgetful, pair, stage
from tests.bench.figures import Budget, Figure, Ratio, median
from tests.bench.process import Run, environment
from tests.system.enrolled import enrol_agent
from tests.system.running import serving

FULL_A_DAY: Final = 4  # costly probes run after six hours
CHANGES_A_DAY: Final = 2
SCRAPES_A_DAY: Final = 24 * 60  # one a minute, the default of Prometheus
_SCRAPES: Final = 20
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_EXPORTER: Final = "prometheus-node-exporter"
_LYNIS: Final = ("audit", "system", "--quick", "--no-colors")


class Own(NamedTuple):
    """CPU seconds of gather and send together, each the median of its runs."""

    quiet: float
    full: float
    change: float
    resident: int  # processes of the agent that were left between runs

    @property
    def day(self) -> float:
        """96 runs, a few of them with everything or with a change."""
        rest = BEATS_A_DAY - FULL_A_DAY - CHANGES_A_DAY
        return rest * self.quiet + FULL_A_DAY * self.full + CHANGES_A_DAY * self.change


class Exporter(NamedTuple):
    """What a resident exporter holds and takes."""

    rss_mib: float
    anonymous_mib: float
    scrape_cpu_s: float


def measure(quick: bool) -> list[Figure]:
    """Quiet, full and changed runs of the agent, one audit, a running exporter."""
    own = _own(1 if quick else 7)
    exporter = _exporter()
    lynis = None if quick else _lynis()
    return [*_day(own, exporter), *_beside_exporter(own, exporter), *_beside_lynis(own, lynis)]


def _own(rounds: int) -> Own:
    with tempfile.TemporaryDirectory() as name, serving(stage(Path(name))) as serve:
        folder = enrol_agent(serve.stage, "aurach", Path(name) / "agent")
        with apt_with_cache() as before:
            pair(folder, before)  # bytecode is written, the first report is out
            quiet = [_cpu(pair(folder, before)) for _ in range(rounds)]
            full = [_cpu(pair(forgetful(folder), before)) for _ in range(rounds)]
            changed = [_cpu(_changed(folder, before)) for _ in range(rounds)]
        return Own(median(quiet), median(full), median(changed), _processes_of(folder))


def _cpu(runs: tuple[Run, Run]) -> float:
    return sum(run.cpu_s for run in runs)


def _changed(folder: Path, before: tuple[str, ...]) -> tuple[Run, Run]:
    """A run that finds an open port more; this machine itself stays as it is."""
    with socket.create_server(("0.0.0.0", 0)):
        runs = pair(folder, before)
    assert "report.spooled" in runs[0].said, "an open port is a change"
    pair(folder, before)  # and it is closed again, which is reported, too
    return runs


def _processes_of(folder: Path) -> int:
    """Processes whose command line names the agent's folder."""
    found = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += os.fsencode(folder) in file.read_bytes()
        except OSError:  # it ended
            continue
    return found


def _lynis() -> float | None:
    """CPU seconds of one audit of this machine; None where it cannot be had."""
    program = shutil.which("lynis")
    if program is None or os.geteuid() != 0:
        return None
    with tempfile.TemporaryDirectory() as name:
        files = ("--logfile", "/dev/null", "--report-file", f"{name}/report.dat")
        with subprocess.Popen(
            (program, *_LYNIS, *files),
            cwd=name,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            _, ended, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(ended)
    return usage.ru_utime + usage.ru_stime


def _exporter() -> Exporter | None:
    """Debian's exporter as it is, after a few scrapes and a rest; None without it."""
    program = shutil.which(_EXPORTER)
    if program is None:
        return None
    with _listening(program) as (pid, url):
        for _ in range(3):
            _scrape(url)
        begun = _cpu_of(pid)
        for _ in range(_SCRAPES):
            _scrape(url)
        used = _cpu_of(pid) - begun
        time.sleep(5)  # its memory settles
        status = Path(f"/proc/{pid}/status").read_text()
    return Exporter(_mib(status, "VmRSS"), _mib(status, "RssAnon"), used / _SCRAPES)


@contextmanager
def _listening(program: str) -> Iterator[tuple[int, str]]:
    """The exporter answers on loopback; yields its process and address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = (program, f"--web.listen-address=127.0.0.1:{port}")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            url = f"http://127.0.0.1:{port}/metrics"
            _wait_for(url)
            yield child.pid, url
        finally:
            child.terminate()


def _wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            return _scrape(url)
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _scrape(url: str) -> None:
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert b"node_" in answer.read()


def _cpu_of(pid: int) -> float:
    """User and system seconds of a process. Source: proc(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _mib(status: str, name: str) -> float:
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def _day(own: Own, exporter: Exporter | None) -> list[Figure]:
    rest = BEATS_A_DAY - FULL_A_DAY - CHANGES_A_DAY
    note = (
        f"{rest} quiet {own.quiet:.2f}, {FULL_A_DAY} full {own.full:.2f}, "
        f"{CHANGES_A_DAY} changes {own.change:.2f}"
    )
    ratio = None
    if exporter is not None:
        day = SCRAPES_A_DAY * exporter.scrape_cpu_s
        ratio = Ratio(own.day / day, f"{_EXPORTER}, one scrape a minute")
    return [Figure("agent: a day", own.day, "CPU s", Budget(40), ratio, note)]


def _beside_exporter(own: Own, exporter: Exporter | None) -> list[Figure]:
    left = Figure(
        "agent: processes between runs", own.resident, "", Budget(0), note="so 0 MiB, 0 CPU"
    )
    if exporter is None:
        return [left]
    memory = f"{exporter.anonymous_mib:.1f} MiB of it its own"
    scrape, every = 1000 * exporter.scrape_cpu_s, BEATS_A_DAY * exporter.scrape_cpu_s
    note = f"{every:.1f} CPU s for {BEATS_A_DAY} of them"
    return [
        left,
        Figure(f"peers: {_EXPORTER}, idle", exporter.rss_mib, "MiB", note=memory),
        Figure(f"peers: {_EXPORTER}, a scrape", scrape, "CPU ms", note=note),
    ]


def _beside_lynis(own: Own, lynis: float | None) -> list[Figure]:
    if lynis is None:
        return []
    times, note = lynis / own.full, f"a full run takes {own.full:.2f} CPU s"
    return [
        Figure("peers: one lynis audit system --quick", lynis, "CPU s"),
        Figure("agent: full runs for one lynis", times, "×", Budget(40, at_least=True), note=note),
    ]
