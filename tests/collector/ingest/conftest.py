"""One authority for all tests of the doors: making keys is the slowest thing in them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.collector.ingest.fakes import Site, open_house
from tests.collector.ingest.mosquitto import Entrance, broker, brokered


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
