"""A collector in foreign hands cannot take over a server, whatever it signs.

VERBUNDWACHT_DOWNLINKS sets another number than 100,000, for a machine where that takes too long.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from verbundwacht_agent.spool import MAX_PARKED

ROOT: Final = Path(__file__).parents[2]
COUNT: Final = int(os.environ.get("VERBUNDWACHT_DOWNLINKS", "100000"))
PROVEN: Final = {
    *("subprocess.Popen", "os.system", "os.posix_spawn", "ctypes.dlopen", "socket.getaddrinfo"),
    *("socket.__new__", "open", "os.rename", "os.remove", "exec", "compile"),
}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: each number that was seen is an fsync."""
    shared = Path("/dev/shm")
    where = shared if os.access(shared, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=where) as folder:
        yield Path(folder)


def attacked(folder: Path, count: int, *options: str) -> dict[str, Any]:
    """What the child has seen."""
    command = [sys.executable, "-m", "tests.agent.hostile_downlinks", str(folder), str(count)]
    ran = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_no_signed_downlink_starts_a_program_reaches_a_host_or_writes_outside(
    memory: Path,
) -> None:
    found = attacked(memory, COUNT)
    log = found["log"]

    assert found["offences"] == {}
    assert found["outside"] == []
    assert found["delivered"] == COUNT
    assert found["folder_bytes"] < 2 * MAX_PARKED
    # They did arrive: some were acted on, and the others were refused for each of these reasons.
    assert {"chain.rebased", "report.spooled", "wish.limited"} <= log.keys()
    assert {f"answer.refused {code}" for code in (304, 602, 604, 605, 606)} <= log.keys()
    assert log["answer.refused 605"] < COUNT / 2


def test_each_offence_would_have_been_seen(memory: Path) -> None:
    found = attacked(memory, 1, "--prove")

    assert {offence.partition(" ")[0] for offence in found["offences"]} == PROVEN
