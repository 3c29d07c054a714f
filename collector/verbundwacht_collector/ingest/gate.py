"""The gate before a door: a listening address, caps, deadlines, one line of log per flood.

When all places are taken, the oldest connection without a proven peer gives way to the newest:
refusing the newest instead would let anybody close the door with idle sockets.
"""

import asyncio
import resource
import ssl
from collections.abc import Callable
from typing import NamedTuple

import structlog

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.ingest.quiet import Refusals
from verbundwacht_collector.ingest.tls import LINGER_S, Secured
from verbundwacht_wire.codes import Code

log = structlog.get_logger(__name__)

Count = Callable[[Code], None]
"""A door refused something itself and under this code; `receive` counts what it refuses."""


class Limits(NamedTuple):
    """How much of this machine strangers and agents may hold."""

    connections: int = 2_000
    unproven_per_address: int = 1_000  # a whole data centre may share one address
    per_peer: int = 1  # the newest stays: the older one belongs to a run that died
    handshake_s: float = 10.0
    first_s: float = 10.0  # until CONNECT, or until one request is there
    lifetime_s: float = 120.0
    held_bytes: int = 64 * 1024 * 1024  # messages that wait for their commit


class Gate:
    """A listening address; every proven connection gets a protocol of its own."""

    def __init__(
        self,
        name: str,
        context: ssl.SSLContext,
        factory: Callable[[Peer], asyncio.Protocol],
        count: Count,
        limits: Limits,
    ) -> None:
        self.context, self.factory, self.limits = context, factory, limits
        self._count = count
        self._most = limits.connections
        self._server: asyncio.Server | None = None
        self._port = 0
        self._unproven: dict[Secured, None] = {}  # in order of arrival
        self._from: dict[str, dict[Secured, None]] = {}  # the same, by address
        self._proven: dict[Peer, list[Secured]] = {}
        self._proven_total = 0
        self._refusals = Refusals("connection.refused", name)

    async def open(self, host: str, port: int) -> None:
        """Clients can connect. Raises OSError if the address cannot be had."""
        self._most = min(self.limits.connections, affordable())
        if self._most < self.limits.connections:
            wanted, raised_by = self.limits.connections, "LimitNOFILE"
            log.warning("connections.capped", at=self._most, wanted=wanted, raised_by=raised_by)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Secured(self), host, port, backlog=1024, reuse_address=True
        )
        self._port = int(self._server.sockets[0].getsockname()[1])

    @property
    def port(self) -> int:
        """The port that is or was listened on: the one the system chose, if 0 was asked for."""
        return self._port

    @property
    def is_open(self) -> bool:
        """New connections are taken."""
        return self._server is not None and self._server.is_serving()

    @property
    def connections(self) -> int:
        """Open connections, proven or not."""
        return len(self._unproven) + self._proven_total

    def stop(self) -> None:
        """No new connection is taken; the open ones stay."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """Nobody is connected any more."""
        self.stop()
        everyone = [*self._unproven, *(c for some in self._proven.values() for c in some)]
        for connection in everyone:
            connection.close()
        for _ in range(int(LINGER_S * 50)):
            if not self.connections:
                return
            await asyncio.sleep(0.02)

    def admit(self, connection: Secured) -> bool:
        """Count a new connection in; False if all places are held by proven peers.

        An address that has many unproven ones already gives way to itself, so that one machine
        cannot displace the handshakes of all the others.
        """
        same = self._from.get(connection.address, {})
        if len(same) >= self.limits.unproven_per_address:
            self._displace(next(iter(same)), "address_full", connection.address)
        elif self.connections >= self._most:
            if not self._unproven:
                self.refused("full")
                return False
            self._displace(next(iter(self._unproven)), "displaced")
        self._unproven[connection] = None
        self._from.setdefault(connection.address, {})[connection] = None
        return True

    def _displace(self, oldest: Secured, reason: str, detail: str = "") -> None:
        self.refused(reason, detail)
        self.gone(oldest)
        oldest.abort()

    def _no_longer_unproven(self, connection: Secured) -> None:
        self._unproven.pop(connection, None)
        same = self._from.get(connection.address, {})
        same.pop(connection, None)
        if not same:
            self._from.pop(connection.address, None)

    def proven(self, connection: Secured, peer: Peer) -> None:
        """The connection is known to be this peer's; its older ones give way."""
        self._no_longer_unproven(connection)
        own = self._proven.setdefault(peer, [])
        own.append(connection)
        self._proven_total += 1
        for older in own[: -self.limits.per_peer]:
            older.close()

    def gone(self, connection: Secured) -> None:
        """Count the connection out; twice does no harm."""
        self._no_longer_unproven(connection)
        own = self._proven.get(connection.peer, []) if connection.peer else []
        if connection in own:
            own.remove(connection)
            self._proven_total -= 1
            if connection.peer and not own:
                del self._proven[connection.peer]

    def refused(self, reason: str, detail: str = "", foreign: bool = False) -> None:
        """Count and log a refusal; a flood of one kind becomes one line a second."""
        if foreign:
            self._count(Code.IDENTITY)
        self._refusals.tell(reason, detail)


def affordable() -> int:
    """How many connections one door may hold: this process's open files, raised, less a reserve.

    Without it a soft limit of 1,024 would end accept() long before the cap protects anything.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(1, (soft - 256) // 2)
