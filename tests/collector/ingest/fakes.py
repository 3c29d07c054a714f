"""A certificate authority of its own, agents with real certificates, a receiver that can be held.

Nothing here fakes TLS or MQTT: the raw client speaks real bytes over a real socket.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import mqtt5
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from verbundwacht_collector import pki, pki_files
from verbundwacht_collector.ingest import Answer, Peer, Receive
from verbundwacht_collector.ingest.gate import Limits
from verbundwacht_collector.ingest.https import HTTPS_LIMITS, HttpsDoor
from verbundwacht_collector.ingest.mqtt import MqttDoor
from verbundwacht_collector.ingest.packets import packet_size
from verbundwacht_collector.ingest.tls import door_context
from verbundwacht_wire.codes import Code

HOST = "127.0.0.1"


def request_for(key: pki.Key, name: str = "anything") -> bytes:
    """What a host sends to get a certificate."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def odd_certificate(
    authority: pki.Authority, common: str, names: Sequence[x509.GeneralName], key: pki.Key
) -> x509.Certificate:
    """Genuine, for clients, with whatever names the test wants: our authority would not do it."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


class Identity(NamedTuple):
    """One agent with its files on disk."""

    peer: Peer
    certificate: Path
    key: Path
    roots: Path

    @property
    def name(self) -> str:
        return self.peer.agent.hex()

    @property
    def up(self) -> str:
        return f"vw/1/up/{self.peer.municipality}/{self.name}"

    @property
    def down(self) -> str:
        return f"vw/1/dn/{self.peer.municipality}/{self.name}"

    def context(self) -> ssl.SSLContext:
        """What the agent connects with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=self.roots)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Site:
    """The collector's certificates in a folder, and as many agents as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = pki_files.PkiFiles(folder / "pki")
        self.authority = pki_files.create(self.files, ["localhost", HOST])

    def agent(self, number: int = 1, municipality: str = "musterstadt") -> Identity:
        """The files of one agent; the same arguments give the same files."""
        agent = number.to_bytes(16, "big")
        certificate = self.folder / f"{municipality}-{number}.pem"
        key_file = certificate.with_suffix(".key")
        if not certificate.exists():
            key = pki.new_key()
            issued = pki.issue_agent(
                self.authority, request_for(key), municipality, agent, datetime.now(UTC)
            )
            key_file.write_bytes(pki.key_pem(key))
            certificate.write_bytes(pki.pem(issued) + self.authority.chain)
        return Identity(Peer(municipality, agent), certificate, key_file, self.files.root)

    def server_context(self) -> ssl.SSLContext:
        """What a door listens with."""
        return door_context(self.files.server, self.files.server_key, self.files.issuing)


class Receiver:
    """Stands for the pipeline: remembers frames and answers when it is allowed to."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.peers: list[Peer] = []
        self.running = 0
        self.open = asyncio.Event()
        self.open.set()
        self.code = Code.OK
        self.silent = False
        self.problem: Exception | None = None
        self.instead: Receive | None = None  # answers in our place

    async def __call__(self, raw: bytes, peer: Peer) -> Answer:
        self.frames.append(raw)
        self.peers.append(peer)
        self.running += 1
        try:
            await self.open.wait()
        finally:
            self.running -= 1
        if self.problem is not None:
            raise self.problem
        if self.instead is not None:
            return await self.instead(raw, peer)
        return Answer(self.code, None if self.silent else b"ack of " + raw[:20])


class Counts(dict[Code, int]):
    """How often a door refused under which code."""

    def __call__(self, code: Code) -> None:
        self[code] = self.get(code, 0) + 1


class House(NamedTuple):
    """Both doors, open."""

    mqtt: MqttDoor
    https: HttpsDoor
    receiver: Receiver
    counts: Counts


@contextlib.asynccontextmanager
async def open_house(
    site: Site, limits: Limits | None = None, https_limits: Limits = HTTPS_LIMITS
) -> AsyncIterator[House]:
    """Both doors on free ports of loopback; closed at the end, with nothing left running."""
    receiver, counts = Receiver(), Counts()
    mqtt = MqttDoor(site.server_context(), receiver, counts, limits or Limits())
    https = HttpsDoor(site.server_context(), receiver, counts, https_limits)
    await mqtt.open(HOST, 0)
    await https.open(HOST, 0)
    try:
        yield House(mqtt, https, receiver, counts)
    finally:
        receiver.open.set()
        await mqtt.close()
        await https.close()


class RawClient:
    """Writes what it is told, reads whole packets; knows no rules."""

    def __init__(
        self, identity: Identity, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.identity, self.reader, self.writer = identity, reader, writer

    async def send(self, *packets: mqtt5.Packet | bytes) -> None:
        """The packets are in the socket."""
        for packet in packets:
            self.writer.write(packet if isinstance(packet, bytes) else packet.write())
        await self.writer.drain()

    async def read(self, within_s: float = 20.0) -> mqtt5.Packet | None:
        """The next packet; None if the connection ended instead."""
        async with asyncio.timeout(within_s):
            raw = bytearray()
            try:
                while (size := packet_size(raw)) is None or len(raw) < size:
                    raw += await self.reader.readexactly(1 if size is None else size - len(raw))
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                return None
            return mqtt5.read(memoryview(bytes(raw)))[0]

    async def said_to(self, packet: mqtt5.Packet) -> mqtt5.Packet | None:
        """What is answered to this packet."""
        await self.send(packet)
        return await self.read()

    async def rest(self, within_s: float = 20.0) -> list[mqtt5.Packet]:
        """Everything until the connection ends."""
        found = []
        while (packet := await self.read(within_s)) is not None:
            found.append(packet)
        return found

    async def hello(self, **options: object) -> mqtt5.ConnAckPacket:
        """CONNECT under the own name, answered."""
        connect = mqtt5.ConnectPacket(self.identity.name, clean_start=True, **options)  # type: ignore[arg-type]
        await self.send(connect)
        answer = await self.read()
        assert isinstance(answer, mqtt5.ConnAckPacket)
        return answer

    async def listen(self) -> None:
        """Subscribed to the own answers."""
        await self.send(mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(self.identity.down)]))
        assert isinstance(await self.read(), mqtt5.SubAckPacket)

    def frame(self, packet_id: int, payload: bytes = b"frame") -> mqtt5.PublishPacket:
        """One frame to the own topic as it should be."""
        at_least_once = mqtt5.QoS.AT_LEAST_ONCE
        return mqtt5.PublishPacket(
            self.identity.up, payload, qos=at_least_once, packet_id=packet_id
        )


@contextlib.asynccontextmanager
async def raw_client(
    port: int, identity: Identity, context: ssl.SSLContext | None = None
) -> AsyncIterator[RawClient]:
    """Connected and through the handshake; not a byte of MQTT was said."""
    reader, writer = await asyncio.open_connection(
        HOST, port, ssl=context or identity.context(), server_hostname="localhost"
    )
    try:
        yield RawClient(identity, reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """The condition has come true."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)
