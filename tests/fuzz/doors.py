"""Raw bytes at the running doors: agents' HTTPS, agents' MQTT, the pages.

Three strangers knock at once, well-behaved ones are served all the while, and whatever a door logs
as an error, or leaves running, is a finding. What a door says is only sorted, not judged.
"""

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
from tests.collector.ingest.fakes import HOST, Identity, Site, open_house, raw_client, until
from tests.collector.web.stage import stage
from tests.fuzz.engine import Explorer, Finding
from tests.fuzz.targets import MQTT_WORDS, Target, mqtt_seeds

from verbundwacht_collector.ingest.gate import Limits
from verbundwacht_collector.web.listener import PageLimits

AT_ONCE: Final = 24
HTTP_WORDS: Final = (
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
    ),
    *(
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Host: x\r\n"),
    *(b"Content-Encoding: zstd\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n"),
    *(b"Connection: close\r\n", b"Content-Type: multipart/form-data; boundary=x\r\n"),
    *(
        b"Cookie: vw=\xff\r\n",
        b"Accept-Language: en;q=x\r\n",
        b"Range: bytes=0-\r\n",
        b"%00%ff",
        b"/..",
    ),
)
UP: Final = b"POST /v1/up HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
FORM: Final = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
)
LIMITS: Final = Limits(first_s=0.3, handshake_s=5.0, lifetime_s=0.8, per_peer=64)
PAGE_LIMITS: Final = PageLimits(idle_s=0.5)


class Door(NamedTuple):
    """An open door. well: does what a good client does, raises if it is not served."""

    port: int
    context: ssl.SSLContext | None
    well: Callable[[], Awaitable[None]]
    held: Callable[[], int]


def up_seeds() -> list[bytes]:
    """What agents post, and what they do not."""
    return [
        UP + b"Content-Length: 5\r\n\r\nframe",
        UP + b"Transfer-Encoding: chunked\r\n\r\n5\r\nframe\r\n0\r\n\r\n",
        UP + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nframe",
        UP + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        (UP + b"Content-Length: 1\r\n\r\nx") * 3,
        b"GET / HTTP/1.0\r\n\r\n",
    ]


def page_seeds() -> list[bytes]:
    """What browsers ask for without a login."""
    return [
        FORM + b"Content-Length: 26\r\n\r\nlogin=jana&password=x&next=",
        FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\nlogin\r\n0\r\n\r\n",
        b"GET /alerts?q=a%20b&page=2 HTTP/1.1\r\nHost: x\r\nCookie: vw=abc\r\n\r\n",
        b"GET /login?next=/hosts HTTP/1.1\r\nHost: x\r\nAccept-Language: en,de;q=0.5\r\n\r\n",
        b"HEAD /static/0123456789abcdef/app.css HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 9\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    ]


def _never(_: bytes) -> str:
    raise NotImplementedError("needs an open door")


DOORS: Final = {
    "door-https": Target("door-https", _never, up_seeds, HTTP_WORDS),
    "door-mqtt": Target("door-mqtt", _never, mqtt_seeds, MQTT_WORDS),
    "door-pages": Target("door-pages", _never, page_seeds, HTTP_WORDS),
}


@contextlib.asynccontextmanager
async def open_door(name: str, folder: Path, site: Site) -> AsyncIterator[Door]:
    """The door of this name, on a free port of loopback."""
    if name == "door-pages":
        async with stage(folder / "vw.db", limits=PAGE_LIMITS) as pages:
            port = pages.site.port
            well = _asks(f"http://{HOST}:{port}/healthz", 200, False)
            yield Door(port, None, well, lambda: pages.site.connections)
        return
    agent, good = site.agent(1), site.agent(2)
    async with open_house(site, LIMITS, LIMITS) as house:
        if name == "door-mqtt":
            mqtt, port = house.mqtt.gate, house.mqtt.port
            yield Door(port, agent.context(), lambda: _says_hello(port, good), _held(mqtt))
        else:
            https, port = house.https.gate, house.https.port
            well = _asks(f"https://localhost:{port}/v1/up", 405, good.context())
            yield Door(port, agent.context(), well, _held(https))


def _held(gate: Any) -> Callable[[], int]:
    return lambda: int(gate.connections)


def _asks(url: str, status: int, context: Any) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        async with aiohttp.ClientSession() as http, http.get(url, ssl=context) as answer:
            assert answer.status == status

    return ask


async def _says_hello(port: int, agent: Identity) -> None:
    async with raw_client(port, agent) as client:
        await client.hello()


async def knock(door: Door, raw: bytes) -> str:
    """How the door answers these bytes, in a few words; the connection is over."""
    name = "localhost" if door.context else None
    reader, writer = await asyncio.open_connection(
        HOST, door.port, ssl=door.context, server_hostname=name
    )
    answer = b""
    try:
        writer.write(raw)
        await writer.drain()
        async with asyncio.timeout(20):
            answer = await reader.read()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
    return sorted_answer(answer)


def sorted_answer(answer: bytes) -> str:
    """Status lines, or the first bytes of packets."""
    if answer.startswith(b"HTTP/"):
        return "http " + " ".join(re.findall(r"HTTP/1\.[01] (\d{3})", answer.decode("latin-1"))[:4])
    return "says " + answer[:4].hex() + f" {len(answer)}"


async def besiege(explorer: Explorer, door: Door, many: int) -> list[Finding]:
    """So many inputs came, a few at a time; nothing is held, and good clients were served."""
    found: list[Finding] = []
    complaints = _Complaints()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, what: complaints.texts.append(str(what)))
    logging.getLogger().addHandler(complaints)
    try:
        for start in range(0, many, AT_ONCE):
            kept = explorer.kept[start : start + AT_ONCE]
            inputs = [*kept, *(explorer.drawn() for _ in range(AT_ONCE - len(kept)))]
            *ends, _ = await asyncio.gather(*(knock(door, raw) for raw in inputs), door.well())
            for raw, end in zip(inputs, ends, strict=True):
                explorer.ended(raw, str(end))
            if complaints.texts:
                text = complaints.texts.pop()[:300]
                found.append(Finding(explorer.target.name, b"\n--\n".join(inputs), text))
                complaints.texts.clear()
    finally:
        logging.getLogger().removeHandler(complaints)
        loop.set_exception_handler(None)
    await until(lambda: door.held() == 0)
    return found


class _Complaints(logging.Handler):
    """Errors and tracebacks that anything logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember what was logged, with the traceback's last words."""
        problem = record.exc_info[1] if record.exc_info else ""
        self.texts.append(f"{record.getMessage()} {problem!r}")
