"""The benchmark can be run; what it measures is never asserted."""

import json
from pathlib import Path

import pytest
from tests.bench.__main__ import main


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
