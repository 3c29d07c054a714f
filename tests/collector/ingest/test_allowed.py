"""What an agent may say: its own name, its own two topics, nothing retained, nothing twice."""

import mqtt5
import pytest

from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.ingest.allowed import (
    check_connect,
    check_publish,
    check_subscribe,
    check_window,
    topics_of,
)
from verbundwacht_collector.ingest.packets import NotAllowed, Packet, Publish, Subscribe, take
from verbundwacht_wire.codes import Code

PEER = Peer("musterstadt", bytes(range(16)))
TOPICS = topics_of(PEER)
ONCE = mqtt5.QoS.AT_LEAST_ONCE
CONNECT = mqtt5.ConnectPacket(PEER.agent.hex(), clean_start=True)
FRAME = mqtt5.PublishPacket(TOPICS.up, b"frame", qos=ONCE, packet_id=7)


def _read(packet: mqtt5.Packet) -> Packet:
    read = take(bytearray(packet.write()), first=False)
    assert read is not None
    return read


def _publish(packet: mqtt5.PublishPacket) -> Publish:
    read = _read(packet)
    assert isinstance(read, Publish)
    return read


def test_the_topics_of_an_agent_name_its_municipality_and_itself() -> None:
    assert TOPICS.up == "vw/1/up/musterstadt/000102030405060708090a0b0c0d0e0f"
    assert TOPICS.down == "vw/1/dn/musterstadt/000102030405060708090a0b0c0d0e0f"


@pytest.mark.parametrize(
    "packet",
    [
        mqtt5.ConnectPacket("somebody"),
        mqtt5.ConnectPacket(PEER.agent.hex().upper()),
        mqtt5.ConnectPacket(""),
        mqtt5.ConnectPacket(PEER.agent.hex(), will=mqtt5.Will("vw/1/up/x/y", payload=b"")),
        mqtt5.ConnectPacket(PEER.agent.hex(), authentication_method="SCRAM-SHA-256"),
    ],
    ids=["foreign", "upper", "empty", "will", "login"],
)
def test_only_the_agent_of_the_certificate_connects(packet: mqtt5.ConnectPacket) -> None:
    assert check_connect(_read(CONNECT), PEER).client_id == PEER.agent.hex()
    with pytest.raises(NotAllowed) as refused:
        check_connect(_read(packet), PEER)

    assert refused.value.code == Code.IDENTITY


@pytest.mark.parametrize(
    "packet",
    [
        mqtt5.PublishPacket(TOPICS.down, b"", qos=ONCE, packet_id=1),
        mqtt5.PublishPacket(TOPICS.up + "/x", b"", qos=ONCE, packet_id=1),
        mqtt5.PublishPacket("vw/1/up/musterstadt/" + "f" * 32, b"", qos=ONCE, packet_id=1),
        mqtt5.PublishPacket(TOPICS.up.replace("muster", "anders"), b"", qos=ONCE, packet_id=1),
        mqtt5.PublishPacket(TOPICS.up, b""),
        mqtt5.PublishPacket(TOPICS.up, b"", qos=mqtt5.QoS.EXACTLY_ONCE, packet_id=1),
        mqtt5.PublishPacket(TOPICS.up, b"", qos=ONCE, packet_id=1, retain=True),
        mqtt5.PublishPacket(TOPICS.up, b"", qos=ONCE, packet_id=1, topic_alias=1),
    ],
    ids=["down", "deeper", "agent", "municipality", "qos0", "qos2", "retain", "alias"],
)
def test_only_the_own_topic_takes_frames_and_only_at_least_once(
    packet: mqtt5.PublishPacket,
) -> None:
    check_publish(_publish(FRAME), TOPICS)
    with pytest.raises(NotAllowed) as refused:
        check_publish(_publish(packet), TOPICS)

    assert refused.value.code == Code.IDENTITY


@pytest.mark.parametrize(
    "patterns",
    [
        ["#"],
        ["vw/1/dn/musterstadt/+"],
        ["vw/1/dn/+/" + PEER.agent.hex()],
        [TOPICS.down + "/#"],
        ["$share/all/" + TOPICS.down],
        [TOPICS.up],
        [TOPICS.down, TOPICS.down],
        [TOPICS.down, "#"],
    ],
)
def test_only_the_own_answers_are_subscribed(patterns: list[str]) -> None:
    check_subscribe(Subscribe(3, (TOPICS.down,), None), TOPICS)
    with pytest.raises(NotAllowed) as refused:
        check_subscribe(Subscribe(3, tuple(patterns), None), TOPICS)

    assert refused.value.code == Code.IDENTITY


@pytest.mark.parametrize(("packet_id", "unanswered"), [(9, list(range(1, 9))), (2, [1, 2])])
def test_a_ninth_frame_and_an_id_in_use_are_refused(packet_id: int, unanswered: list[int]) -> None:
    check_window(3, [1, 2])
    with pytest.raises(NotAllowed) as refused:
        check_window(packet_id, unanswered)

    assert refused.value.code == Code.FRAME


def test_a_numbered_subscription_is_refused() -> None:
    with pytest.raises(NotAllowed):
        check_subscribe(Subscribe(3, (TOPICS.down,), 1), TOPICS)


def test_nothing_comes_before_connect() -> None:
    with pytest.raises(NotAllowed):
        check_connect(_read(FRAME), PEER)
