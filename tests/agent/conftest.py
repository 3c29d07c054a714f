"""A collector on a real database, and one agent that it knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector


@pytest.fixture
def sammler(tmp_path: Path) -> Iterator[Collector]:
    folder = tmp_path / "collector"
    folder.mkdir()
    with Collector(folder, durable=False) as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, sammler: Collector) -> Machine:
    return Machine(tmp_path / "agent").enrol(sammler)
