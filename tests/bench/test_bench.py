"""The benchmark can be run; what it measures is never asserted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bench.__main__ import main
from tests.bench.peers import Own, _processes_of


def test_a_quick_look_at_one_group_prints_a_table_and_writes_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"

    assert main(["--quick", "--only", "pipeline", "--json", str(file)]) == 0

    beats = next(one for one in json.loads(file.read_text()) if one["name"] == "pipeline: beats")
    assert beats["unit"] == "/s·core" and beats["value"] > 0
    assert beats["budget"] == {"limit": 6000, "at_least": True}
    assert beats["verdict"] in ("holds", "MISSED")
    assert "pipeline: beats" in capsys.readouterr().out


def test_a_day_is_ninety_six_runs_of_which_a_few_have_more_to_do() -> None:
    own = Own(quiet=0.25, full=1.0, change=0.5, resident=0)

    assert own.day == 90 * 0.25 + 4 * 1.0 + 2 * 0.5


def test_the_agent_is_nowhere_between_its_runs(tmp_path: Path) -> None:
    """And the count would notice: a process that names the folder is found."""
    words = [sys.executable, "-c", "print(flush=True); input()", str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = _processes_of(tmp_path)
        child.communicate(b"\n")

    assert (found, _processes_of(tmp_path)) == (1, 0)


def test_the_evidence_of_a_few_days_is_made_and_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "evidence"]) == 0

    assert "evidence: verification of a host-year" in capsys.readouterr().out
