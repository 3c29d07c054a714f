"""Members at the collector's doors: real TLS, real MQTT, real HTTP, one asyncio task each."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import aiohttp
import mqtt5
from tests.collector.ingest.fakes import Identity, RawClient, raw_client
from tests.system.fleet import Member

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.pki import key_pem
from verbundwacht_wire.messages import Ack

PATIENCE_S: Final = 10.0


class Gone(Exception):  # noqa: N818 - that is what happened
    """The collector ended the connection, or was not there."""


UNREACHABLE: Final = (Gone, OSError, TimeoutError, ssl.SSLError, aiohttp.ClientError)
"""What may happen to a member whose collector is being killed."""


def identity(member: Member, scratch: Path) -> Identity:
    """The member's TLS files, written below `scratch`."""
    name, receipt = member.agent.hex(), member.enrolment.receipt
    files = Identity(
        Peer(member.names.municipality, member.agent),
        scratch / f"{name}.pem",
        scratch / f"{name}.key",
        scratch / f"{name}.ca",
    )
    files.certificate.write_text(receipt.certificate)
    files.key.write_bytes(key_pem(member.tls))
    files.roots.write_text(receipt.ca)
    return files


class Line:
    """One MQTT connection on which the member hears its answers."""

    def __init__(self, member: Member, raw: RawClient) -> None:
        self._member, self._raw, self._next_id = member, raw, 0

    async def publish(self, *frames: bytes) -> None:
        """The frames are in the socket, QoS 1."""
        packets = []
        for frame in frames:
            self._next_id = self._next_id % 60_000 + 1
            packets.append(self._raw.frame(self._next_id, frame))
        await self._raw.send(*packets)

    async def answer(self, within_s: float = PATIENCE_S) -> Ack:
        """The next signed answer, checked. Raises Gone, TimeoutError, WireError."""
        async with asyncio.timeout(within_s):
            while True:
                packet = await self._raw.read(within_s)
                if packet is None or isinstance(packet, mqtt5.DisconnectPacket):
                    raise Gone(str(packet))
                if isinstance(packet, mqtt5.PublishPacket):
                    return self._member.read_ack(packet.payload)

    async def acknowledged(self, many: int, within_s: float = PATIENCE_S) -> None:
        """As many PUBACKs came, each after the commit. Raises Gone, TimeoutError."""
        while many:
            packet = await self._raw.read(within_s)
            if packet is None or isinstance(packet, mqtt5.DisconnectPacket):
                raise Gone(str(packet))
            many -= isinstance(packet, mqtt5.PubAckPacket)

    async def ended(self, within_s: float = PATIENCE_S) -> list[mqtt5.Packet]:
        """What came before the collector ended the connection. Raises TimeoutError."""
        return await self._raw.rest(within_s)


@contextlib.asynccontextmanager
async def line(member: Member, files: Identity, port: int) -> AsyncIterator[Line]:
    """Connected, greeted, subscribed. Raises one of UNREACHABLE."""
    async with raw_client(port, files, _context(files)) as raw:
        try:
            await raw.hello()
            await raw.listen()
        except AssertionError:
            raise Gone("no greeting") from None
        yield Line(member, raw)


_CONTEXTS: dict[Path, ssl.SSLContext] = {}


def _context(files: Identity) -> ssl.SSLContext:
    """One for all connections of a member: loading it costs more than a handshake."""
    if files.certificate not in _CONTEXTS:
        _CONTEXTS[files.certificate] = files.context()
    return _CONTEXTS[files.certificate]


async def post(member: Member, files: Identity, port: int, frame: bytes) -> Ack:
    """The answer to one frame over HTTPS, checked. Raises Gone for any status but 200."""
    answers = await post_all(member, files, port, [frame])
    return answers[0]


async def post_all(
    member: Member, files: Identity, port: int, frames: Sequence[bytes]
) -> list[Ack]:
    """The answers to some frames, one request after the other on one connection."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    answers = []
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for frame in frames:
            async with session.post(
                f"https://localhost:{port}/v1/up",
                data=frame,
                headers={"Content-Type": "application/cose"},
                ssl=_context(files),
            ) as response:
                if response.status != 200:
                    raise Gone(f"status {response.status}")
                answers.append(member.read_ack(await response.read()))
    return answers
