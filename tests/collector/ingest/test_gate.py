"""Who gets through the gate, how long it waits, and that floods leave nothing behind."""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mqtt5
import pytest
import uvloop
from cryptography import x509
from tests.collector.ingest.fakes import (
    HOST,
    House,
    Identity,
    Site,
    odd_certificate,
    open_house,
    raw_client,
    request_for,
    until,
)

from verbundwacht_collector import pki
from verbundwacht_collector.ingest import Answer, Peer
from verbundwacht_collector.ingest.gate import Limits
from verbundwacht_wire.codes import Code


async def _deliver(house: House, agent: Identity) -> float:
    """Seconds for one message over a new connection."""
    start = time.perf_counter()
    async with raw_client(house.mqtt.port, agent) as client:
        await client.hello()
        await client.send(client.frame(1))
        assert isinstance(await client.read(), mqtt5.PubAckPacket)
    return time.perf_counter() - start


async def _is_let_in(house: House, context: ssl.SSLContext, agent: Identity) -> bool:
    """TLS 1.3 lets a client believe in success until it reads: so it says hello and listens."""
    try:
        async with raw_client(house.mqtt.port, agent, context) as client:
            await client.send(mqtt5.ConnectPacket(agent.name))
            return await client.read() is not None
    except (ssl.SSLError, ConnectionError):
        return False


@contextlib.asynccontextmanager
async def _idle_sockets(port: int, many: int) -> AsyncIterator[list[socket.socket]]:
    """Connected, and silent."""
    loop = asyncio.get_running_loop()
    sockets = [socket.socket() for _ in range(many)]
    try:
        for one in sockets:
            one.setblocking(False)
            await loop.sock_connect(one, (HOST, port))
        yield sockets
    finally:
        for one in sockets:
            one.close()


async def test_tls_1_2_is_refused(site: Site) -> None:
    agent = site.agent()
    context = agent.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with open_house(site) as house:
        assert await _is_let_in(house, agent.context(), agent)
        assert not await _is_let_in(house, context, agent)


async def test_nobody_enters_without_a_certificate(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.files.root))
    async with open_house(site) as house:
        assert not await _is_let_in(house, context, site.agent())


async def test_a_certificate_of_another_authority_is_refused(site: Site, tmp_path: Path) -> None:
    """Even one that says the same names in all places."""
    stranger = Site(tmp_path).agent()
    context = stranger.context()
    context.load_verify_locations(cafile=site.files.root)
    async with open_house(site) as house:
        assert not await _is_let_in(house, context, stranger)


async def test_the_collectors_own_certificate_is_no_agent(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.files.root))
    context.load_cert_chain(site.files.server, site.files.server_key)
    async with open_house(site) as house:
        assert not await _is_let_in(house, context, site.agent())


async def test_an_expired_certificate_is_refused(site: Site, tmp_path: Path) -> None:
    agent = site.agent()
    key = pki.new_key()
    long_ago = datetime.now(UTC) - timedelta(days=91)
    old = pki.issue_agent(
        site.authority, request_for(key), "musterstadt", agent.peer.agent, long_ago
    )
    (tmp_path / "old.pem").write_bytes(pki.pem(old))
    (tmp_path / "old.key").write_bytes(pki.key_pem(key))
    context = ssl.create_default_context(cafile=str(site.files.root))
    context.load_cert_chain(tmp_path / "old.pem", tmp_path / "old.key")
    async with open_house(site) as house:
        assert not await _is_let_in(house, context, agent)


async def test_a_genuine_certificate_that_names_no_agent_is_counted(
    site: Site, tmp_path: Path
) -> None:
    """The issuing authority would have to err; the door looks all the same."""
    key = pki.new_key()
    odd = odd_certificate(site.authority, "somebody", [x509.DNSName("localhost")], key)
    (tmp_path / "odd.pem").write_bytes(pki.pem(odd))
    (tmp_path / "odd.key").write_bytes(pki.key_pem(key))
    context = ssl.create_default_context(cafile=str(site.files.root))
    context.load_cert_chain(tmp_path / "odd.pem", tmp_path / "odd.key")
    async with open_house(site) as house:
        assert not await _is_let_in(house, context, site.agent())

    assert dict(house.counts) == {Code.IDENTITY: 1}


async def test_an_agent_cannot_pose_as_the_collector(site: Site) -> None:
    """Its certificate is for clients only, although the same authority issued it."""
    agent = site.agent()
    false = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    false.load_cert_chain(agent.certificate, agent.key)
    server = await asyncio.start_server(lambda r, w: w.close(), HOST, 0, ssl=false)
    port = server.sockets[0].getsockname()[1]
    context = agent.context()
    context.check_hostname = False
    async with server:
        with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
            await asyncio.open_connection(HOST, port, ssl=context)


async def test_a_slow_handshake_ends_in_time(site: Site) -> None:
    limits = Limits(handshake_s=0.2)
    async with open_house(site, limits) as house, _idle_sockets(house.mqtt.port, 5) as idle:
        idle[0].send(b"\x16\x03\x01\x02\x00")
        await until(lambda: house.mqtt.gate.connections == 5)
        await until(lambda: house.mqtt.gate.connections == 0, within_s=1)


async def test_idle_sockets_cannot_close_the_door(site: Site) -> None:
    """More of them than there are places; the oldest give way."""
    limits = Limits(connections=50)
    async with open_house(site, limits) as house, _idle_sockets(house.mqtt.port, 120):
        took = await _deliver(house, site.agent())
        assert house.mqtt.gate.connections <= 50

    assert took < 1


async def test_proven_peers_do_not_give_way_to_strangers(site: Site) -> None:
    limits = Limits(connections=3)
    async with open_house(site, limits) as house, contextlib.AsyncExitStack() as stack:
        for number in (1, 2, 3):
            client = await stack.enter_async_context(
                raw_client(house.mqtt.port, site.agent(number))
            )
            await client.hello()
        async with _idle_sockets(house.mqtt.port, 10):
            await until(lambda: house.mqtt.gate.connections == 3)
            await client.send(client.frame(1))

            assert isinstance(await client.read(), mqtt5.PubAckPacket)
            assert not await _is_let_in(house, site.agent(4).context(), site.agent(4))


async def test_the_newest_connection_of_an_agent_stays(site: Site) -> None:
    """The older one belongs to a run that died without saying so."""
    agent = site.agent()
    async with open_house(site) as house, raw_client(house.mqtt.port, agent) as old:
        await old.hello()
        async with raw_client(house.mqtt.port, agent) as new:
            await new.hello()

            assert await old.rest() == []
            await new.send(new.frame(1))
            assert isinstance(await new.read(), mqtt5.PubAckPacket)


@pytest.mark.parametrize(
    "garbage", [b"", b"\x00" * 300, b"GET / HTTP/1.0\r\n\r\n", os.urandom(999)]
)
async def test_500_garbage_connections_leave_the_door_serving(site: Site, garbage: bytes) -> None:
    async with open_house(site) as house:
        before = len(asyncio.all_tasks())
        async with _idle_sockets(house.mqtt.port, 500) as sockets:
            for one in sockets:
                with contextlib.suppress(ConnectionError):
                    one.send(garbage)
            took = await _deliver(house, site.agent())
        await until(lambda: house.mqtt.gate.connections == 0)

        assert took < 1
        assert len(asyncio.all_tasks()) == before


async def test_garbage_behind_the_handshake_leaves_the_door_serving(site: Site) -> None:
    async with open_house(site) as house:
        before = len(asyncio.all_tasks())
        for number in range(100, 130):
            async with raw_client(house.mqtt.port, site.agent(number)) as client:
                await client.send(os.urandom(2_000))
        took = await _deliver(house, site.agent())
        await until(lambda: house.mqtt.gate.connections == 0)

        assert took < 1
        assert len(asyncio.all_tasks()) == before
    assert set(house.counts) <= {Code.FRAME, Code.TOO_LARGE}


async def test_a_peer_that_leaves_just_before_the_door_closes_does_no_harm(site: Site) -> None:
    """Our goodbye is answered by a reset, and the loop has not been told when we stop sending."""
    agent, complaints = site.agent(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    async with open_house(site) as house:
        house.receiver.open.clear()
        plain = await asyncio.to_thread(_send_one_frame, house.mqtt.port, agent)

        async def leave_and_be_silent(_raw: bytes, _peer: Peer) -> Answer:
            plain.close()
            return Answer(Code.OK, None)

        house.receiver.instead = leave_and_be_silent
        house.receiver.open.set()
        await until(lambda: house.mqtt.gate.connections == 0)

    assert complaints == []


def _send_one_frame(port: int, agent: Identity) -> socket.socket:
    """Connected and welcomed, with one frame on its way; all that came was read."""
    plain = socket.create_connection((HOST, port))
    secured = agent.context().wrap_socket(plain, server_hostname="localhost")
    secured.sendall(mqtt5.ConnectPacket(agent.name, clean_start=True).write())
    secured.recv(4_096)
    frame = mqtt5.PublishPacket(agent.up, b"x", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1)
    secured.sendall(frame.write())
    return socket.socket(fileno=secured.detach())


async def test_a_flood_of_refusals_is_one_line_of_log(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(site) as house, _idle_sockets(house.mqtt.port, 100) as sockets:
        for one in sockets:
            one.send(b"\x00" * 10)
        await until(lambda: house.mqtt.gate.connections == 0)

    assert capsys.readouterr().out.count("connection.refused") < 5


async def test_an_address_with_many_half_open_connections_gives_way_to_itself(site: Site) -> None:
    limits = Limits(connections=50, unproven_per_address=5)
    async with open_house(site, limits) as house:
        async with _idle_sockets(house.mqtt.port, 40) as idle:
            idle[-1].send(b"\x16\x03\x01")
            await until(lambda: house.mqtt.gate.connections == 5)
            await _deliver(house, site.agent())
            await until(lambda: house.mqtt.gate.connections == 4)
            assert [one.fileno() > 0 for one in idle] == [True] * 40
        await until(lambda: house.mqtt.gate.connections == 0)
        assert house.mqtt.gate._from == {}


async def test_a_proven_agent_is_not_displaced_by_strangers_from_its_own_address(
    site: Site,
) -> None:
    limits = Limits(connections=10, unproven_per_address=5)
    async with (
        open_house(site, limits) as house,
        raw_client(house.mqtt.port, site.agent()) as client,
    ):
        await client.hello()
        async with _idle_sockets(house.mqtt.port, 40):
            await until(lambda: house.mqtt.gate.connections == 6)
            await client.send(client.frame(1))

            assert isinstance(await client.read(), mqtt5.PubAckPacket)


async def test_a_door_says_when_it_may_hold_fewer_connections_than_wanted(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_house(site, Limits(connections=10_000_000)):
        pass

    assert "connections.capped" in capsys.readouterr().out


async def test_a_flood_of_half_open_handshakes_ends_in_time(site: Site) -> None:
    """The first bytes of a hello, and then nothing."""
    async with open_house(site, Limits(handshake_s=0.5)) as house:
        async with _idle_sockets(house.mqtt.port, 50) as idle:
            for one in idle:
                one.send(b"\x16\x03\x01\x02\x00\x01\x00")
            await until(lambda: house.mqtt.gate.connections == 50)
            await until(lambda: house.mqtt.gate.connections == 0)
        await _deliver(house, site.agent())


async def test_idle_sockets_cost_no_tls_memory(site: Site) -> None:
    """asyncio's own TLS transport would hold 256 KiB for each of them."""
    async with open_house(site) as house:
        await _deliver(house, site.agent())
        before = _resident_kib()
        async with _idle_sockets(house.mqtt.port, 300):
            await until(lambda: house.mqtt.gate.connections == 300)
            grown = _resident_kib() - before

    assert grown / 300 < 16


async def test_the_doors_serve_agents_under_plain_asyncio_and_close_completely(site: Site) -> None:
    async with open_house(site) as house:
        await _deliver(house, site.agent())

    assert house.mqtt.gate.connections == 0
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(HOST, house.mqtt.port)


def test_the_doors_serve_agents_under_uvloop_too(site: Site) -> None:
    async def deliver() -> list[bytes]:
        async with open_house(site) as house:
            async with _idle_sockets(house.mqtt.port, 20) as idle:
                idle[0].send(b"\x00" * 50)
                await _deliver(house, site.agent())
            async with raw_client(house.mqtt.port, site.agent()) as client:
                await client.hello()
                await client.listen()
                await client.send(client.frame(1, b"x" * 262_144))
                assert isinstance(await client.read(), mqtt5.PublishPacket)
        return house.receiver.frames

    assert [len(frame) for frame in uvloop.run(deliver())] == [5, 262_144]


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
