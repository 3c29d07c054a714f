"""Who may connect to the pages, how many at a time, and for how long without a word.

aiohttp bounds what a request may be, not who holds a connection, and asyncio's own server does not
say that somebody is in the middle of a handshake: so connections are accepted and counted here,
half-open ones too. The pages know nobody before the login, so the address is all there is to tell
one visitor from another.
"""

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

GOODBYE_S: Final = 2.0  # for the other side to close a TLS connection, too
QUIET_S: Final = 1.0  # one log line per reason in this time

log = structlog.get_logger(__name__)


class PageLimits(NamedTuple):
    """How much of this machine visitors of the pages may hold."""

    connections: int = 1_000
    per_address: int = 256  # a whole town hall behind one address, or all behind a proxy
    handshake_s: float = 10.0
    idle_s: float = 20.0  # until a whole head is there, first and between requests
    stalled_s: float = 30.0  # without reading what was sent


def _is_ours(record: logging.LogRecord) -> bool:
    """aiohttp logs a traceback for every malformed request; a client could fill the disk."""
    problem = record.exc_info[1] if record.exc_info else None
    return not isinstance(problem, HttpProcessingError)


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_is_ours)


def page_runner(app: web.Application, limits: PageLimits) -> web.AppRunner:
    """What serves the application; large or slow heads end the connection."""
    return web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        logger=_server_log,
        auto_decompress=False,
        max_line_size=4_096,
        max_field_size=8_192,
        max_headers=64,
        keepalive_timeout=limits.idle_s,
        lingering_time=2.0,
    )


class GuardedSite(web.BaseSite):
    """A listening address whose connections are counted from the first packet on."""

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        limits: PageLimits = PageLimits(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(runner, ssl_context=context)
        self._host, self._wanted, self._limits = host, port, limits
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._shaking: dict[asyncio.Task[None], None] = {}
        self._open: Counter[str] = Counter()  # address -> connections
        self._told: dict[str, tuple[float, int]] = {}

    @property
    def name(self) -> str:
        """What aiohttp calls it."""
        return f"{self._host}:{self.port}"

    @property
    def port(self) -> int:
        """The port that is listened on; the one asked for before it is."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else self._wanted

    @property
    def is_open(self) -> bool:
        """New connections are taken."""
        return any(not task.done() for task in self._accepting)

    @property
    def connections(self) -> int:
        """Open ones, half-open ones included."""
        return self._open.total()

    async def start(self) -> None:
        """Browsers can connect. Raises OSError if the address cannot be had."""
        await super().start()
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._wanted, type=socket.SOCK_STREAM)
        try:
            for family, _, _, _, where in dict.fromkeys(found):
                one = socket.create_server(where[:2], family=family, backlog=1_024)
                one.setblocking(False)
                self._sockets.append(one)
        except OSError:
            self._close_sockets()
            raise
        self._accepting = [loop.create_task(self._accept(one)) for one in self._sockets]

    async def stop(self) -> None:
        """Nobody new is let in, and handshakes are given up; the open connections stay."""
        ending = [*self._accepting, *self._shaking]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._close_sockets()
        await super().stop()

    def _close_sockets(self) -> None:
        for one in self._sockets:
            one.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, where = await loop.sock_accept(listening)
            except OSError as problem:  # no file handle left: one will be free again
                self._refused("accept", str(problem))
                await asyncio.sleep(1)
                continue
            self._admit(connection, address_of(where))

    def _admit(self, connection: socket.socket, address: str) -> None:
        if self._open[address] >= self._limits.per_address:
            self._refused("address_full", address)
            connection.close()
            return
        if self.connections >= self._limits.connections:
            # Who is in the middle of a handshake gives way to the newest, the oldest first:
            # otherwise sockets that never say anything would close the pages to all.
            self._refused("full", address)
            if not self._shaking:
                connection.close()
                return
            next(iter(self._shaking)).cancel()
        assert isinstance(self._runner, web.AppRunner) and self._runner.server is not None
        self._open[address] += 1
        visit = Visit(
            self._runner.server(),
            self._limits.stalled_s,
            gone=lambda: self._gone(address),
            stalled=lambda: self._refused("stalled", address),
        )
        task = asyncio.get_running_loop().create_task(self._shake(connection, visit))
        self._shaking[task] = None
        task.add_done_callback(partial(self._shaken, connection, visit, address))

    async def _shake(self, connection: socket.socket, visit: "Visit") -> None:
        """The connection belongs to aiohttp. Raises OSError if the handshake failed."""
        timeouts: dict[str, float] = {}
        if self._ssl_context is not None:
            timeouts = {
                "ssl_handshake_timeout": self._limits.handshake_s,
                "ssl_shutdown_timeout": GOODBYE_S,
            }
        visit.owned = True  # from here on the loop closes the socket, whatever happens
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: visit, connection, ssl=self._ssl_context, **timeouts
        )

    def _shaken(
        self,
        connection: socket.socket,
        visit: "Visit",
        address: str,
        done: "asyncio.Task[None]",
    ) -> None:
        """Here and not in the task: one that is cancelled before its first step never runs."""
        self._shaking.pop(done, None)
        if not visit.owned:
            connection.close()
        if not visit.begun:
            self._gone(address)
        if not done.cancelled() and done.exception() is not None:
            self._refused("handshake", address)

    def _gone(self, address: str) -> None:
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    def _refused(self, reason: str, detail: str) -> None:
        """A flood of one kind is one line a second, the rest a number in it."""
        now = asyncio.get_running_loop().time()
        last, silenced = self._told.get(reason, (-QUIET_S, 0))
        if now - last < QUIET_S:
            self._told[reason] = (last, silenced + 1)
            return
        self._told[reason] = (now, 0)
        log.warning(
            "connection.refused", door="web", reason=reason, detail=detail, silenced=silenced
        )


class Visit(asyncio.Protocol):
    """One connection after its handshake: aiohttp's protocol, and a limit to not reading."""

    def __init__(
        self,
        handler: asyncio.Protocol,
        stalled_s: float,
        *,
        gone: Callable[[], None],
        stalled: Callable[[], None],
    ) -> None:
        self._handler, self._stalled_s = handler, stalled_s
        self._gone, self._stalled = gone, stalled
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self.owned, self.begun = False, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over."""
        self._transport, self.begun = cast(asyncio.Transport, transport), True
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """The browser sends nothing more."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """The browser does not read what is there; it has `stalled_s` to begin."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._stalled_s, self._give_up)
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """It reads."""
        self._disarm()
        self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone and counted out."""
        self._disarm()
        self._gone()
        self._handler.connection_lost(exc)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        self._stalled()
        self._transport.abort()


def address_of(where: Any) -> str:
    """Who counts as one visitor: an IPv4 address, or the 64 bits that one IPv6 customer gets."""
    address = ipaddress.ip_address(str(where[0]).partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
