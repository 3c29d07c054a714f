"""How much one connection of the MQTT door may hold, say and last."""

import asyncio
import contextlib

import mqtt5
from tests.collector.ingest.fakes import Site, open_house, raw_client, until

from verbundwacht_collector.ingest import Answer, Peer
from verbundwacht_collector.ingest.gate import Limits
from verbundwacht_wire.codes import Code


async def test_the_largest_frame_passes(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.send(client.frame(1, b"x" * 262_144))

        assert isinstance(await client.read(), mqtt5.PubAckPacket)
    assert len(house.receiver.frames[0]) == 262_144


async def test_the_ninth_frame_without_puback_ends_the_connection(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        house.receiver.open.clear()
        await client.send(*(client.frame(n) for n in range(1, 10)))
        last = await client.rest()

    assert len(house.receiver.frames) == 8
    assert isinstance(last[0], mqtt5.DisconnectPacket)
    assert last[0].reason_code == mqtt5.DisconnectReasonCode.RECEIVE_MAX_EXCEEDED


async def test_a_connection_without_connect_ends_in_time(site: Site) -> None:
    limits = Limits(first_s=0.2)
    async with (
        open_house(site, limits) as house,
        raw_client(house.mqtt.port, site.agent()) as client,
    ):
        await client.send(b"\x10")

        assert await client.rest(within_s=1) == []


async def test_a_connection_ends_after_its_lifetime_however_busy(site: Site) -> None:
    limits = Limits(lifetime_s=0.4)
    async with (
        open_house(site, limits) as house,
        raw_client(house.mqtt.port, site.agent()) as client,
    ):
        await client.hello()
        async with asyncio.timeout(2):
            while True:
                try:
                    await client.send(mqtt5.PingReqPacket())
                except ConnectionError:
                    break
                if await client.read() is None:
                    break
                await asyncio.sleep(0.02)

    assert house.mqtt.gate.connections == 0


async def test_a_client_that_falls_silent_ends_after_its_own_keep_alive(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello(keep_alive=1)
        for _ in range(3):
            await asyncio.sleep(0.7)
            await client.send(mqtt5.PingReqPacket())
            assert isinstance(await client.read(), mqtt5.PingRespPacket)
        last = await client.rest(within_s=2.5)

    assert [p.reason_code for p in last if isinstance(p, mqtt5.DisconnectPacket)] == [
        mqtt5.DisconnectReasonCode.KEEP_ALIVE_TIMEOUT
    ]


async def test_small_talk_is_limited(site: Site) -> None:
    """Thousands of pings fit into one read, and each would be answered at once."""
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello()
        await client.send(mqtt5.PingReqPacket().write() * 8_000)
        said = [type(p).__name__ for p in await client.rest()]

    assert said.count("PingRespPacket") == 256
    assert said[-1] == "DisconnectPacket"
    assert dict(house.counts) == {Code.FRAME: 1}


async def test_an_acknowledgement_larger_than_the_client_takes_is_not_sent(site: Site) -> None:
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        await client.hello(max_packet_size=40)
        await client.listen()
        await client.send(client.frame(1, b"x" * 20))

        assert isinstance(await client.read(), mqtt5.PubAckPacket)


async def test_a_full_collector_takes_nothing_more_off_the_sockets(site: Site) -> None:
    """40 frames of 200 KB wait at the agents instead of in this process; all arrive later."""
    limits = Limits(held_bytes=1_000_000)
    async with open_house(site, limits) as house, asyncio.TaskGroup() as agents:
        house.receiver.open.clear()
        done: list[int] = []

        async def deliver(number: int) -> None:
            async with raw_client(house.mqtt.port, site.agent(number)) as client:
                await client.hello()
                sending = asyncio.create_task(
                    client.send(*(client.frame(n, b"x" * 200_000) for n in range(1, 9)))
                )
                for _ in range(8):
                    assert isinstance(await client.read(within_s=10), mqtt5.PubAckPacket)
                await sending
                done.append(number)

        for number in range(20, 25):
            agents.create_task(deliver(number))
        await until(lambda: house.mqtt.held >= 1_000_000)
        await asyncio.sleep(0.3)
        assert house.mqtt.held <= 1_200_000
        house.receiver.open.set()
        await until(lambda: len(done) == 5, within_s=10)

    assert house.mqtt.held == 0
    assert len(house.receiver.frames) == 40


async def test_a_client_that_never_reads_is_not_read_from_for_ever(site: Site) -> None:
    """Its acknowledgements would pile up here; instead its frames pile up there."""
    async with open_house(site) as house, raw_client(house.mqtt.port, site.agent()) as client:
        taken = house.receiver.frames

        async def answer_much(raw: bytes, peer: Peer) -> Answer:
            answer = await house.receiver(raw, peer)
            return answer._replace(ack=b"%06d" % len(taken) + bytes(8_000))

        house.mqtt.receive = answer_much
        await client.hello()
        await client.listen()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sent = 0
        with contextlib.suppress(TimeoutError):
            for sent in range(8, 4_000, 8):
                await client.send(*(client.frame(n) for n in range(sent - 7, sent + 1)))
                await until(lambda: len(taken) == sent, within_s=0.5)  # noqa: B023
        stopped_at = len(taken)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        while len(taken) < sent:
            assert await client.read() is not None

    assert stopped_at < sent < 3_900
