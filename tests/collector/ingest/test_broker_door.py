"""The door behind a real mosquitto with the shipped configuration: order, refusals, breaks."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiomqtt
import mqtt5
import pytest
from structlog.testing import capture_logs
from tests.collector.ingest.fakes import (
    Counts,
    Identity,
    RawClient,
    Receiver,
    Site,
    raw_client,
    until,
)
from tests.collector.ingest.mosquitto import (
    SOON,
    Brokered,
    Mosquitto,
    broker,
    brokered,
    reader_files,
    target,
)

from verbundwacht_collector.ingest import Answer, Peer
from verbundwacht_collector.ingest.broker import BrokerDoor, sender_of
from verbundwacht_collector.ingest.subscriber import RECEIVE_MAX, Bounds, Incoming
from verbundwacht_collector.ingest.tls import broker_context
from verbundwacht_wire.codes import Code

ONCE = mqtt5.QoS.AT_LEAST_ONCE
_NUMBERS = itertools.count(1_000)


@pytest.fixture
def mosquitto(site: Site, tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker", site.authority) as one:
        yield one


@pytest.fixture
async def house(site: Site, mosquitto: Mosquitto) -> AsyncIterator[Brokered]:
    async with brokered(site, mosquitto) as one:
        yield one


@pytest.fixture
def agent(site: Site) -> Identity:
    return site.agent(next(_NUMBERS))


async def said(client: RawClient, packet: mqtt5.Packet) -> mqtt5.Packet | None:
    """What the broker answers."""
    await client.send(packet)
    return await client.read()


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


async def lose_connection(house: Brokered) -> None:
    """As if the network had gone; the door is connected again."""
    lost = house.door.status.lost
    subscriber = house.door._subscriber
    assert subscriber is not None
    await until(lambda: not subscriber._client.want_write())  # PUBACKs are written by the loop
    subscriber.fail("the network is gone")
    await until(lambda: house.door.status.lost > lost and house.door.status.connected)


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


# What the broker itself refuses: the access rules that ship


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
        answer = await said(client, mqtt5.PublishPacket(topic, b"x", qos=ONCE, packet_id=1))

    assert isinstance(answer, mqtt5.PubAckPacket)
    assert answer.reason_code == mqtt5.PubAckReasonCode.NOT_AUTHORIZED
    assert house.receiver.frames == []


@pytest.mark.parametrize("pattern", ["#", "vw/1/dn/+/+", "vw/1/up/+/+", "vw/#", "$share/g/vw/#"])
async def test_an_agent_hears_nothing_of_another_whatever_it_asks_for(
    site: Site, house: Brokered, agent: Identity, pattern: str
) -> None:
    """Mosquitto 2.0 grants any subscription and checks each message: so it is messages we count."""
    curious = site.agent(next(_NUMBERS))
    async with raw_client(house.port, curious) as spy, raw_client(house.port, agent) as client:
        await spy.hello()
        await said(spy, mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(pattern)]))
        await client.hello()
        await client.listen()
        await client.send(client.frame(1))
        await until(lambda: len(house.receiver.frames) == 1)
        assert {type(await client.read()).__name__ for _ in range(2)} == {
            "PublishPacket",
            "PubAckPacket",
        }
        own = await said(spy, mqtt5.PingReqPacket())

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
        answer = await said(client, packet)

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


# What the door refuses, because not every broker is ours


async def test_what_a_laxer_broker_lets_through_is_refused_counted_and_forgotten(
    site: Site, tmp_path: Path, agent: Identity
) -> None:
    with broker(tmp_path / "lax", site.authority, leave_out="retain_available") as lax:
        kept = mqtt5.PublishPacket(agent.up, b"old", qos=ONCE, packet_id=1, retain=True)
        async with raw_client(lax.port, agent) as client:
            await client.hello()
            assert isinstance(await said(client, kept), mqtt5.PubAckPacket)
        async with brokered(site, lax) as house, raw_client(lax.port, agent) as client:
            await asyncio.sleep(0.2)
            assert dict(house.counts) == {}, "what the broker kept from before does not even come"
            await client.hello()
            await client.listen()
            await said(client, kept)
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


# Breaks


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
            await said(client, client.frame(number, b"%d" % number))

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


# Memory


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


async def flood(port: int, agent: Identity, many: int) -> None:
    """So many messages of 20 KB are with the broker, numbered."""
    async with aiomqtt.Client(
        "localhost",
        port,
        identifier=agent.name,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=agent.context(),
    ) as client:
        rest = bytes(20_480 - 8)
        for start in range(0, many, 8):
            numbers = range(start, min(start + 8, many))
            some = [agent.peer.agent[-4:] + n.to_bytes(4, "big") + rest for n in numbers]
            await asyncio.gather(*(client.publish(agent.up, one, qos=1) for one in some))


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
