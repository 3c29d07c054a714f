"""What one agent may say in MQTT 5, and nothing beyond it. Pure: bytes in, packets or refusals out.

The `mqtt5` library parses (and speaks version 5 only); it reads whatever length it is told, so
the length is checked here before it sees a byte, and it gets exactly one packet at a time. It
raises IndexError both for "more bytes needed" and for a length inside the packet that points
outside: with a whole packet in hand, both mean malformed.
"""

from typing import Final, NamedTuple

import mqtt5
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from verbundwacht_collector.ingest import Peer
from verbundwacht_wire.codes import Code

MAX_FIRST: Final = 4_096  # CONNECT: an identifier and a few properties
MAX_PACKET: Final = 300 * 1024  # a frame of 256 KiB, its topic and properties
WINDOW: Final = 8  # frames without PUBACK
_LONGEST_HEAD: Final = 5  # packet type and four bytes of length
_CONNECT: Final = 0x10


class NotAllowed(Exception):  # noqa: N818 - reads as the fact it states
    """The connection ends here; `code` is counted, `reason` is the last thing the client hears."""

    def __init__(
        self, code: Code, reason: DisconnectReasonCode | ConnAckReasonCode, detail: str
    ) -> None:
        super().__init__(detail)
        self.code, self.reason, self.detail = code, reason, detail


class Topics(NamedTuple):
    """The two topics of one agent; it may name no other."""

    up: str
    down: str


def topics_of(peer: Peer) -> Topics:
    """Where this agent publishes and where it listens."""
    own = f"{peer.municipality}/{peer.agent.hex()}"
    return Topics(f"vw/1/up/{own}", f"vw/1/dn/{own}")


def _malformed(detail: str) -> NotAllowed:
    return NotAllowed(Code.FRAME, DisconnectReasonCode.MALFORMED_PACKET, detail)


def _out_of_turn(detail: str) -> NotAllowed:
    return NotAllowed(Code.FRAME, DisconnectReasonCode.PROTOCOL_ERROR, detail)


def _foreign(detail: str, reason: DisconnectReasonCode) -> NotAllowed:
    return NotAllowed(Code.IDENTITY, reason, detail)


def packet_size(buffer: bytes | bytearray) -> int | None:
    """Bytes of the packet that starts here, its head included; None until the head is there.

    Raises NotAllowed for a length in five bytes (MQTT 5, section 1.5.5).
    """
    size = 0
    for at, byte in enumerate(buffer[1:_LONGEST_HEAD]):
        size |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return size + at + 2
    if len(buffer) >= _LONGEST_HEAD:
        raise _malformed("length in more than four bytes")
    return None


def take(buffer: bytearray, *, first: bool) -> mqtt5.Packet | None:
    """The next whole packet, removed from the buffer; None until it is complete.

    first: nothing was accepted yet, so it must be a CONNECT and small. Raises NotAllowed.
    """
    if first and buffer and buffer[0] != _CONNECT:
        raise _malformed(f"first byte {buffer[0]:#04x}, a CONNECT starts with 0x10")
    size = packet_size(buffer)
    if size is None:
        return None
    limit = MAX_FIRST if first else MAX_PACKET
    if size > limit:
        too_large = DisconnectReasonCode.PACKET_TOO_LARGE
        raise NotAllowed(Code.TOO_LARGE, too_large, f"packet of {size} bytes, at most {limit}")
    if len(buffer) < size:
        return None
    packet = _parse(bytes(memoryview(buffer)[:size]))
    del buffer[:size]
    return packet


def _parse(whole: bytes) -> mqtt5.Packet:
    try:
        packet, used = mqtt5.read(memoryview(whole))
    except (ValueError, IndexError) as problem:
        raise _malformed(str(problem)) from None
    if used != len(whole):
        raise _malformed(f"{len(whole)} bytes announced, {used} used")
    return packet


def check_connect(packet: mqtt5.Packet, peer: Peer) -> mqtt5.ConnectPacket:
    """The agent of the certificate, without a will and without an extended login."""
    if not isinstance(packet, mqtt5.ConnectPacket):
        raise _malformed(f"{type(packet).__name__} before CONNECT")
    if packet.client_id != peer.agent.hex():
        raise NotAllowed(
            Code.IDENTITY,
            ConnAckReasonCode.CLIENT_ID_NOT_VALID,
            f"client id {packet.client_id[:40]!r} is not the agent of the certificate",
        )
    if packet.will is not None or packet.authentication_method is not None:
        refused = ConnAckReasonCode.NOT_AUTHORIZED
        raise NotAllowed(Code.IDENTITY, refused, "will or extended login")
    return packet


def check_publish(packet: mqtt5.PublishPacket, topics: Topics) -> int:
    """QoS 1, not retained, to the agent's own topic and by its name; the packet id."""
    if packet.topic != topics.up or packet.topic_alias is not None:
        foreign = f"PUBLISH to {packet.topic[:120]!r}, allowed is {topics.up}"
        raise _foreign(foreign, DisconnectReasonCode.NOT_AUTHORIZED)
    if packet.retain:
        raise _foreign("retained PUBLISH", DisconnectReasonCode.RETAIN_NOT_SUPPORTED)
    if packet.qos != mqtt5.QoS.AT_LEAST_ONCE or packet.packet_id is None:
        raise _foreign(f"PUBLISH with QoS {packet.qos:d}", DisconnectReasonCode.QOS_NOT_SUPPORTED)
    return packet.packet_id


def check_subscribe(packet: mqtt5.SubscribePacket, topics: Topics) -> int:
    """Exactly the agent's own answers; the packet id."""
    patterns = [f.pattern for f in packet.topic_filters]
    if patterns != [topics.down] or packet.subscription_id is not None:
        foreign = f"SUBSCRIBE to {str(patterns)[:120]}, allowed is {topics.down}"
        raise _foreign(foreign, DisconnectReasonCode.NOT_AUTHORIZED)
    return packet.packet_id


def check_window(packet_id: int, unanswered: list[int]) -> None:
    """One more frame may wait for its PUBACK, under an id that no waiting frame has."""
    if len(unanswered) >= WINDOW:
        full = DisconnectReasonCode.RECEIVE_MAX_EXCEEDED
        raise NotAllowed(Code.FRAME, full, f"more than {WINDOW} frames without PUBACK")
    if packet_id in unanswered:
        raise _out_of_turn(f"packet id {packet_id} is still in use")


def unexpected(packet: mqtt5.Packet) -> NotAllowed:
    """The refusal of a packet that a client of this door never sends."""
    return _out_of_turn(f"{type(packet).__name__} is not spoken here")


def welcome() -> bytes:
    """CONNACK: accepted, no session kept, and what this door does not do."""
    return mqtt5.ConnAckPacket(
        session_expiry_interval=0,
        receive_max=WINDOW,
        max_qos=mqtt5.QoS.AT_LEAST_ONCE,
        retain_available=False,
        max_packet_size=MAX_PACKET,
        wildcard_subscription_available=False,
        subscription_id_available=False,
        shared_subscription_available=False,
    ).write()


def goodbye(reason: DisconnectReasonCode | ConnAckReasonCode, *, connected: bool) -> bytes:
    """The last packet of a connection: CONNACK with a reason before it began, else DISCONNECT."""
    if connected:
        return mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode(reason)).write()
    return mqtt5.ConnAckPacket(reason_code=ConnAckReasonCode(reason)).write()
