"""One host with a past: alerts, beats, a declared loss, another host's frame beside it."""

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.collector.alerts.story import Story
from tests.collector.evidence.fakes import of_alert, of_host
from tests.collector.fakes import Collector
from tests.fakes import kernel, listening

REBOOT, PORTS = "t.reboot", "t.ports"


class Past(NamedTuple):
    """Files of one host, and a message that another host of the town signed."""

    of_host: bytes
    of_alert: bytes
    foreign: bytes


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The files; nothing changes them."""
    folder: Path = tmp_path_factory.mktemp("past")
    with Collector(folder, durable=False) as collector:
        story = Story(collector, collector.host())
        story.says(kernel=kernel(reboot=True))
        story.beats()
        story.says(listening=listening(22, 23))
        story.agent.report()  # lost, and declared so by the next one
        lost = story.agent.seq
        story.wait()
        collector.one(story.agent.report({"kernel": kernel()}, dropped=(lost, lost)))
        story.beats()
        story.says(listening=listening(22))
        story.beats()
        other = collector.host("web02")
        foreign = other.report({"kernel": kernel()})
        collector.one(foreign)
        return Past(
            of_host(collector, story.agent.agent),
            of_alert(collector, story.number(REBOOT)),
            foreign,
        )


@pytest.fixture
def story(collector: Collector) -> Story:
    """One healthy host."""
    return Story(collector, collector.host())
