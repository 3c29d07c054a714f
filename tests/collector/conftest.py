"""A collector per test, on a real database in the test's own folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collector.fakes import Collector
from tests.fakes import FakeAgent, kernel, services, system


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A collector whose operator wants an alert for every failure, the first ones included."""
    with Collector(tmp_path) as running:
        yield running


@pytest.fixture
def agent(collector: Collector) -> FakeAgent:
    """One enrolled host that has not sent anything yet."""
    return collector.host()


@pytest.fixture
def told(collector: Collector, agent: FakeAgent) -> FakeAgent:
    """A host whose first report was applied."""
    sections = {"os": system(), "kernel": kernel(), "services": services()}
    collector.one(agent.report(sections))
    return agent
