"""What the agent costs the server it runs on: whole processes, gather and send as two of them.

The full collection is measured three times, because apt decides what it costs: with the cache that
apt keeps on every server, as root and as the unprivileged user of the shipped unit; and without,
as in container images, where apt reads all its lists each time.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.figures import Budget, Figure, Ratio, median
from tests.bench.process import Run, agent, interpreter_starts
from tests.system.enrolled import enrol_agent
from tests.system.running import Stage, new_stage, serving

BEATS_A_DAY: Final = 96
PEAK: Final = Budget(40)
NOBODY: Final = 65534
_RIGHTS: Final = "+dac_read_search,+sys_ptrace,+net_admin"
_AS_UNIT: Final = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(f"--inh-caps={_RIGHTS}", f"--ambient-caps={_RIGHTS}"),
)
"""The user and the three capabilities of the shipped unit; see setpriv(1)."""
_WITH_CACHE: Final = """\
set -e
mount -t tmpfs tmpfs /var/cache/apt
mkdir -p /var/cache/apt/archives/partial
: > /var/cache/apt/nothing
for file in /etc/apt/apt.conf.d/docker-*; do
    [ ! -e "$file" ] || mount --bind /var/cache/apt/nothing "$file"
done
apt-cache gencaches > /dev/null
echo ready
read -r _
"""
"""In a mount namespace of its own: apt with its cache, as everywhere but in container images."""


def measure(quick: bool) -> list[Figure]:
    """Quiet runs, full collections, and a day of both processes every quarter of an hour."""
    rounds, full_rounds = (2, 1) if quick else (15, 5)
    with tempfile.TemporaryDirectory() as name, serving(stage(Path(name))) as serve:
        folder = enrol_agent(serve.stage, "aurach", Path(name) / "agent")
        pair(folder)  # bytecode is written, the first report is out
        quiet = [pair(folder) for _ in range(rounds)]
        bare = [pair(forgetful(folder)) for _ in range(full_rounds)]
        with apt_with_cache() as before:
            rounds = full_rounds if before else 0
            root = [pair(forgetful(folder), before) for _ in range(rounds)]
        unit = _as_unit(folder, full_rounds)
    return [
        *_quiet(quiet),
        *_full("as root", root),
        *_full("as root, apt without its cache", bare),
        *_full("as the unit", unit),
    ]


def stage(root: Path) -> Stage:
    """A collector with one municipality, not yet started."""
    made = new_stage(root / "collector")
    made.add("aurach")
    return made


def pair(folder: Path, before: tuple[str, ...] = ()) -> tuple[Run, Run]:
    """gather and send, as the timer starts them."""
    return agent(folder, "gather", "--now", before=before), agent(folder, "send")


def forgetful(folder: Path) -> Path:
    """Costly sections are not kept from the run before: every probe runs."""
    shutil.rmtree(folder / "gather" / "sections", ignore_errors=True)
    return folder


def _as_unit(folder: Path, rounds: int) -> list[tuple[Run, Run]]:
    """Full collections as the shipped unit does them; none where that user cannot be had."""
    with apt_with_cache() as before:
        found = []
        for _ in range(rounds if before else 0):
            with _owned(forgetful(folder), NOBODY):
                found.append(pair(folder, (*before, *_AS_UNIT)))
            assert (folder / "gather" / "sections" / "updates.json").exists(), "apt did not answer"
        return found


@contextmanager
def apt_with_cache() -> Iterator[tuple[str, ...]]:
    """Words in front of a command that is to find apt's cache; none if this machine cannot."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))):
        yield ()
        return
    with subprocess.Popen(
        ["unshare", "-m", "sh", "-c", _WITH_CACHE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as room:
        assert room.stdin is not None and room.stdout is not None
        ready = room.stdout.readline() == b"ready\n"
        yield ("nsenter", f"--mount=/proc/{room.pid}/ns/mnt") if ready else ()
        room.stdin.close()


@contextmanager
def _owned(folder: Path, uid: int) -> Iterator[None]:
    try:
        _give(folder, uid)
        yield
    finally:
        _give(folder, 0)


def _give(folder: Path, uid: int) -> None:
    for path in (folder.parent, folder, *folder.rglob("*")):
        os.chown(path, uid, uid)


def _quiet(runs: list[tuple[Run, Run]]) -> list[Figure]:
    gathers, sends = [g for g, _ in runs], [s for _, s in runs]
    both = median(g.cpu_s + s.cpu_s for g, s in runs)
    budget = Budget(0.35)
    start = median(one.cpu_s for one in interpreter_starts())
    ratio = Ratio(both / start, "a bare interpreter")
    return [
        Figure("agent: quiet run, both processes", both, "CPU s", budget, ratio, _parts(runs)),
        Figure("agent: own peak of gather, quiet", _peak(gathers), "MiB", PEAK),
        Figure("agent: own peak of send", _peak(sends), "MiB", PEAK),
        Figure(
            "agent: a day of beats", BEATS_A_DAY * both, "CPU s", Budget(40), note="96 of these"
        ),
    ]


def _full(how: str, runs: list[tuple[Run, Run]]) -> list[Figure]:
    if not runs:
        return []
    both = median(g.cpu_s + s.cpu_s for g, s in runs)
    gathers = [g for g, _ in runs]
    name, note = f"agent: full collection, {how}", f"{installed()} packages; {_parts(runs)}"
    return [
        Figure(name, both, "CPU s", Budget(0.7), note=note),
        Figure(f"agent: own peak of gather, {how}", _peak(gathers), "MiB", PEAK),
    ]


def _parts(runs: list[tuple[Run, Run]]) -> str:
    gather, send = median(g.cpu_s for g, _ in runs), median(s.cpu_s for _, s in runs)
    return f"gather {gather:.2f} + send {send:.2f}"


def _peak(runs: list[Run]) -> float:
    return max(one.own_peak_mib for one in runs)


def installed() -> int:
    """Packages on this machine; 0 where dpkg does not rule."""
    status = Path("/var/lib/dpkg/status")
    return status.read_bytes().count(b"\nStatus: install ok installed\n") if status.exists() else 0
