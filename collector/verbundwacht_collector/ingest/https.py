"""The agents' HTTPS door: `POST /v1/up`, the same frames and the same answers as over MQTT.

aiohttp inflates request bodies by itself unless told not to, and speaks zstd as soon as a
package for it is installed: so a Content-Encoding is refused before the body is read *and*
`auto_decompress` is off, each enough alone. "100 Continue" is only said to a request that would
be read.
"""

import asyncio
import logging
import ssl
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from verbundwacht_collector.ingest import Answer, Peer, Receive
from verbundwacht_collector.ingest.gate import Count, Gate, Limits
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import MAX_FRAME

PATH: Final = "/v1/up"
MEDIA_TYPE: Final = "application/cose"
RETRY_S: Final = 60
HTTPS_LIMITS: Final = Limits(per_peer=4, lifetime_s=60.0)
_DRAIN_S: Final = 5.0

log = structlog.get_logger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    """aiohttp logs a traceback for every malformed request; a client could fill the disk."""
    problem = record.exc_info[1] if record.exc_info else None
    return not isinstance(problem, HttpProcessingError)


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_is_ours)


class HttpsDoor:
    """Agents that cannot use MQTT post here.

    200 with the signed acknowledgement as body, after the commit. 400 without a word where
    silence is the answer. 413, 415 for what is not read, 408 for what comes too slowly, 503 with
    Retry-After if nothing could be stored. count: for what the door itself refuses (101).
    """

    def __init__(
        self, context: ssl.SSLContext, receive: Receive, count: Count, limits: Limits = HTTPS_LIMITS
    ) -> None:
        self._receive, self._count, self._limits = receive, count, limits
        self._held = 0
        self._runner = web.AppRunner(
            self._application(),
            handle_signals=False,
            access_log=None,
            logger=_server_log,
            auto_decompress=False,
            max_line_size=1_024,
            max_field_size=2_048,
            max_headers=32,
            keepalive_timeout=15.0,
            lingering_time=2.0,
        )
        self.gate = Gate("https", context, self._protocol, count, limits)

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_FRAME)
        app.router.add_post(PATH, self._up, expect_handler=self._expect)
        app.on_response_prepare.append(_without_version)
        return app

    def _protocol(self, _peer: Peer) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        return server()

    async def open(self, host: str, port: int) -> None:
        """Agents can post. Raises OSError if the address cannot be had."""
        await self._runner.setup()
        await self.gate.open(host, port)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self.gate.port

    async def close(self) -> None:
        """Requests in progress are answered, for five seconds at most; nobody is left."""
        self.gate.stop()
        if self._runner.server is not None:
            await self._runner.server.shutdown(_DRAIN_S)
        await self.gate.close()
        await self._runner.cleanup()

    async def _expect(self, request: web.Request) -> None:
        """Say "100 Continue" only to a request whose body would be read."""
        if request.headers.getall("Expect") != ["100-continue"]:
            raise web.HTTPExpectationFailed
        self._check_head(request)
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _check_head(self, request: web.Request) -> None:
        """Refuse by the head alone; the body stays unread."""
        if "Content-Encoding" in request.headers or request.content_type != MEDIA_TYPE:
            self.gate.refused("encoding" if "Content-Encoding" in request.headers else "type")
            raise web.HTTPUnsupportedMediaType(text="")
        if (request.content_length or 0) > MAX_FRAME:
            self._count(Code.TOO_LARGE)
            raise web.HTTPRequestEntityTooLarge(MAX_FRAME, request.content_length or 0, text="")
        if self._held >= self._limits.held_bytes:
            raise _busy()

    async def _up(self, request: web.Request) -> web.Response:
        self._check_head(request)
        assert request.transport is not None
        peer = request.transport.get_extra_info("peer")
        size = MAX_FRAME if request.content_length is None else request.content_length
        self._held += size  # before the body is there, or many at once would all be let in
        try:
            answer = await self._commit(await self._body(request), peer)
        finally:
            self._held -= size
        if answer.ack is None:
            return web.Response(status=400)
        return web.Response(body=answer.ack, content_type=MEDIA_TYPE)

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._limits.first_s):
                return await request.read()
        except TimeoutError:
            self.gate.refused("body_slow")
            raise web.HTTPRequestTimeout(text="") from None
        except web.HTTPRequestEntityTooLarge:
            self._count(Code.TOO_LARGE)
            raise web.HTTPRequestEntityTooLarge(MAX_FRAME, text="") from None

    async def _commit(self, frame: bytes, peer: Peer) -> Answer:
        """What `receive` says. aiohttp does not cancel it when the client goes away."""
        try:
            return await self._receive(frame, peer)
        except Exception as problem:
            log.error("frame.not_stored", agent=peer.agent.hex(), problem=repr(problem))
            raise _busy() from None


def _busy() -> web.HTTPException:
    return web.HTTPServiceUnavailable(headers={"Retry-After": str(RETRY_S)}, text="")


async def _without_version(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "verbundwacht"
