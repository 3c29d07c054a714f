"""The way to a collector's doors: a new connection with mutual TLS for every message.

Blocking sockets, as each thread brings one message at a time: that costs half of what an event
loop costs, and this side must not be what limits a measurement. Python reads certificates from
files only, so they lie in anonymous memory for that moment.
"""

import contextlib
import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import mqtt5
from deploy.load.errors import Gone, NotLoopback

from verbundwacht_collector.ingest.packets import packet_size

Kind = Literal["mqtt", "https"]
PATIENCE_S: Final = 20.0


class Door(NamedTuple):
    """Where one door of a collector on this machine is."""

    kind: Kind
    name: str  # in its certificate
    address: str  # of loopback
    port: int
    trusted: str  # PEM of what signs its certificate


class Caller(NamedTuple):
    """Who connects. pem: private key and certificates of the host."""

    municipality: str
    agent: bytes
    pem: bytes


def door_at(kind: Kind, public: str, trusted: str) -> Door:
    """The door at `name:port`. Raises NotLoopback unless every address of the name is loopback."""
    name, _, port = public.rpartition(":")
    try:
        found = {
            info[4][0] for info in socket.getaddrinfo(name, int(port), type=socket.SOCK_STREAM)
        }
    except (OSError, ValueError) as problem:
        raise NotLoopback(f"{public!r} is no address of this machine ({problem}).") from None
    foreign = sorted(str(a) for a in found if not ipaddress.ip_address(a).is_loopback)
    if foreign:
        raise NotLoopback(
            f"{public} is {', '.join(foreign)}. Load is made on this machine only: take a "
            "collector whose public addresses are localhost, or leave --collector out."
        )
    # The doors listen on IPv4; a name of both families would first be tried in vain.
    address = sorted((str(a) for a in found), key=lambda a: ":" in a)[0]
    return Door(kind, name, address, int(port), trusted)


def bring(door: Door, caller: Caller, frame: bytes) -> bytes:
    """The signed answer to one frame. Raises Gone if there is none."""
    try:
        return (_mqtt if door.kind == "mqtt" else _https)(door, caller, frame)
    except (OSError, http.client.HTTPException) as problem:
        raise Gone(f"{door.kind}: {problem!r}") from None


def _context(trusted: str, pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Agents pin the root; its P-384 signature would cost this side more than all the rest.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=trusted)
    handle = os.memfd_create("identity")
    try:
        os.write(handle, pem)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
    return context


def _https(door: Door, caller: Caller, frame: bytes) -> bytes:
    with _connected(door, caller) as tls:
        line = http.client.HTTPConnection(door.name, door.port)
        line.sock = tls  # to the address that was checked, not to what the name is by now
        line.request("POST", "/v1/up", frame, {"Content-Type": "application/cose"})
        answer = line.getresponse()
        if answer.status != 200:
            raise Gone(f"https: status {answer.status}")
        return answer.read()


def _mqtt(door: Door, caller: Caller, frame: bytes) -> bytes:
    name = f"{caller.municipality}/{caller.agent.hex()}"
    with _connected(door, caller) as tls:
        line = _Line(tls)
        line.send(mqtt5.ConnectPacket(caller.agent.hex(), clean_start=True))
        line.expect(mqtt5.ConnAckPacket)
        line.send(mqtt5.SubscribePacket(1, [mqtt5.TopicFilter(f"vw/1/dn/{name}")]))
        line.expect(mqtt5.SubAckPacket)
        qos = mqtt5.QoS.AT_LEAST_ONCE
        line.send(mqtt5.PublishPacket(f"vw/1/up/{name}", frame, qos=qos, packet_id=2))
        answer = line.expect(mqtt5.PublishPacket)
        line.send(mqtt5.DisconnectPacket())
        assert isinstance(answer, mqtt5.PublishPacket)
        return bytes(answer.payload)


class _Line:
    """Whole packets over one TLS connection."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._tls, self._buffer = tls, bytearray()

    def send(self, packet: mqtt5.Packet) -> None:
        self._tls.sendall(packet.write())

    def expect(self, kind: type[mqtt5.Packet]) -> mqtt5.Packet:
        """The next packet. Raises Gone for another kind, or for the end."""
        while (size := packet_size(self._buffer)) is None or len(self._buffer) < size:
            data = self._tls.recv(16_384)
            if not data:
                raise Gone("mqtt: the connection ended without an answer")
            self._buffer += data
        packet = mqtt5.read(memoryview(bytes(self._buffer[:size])))[0]
        del self._buffer[:size]
        if not isinstance(packet, kind):
            raise Gone(f"mqtt: {packet}")
        return packet


@contextlib.contextmanager
def _connected(door: Door, caller: Caller) -> Iterator[ssl.SSLSocket]:
    context = _context(door.trusted, caller.pem)
    with socket.create_connection((door.address, door.port), PATIENCE_S) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(plain, server_hostname=door.name) as tls:
            yield tls
