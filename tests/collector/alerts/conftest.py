"""The story that most tests of the life cycle tell."""

import pytest
from tests.collector.alerts.story import Story
from tests.collector.fakes import Collector
from tests.fakes import FakeAgent


@pytest.fixture
def story(collector: Collector, agent: FakeAgent) -> Story:
    """A host that has reported once, with nothing to object to."""
    return Story(collector, agent)
