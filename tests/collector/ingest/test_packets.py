"""The parser's guard: lengths, turns and names, before and after the library."""

import mqtt5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.ingest.oracle import refused_later, same

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.ingest.allowed import topics_of
from verbundwacht_collector.ingest.packets import (
    MAX_PACKET,
    MAX_SMALL,
    Connect,
    NotAllowed,
    Publish,
    packet_size,
    take,
)
from verbundwacht_wire.codes import Code

PEER = Peer("musterstadt", bytes(range(16)))
TOPICS = topics_of(PEER)
ONCE = mqtt5.QoS.AT_LEAST_ONCE
CONNECT = mqtt5.ConnectPacket(PEER.agent.hex(), clean_start=True)
FRAME = mqtt5.PublishPacket(TOPICS.up, b"frame", qos=ONCE, packet_id=7)


def test_a_packet_is_taken_only_when_it_is_whole() -> None:
    raw = CONNECT.write()
    taken = [take(bytearray(raw[:n]), first=True) for n in range(len(raw))]

    assert taken == [None] * len(raw)
    assert isinstance(take(bytearray(raw), first=True), Connect)


def test_bytes_behind_a_packet_stay_for_the_next() -> None:
    buffer = bytearray(FRAME.write() + FRAME.write()[:9])

    assert isinstance(take(buffer, first=False), Publish)
    assert buffer == FRAME.write()[:9]


@pytest.mark.parametrize(
    ("head", "first", "code"),
    [
        (b"\x30\x05", True, Code.FRAME),  # PUBLISH before CONNECT
        (b"\x16\x03\x01", True, Code.FRAME),  # a second TLS hello
        (b"GET /", True, Code.FRAME),
        (b"\x10\xff\xff\xff\xff", True, Code.FRAME),  # length in more than four bytes
        (b"\xc0\x80\x00", False, Code.FRAME),  # length not in its shortest form
        (b"\x10\x81\x20", True, Code.TOO_LARGE),  # 4,097 bytes and the head
        (b"\x30\xff\xff\x7f", False, Code.TOO_LARGE),
        (b"\x82\x81\x20", False, Code.TOO_LARGE),  # SUBSCRIBE of more than 4 KB
        (b"\xc0\x81\x20", False, Code.TOO_LARGE),
        (b"\x30\xff\xff\xff\x7f", False, Code.TOO_LARGE),  # 256 MiB
    ],
)
def test_the_head_alone_is_enough_to_refuse(head: bytes, first: bool, code: Code) -> None:
    with pytest.raises(NotAllowed) as refused:
        take(bytearray(head), first=first)

    assert refused.value.code == code


@pytest.mark.parametrize(("limit", "first"), [(MAX_SMALL, True), (MAX_PACKET, False)])
def test_the_limit_counts_the_whole_packet(limit: int, first: bool) -> None:
    def head(total: int) -> bytearray:
        kind = b"\x10" if first else b"\x32"
        body = total - (3 if total < 16_384 else 4)
        length = bytearray()
        while body > 127:
            length.append(body & 0x7F | 0x80)
            body >>= 7
        return bytearray(kind + length + bytes([body]))

    assert packet_size(head(limit)) == limit
    assert take(head(limit), first=first) is None
    with pytest.raises(NotAllowed, match=f"{limit + 1} bytes, at most {limit}"):
        take(head(limit + 1), first=first)


def test_a_packet_whose_inner_length_points_outside_is_malformed() -> None:
    raw = bytearray(FRAME.write())
    raw[3] = 200  # the topic's length

    with pytest.raises(NotAllowed) as refused:
        take(raw, first=False)
    assert refused.value.code == Code.FRAME


def test_a_packet_may_not_reach_into_its_neighbour() -> None:
    """With the topic's length one too long, the missing byte would come from the next packet."""
    ping = mqtt5.PingReqPacket().write()
    raw = bytearray(mqtt5.PublishPacket("t", b"").write() + ping)
    raw[3] += 3

    with pytest.raises(NotAllowed):
        take(raw, first=False)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"\x32\x08\x00\x02a\xff\x00\x07\x00x", "not UTF-8"),
        (b"\x32\x08\x00\x02a\x00\x00\x07\x00x", "U\\+0000"),
        (b"\x32\x09\x00\x03\xed\xa0\x80\x00\x07\x00x", "not UTF-8"),  # a surrogate
        (b"\x32\x07\x00\x02ab\x00\x00\x00", "packet id 0"),
        (b"\x32\x0a\x00\x02ab\x00\x07\x03\x23\x00\x00", "topic alias 0"),
        (b"\x36\x07\x00\x02ab\x00\x07\x00", "QoS 3"),
        (b"\x32\x09\x00\x02ab\x00\x07\x02\x0b\x01", "property 11"),  # not a client's
        (b"\x32\x0b\x00\x02ab\x00\x07\x04\x01\x01\x01\x01", "twice"),
        (b"\x82\x08\x00\x03\x00\x00\x02a\xff\x00", "not UTF-8"),
        (b"\x82\x03\x00\x03\x00", "nothing to subscribe to"),
        (b"\x82\x07\x00\x03\x00\x00\x01a\x03", "options"),
        (b"\x82\x07\x00\x03\x00\x00\x01a\x40", "options"),
        (b"\x80\x07\x00\x03\x00\x00\x01a\x00", "0x80 is not spoken"),  # wrong flags
        (b"\xc0\x01\x00", "too many"),
        (b"\xa2\x06\x00\x03\x00\x00\x01a", "0xa2 is not spoken"),  # UNSUBSCRIBE
        (b"\x40\x02\x00\x01", "0x40 is not spoken"),  # PUBACK
        (b"\xf0\x02\x18\x00", "0xf0 is not spoken"),  # AUTH
    ],
)
def test_what_is_no_packet_of_an_agent_is_refused(raw: bytes, detail: str) -> None:
    with pytest.raises(NotAllowed, match=detail) as refused:
        take(bytearray(raw), first=False)

    assert refused.value.code == Code.FRAME


def test_a_frame_may_be_large_but_not_its_properties() -> None:
    many = mqtt5.PublishPacket(
        TOPICS.up, b"", qos=ONCE, packet_id=1, user_properties=[("", "")] * 50_000
    )
    few = mqtt5.PublishPacket(
        TOPICS.up, b"", qos=ONCE, packet_id=1, user_properties=[("", "")] * 800
    )

    assert isinstance(take(bytearray(few.write()), first=False), Publish)
    with pytest.raises(NotAllowed, match="250000 bytes of properties, at most 4096"):
        take(bytearray(many.write()), first=False)


@pytest.mark.parametrize("level", [3, 4, 6])
def test_another_version_is_told_that_only_5_is_spoken(level: int) -> None:
    raw = bytearray(CONNECT.write())
    raw[8] = level

    with pytest.raises(NotAllowed) as refused:
        take(raw, first=True)
    assert refused.value.reason == mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION


def test_a_connect_is_read_with_all_it_may_carry() -> None:
    packet = mqtt5.ConnectPacket(
        "me",
        username="user",
        password=b"secret",
        keep_alive=30,
        session_expiry_interval=9,
        max_packet_size=5_000,
        receive_max=3,
        user_properties=[("a", "b"), ("a", "c")],
    )

    read = take(bytearray(packet.write()), first=True)
    assert read == Connect("me", 30, has_will=False, has_login=False, max_packet=5_000)


def _drain(buffer: bytearray, *, first: bool = False) -> tuple[list[str], str]:
    """The packets until there is none, and the refusal if there was one."""
    found = []
    try:
        while (packet := take(buffer, first=first)) is not None:
            found.append(type(packet).__name__)
    except NotAllowed as refusal:
        return found, refusal.detail
    return found, ""


_VALID = [
    CONNECT.write(),
    FRAME.write(),
    mqtt5.SubscribePacket(3, [mqtt5.TopicFilter(TOPICS.down)]).write(),
    mqtt5.PingReqPacket().write(),
    mqtt5.DisconnectPacket().write(),
]


@st.composite
def _almost_valid(draw: st.DrawFn) -> bytes:
    """Real packets in a row, with a few bytes changed, dropped or added."""
    raw = bytearray(b"".join(draw(st.lists(st.sampled_from(_VALID), max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        raw[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(raw)


@settings(max_examples=1_500, deadline=None)
@given(raw=st.binary(max_size=80) | _almost_valid(), first=st.booleans())
def test_any_bytes_end_in_packets_or_in_a_refusal(raw: bytes, first: bool) -> None:
    buffer = bytearray(raw)
    _drain(buffer, first=first)

    assert len(buffer) <= len(raw)


@settings(max_examples=500, deadline=None)
@given(raw=_almost_valid(), size=st.integers(1, 7))
def test_how_the_network_cuts_the_bytes_changes_nothing(raw: bytes, size: int) -> None:
    whole = bytearray(raw)
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    buffer = bytearray()
    found: list[str] = []
    detail = ""
    for piece in pieces:
        buffer += piece
        some, detail = _drain(buffer)
        found += some
        if detail:
            break

    assert (found, detail) == _drain(whole)


@settings(max_examples=1_500, deadline=None)
@given(raw=_almost_valid())
def test_what_is_read_means_the_same_to_an_independent_reader(raw: bytes) -> None:
    """The other reader is only asked about what we accept: on other bytes it may panic."""
    buffer, at = bytearray(raw), 0
    try:
        while (ours := take(buffer, first=False)) is not None:
            whole = raw[at : len(raw) - len(buffer)]
            at += len(whole)
            if refused_later(ours):
                continue
            theirs, used = mqtt5.read(memoryview(whole))
            assert used == len(whole)
            assert same(ours, theirs)
    except NotAllowed:
        pass
