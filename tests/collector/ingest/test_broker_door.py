"""The door behind a real mosquitto: what is acknowledged when, and what a break changes."""

import asyncio
import time
from pathlib import Path

import mqtt5
import pytest
from structlog.testing import capture_logs
from tests.collector.ingest.fakes import (
    Counts,
    Identity,
    Receiver,
    Site,
    raw_client,
    until,
)
from tests.collector.ingest.mosquitto import (
    SOON,
    Brokered,
    Mosquitto,
    brokered,
    flood,
    lose_connection,
    reader_files,
    target,
)

from verbundwacht_collector.ingest.broker import BrokerDoor
from verbundwacht_collector.ingest.tls import broker_context


async def test_the_broker_may_forget_a_message_only_after_the_commit(
    mosquitto: Mosquitto, house: Brokered, agent: Identity
) -> None:
    """Told by what comes again on the next connection."""
    async with raw_client(house.port, agent) as client:
        await client.hello()
        await client.send(client.frame(1, b"one"))
        await until(lambda: house.receiver.frames == [b"one"])
        house.receiver.open.clear()
        await client.send(client.frame(2, b"two"), client.frame(3, b"three"))
        await until(lambda: house.receiver.running == 2)
    assert house.door.status.held == 2
    await lose_connection(house)
    await until(lambda: len(house.receiver.frames) == 5)
    house.receiver.open.set()
    await until(lambda: house.door.status.held == 0)
    await lose_connection(house)
    await asyncio.sleep(0.3)

    assert house.receiver.frames == [b"one", *2 * [b"two", b"three"]]


async def test_what_could_not_be_stored_comes_again_and_the_second_time_is_left_to_its_agent(
    house: Brokered, agent: Identity
) -> None:
    house.receiver.problem = OSError("disk full")
    async with raw_client(house.port, agent) as client:
        await client.hello()
        await client.listen()
        await client.send(client.frame(1, b"poison"))
        await until(lambda: house.receiver.frames == 2 * [b"poison"])
        await until(lambda: house.door.status.connected and house.door.status.held == 0)
        house.receiver.problem = None
        await client.send(client.frame(2, b"next"))
        answers = [await client.read() for _ in range(3)]

    assert house.receiver.frames == [b"poison", b"poison", b"next"]
    payloads = [one.payload for one in answers if isinstance(one, mqtt5.PublishPacket)]
    assert payloads == [b"ack of next"]


async def test_silence_is_silence_and_the_broker_may_forget(
    house: Brokered, agent: Identity
) -> None:
    """Unlike at the embedded door nobody is disconnected: the broker did nothing wrong."""
    house.receiver.silent = True
    async with raw_client(house.port, agent) as client:
        await client.hello()
        await client.listen()
        await client.send(client.frame(1, b"refused"))
        await until(lambda: len(house.receiver.frames) == 1)
        house.receiver.silent = False
        await client.send(client.frame(2, b"right"))
        heard = [await client.read() for _ in range(3)]
    await lose_connection(house)
    await asyncio.sleep(0.2)

    assert [type(one).__name__ for one in heard].count("PublishPacket") == 1
    assert house.receiver.frames == [b"refused", b"right"]


async def test_a_broker_that_is_not_there_yet_is_found_later(
    site: Site, mosquitto: Mosquitto, agent: Identity
) -> None:
    mosquitto.kill()
    with capture_logs() as logs:
        async with brokered(site, mosquitto, listening=False) as house:
            await until(lambda: house.door.status.attempts >= 2)
            status = house.door.status
            mosquitto.start()
            await until(lambda: house.door.status.connected)
            async with raw_client(house.port, agent) as client:
                await client.hello()
                await client.send(client.frame(1, b"at last"))
                await until(lambda: house.receiver.frames == [b"at last"])

    assert (status.connected, "refused" in status.problem) == (False, True)
    events = [one["event"] for one in logs if one["event"].startswith("broker.")]
    assert events[0] == "broker.not_connected"
    assert events[-1] == "broker.connected"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("its name is another", "certificate verify failed"),
        ("it is not ours", "certificate verify failed"),
        ("we are not its", "does it accept our certificate?"),
    ],
)
async def test_why_there_is_no_connection_is_said_at_once(
    site: Site, mosquitto: Mosquitto, tmp_path: Path, why: str, said: str
) -> None:
    where = target(mosquitto.port, tmp_path, site.authority)
    stranger = Site(tmp_path / "elsewhere")
    if why == "its name is another":
        where = where._replace(host="127.0.0.1")
    if why == "it is not ours":
        where = target(mosquitto.port, tmp_path / "theirs", stranger.authority)
    if why == "we are not its":
        files = reader_files(tmp_path / "theirs", stranger.authority)
        where = where._replace(context=broker_context(site.files.root, *files))
    door = BrokerDoor(where, Receiver(), Counts(), pace=SOON)
    await door.open()
    try:
        await until(lambda: door.status.attempts == 2)
    finally:
        await door.close()

    assert said in door.status.problem


async def test_the_door_comes_back_after_every_restart_of_the_broker(
    mosquitto: Mosquitto, house: Brokered, agent: Identity
) -> None:
    for number in range(3):
        mosquitto.kill()
        await until(lambda: not house.door.status.connected)
        mosquitto.start()
        await until(lambda: house.door.status.connected)
        async with raw_client(house.port, agent) as client:
            await client.hello()
            await client.listen()
            await client.send(client.frame(1, b"%d" % number))
            heard = [await client.read() for _ in range(2)]
        assert {type(one).__name__ for one in heard} == {"PublishPacket", "PubAckPacket"}

    assert house.receiver.frames == [b"0", b"1", b"2"]
    assert house.door.status.lost == 3


async def test_what_waits_at_the_broker_while_the_collector_is_away_comes_when_it_is_back(
    site: Site, mosquitto: Mosquitto, agent: Identity
) -> None:
    async with brokered(site, mosquitto):
        pass
    async with raw_client(mosquitto.port, agent) as client:
        await client.hello()
        for number in range(1, 301):
            await client.said_to(client.frame(number, b"%d" % number))

    async with brokered(site, mosquitto) as house:
        await until(lambda: len(house.receiver.frames) == 300)

    assert house.receiver.frames == [b"%d" % n for n in range(1, 301)]


async def test_a_second_collector_of_the_same_name_does_not_start_a_fight_at_full_speed(
    site: Site, mosquitto: Mosquitto
) -> None:
    """The broker ends the older connection; both come back ever more slowly."""
    async with brokered(site, mosquitto) as one, brokered(site, mosquitto) as other:
        await asyncio.sleep(2)
        lost = one.door.status.lost + other.door.status.lost

    assert 1 <= lost <= 20


async def test_closing_is_quick_while_the_broker_does_not_answer(
    site: Site, mosquitto: Mosquitto
) -> None:
    mosquitto.freeze()
    try:
        async with brokered(site, mosquitto, listening=False) as house:
            await until(lambda: house.door.status.attempts == 1)
            begun = time.monotonic()
        took_s = time.monotonic() - begun
    finally:
        mosquitto.freeze(False)

    assert took_s < 30


async def test_a_door_that_closes_takes_nothing_more_and_leaves_nothing_open(
    house: Brokered, agent: Identity
) -> None:
    publishing = asyncio.create_task(flood(house.port, agent, 2_000))
    await until(lambda: len(house.receiver.frames) > 100)
    await house.door.close()
    taken = len(house.receiver.frames)
    await publishing
    await asyncio.sleep(0.2)

    assert len(house.receiver.frames) == taken
    assert (house.door.status.held, house.door.status.connected) == (0, False)
