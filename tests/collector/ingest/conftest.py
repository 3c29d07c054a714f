"""One authority for all tests of the doors: making keys is the slowest thing in them."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.collector.ingest.fakes import Identity, Site, open_house
from tests.collector.ingest.mosquitto import Brokered, Entrance, Mosquitto, broker, brokered

_NUMBERS = itertools.count(1_000)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(params=["embedded", "broker"])
async def entrance(
    request: pytest.FixtureRequest, site: Site, tmp_path: Path
) -> AsyncIterator[Entrance]:
    """Where agents speak MQTT: to the collector itself, or to a broker that it reads at."""
    if request.param == "embedded":
        async with open_house(site) as house:
            yield Entrance(house.mqtt, house.mqtt.port, house.receiver, house.counts)
        return
    with broker(tmp_path / "broker", site.authority) as mosquitto:
        async with brokered(site, mosquitto) as one:
            yield Entrance(one.door, one.port, one.receiver, one.counts)


@pytest.fixture
def mosquitto(site: Site, tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker", site.authority) as one:
        yield one


@pytest.fixture
async def house(site: Site, mosquitto: Mosquitto) -> AsyncIterator[Brokered]:
    """A door behind a broker of its own."""
    async with brokered(site, mosquitto) as one:
        yield one


@pytest.fixture
def agent(site: Site) -> Identity:
    """One that no test has used before."""
    return site.agent(next(_NUMBERS))
