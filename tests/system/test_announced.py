"""A planned absence from the command on the server to the collector's own list, and back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.enrolled import BINARIES, agent, enrol_agent, said
from tests.system.running import Serve, new_stage, serving


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    stage = new_stage(tmp_path / "collector")
    stage.add("aurach")
    with serving(stage) as running:
        yield running


def absences(serve: Serve) -> list[dict[str, Any]]:
    """The absences that the operator's command shows as lasting."""
    words = ("--dir", str(serve.stage.folder.root), "overlay", "list", "--json")
    listed: list[dict[str, Any]] = json.loads(said(str(BINARIES / "verbundwacht"), *words))
    return [one for one in listed if one["kind"] == "absence"]


def test_an_absence_announced_on_the_server_lasts_at_the_collector_until_it_is_withdrawn(
    serve: Serve, tmp_path: Path
) -> None:
    host = enrol_agent(serve.stage, "aurach", tmp_path / "agent")
    agent(host, "once")
    before = absences(serve)
    agent(host, "announce", "--for", "2h", "--reason", "Kernel-Update", "--now")
    during = absences(serve)
    agent(host, "announce", "--end", "--now")

    assert before == []
    assert [one["reason"] for one in during] == ["Kernel-Update"]
    assert absences(serve) == []
