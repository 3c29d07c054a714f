"""An authority for all, a fresh host and a fresh collector for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.transport.fakes import Collector, EnrolledHost, Ledger, Ports
from tests.collector.ingest.fakes import Site
from tests.collector.ingest.mosquitto import broker


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def host(site: Site, tmp_path: Path) -> EnrolledHost:
    return EnrolledHost(tmp_path / "agent", site.agent())


@pytest.fixture
def collector(site: Site) -> Collector:
    return Collector(site)


@pytest.fixture
def ports(collector: Collector) -> Iterator[Ports]:
    with collector.open() as ports:
        yield ports


@pytest.fixture(params=["embedded", "broker"])
def either_way(
    request: pytest.FixtureRequest, collector: Collector, site: Site, tmp_path: Path
) -> Iterator[Ports]:
    """The MQTT port is the collector's own, or a broker's that it reads at."""
    with collector.open() as ports:
        if request.param == "embedded":
            yield ports
            return
        with (
            broker(tmp_path / "broker", site.authority) as mosquitto,
            collector.reading_at(mosquitto),
        ):
            yield Ports(mosquitto.port, ports.https)


@pytest.fixture
def ledger(collector: Collector) -> Ledger:
    return collector.ledger
