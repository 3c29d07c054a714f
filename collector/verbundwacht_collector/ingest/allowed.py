"""What one agent may say to the MQTT door, and what the door says itself. Pure.

Everything that is well formed but reaches beyond the agent's own two topics counts as a question
of identity (107): only somebody else's software would ask for it.
"""

from typing import Final, NamedTuple

import mqtt5
from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.ingest.packets import (
    MAX_PACKET,
    Connect,
    NotAllowed,
    Packet,
    Publish,
    Reason,
    Subscribe,
)
from verbundwacht_wire.codes import Code

WINDOW: Final = 8  # frames without PUBACK


class Topics(NamedTuple):
    """The two topics of one agent; it may name no other."""

    up: str
    down: str


def topics_of(peer: Peer) -> Topics:
    """Where this agent publishes and where it listens."""
    own = f"{peer.municipality}/{peer.agent.hex()}"
    return Topics(f"vw/1/up/{own}", f"vw/1/dn/{own}")


def _foreign(detail: str, reason: Reason = DisconnectReasonCode.NOT_AUTHORIZED) -> NotAllowed:
    return NotAllowed(Code.IDENTITY, reason, detail)


def out_of_turn(detail: str) -> NotAllowed:
    """A packet that may not come now."""
    return NotAllowed(Code.FRAME, DisconnectReasonCode.PROTOCOL_ERROR, detail)


def check_connect(packet: Packet, peer: Peer) -> Connect:
    """The agent of the certificate, without a will and without an extended login."""
    if not isinstance(packet, Connect):
        raise out_of_turn(f"{type(packet).__name__} before Connect")
    if packet.client_id != peer.agent.hex():
        other = f"client id {packet.client_id[:40]!r} is not the agent of the certificate"
        raise _foreign(other, ConnAckReasonCode.CLIENT_ID_NOT_VALID)
    if packet.has_will or packet.has_login:
        raise _foreign("will or extended login", ConnAckReasonCode.NOT_AUTHORIZED)
    return packet


def check_publish(packet: Publish, topics: Topics) -> None:
    """QoS 1, not retained, to the agent's own topic and by its name."""
    if packet.topic != topics.up or packet.alias is not None:
        raise _foreign(f"PUBLISH to {packet.topic[:120]!r}, allowed is {topics.up}")
    if packet.retain:
        raise _foreign("retained PUBLISH", DisconnectReasonCode.RETAIN_NOT_SUPPORTED)
    if packet.qos != 1:
        raise _foreign(f"PUBLISH with QoS {packet.qos}", DisconnectReasonCode.QOS_NOT_SUPPORTED)


def check_subscribe(packet: Subscribe, topics: Topics) -> None:
    """Exactly the agent's own answers."""
    if packet.patterns != (topics.down,) or packet.subscription is not None:
        raise _foreign(f"SUBSCRIBE to {str(packet.patterns)[:120]}, allowed is {topics.down}")


def check_window(packet_id: int, unanswered: list[int]) -> None:
    """One more frame may wait for its PUBACK, under an id that no waiting frame has."""
    if len(unanswered) >= WINDOW:
        full = DisconnectReasonCode.RECEIVE_MAX_EXCEEDED
        raise NotAllowed(Code.FRAME, full, f"more than {WINDOW} frames without PUBACK")
    if packet_id in unanswered:
        raise out_of_turn(f"packet id {packet_id} is still in use")


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


def granted(packet_id: int) -> bytes:
    """SUBACK: answers come with QoS 0; who misses one sends again."""
    at_most_once = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE
    return mqtt5.SubAckPacket(packet_id, [at_most_once]).write()


def goodbye(reason: Reason, *, connected: bool) -> bytes:
    """The last packet of a connection: CONNACK with a reason before it began, else DISCONNECT."""
    if connected:
        return mqtt5.DisconnectPacket(reason_code=DisconnectReasonCode(int(reason))).write()
    return mqtt5.ConnAckPacket(reason_code=ConnAckReasonCode(int(reason))).write()
