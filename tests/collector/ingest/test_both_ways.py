"""What holds whichever way a message comes: by the embedded endpoint, or by a broker in between.

Only what a PUBACK means differs, and that is in the tests of each door.
"""

import asyncio
from collections.abc import Callable

import mqtt5
import pytest
from tests.collector.ingest.fakes import Identity, RawClient, Site, raw_client, until
from tests.collector.ingest.mosquitto import Entrance

from verbundwacht_collector.ingest import Answer, Peer

ONCE = mqtt5.QoS.AT_LEAST_ONCE
PATIENCE_S = 20.0


async def answers(client: RawClient, many: int) -> list[mqtt5.PublishPacket]:
    """So many answers, and what else comes within the blink of an eye."""
    heard: list[mqtt5.PublishPacket] = []
    while True:
        try:
            packet = await client.read(PATIENCE_S if len(heard) < many else 0.3)
        except TimeoutError:
            return heard
        if packet is None:
            return heard
        if isinstance(packet, mqtt5.PublishPacket):
            heard.append(packet)


async def test_frames_reach_the_receiver_in_order_with_the_proven_peer(
    site: Site, entrance: Entrance
) -> None:
    agent = site.agent(7, "anderswo")
    async with raw_client(entrance.port, agent) as client:
        await client.hello()
        await client.send(*(client.frame(n, b"%d" % n) for n in range(1, 9)))
        await until(lambda: len(entrance.receiver.frames) == 8)

    assert entrance.receiver.frames == [b"%d" % n for n in range(1, 9)]
    assert set(entrance.receiver.peers) == {agent.peer}


async def test_the_signed_answer_comes_by_the_own_topic_once_and_is_not_kept(
    site: Site, entrance: Entrance
) -> None:
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        await client.send(client.frame(5, b"one"))
        heard = await answers(client, 1)
        await client.send(mqtt5.SubscribePacket(2, [mqtt5.TopicFilter(client.identity.down)]))
        again = await answers(client, 0)

    assert [(one.topic, one.payload) for one in heard] == [(client.identity.down, b"ack of one")]
    assert (heard[0].qos, heard[0].retain) == (mqtt5.QoS.AT_MOST_ONCE, False)
    assert again == []


async def test_one_acknowledgement_for_a_batch_is_said_once(site: Site, entrance: Entrance) -> None:
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        entrance.receiver.open.clear()
        await client.send(*(client.frame(n, b"same") for n in range(1, 9)))
        await until(lambda: entrance.receiver.running == 8)
        entrance.receiver.open.set()
        heard = await answers(client, 1)

    assert [one.payload for one in heard] == [b"ack of same"]


async def test_no_answer_comes_before_the_commit(site: Site, entrance: Entrance) -> None:
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        entrance.receiver.open.clear()
        await client.send(client.frame(5))
        await until(lambda: entrance.receiver.running == 1)
        before = await answers(client, 0)
        entrance.receiver.open.set()
        after = await answers(client, 1)

    assert (len(before), len(after)) == (0, 1)


@pytest.mark.parametrize("fate", ["silent", "not stored"])
async def test_without_a_commit_or_an_answer_nothing_is_said(
    site: Site, entrance: Entrance, fate: str
) -> None:
    entrance.receiver.silent = fate == "silent"
    entrance.receiver.problem = None if fate == "silent" else OSError("disk full")
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        await client.send(client.frame(5))
        await until(lambda: len(entrance.receiver.frames) == 1)

        assert await answers(client, 0) == []


async def test_answers_come_in_the_order_of_the_frames(site: Site, entrance: Entrance) -> None:
    """Whatever is committed first (MQTT-4.6.0-2)."""
    slow, receive = asyncio.Event(), entrance.door.receive

    async def first_is_slow(raw: bytes, peer: Peer) -> Answer:
        if raw == b"1":
            await slow.wait()
        return await receive(raw, peer)

    entrance.door.receive = first_is_slow
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        await client.send(*(client.frame(n, b"%d" % n) for n in (1, 2, 3)))
        await until(lambda: len(entrance.receiver.frames) == 2)
        slow.set()
        heard = await answers(client, 3)

    assert [one.payload for one in heard] == [b"ack of 1", b"ack of 2", b"ack of 3"]


Said = Callable[[Identity, Identity], mqtt5.Packet]


@pytest.mark.parametrize(
    "said",
    [
        lambda own, other: mqtt5.PublishPacket(other.up, b"x", qos=ONCE, packet_id=1),
        lambda own, other: mqtt5.PublishPacket(own.down, b"x", qos=ONCE, packet_id=1),
        lambda own, other: mqtt5.PublishPacket(own.up, b"x", qos=ONCE, packet_id=1, retain=True),
        lambda own, other: mqtt5.PublishPacket(own.up, b"x"),
        lambda own, other: mqtt5.PublishPacket("vw/1/up", b"x", qos=ONCE, packet_id=1),
    ],
    ids=["foreign topic", "down topic", "retained", "QoS 0", "another topic"],
)
async def test_what_an_agent_may_not_say_reaches_nobody(
    site: Site, entrance: Entrance, said: Said
) -> None:
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.send(said(client.identity, site.agent(2)))
        await answers(client, 0)

    assert entrance.receiver.frames == []


async def test_an_agent_that_goes_away_does_not_cancel_its_commit(
    site: Site, entrance: Entrance
) -> None:
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        entrance.receiver.open.clear()
        await client.send(client.frame(3))
        await until(lambda: entrance.receiver.running == 1)
    await asyncio.sleep(0.2)

    assert entrance.receiver.running == 1


async def test_closing_the_door_answers_what_is_being_committed(
    site: Site, entrance: Entrance
) -> None:
    async with raw_client(entrance.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        entrance.receiver.open.clear()
        await client.send(client.frame(3, b"last"))
        await until(lambda: entrance.receiver.running == 1)
        asyncio.get_running_loop().call_later(0.1, entrance.receiver.open.set)
        await entrance.door.close()
        heard = await answers(client, 1)

    assert [one.payload for one in heard] == [b"ack of last"]
