"""The MQTT door over real TLS: order of answers, refusals, limits."""

import asyncio
import socket
import time
from collections.abc import Callable

import mqtt5
import pytest
from tests.collector.ingest.fakes import (
    HOST,
    Identity,
    RawClient,
    Site,
    open_house,
    raw_client,
    until,
)

from verbundwacht_collector.ingest import Answer, Peer
from verbundwacht_wire.codes import Code

ONCE = mqtt5.QoS.AT_LEAST_ONCE


async def test_a_puback_comes_only_after_the_commit(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        house.receiver.open.clear()
        await client.send(client.frame(5))
        await until(lambda: house.receiver.running == 1)
        with pytest.raises(TimeoutError):
            await client.read(within_s=0.2)
        house.receiver.open.set()
        answer = await client.read()

    assert isinstance(answer, mqtt5.PubAckPacket)
    assert answer.packet_id == 5


async def test_the_acknowledgement_comes_before_the_puback(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        await client.send(client.frame(5, b"one"))
        first, second = await client.read(), await client.read()

    assert isinstance(first, mqtt5.PublishPacket)
    assert (first.topic, first.payload) == (client.identity.down, b"ack of one")
    assert (first.qos, first.retain) == (mqtt5.QoS.AT_MOST_ONCE, False)
    assert isinstance(second, mqtt5.PubAckPacket)


async def test_who_did_not_subscribe_gets_the_puback_alone(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.send(client.frame(5))

        assert isinstance(await client.read(), mqtt5.PubAckPacket)


async def test_one_acknowledgement_for_a_batch_is_sent_once(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        house.receiver.open.clear()
        await client.send(*(client.frame(n, b"same") for n in range(1, 9)))
        await until(lambda: house.receiver.running == 8)
        house.receiver.open.set()
        answers = [await client.read() for _ in range(9)]

    assert [type(a).__name__ for a in answers] == ["PublishPacket"] + 8 * ["PubAckPacket"]


async def test_pubacks_leave_in_the_order_of_the_frames(site: Site) -> None:
    """Whatever is committed first (MQTT-4.6.0-2)."""
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        slow = asyncio.Event()
        receive = house.mqtt.receive

        async def first_is_slow(raw: bytes, peer: Peer) -> Answer:
            if raw == b"1":
                await slow.wait()
            return await receive(raw, peer)

        house.mqtt.receive = first_is_slow
        await client.hello()
        await client.send(*(client.frame(n, b"%d" % n) for n in (1, 2, 3)))
        await until(lambda: len(house.receiver.frames) == 2)
        slow.set()
        answers = [await client.read() for _ in range(3)]

    assert [a.packet_id for a in answers if isinstance(a, mqtt5.PubAckPacket)] == [1, 2, 3]


async def test_silence_is_a_closed_connection_without_puback(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        house.receiver.silent = True
        await client.send(client.frame(5))

        assert await client.rest() == []


async def test_what_could_not_be_stored_gets_no_puback(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.listen()
        house.receiver.problem = OSError("disk full")
        await client.send(client.frame(5))

        assert await client.rest() == []


def _speak_without_listening(port: int, identity: Identity, *said: bytes) -> bytes:
    """Everything the door said, read only after all was sent; ends with TLS's own goodbye."""
    with (
        socket.create_connection((HOST, port)) as plain,
        identity.context().wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        ) as secured,
    ):
        for part in said:
            secured.sendall(part)
            time.sleep(0.01)
        heard = b""
        while part := secured.recv(4_096):
            heard += part
        return heard


async def test_what_comes_before_a_refusal_reaches_a_client_that_is_still_sending(
    site: Site,
) -> None:
    """A reset in answer to late bytes would destroy the answers that are on their way."""
    async with open_house(site) as house:

        async def refuse_the_third(raw: bytes, peer: Peer) -> Answer:
            answer = await house.receiver(raw, peer)
            return answer._replace(ack=None) if raw[0] == 3 else answer

        house.mqtt.receive = refuse_the_third
        agent = site.agent()
        hello = mqtt5.ConnectPacket(agent.name, clean_start=True).write()
        frames = [
            mqtt5.PublishPacket(agent.up, bytes((n,)) * 2_000, qos=ONCE, packet_id=n).write()
            for n in range(1, 30)
        ]
        heard = await asyncio.to_thread(
            _speak_without_listening, house.mqtt.port, agent, hello, *frames
        )

    assert heard.endswith(mqtt5.PubAckPacket(1).write() + mqtt5.PubAckPacket(2).write())


Said = Callable[[RawClient], mqtt5.Packet | bytes]


def _publish(topic: str | None = None, **options: object) -> Said:
    def packet(client: RawClient) -> mqtt5.Packet:
        chosen = {"qos": ONCE, "packet_id": 1, **options}
        return mqtt5.PublishPacket(topic or client.identity.up, b"x", **chosen)  # type: ignore[arg-type]

    return packet


def _subscribe(pattern: str) -> Said:
    return lambda client: mqtt5.SubscribePacket(
        1, [mqtt5.TopicFilter(pattern.format(own=client.identity.down))]
    )


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (_publish("vw/1/up/musterstadt/" + "f" * 32), Code.IDENTITY),
        (_publish(qos=mqtt5.QoS.AT_MOST_ONCE, packet_id=None), Code.IDENTITY),
        (_publish(qos=mqtt5.QoS.EXACTLY_ONCE), Code.IDENTITY),
        (_publish(retain=True), Code.IDENTITY),
        (_publish(topic_alias=1), Code.IDENTITY),
        (_subscribe("#"), Code.IDENTITY),
        (_subscribe("vw/1/dn/musterstadt/+"), Code.IDENTITY),
        (_subscribe("{own}/x"), Code.IDENTITY),
        (_subscribe("$share/g/{own}"), Code.IDENTITY),
        (lambda client: mqtt5.ConnectPacket(client.identity.name), Code.FRAME),
        (lambda client: mqtt5.UnsubscribePacket(1, [client.identity.down]), Code.FRAME),
        (lambda _: mqtt5.PubAckPacket(1), Code.FRAME),
        (lambda _: mqtt5.AuthPacket(authentication_method="x"), Code.FRAME),
        (lambda _: b"\x32\xff\xff\xff\xff\x01", Code.FRAME),
        (lambda _: b"\x82\x08\x00\x03\x00\x00\x02a\xff\x00", Code.FRAME),
        (lambda _: b"\x00" * 40, Code.FRAME),
        (lambda client: client.frame(1, b"x" * 307_200), Code.TOO_LARGE),
    ],
)
async def test_what_is_not_allowed_is_counted_told_and_ends_the_connection(
    site: Site, said: Said, code: Code
) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.send(said(client))
        last = await client.rest()

    assert dict(house.counts) == {code: 1}
    assert [type(p).__name__ for p in last] == ["DisconnectPacket"]
    assert house.receiver.frames == []


@pytest.mark.parametrize(
    ("packet", "code", "reason"),
    [
        (mqtt5.ConnectPacket("f" * 32), Code.IDENTITY, 133),
        (mqtt5.ConnectPacket(""), Code.IDENTITY, 133),
        (mqtt5.ConnectPacket("{own}", will=mqtt5.Will("t")), Code.IDENTITY, 135),
        (mqtt5.ConnectPacket("{own}", authentication_method="x"), Code.IDENTITY, 135),
        (mqtt5.ConnectPacket("{own}", username="u" * 5_000), Code.TOO_LARGE, 149),
        (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", Code.FRAME, 132),
        (b"\x10\xff\xff\xff\x7f", Code.TOO_LARGE, 149),
        (b"GET / HTTP/1.1\r\n\r\n", Code.FRAME, 129),
        (mqtt5.PingReqPacket(), Code.FRAME, 129),
    ],
)
async def test_a_connect_that_is_refused_gets_its_reason(
    site: Site, packet: mqtt5.Packet | bytes, code: Code, reason: int
) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        if isinstance(packet, mqtt5.ConnectPacket) and packet.client_id == "{own}":
            raw = packet.write().replace(b"\x05{own}", b"\x20" + client.identity.name.encode())
            packet = raw[:1] + mqtt5_length(raw, len(client.identity.name) - 5)
        await client.send(packet)
        last = await client.rest()

    assert dict(house.counts) == {code: 1}
    assert [p.reason_code for p in last if isinstance(p, mqtt5.ConnAckPacket)] == [reason]


def mqtt5_length(raw: bytes, more: int) -> bytes:
    """The packet after its first byte, with a length that is larger by `more`."""
    size = raw[1] if raw[1] < 128 else raw[1] & 0x7F | raw[2] << 7
    body = raw[2:] if raw[1] < 128 else raw[3:]
    size += more
    head = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return head + body


async def test_the_welcome_says_what_the_door_does_not_do(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        hello = await client.hello(session_expiry_interval=3_600)

    assert (hello.receive_max, hello.max_qos, hello.retain_available) == (8, 1, False)
    assert (hello.session_present, hello.session_expiry_interval) == (False, 0)
    assert hello.wildcard_subscription_available is False
    assert hello.max_packet_size == 307_200


async def test_closing_the_door_answers_what_is_being_committed(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        house.receiver.open.clear()
        await client.send(client.frame(3))
        await until(lambda: house.receiver.running == 1)
        asyncio.get_running_loop().call_later(0.1, house.receiver.open.set)
        await house.mqtt.close()

        assert isinstance(await client.read(), mqtt5.PubAckPacket)
        assert await client.rest() == []
