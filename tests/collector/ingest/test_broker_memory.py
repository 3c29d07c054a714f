"""How much waits in the collector while its store is slow: so much, and the rest at the broker."""

import asyncio
import itertools

from tests.collector.ingest.fakes import (
    Identity,
    Site,
    until,
)
from tests.collector.ingest.mosquitto import (
    Mosquitto,
    brokered,
    flood,
)

from verbundwacht_collector.ingest import Answer, Peer
from verbundwacht_collector.ingest.subscriber import RECEIVE_MAX, Bounds

_NUMBERS = itertools.count(9_000)


async def test_a_stalled_committer_holds_what_was_asked_for_and_a_slow_one_2000_messages(
    site: Site, mosquitto: Mosquitto
) -> None:
    """10,000 messages of 20 KB; what is too much stays with the broker, then comes in order.

    Mosquitto 2.0.11 keeps to our receive maximum only until the first acknowledgement.
    """
    many, agents = 10_000, [site.agent(next(_NUMBERS)) for _ in range(5)]
    turns, held = asyncio.Semaphore(0), list[tuple[int, int]]()
    async with brokered(site, mosquitto) as house:

        async def in_turn(raw: bytes, peer: Peer) -> Answer:
            held.append((house.door.status.held, house.door.status.held_bytes))
            await turns.acquire()
            return await house.receiver(raw, peer)

        house.door.receive = in_turn
        publishing = asyncio.gather(*(flood(house.port, a, many // 5) for a in agents))
        await until(lambda: house.door.status.held == RECEIVE_MAX, within_s=60)
        await publishing
        await asyncio.sleep(0.5)
        assert house.door.status.held == RECEIVE_MAX
        for _ in range(20):
            turns.release()
            await asyncio.sleep(0.05)
        await until(lambda: len(house.receiver.frames) == 20)
        assert house.door._subscriber is not None and not house.door._subscriber.reads
        assert max(held) == (2_000, 2_000 * 20_480)
        for _ in range(many):
            turns.release()
        await until(lambda: len(house.receiver.frames) >= many, within_s=120)
        await until(lambda: house.door.status.held == 0)
        frames = house.receiver.frames

    assert max(held) == (2_000, 2_000 * 20_480)
    assert len(frames) == many
    for agent in agents:
        own = [raw for raw in frames if raw[:4] == agent.peer.agent[-4:]]
        assert [int.from_bytes(raw[4:8], "big") for raw in own] == list(range(many // 5))


async def test_large_messages_are_bounded_by_their_bytes(
    site: Site, mosquitto: Mosquitto, agent: Identity
) -> None:
    bounds = Bounds(size_bytes=100_000, again_bytes=20_000)
    async with brokered(site, mosquitto, bounds=bounds) as house:
        house.receiver.open.clear()
        await flood(house.port, agent, 40)
        await until(lambda: house.door.status.held == 5)
        await asyncio.sleep(0.2)
        stalled = house.door.status
        house.receiver.open.set()
        await until(lambda: len(house.receiver.frames) == 40)

    assert (stalled.held, stalled.held_bytes) == (5, 5 * 20_480)


async def test_a_connection_lost_while_stalled_is_not_sought_before_there_is_room(
    site: Site, mosquitto: Mosquitto, agent: Identity
) -> None:
    """It could not be read, so its keep-alive would fail; and what is held stays bounded."""
    bounds = Bounds(messages=10, messages_again=5)
    async with brokered(site, mosquitto, bounds=bounds) as house:
        house.receiver.open.clear()
        await flood(house.port, agent, 40)
        await until(lambda: house.door.status.held == 10)
        mosquitto.kill()
        house.door._subscriber.fail("keep alive")  # type: ignore[union-attr]
        await until(lambda: not house.door.status.connected)
        mosquitto.start()
        await asyncio.sleep(1)
        stalled = house.door.status
        house.receiver.open.set()
        await until(lambda: house.door.status.connected)

    assert (stalled.connected, stalled.held, stalled.attempts) == (False, 10, 0)
