"""What the shipped configuration of a broker refuses, and the door itself behind a laxer one."""

import asyncio
from pathlib import Path

import mqtt5
import pytest
from tests.collector.ingest.fakes import (
    Identity,
    Site,
    raw_client,
    until,
)
from tests.collector.ingest.mosquitto import (
    Brokered,
    broker,
    brokered,
    lose_connection,
)

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.ingest.broker import sender_of
from verbundwacht_collector.ingest.subscriber import Incoming
from verbundwacht_wire.codes import Code

ONCE = mqtt5.QoS.AT_LEAST_ONCE


@pytest.mark.parametrize(
    "topic",
    ["vw/1/up/musterstadt/" + "f" * 32, "vw/1/dn/musterstadt/{own}", "vw/1/up/a/b/{own}", "x"],
)
async def test_an_agent_publishes_under_its_own_name_only(
    house: Brokered, agent: Identity, topic: str
) -> None:
    topic = topic.replace("{own}", agent.name)
    async with raw_client(house.port, agent) as client:
        await client.hello()
        answer = await client.said_to(mqtt5.PublishPacket(topic, b"x", qos=ONCE, packet_id=1))

    assert isinstance(answer, mqtt5.PubAckPacket)
    assert answer.reason_code == mqtt5.PubAckReasonCode.NOT_AUTHORIZED
    assert house.receiver.frames == []


@pytest.mark.parametrize("pattern", ["#", "vw/1/dn/+/+", "vw/1/up/+/+", "vw/#", "$share/g/vw/#"])
async def test_an_agent_hears_nothing_of_another_whatever_it_asks_for(
    site: Site, house: Brokered, agent: Identity, pattern: str
) -> None:
    """Mosquitto 2.0 grants any subscription and checks each message: so it is messages we count."""
    curious = site.agent(2)
    async with raw_client(house.port, curious) as spy, raw_client(house.port, agent) as client:
        await spy.hello()
        await spy.said_to(mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(pattern)]))
        await client.hello()
        await client.listen()
        await client.send(client.frame(1))
        await until(lambda: len(house.receiver.frames) == 1)
        assert {type(await client.read()).__name__ for _ in range(2)} == {
            "PublishPacket",
            "PubAckPacket",
        }
        own = await spy.said_to(mqtt5.PingReqPacket())

    assert isinstance(own, mqtt5.PingRespPacket)


async def test_an_agent_cannot_take_the_collectors_place(house: Brokered, agent: Identity) -> None:
    """Its client id is replaced by the name in its certificate."""
    async with raw_client(house.port, agent) as client:
        await client.send(mqtt5.ConnectPacket("verbundwacht-collector", clean_start=True))
        assert isinstance(await client.read(), mqtt5.ConnAckPacket)
        await client.send(client.frame(1))
        await until(lambda: len(house.receiver.frames) == 1)

    assert house.door.status.lost == 0


async def test_without_a_certificate_of_the_authority_nobody_gets_in(
    site: Site, house: Brokered, tmp_path: Path
) -> None:
    stranger = Site(tmp_path / "elsewhere").agent()
    trusting = stranger._replace(roots=site.files.root)
    with pytest.raises((OSError, AssertionError)):
        async with raw_client(house.port, trusting) as client:
            await client.hello()


async def test_a_retained_message_is_refused_by_the_broker(
    house: Brokered, agent: Identity
) -> None:
    async with raw_client(house.port, agent) as client:
        hello = await client.hello()
        packet = mqtt5.PublishPacket(agent.up, b"x", qos=ONCE, packet_id=1, retain=True)
        answer = await client.said_to(packet)

    assert hello.retain_available is False
    assert not isinstance(answer, mqtt5.PubAckPacket)
    assert house.receiver.frames == []


async def test_a_packet_above_300_kb_is_refused_by_the_broker(
    house: Brokered, agent: Identity
) -> None:
    async with raw_client(house.port, agent) as client:
        hello = await client.hello()
        await client.send(client.frame(1, bytes(307_200)))
        with pytest.raises((TimeoutError, AssertionError, ConnectionError)):
            assert isinstance(await client.read(), mqtt5.PubAckPacket)

    assert hello.max_packet_size == 307_200
    assert house.receiver.frames == []


async def test_what_a_laxer_broker_lets_through_is_refused_counted_and_forgotten(
    site: Site, tmp_path: Path, agent: Identity
) -> None:
    with broker(tmp_path / "lax", site.authority, leave_out="retain_available") as lax:
        kept = mqtt5.PublishPacket(agent.up, b"old", qos=ONCE, packet_id=1, retain=True)
        async with raw_client(lax.port, agent) as client:
            await client.hello()
            assert isinstance(await client.said_to(kept), mqtt5.PubAckPacket)
        async with brokered(site, lax) as house, raw_client(lax.port, agent) as client:
            await asyncio.sleep(0.2)
            assert dict(house.counts) == {}, "what the broker kept from before does not even come"
            await client.hello()
            await client.listen()
            await client.said_to(kept)
            await client.send(mqtt5.PublishPacket(agent.up, b"qos 0"))
            await client.send(client.frame(2, b"right"))
            await until(lambda: len(house.receiver.frames) == 1)
            await until(lambda: house.door.status.held == 0)
            await lose_connection(house)
            await asyncio.sleep(0.2)

            assert dict(house.counts) == {Code.IDENTITY: 2}
            assert house.receiver.frames == [b"right"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"topic": ""}, "topic"),
        ({"topic": "vw/1/up/musterstadt"}, "topic"),
        ({"topic": "vw/1/up/musterstadt/" + "g" * 32}, "topic"),
        ({"topic": "vw/1/up/musterstadt/" + "A" * 32}, "topic"),
        ({"topic": "vw/1/up/musterstadt/" + "a" * 32 + "\n"}, "topic"),
        ({"topic": "vw/1/up/Musterstadt/" + "a" * 32}, "topic"),
        ({"topic": "vw/1/dn/musterstadt/" + "a" * 32}, "topic"),
        ({"retain": True}, "retained"),
        ({"qos": 0}, "qos"),
    ],
)
def test_only_an_agents_own_topic_names_a_sender(change: dict[str, object], reason: str) -> None:
    right = Incoming("vw/1/up/musterstadt/" + "a" * 32, b"", 1, False, False, 1, None)  # type: ignore[arg-type]

    assert sender_of(right) == (Peer("musterstadt", bytes.fromhex("a" * 32)), "")
    assert sender_of(right._replace(**change)) == (None, reason)  # type: ignore[arg-type]
