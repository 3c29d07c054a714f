"""One connection behind mutual TLS 1.3: a protocol to the socket, a transport to the door.

TLS runs over `ssl.MemoryBIO` instead of asyncio's own TLS transport, for three reasons. The gate
counts connections before their handshake, when they are the cheapest way to fill a server. A
connection that stays silent costs no TLS memory. And asyncio keeps 256 KiB per connection in a
private attribute; here it is what OpenSSL needs, under asyncio and uvloop alike. The price: flow
control and closing are done by hand, in this file only.

No byte reaches a door before the client certificate has named exactly one agent.
"""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.pki import NotAnAgent, peer_of

if TYPE_CHECKING:
    from verbundwacht_collector.ingest.gate import Gate

CHUNK: Final = 16_384  # the largest TLS record (RFC 8446 section 5.1)
LINGER_S: Final = 2.0  # for the peer to take our last bytes and to close its side
_DOOR, _PEER = "door", "peer"


def door_context(certificate: Path, key: Path, clients: Path) -> ssl.SSLContext:
    """A server context: TLS 1.3 only, a client certificate below `clients` required.

    certificate: PEM, the server's own and its issuer. clients: PEM; issuing authorities are
    trusted as they are (partial chain), so nothing above them is checked per connection.
    Raises OSError or ssl.SSLError for files that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.num_tickets = 0  # one connection per run: a ticket would never be used
    context.load_verify_locations(cafile=clients)
    context.load_cert_chain(certificate, key)
    return context


def broker_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """What the collector connects to a broker with: its name is checked, TLS 1.2 or newer.

    All PEM. Raises OSError or ssl.SSLError for files that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca)
    context.load_cert_chain(certificate, key, password=lambda: b"")  # never ask a terminal
    return context


class Target(NamedTuple):
    """Which broker, and as whom."""

    host: str
    port: int
    context: ssl.SSLContext
    client_id: str
    valid_until: datetime  # our certificate


class Secured(asyncio.Transport, asyncio.Protocol):
    """One connection: a protocol towards the socket, a transport towards the door."""

    def __init__(self, gate: "Gate") -> None:
        super().__init__()
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._raw: asyncio.Transport
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._app: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._holds: set[str] = set()  # who wants nothing read at the moment
        self._closing = False
        self.peer: Peer | None = None
        self.address = ""  # where it comes from, as far as one sender can choose it

    # towards the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open; the handshake has to be over in time."""
        self._raw = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour only
        self.address = sender_address(transport.get_extra_info("peername"))
        if self._gate.admit(self):
            self._arm(self._gate.limits.handshake_s, self._too_slow)
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Encrypted bytes came in; what they decrypt to has gone to the door."""
        if self._closing:
            return
        self._incoming.write(data)
        if self._app is None and not self._shake():
            return
        self._read()

    def eof_received(self) -> bool:
        """The peer stopped sending, politely or not: nothing more is expected of it."""
        self.close()
        self._raw.close()  # what is written already still goes out
        return True

    def pause_writing(self) -> None:
        """The peer does not read: it is not read from either, whatever TLS itself would answer."""
        self._hold(_PEER)
        if self._app is not None:
            self._app.pause_writing()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._release(_PEER)
        if self._app is not None:
            self._app.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; nothing of the connection is left."""
        self._closing = True
        self._disarm()
        self._gate.gone(self)
        if self._app is not None:
            self._app.connection_lost(exc)

    def _arm(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self._loop.call_later(delay_s, callback)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _too_slow(self) -> None:
        self._gate.refused("handshake_slow")
        self.abort()

    def _shake(self) -> bool:
        """True once the peer is proven and the door knows it."""
        if self._tls is None:
            self._tls = self._gate.context.wrap_bio(self._incoming, self._outgoing, True)
        try:
            self._tls.do_handshake()
            peer = peer_of(self._tls.getpeercert(True) or b"")
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, NotAnAgent) as problem:
            foreign = isinstance(problem, NotAnAgent)
            self._gate.refused("certificate" if foreign else "tls", str(problem), foreign)
            self.close()
            return False
        self._flush()
        self._arm(self._gate.limits.lifetime_s, self.close)
        self.peer = peer
        self._gate.proven(self, peer)
        self._app = self._gate.factory(peer)
        self._app.connection_made(self)
        return True

    def _read(self) -> None:
        assert self._tls is not None and self._app is not None
        while not (self._holds or self._closing):
            try:
                data = self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as problem:
                self._gate.refused("tls", str(problem))
                self.abort()
                return
            if not data:
                self.close()
                return
            self._app.data_received(data)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())

    # towards the door

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`peer` is the proven agent; everything else is the socket's."""
        return self.peer if name == "peer" else self._raw.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """The bytes are on their way, unless the connection is being closed."""
        if self._closing or self._tls is None:
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        self._flush()

    def pause_reading(self) -> None:
        """The door gets nothing more for now; the peer feels it through TCP."""
        self._hold(_DOOR)

    def resume_reading(self) -> None:
        """The door takes bytes again."""
        self._release(_DOOR)

    def _hold(self, who: str) -> None:
        if not (self._holds or self._closing):
            self._raw.pause_reading()
        self._holds.add(who)

    def _release(self, who: str) -> None:
        if who not in self._holds:
            return
        self._holds.remove(who)
        if not (self._holds or self._closing):
            self._raw.resume_reading()
            self._loop.call_soon(self._resume)  # never from inside the door's own data_received

    def _resume(self) -> None:
        if self._app is not None and not self._closing:
            self._read()

    def is_closing(self) -> bool:
        """Nothing that is written from now on will be sent."""
        return self._closing

    def close(self) -> None:
        """What was written reaches the peer, then the connection ends.

        We stop sending and wait for the peer to do the same. Closing at once would make the kernel
        answer bytes that are still on their way with a reset, and the peer would lose our last
        words: the acknowledgements before a refusal, and its reason.
        """
        if self._closing:
            return
        self._closing = True
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError, ValueError):
                self._tls.unwrap()  # writes our goodbye; nobody waits for the peer's
            self._flush()
        self._arm(LINGER_S, self._raw.abort)
        if self._holds:
            self._raw.resume_reading()
        try:
            self._raw.write_eof()
        except OSError:  # the peer has reset the connection and the loop does not know it yet
            self._raw.abort()

    def abort(self) -> None:
        """The connection ends at once."""
        self._closing = True
        self._raw.abort()


def sender_address(where: Any) -> str:
    """Who counts as one sender: an IPv4 address, or the 64 bits that one IPv6 customer gets."""
    text = str(where[0]).partition("%")[0] if where else "0.0.0.0"  # noqa: S104 - gone already
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return text
