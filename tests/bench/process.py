"""Whole processes, measured from outside: CPU with all children, and the process's own peak.

`ru_maxrss` would be of little use here: it counts the largest child as well, and a fresh process
inherits the figure of the one that started it. VmHWM belongs to one program alone, so the
process writes its own down as its last act.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

_LAST_ACT: Final = """\
import atexit, shutil, sys
atexit.register(shutil.copyfile, "/proc/self/status", sys.argv.pop(1))
from verbundwacht_agent.cli import main
sys.exit(main())
"""


class Run(NamedTuple):
    """One process from its start to its end."""

    cpu_s: float  # user and system, of the process and its children
    own_peak_mib: float
    wall_s: float
    said: str  # on standard error: its log


def agent(folder: Path, *command: str, before: Sequence[str] = ()) -> Run:
    """`verbundwacht-agent --dir folder command`, which must succeed.

    before: words in front of the interpreter, such as a change of user.
    """
    with tempfile.NamedTemporaryFile() as status:
        Path(status.name).chmod(0o666)
        words = (*before, sys.executable, "-c", _LAST_ACT, status.name, "--dir", str(folder))
        run = _run(*words, *command)
        peak_kib = Path(status.name).read_text().partition("VmHWM:")[2].split()[0]
    return run._replace(own_peak_mib=int(peak_kib) / 1024)


def interpreter_starts(rounds: int = 9) -> list[Run]:
    """The least that any Python process costs."""
    return [_run(sys.executable, "-c", "pass") for _ in range(rounds)]


def _run(*words: str) -> Run:
    start = time.perf_counter()
    with subprocess.Popen(
        words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        assert child.stderr is not None
        said = child.stderr.read()
        _, ended, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
    assert child.returncode == 0, said.decode()
    wall_s = time.perf_counter() - start
    return Run(usage.ru_utime + usage.ru_stime, 0.0, wall_s, said.decode())


def environment() -> dict[str, str]:
    """As a timer starts it: bytecode may be kept, nothing is unbuffered."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
