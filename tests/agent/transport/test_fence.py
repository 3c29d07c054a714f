"""The sender starts no program: not by its imports, and not while it runs."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
from tests.agent.transport.fakes import EnrolledHost

from verbundwacht_agent.fence import REFUSED

ROOT: Final = Path(__file__).parents[3]

_TRY: Final = """
import ctypes, os, pty, subprocess, sys
from pathlib import Path
from verbundwacht_agent import send
from verbundwacht_agent.paths import Paths
libc = ctypes.CDLL(None)
mark = sys.argv[2]
def attempt(_paths):
    {attempt}
    if os.getpid() == parent:
        Path(mark).touch()
    return []
parent = os.getpid()
send.letters = attempt
sys.exit(send.run(Paths(Path(sys.argv[1]))))
"""

ATTEMPTS: Final = {
    "subprocess.Popen": "subprocess.Popen(['touch', mark])",
    "os.system": "os.system('touch ' + mark)",
    "os.fork": "os.fork()",
    "os.forkpty": "os.forkpty()",
    "os.exec": "os.execv('/bin/touch', ['touch', mark])",
    "os.posix_spawn": "os.posix_spawn('/bin/touch', ['touch', mark], {})",
    "pty.spawn": "pty.spawn(['touch', mark])",
    "ctypes.dlopen": "ctypes.CDLL(None)",
    "ctypes.dlsym": "libc.system",
    "ctypes.string_at": "ctypes.string_at(b'x')",
}
OTHERS: Final = {
    "os.fork by way of spawn": ("os.spawnv(os.P_WAIT, '/bin/touch', ['touch', mark])", "os.fork"),
    "swallowed": (
        "\n    try: os.system('touch ' + mark)\n    except BaseException: pass",
        "os.system",
    ),
    "in a thread": (
        "import threading; t = threading.Thread(target=os.system, args=('touch ' + mark,));"
        " t.start(); t.join()",
        "os.system",
    ),
}
CASES: Final = {name: (code, name) for name, code in ATTEMPTS.items()} | OTHERS


def tried(code: str, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """A real process in which a run of the sender comes upon this code."""
    program = _TRY.format(attempt=code)
    return subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "mark")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("code", "event"), CASES.values(), ids=CASES)
def test_a_program_that_the_sender_is_to_start_ends_the_sender_instead(
    code: str, event: str, tmp_path: Path
) -> None:
    ran = tried(code, tmp_path)

    assert ran.returncode == REFUSED, ran.stderr
    assert json.loads(ran.stderr)["attempted"] == event
    assert not (tmp_path / "mark").exists()


def test_without_such_an_attempt_the_same_run_comes_to_its_end(tmp_path: Path) -> None:
    ran = tried("pass", tmp_path)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "mark").exists()


_LOADED: Final = """
import sys
from verbundwacht_agent import cli, send
send.run.__defaults__ = (send.Timing((0, 0.2), 0.3, 5),)
code = cli.main(["send", "--dir", sys.argv[1]])
print(*sorted(name for name in sys.modules if name.startswith("verbundwacht_")))
sys.exit(code)
"""


def test_every_module_of_ours_that_a_run_loads_stands_in_the_import_contract(
    host: EnrolledHost,
) -> None:
    host.spool(1)
    host.reach(1, 1)  # nobody answers there, so both ways are tried
    ran = subprocess.run(
        [sys.executable, "-c", _LOADED, str(host.paths.root)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    listed = {
        module
        for contract in contracts["contracts"]
        if contract["name"] == "nothing of ours that the sender loads runs programs or machine code"
        for module in contract["source_modules"]
    }
    loaded = [name for name in ran.stdout.split() if "." in name]

    assert ran.returncode == 75, ran.stderr
    assert {"verbundwacht_agent.mqtt", "verbundwacht_agent.https"} <= set(loaded)
    assert [
        name for name in loaded if name not in listed and name.partition(".")[0] not in listed
    ] == []
