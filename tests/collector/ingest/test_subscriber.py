"""What the door relies on in protected members of aiomqtt 2, asserted against a real broker.

If one of these fails after an update of aiomqtt, the collector must not be shipped with it:
reports would be acknowledged before they are stored, or fill the memory.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.ingest.fakes import Identity, Site, until
from tests.collector.ingest.mosquitto import Mosquitto, target

from verbundwacht_collector.ingest.subscriber import (
    BURST,
    Bounds,
    BrokerError,
    Incoming,
    Room,
    Subscriber,
)

UP = "vw/1/up/+/+"


class Desk:
    """Keeps what comes, in order; acknowledges nothing by itself."""

    def __init__(self, site: Site, mosquitto: Mosquitto) -> None:
        self.room = Room(Bounds())
        self.got: list[Incoming] = []
        self._target = target(mosquitto.port, site.folder / "readers", site.authority)

    @contextlib.asynccontextmanager
    async def connected(self, bounds: Bounds | None = None) -> AsyncIterator[Subscriber]:
        """One connection; at its end the socket is dropped without a word, as by a crash."""
        self.room, self.got = Room(bounds or Bounds()), []
        one = Subscriber(self._target, self.got.append, self.room)
        try:
            await one.__aenter__()
            await one.listen(UP)
            yield one
        finally:
            one.fail("the test is over")
            one.abandon()
            with contextlib.suppress(aiomqtt.MqttError):
                await one.ended()


@pytest.fixture
def desk(site: Site, mosquitto: Mosquitto) -> Desk:
    return Desk(site, mosquitto)


async def publish(mosquitto: Mosquitto, agent: Identity, *payloads: bytes) -> None:
    """All are with the broker."""
    async with aiomqtt.Client(
        "localhost",
        mosquitto.port,
        identifier=agent.name,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=agent.context(),
    ) as client:
        for start in range(0, len(payloads), 8):
            some = payloads[start : start + 8]
            await asyncio.gather(*(client.publish(agent.up, one, qos=1) for one in some))


async def test_nothing_is_acknowledged_before_it_is_told_to(
    site: Site, mosquitto: Mosquitto, desk: Desk
) -> None:
    async with desk.connected() as first:
        await publish(mosquitto, site.agent(), b"1", b"2", b"3")
        await until(lambda: len(desk.got) == 3)
        first.ack(desk.got[0])
        await asyncio.sleep(0.2)  # the PUBACK is written by the loop
    async with desk.connected():
        await until(lambda: len(desk.got) == 2)

    assert [(one.payload, one.again) for one in desk.got] == [(b"2", True), (b"3", True)]


async def test_a_packet_id_of_an_earlier_connection_is_never_acknowledged(
    site: Site, mosquitto: Mosquitto, desk: Desk
) -> None:
    async with desk.connected():
        await publish(mosquitto, site.agent(), b"1", b"2")
        await until(lambda: len(desk.got) == 2)
        stale = list(desk.got)
    async with desk.connected() as second:
        await until(lambda: len(desk.got) == 2)
        assert {one.mid for one in desk.got} == {one.mid for one in stale}
        for one in stale:
            one.source.ack(one)
            second.ack(one)
        await asyncio.sleep(0.2)
    async with desk.connected():
        await until(lambda: len(desk.got) == 2)


async def test_what_is_published_while_nobody_listens_waits(
    site: Site, mosquitto: Mosquitto, desk: Desk
) -> None:
    """aiomqtt's default would throw it away after every start of the process."""
    async with desk.connected():
        pass
    sent = [b"%d" % n for n in range(300)]
    await publish(mosquitto, site.agent(), *sent)

    async with desk.connected():
        await until(lambda: len(desk.got) == 300)

    assert [one.payload for one in desk.got] == sent


async def test_a_full_room_stops_the_socket_and_nothing_is_dropped(
    site: Site, mosquitto: Mosquitto, desk: Desk
) -> None:
    sent = [b"%d" % n for n in range(400)]
    async with desk.connected(Bounds(messages=100, messages_again=20)) as one:
        await publish(mosquitto, site.agent(), *sent)
        await until(lambda: not one.reads)
        await asyncio.sleep(0.2)
        assert len(desk.got) == 100
        for message in list(desk.got):
            desk.room.give_back(len(message.payload))
            if desk.room.free.is_set():
                break
        assert desk.room.messages == 19
        one.read_on()
        await until(lambda: len(desk.got) == 181)
        desk.room.messages = desk.room.size_bytes = -10_000
        desk.room.free.set()
        one.read_on()
        await until(lambda: len(desk.got) == 400)

    assert [message.payload for message in desk.got] == sent


async def test_a_room_is_full_by_bytes_too(site: Site, mosquitto: Mosquitto, desk: Desk) -> None:
    async with desk.connected(Bounds(size_bytes=100_000)) as one:
        await publish(mosquitto, site.agent(), *(bytes(20_000) for _ in range(20)))
        await until(lambda: not one.reads)
        await asyncio.sleep(0.2)

        assert len(desk.got) == 5


async def test_a_wake_up_reads_many_packets_and_leaves_the_loop_its_turn(
    site: Site, mosquitto: Mosquitto, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bursts: list[int] = []
    read = Subscriber._read

    def counted(one: Subscriber) -> None:
        before = one.delivered
        read(one)
        bursts.append(one.delivered - before)

    monkeypatch.setattr(Subscriber, "_read", counted)
    async with desk.connected() as one:
        one.stop_reading()
        await publish(mosquitto, site.agent(), *(b"x" for _ in range(600)))
        one.read_on()
        await until(lambda: len(desk.got) == 600)

    assert max(bursts) == BURST


async def test_answers_leave_in_order_and_are_in_the_socket_when_it_is_said(
    site: Site, mosquitto: Mosquitto, desk: Desk
) -> None:
    agent = site.agent(5)
    async with (
        desk.connected() as one,
        aiomqtt.Client(
            "localhost",
            mosquitto.port,
            identifier=agent.name,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=agent.context(),
        ) as client,
    ):
        await client.subscribe(agent.down, qos=1)
        await one.say([(agent.down, b"%d" % n) for n in range(50)])
        assert not one._client.want_write()
        messages = [await anext(client.messages) for _ in range(50)]

    assert [m.payload for m in messages] == [b"%d" % n for n in range(50)]
    assert {(m.qos, m.retain) for m in messages} == {(0, False)}


async def test_a_broker_that_grants_less_than_qos_1_is_not_listened_to(
    site: Site, mosquitto: Mosquitto, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def less(*_: object, **__: object) -> tuple[int, ...]:
        return (0,)

    monkeypatch.setattr(Subscriber, "subscribe", less)
    with pytest.raises(BrokerError, match="was granted 0"):
        async with desk.connected():
            pass


@given(st.lists(st.integers(-20, 60), max_size=60))
def test_a_room_is_closed_from_its_first_bound_until_it_is_below_its_second(
    sizes: list[int],
) -> None:
    """A negative size stands for the return of a message that came earlier."""
    room, held, closed = Room(Bounds(10, 200, 4, 80)), list[int](), False
    for size in sizes:
        if size < 0:
            if not held:
                continue
            room.give_back(held.pop(size % len(held)))
            closed = closed and not (len(held) < 4 and sum(held) < 80)
        else:
            room.take(size)
            held.append(size)
            closed = closed or len(held) >= 10 or sum(held) >= 200
        assert (room.messages, room.size_bytes) == (len(held), sum(held))
        assert room.free.is_set() is not closed


@contextlib.contextmanager
def silent_server(site: Site) -> Iterator[tuple[int, Callable[[], bool]]]:
    """Takes one TLS connection and never says a word of MQTT; tells whether it was ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.files.server, site.files.server_key)
    ended: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(1_000):
                pass
        ended.append(True)
        writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    server = asyncio.ensure_future(asyncio.start_server(serve, sock=listener, ssl=context))
    try:
        yield listener.getsockname()[1], lambda: bool(ended)
    finally:
        server.result().close()


async def test_an_attempt_that_nobody_answers_leaves_no_socket_behind(site: Site) -> None:
    with silent_server(site) as (port, ended):
        one = Subscriber(
            target(port, site.folder / "readers", site.authority), lambda _: None, Room(Bounds())
        )
        one.timeout = 0.3
        with pytest.raises(aiomqtt.MqttError):
            await one.__aenter__()
        assert one.live, "aiomqtt closes it by itself now: abandon() may have become needless"
        one.abandon()
        await until(ended)

    assert not one.live
