"""One MQTT session fed with any bytes: it answers, waits or ends, and nothing escapes from it."""

import asyncio
import itertools

import mqtt5
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.ingest.fakes import Counts, Receiver, Site

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.ingest.allowed import topics_of
from verbundwacht_collector.ingest.mqtt import MqttDoor, Session

PEER = Peer("musterstadt", bytes(range(16)))
TOPICS = topics_of(PEER)
ONCE = mqtt5.QoS.AT_LEAST_ONCE


class Wire(asyncio.Transport):
    """Remembers what is written until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def packets(self) -> list[mqtt5.Packet]:
        """What was written, read by the other library."""
        found, rest = [], memoryview(self.written)
        while rest:
            packet, used = mqtt5.read(rest)
            found.append(packet)
            rest = rest[used:]
        return found


_SAID = [
    mqtt5.ConnectPacket(PEER.agent.hex(), clean_start=True).write(),
    mqtt5.SubscribePacket(3, [mqtt5.TopicFilter(TOPICS.down)]).write(),
    mqtt5.PublishPacket(TOPICS.up, b"one", qos=ONCE, packet_id=1).write(),
    mqtt5.PublishPacket(TOPICS.up, b"two", qos=ONCE, packet_id=2).write(),
    mqtt5.PublishPacket(TOPICS.down, b"bad", qos=ONCE, packet_id=3).write(),
    mqtt5.PublishPacket(TOPICS.up, b"bad", qos=ONCE, packet_id=4, retain=True).write(),
    mqtt5.PingReqPacket().write(),
    mqtt5.DisconnectPacket().write(),
    b"\x30",
    b"\xff",
    b"",
]


async def _converse(site: Site, pieces: list[bytes]) -> tuple[Wire, Receiver, Counts]:
    receiver, counts, wire = Receiver(), Counts(), Wire()
    door = MqttDoor(site.server_context(), receiver, counts)
    session = Session(door, PEER)
    session.connection_made(wire)
    for piece in pieces:
        if wire.closed:
            break
        session.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    session.connection_lost(None)
    assert door.held == 0
    return wire, receiver, counts


@settings(max_examples=400, deadline=None)
@given(
    connected=st.booleans(),
    pieces=st.lists(st.sampled_from(_SAID) | st.binary(max_size=30), max_size=12),
)
def test_any_bytes_are_answered_or_end_the_session(
    site: Site, connected: bool, pieces: list[bytes]
) -> None:
    said = [_SAID[0], *pieces] if connected else pieces
    wire, receiver, counts = asyncio.run(_converse(site, said))
    packets = wire.packets()

    assert set(receiver.frames) <= {b"one", b"two"}
    assert sum(counts.values()) <= 1
    assert not counts or wire.closed
    acknowledged = sum(isinstance(p, mqtt5.PubAckPacket) for p in packets)
    assert acknowledged <= len(receiver.frames)
    assert wire.closed or acknowledged == len(receiver.frames)


@settings(max_examples=100, deadline=None)
@given(at=st.lists(st.integers(1, 200), max_size=8))
def test_a_good_conversation_is_the_same_however_it_is_cut(site: Site, at: list[int]) -> None:
    whole = b"".join(_SAID[:4])
    cuts = sorted({0, *(n for n in at if n < len(whole)), len(whole)})
    pieces = [whole[a:b] for a, b in itertools.pairwise(cuts)]
    wire, receiver, _ = asyncio.run(_converse(site, pieces))

    assert receiver.frames == [b"one", b"two"]
    assert [type(p).__name__ for p in wire.packets()] == [
        "ConnAckPacket",
        "SubAckPacket",
        "PublishPacket",
        "PubAckPacket",
        "PublishPacket",
        "PubAckPacket",
    ]
