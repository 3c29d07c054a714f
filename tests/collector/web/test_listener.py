"""Who tries to hold the pages open: everybody else still gets them, and nothing is left behind."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.collector.ingest.fakes import until
from tests.collector.web.stage import Stage, stage

from verbundwacht_collector import pki_files
from verbundwacht_collector.web import headers
from verbundwacht_collector.web.listener import PageLimits, address_of

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
FORM = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Connection: close\r\n"
)
SHORT = PageLimits(connections=12, per_address=30, handshake_s=0.6, idle_s=0.6, stalled_s=0.6)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> pki_files.PkiFiles:
    files = pki_files.PkiFiles(tmp_path_factory.mktemp("pki"))
    pki_files.create(files, ["localhost", "127.0.0.1"])
    return files


def _context(files: pki_files.PkiFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server, files.server_key)
    return context


@contextlib.asynccontextmanager
async def _pages(
    folder: Path, limits: PageLimits = SHORT, files: pki_files.PkiFiles | None = None
) -> AsyncIterator[Stage]:
    """The real pages; at the end no connection and no task is left."""
    before = len(asyncio.all_tasks())
    context = _context(files) if files else None
    async with stage(folder / "vw.db", limits=limits, context=context) as site:
        yield site
    assert site.site.connections == 0
    await until(lambda: len(asyncio.all_tasks()) <= before)


@contextlib.asynccontextmanager
async def _sockets(site: Stage, many: int) -> AsyncIterator[list[socket.socket]]:
    loop, sockets = asyncio.get_running_loop(), [socket.socket() for _ in range(many)]
    try:
        for one in sockets:
            one.setblocking(False)
            await loop.sock_connect(one, ("127.0.0.1", site.site.port))
        yield sockets
    finally:
        for one in sockets:
            one.close()


async def _rest(one: socket.socket, within_s: float = 20.0) -> bytes:
    """Everything until the other side ends it."""
    loop, found = asyncio.get_running_loop(), b""
    async with asyncio.timeout(within_s):
        with contextlib.suppress(ConnectionError):
            while part := await loop.sock_recv(one, 65_536):
                found += part
    return found


async def _says(site: Stage, *parts: bytes) -> bytes:
    async with _sockets(site, 1) as (one,):
        for part in parts:
            with contextlib.suppress(ConnectionError):
                await asyncio.get_running_loop().sock_sendall(one, part)
        return await _rest(one)


async def _served(site: Stage, files: pki_files.PkiFiles | None = None) -> int:
    context: Any = ssl.create_default_context(cafile=str(files.root)) if files else False
    timeout = aiohttp.ClientTimeout(total=20)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(f"{site.url}/healthz", ssl=context) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost:"])
async def test_a_head_that_never_ends_ends_the_connection(tmp_path: Path, said: bytes) -> None:
    async with _pages(tmp_path) as site, _sockets(site, 10) as slow:
        for one in slow:
            one.send(said)
        assert await _served(site) == 200
        assert [await _rest(one) for one in slow] == [b""] * 10
        await until(lambda: site.site.connections == 0)


async def test_a_head_that_trickles_has_no_more_time_than_one_that_stands_still(
    tmp_path: Path,
) -> None:
    async with _pages(tmp_path) as site, _sockets(site, 1) as (slow,):
        with contextlib.suppress(ConnectionError):
            for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 400:
                slow.send(bytes([byte]))
                await asyncio.sleep(0.05)
                if not site.site.connections:
                    break

        await until(lambda: site.site.connections == 0)


async def test_half_open_handshakes_end_in_time_and_give_way_to_visitors(
    tmp_path: Path, files: pki_files.PkiFiles
) -> None:
    limits = SHORT._replace(handshake_s=30.0)
    async with _pages(tmp_path, limits, files) as site, _sockets(site, 25) as silent:
        for one in silent:
            with contextlib.suppress(OSError):
                one.send(b"\x16\x03\x01")
        assert await _served(site, files) == 200
        assert site.site.connections <= limits.connections
    async with _pages(tmp_path, SHORT, files) as site, _sockets(site, 5):
        await until(lambda: site.site.connections == 5)
        await until(lambda: site.site.connections == 0)
        assert await _served(site, files) == 200


async def test_one_address_cannot_take_all_places(tmp_path: Path) -> None:
    limits = SHORT._replace(per_address=4, idle_s=30.0)
    async with _pages(tmp_path, limits) as site, _sockets(site, 10) as many:
        refused = await asyncio.gather(*(_rest(one) for one in many[4:]))

        assert refused == [b""] * 6
        assert site.site.connections == 4
        many[0].send(GET)
        assert (await asyncio.get_running_loop().sock_recv(many[0], 100)).startswith(
            b"HTTP/1.1 200"
        )
        many[1].close()
        await until(lambda: site.site.connections == 3)
        assert await _served(site) == 200


async def test_a_visitor_that_does_not_read_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _pages(tmp_path) as site, _sockets(site, 1) as (deaf,):
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            for _ in range(5_000):
                deaf.send(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
                await asyncio.sleep(0)
                if not site.site.connections:
                    break
        assert await _served(site) == 200
        await until(lambda: site.site.connections == 0)

    assert "stalled" in capsys.readouterr().out


async def test_a_form_that_trickles_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headers, "BODY_S", 0.3)
    async with _pages(tmp_path) as site:
        answer = await _says(site, FORM + b"Content-Length: 500\r\n\r\n", b"a")

        assert answer.startswith(b"HTTP/1.1 408")
        assert await _served(site) == 200


async def test_who_leaves_in_the_middle_of_a_form_leaves_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _pages(tmp_path) as site:
        async with _sockets(site, 1) as (one,):
            one.send(FORM + b"Content-Length: 500\r\n\r\nlogin")
            await until(lambda: site.site.connections == 1)
        await until(lambda: site.site.connections == 0)
        assert await _served(site) == 200

    assert "Traceback" not in capsys.readouterr().out


async def test_a_form_without_end_is_measured(tmp_path: Path) -> None:
    async with _pages(tmp_path) as site:
        piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        answer = await _says(site, FORM + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 9)

        assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (FORM + b"Content-Length: 9999999\r\n\r\n", 413),
        (FORM + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100 + b"\r\n", 400),
        (b"TRACE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\x00\r\n\r\n", 400),
    ],
)
async def test_odd_requests_are_refused_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, said: bytes, status: int
) -> None:
    async with _pages(tmp_path) as site:
        answer = await _says(site, said)

        assert answer.startswith(b"HTTP/1.") and answer.split(b" ")[1] == b"%d" % status
        assert b"Traceback" not in answer and caplog.records == []
        assert await _served(site) == 200


async def test_an_upgrade_is_answered_like_any_request(tmp_path: Path) -> None:
    async with _pages(tmp_path) as site:
        upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
        answer = await _says(site, GET.replace(b"\r\n\r\n", b"\r\n") + upgrade)

        assert answer.startswith(b"HTTP/1.1 200")
        assert await _served(site) == 200


@pytest.mark.parametrize(
    ("where", "same"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 1, 0, 0), "2001:db8::/64"),
        (("2001:db8:0:0:ffff::1", 1, 0, 0), "2001:db8::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
    ],
)
def test_one_customer_is_one_address(where: tuple[Any, ...], same: str) -> None:
    assert address_of(where) == same
