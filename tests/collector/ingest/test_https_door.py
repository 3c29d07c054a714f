"""The HTTPS door over real TLS: what is read, what is refused by its head, what is answered."""

import asyncio
import contextlib
import os
import ssl
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.collector.ingest.fakes import HOST, House, Identity, Site, open_house, until

from verbundwacht_collector.ingest.gate import Limits
from verbundwacht_wire.codes import Code

COSE = {"Content-Type": "application/cose"}


@pytest.fixture
async def house(site: Site) -> AsyncIterator[House]:
    async with open_house(site, https_limits=Limits(first_s=0.5, lifetime_s=5)) as house:
        yield house


async def _post(
    house: House,
    agent: Identity,
    body: bytes,
    headers: dict[str, str] | None = None,
    path: str = "/v1/up",
) -> tuple[int, bytes, dict[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"https://localhost:{house.https.port}{path}",
            data=body,
            headers=COSE if headers is None else headers,
            ssl=agent.context(),
        ) as response,
    ):
        return (
            response.status,
            await response.read(),
            {str(k): v for k, v in response.headers.items()},
        )


async def _raw(house: House, agent: Identity, *parts: bytes) -> bytes:
    """Everything the door says to these bytes until it ends the connection."""
    reader, writer = await asyncio.open_connection(
        HOST, house.https.port, ssl=agent.context(), server_hostname="localhost"
    )
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def test_an_accepted_frame_is_answered_with_its_acknowledgement(
    site: Site, house: House
) -> None:
    status, body, headers = await _post(house, site.agent(3), b"frame")

    assert (status, body) == (200, b"ack of frame")
    assert headers["Content-Type"] == "application/cose"
    assert house.receiver.peers == [site.agent(3).peer]


async def test_silence_is_an_empty_400(site: Site, house: House) -> None:
    house.receiver.silent = True
    house.receiver.code = Code.SIGNATURE

    status, body, _ = await _post(house, site.agent(), b"frame")
    assert (status, body) == (400, b"")


async def test_what_could_not_be_stored_is_asked_for_later(site: Site, house: House) -> None:
    house.receiver.problem = OSError("disk full")
    status, body, headers = await _post(house, site.agent(), b"frame")

    assert (status, body) == (503, b"")
    assert int(headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/cose-key"},
        COSE | {"Content-Encoding": "gzip"},
        COSE | {"Content-Encoding": "zstd"},
        COSE | {"Content-Encoding": "identity"},
        COSE | {"Content-Encoding": ""},
    ],
)
async def test_other_types_and_any_encoding_are_refused(
    site: Site, house: House, headers: dict[str, str]
) -> None:
    status, body, _ = await _post(house, site.agent(), b"frame", headers)

    assert (status, body) == (415, b"")
    assert house.receiver.frames == []


async def test_the_media_type_may_carry_its_parameter(site: Site, house: House) -> None:
    headers = {"Content-Type": 'application/cose; cose-type="cose-sign1"'}
    status, _, _ = await _post(house, site.agent(), b"frame", headers)

    assert status == 200


@pytest.mark.parametrize("size", [262_144, 262_145])
async def test_a_frame_of_the_largest_size_passes_and_not_one_byte_more(
    site: Site, house: House, size: int
) -> None:
    status, _, _ = await _post(house, site.agent(), b"x" * size)

    assert status == (200 if size == 262_144 else 413)
    assert dict(house.counts) == ({} if size == 262_144 else {Code.TOO_LARGE: 1})


async def test_a_body_in_pieces_is_measured_too(site: Site, house: House) -> None:
    head = (
        b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
        b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    answer = await _raw(house, site.agent(), head, *[piece] * 9, b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413")
    assert house.receiver.frames == []


def _bomb(kind: str) -> bytes:
    """128 MiB of zeros, packed a piece at a time."""
    if kind == "zstd":  # one RLE block of 128 KiB after the other
        return b"\x28\xb5\x2f\xfd\x00\x50" + b"\x02\x00\x10\x00" * 1_023 + b"\x03\x00\x10\x00"
    packer = zlib.compressobj(wbits=31 if kind == "gzip" else 15)
    return b"".join(packer.compress(bytes(1 << 16)) for _ in range(1 << 11)) + packer.flush()


@pytest.mark.parametrize("kind", ["gzip", "deflate", "zstd"])
async def test_a_bomb_is_refused_without_being_inflated(
    site: Site, house: House, kind: str
) -> None:
    agent, bomb = site.agent(), _bomb(kind)
    await _post(house, agent, b"warm")
    before = _fresh_peak_kib()
    status, _, _ = await _post(house, agent, bomb, COSE | {"Content-Encoding": kind})

    assert status == 415
    assert _peak_kib() - before < 16 * 1024
    assert house.receiver.frames == [b"warm"]


async def test_a_zlib_stream_without_a_name_stays_as_it_is(site: Site, house: House) -> None:
    before = _fresh_peak_kib()
    status, _, _ = await _post(house, site.agent(), _bomb("deflate"))

    assert status == 200
    assert _peak_kib() - before < 16 * 1024
    assert house.receiver.frames == [_bomb("deflate")]


async def test_100_continue_is_only_said_to_what_would_be_read(site: Site, house: House) -> None:
    head = b"POST /v1/up HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n"
    cose = b"Content-Type: application/cose\r\n"
    good = await _raw(house, site.agent(), head + cose + b"Connection: close\r\n\r\n", b"frame")
    coded = await _raw(
        house, site.agent(), head + cose + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
    large = await _raw(
        house,
        site.agent(),
        (head + cose).replace(b": 5", b": 999999") + b"Connection: close\r\n\r\n",
    )

    assert good.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert coded.startswith(b"HTTP/1.1 415")
    assert large.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/up", 405), ("POST", "/", 404), ("POST", "/v1/up/x", 404), ("PUT", "/v1/up", 405)],
)
async def test_there_is_one_thing_to_do_here(
    site: Site, house: House, method: str, path: str, status: int
) -> None:
    line = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answer = await _raw(house, site.agent(), line)

    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert b"aiohttp" not in answer


async def test_a_body_that_trickles_is_not_waited_for(site: Site, house: House) -> None:
    head = b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
    answer = await _raw(house, site.agent(), head + b"Content-Length: 500\r\n\r\n", b"a")

    assert answer.startswith(b"HTTP/1.1 408")
    assert house.receiver.frames == []


async def test_a_head_that_trickles_ends_with_the_connection(site: Site) -> None:
    async with open_house(site, https_limits=Limits(lifetime_s=0.3)) as house:
        answer = await _raw(house, site.agent(), b"POST /v1/up HTTP/1.1\r\nHost:")

        assert answer == b""
        await until(lambda: house.https.gate.connections == 0)


async def test_large_heads_are_refused_without_a_traceback_in_the_log(
    site: Site, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    line = b"POST /v1/up HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 5_000 + b"\r\n\r\n"
    many = b"POST /v1/up HTTP/1.1\r\n" + b"A: b\r\n" * 60 + b"\r\n"

    assert b" 400 Bad Request\r\n" in await _raw(house, site.agent(), line)
    assert b" 400 Bad Request\r\n" in await _raw(house, site.agent(), many)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"TRACE /v1/up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"405"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (
            b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"400",
        ),
        (
            b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
        ),
        (
            b"POST /v1/up HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade, close\r\n\r\n",
            b"415",
        ),
    ],
)
async def test_odd_requests_are_refused_and_the_next_one_served(
    site: Site, house: House, caplog: pytest.LogCaptureFixture, said: bytes, status: bytes
) -> None:
    answer = await _raw(house, site.agent(), said)
    served, _, _ = await _post(house, site.agent(), b"frame")

    assert answer.split(b" ")[1] == status
    assert (served, caplog.records) == (200, [])


async def test_a_body_in_pieces_without_end_ends_in_time(site: Site, house: House) -> None:
    head = (
        b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    slow = asyncio.create_task(_raw(house, site.agent(), head, b"1\r\nx\r\n"))
    served, _, _ = await _post(house, site.agent(2), b"frame")

    assert served == 200
    assert (await slow).startswith(b"HTTP/1.1 408")


async def test_who_asks_without_reading_the_answers_is_cut_off(site: Site) -> None:
    async with open_house(site, https_limits=Limits(lifetime_s=1.0)) as house:
        reader, writer = await asyncio.open_connection(
            HOST, house.https.port, ssl=site.agent().context(), server_hostname="localhost"
        )
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        one = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 100
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(5):
                while house.https.gate.connections:
                    writer.write(one)
                    await asyncio.sleep(0.01)
        await until(lambda: house.https.gate.connections == 0)
        writer.transport.abort()

        assert (await _post(house, site.agent(2), b"frame"))[0] == 200


async def test_several_frames_may_use_one_connection(site: Site, house: House) -> None:
    one = (
        b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
        b"Content-Length: 1\r\n\r\n"
    )
    last = one.replace(b"Host: x", b"Host: x\r\nConnection: close")
    answer = await _raw(house, site.agent(), one + b"1" + one + b"2" + last + b"3")

    assert answer.count(b"HTTP/1.1 200") == 3
    assert house.receiver.frames == [b"1", b"2", b"3"]


async def test_a_full_collector_answers_503_before_reading(site: Site) -> None:
    limits = Limits(held_bytes=1_000, per_peer=4)
    async with open_house(site, https_limits=limits) as house:
        house.receiver.open.clear()
        waiting = asyncio.create_task(_post(house, site.agent(), b"x" * 2_000))
        await until(lambda: house.receiver.running == 1)
        status, _, _ = await _post(house, site.agent(), b"y")
        house.receiver.open.set()

        assert status == 503
        assert (await waiting)[0] == 200


@pytest.mark.parametrize("context", ["none", "foreign"])
async def test_without_an_agents_certificate_nothing_is_served(
    site: Site, house: House, context: str, tmp_path: Path
) -> None:
    chosen = ssl.create_default_context(cafile=str(site.files.root))
    if context == "foreign":
        stranger = Site(tmp_path).agent()
        chosen.load_cert_chain(stranger.certificate, stranger.key)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(
                f"https://localhost:{house.https.port}/v1/up", data=b"x", headers=COSE, ssl=chosen
            )

    assert house.receiver.frames == []


async def test_garbage_leaves_the_door_serving(site: Site, house: House) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(20):
        await _raw(house, site.agent(), os.urandom(500) + b"\r\n\r\n")
    status, _, _ = await _post(house, site.agent(), b"frame")
    await until(lambda: house.https.gate.connections == 0)

    assert status == 200
    await until(lambda: len(asyncio.all_tasks()) == before)


async def test_closing_the_door_answers_what_is_being_committed(site: Site) -> None:
    async with open_house(site) as house:
        house.receiver.open.clear()
        waiting = asyncio.create_task(_post(house, site.agent(), b"frame"))
        await until(lambda: house.receiver.running == 1)
        asyncio.get_running_loop().call_later(0.1, house.receiver.open.set)
        await house.https.close()

        assert (await waiting)[:2] == (200, b"ack of frame")


def _peak_kib() -> int:
    """The most memory this process has held since the peak was last forgotten."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def _fresh_peak_kib() -> int:
    """The peak is what is held now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_kib()
