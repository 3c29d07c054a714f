"""What the `mqtt5` library says about the same packet; only asked about what our reader accepts."""

import mqtt5

from verbundwacht_collector.ingest.packets import Connect, Disconnect, Packet, Publish, Subscribe


def same(ours: Packet, theirs: mqtt5.Packet) -> bool:
    """Both have read the same values."""
    match ours, theirs:
        case Connect(), mqtt5.ConnectPacket():
            limit = theirs.max_packet_size
            told = (theirs.client_id, theirs.keep_alive, theirs.will is not None, limit)
            return told == (ours.client_id, ours.keep_alive_s, ours.has_will, ours.max_packet)
        case Publish(), mqtt5.PublishPacket():
            told_id = theirs.packet_id or 0
            same = (theirs.topic, theirs.payload, theirs.qos, theirs.retain, told_id)
            read = (ours.topic, ours.payload, ours.qos, ours.retain, ours.packet_id)
            return same == read and theirs.topic_alias == ours.alias
        case Subscribe(), mqtt5.SubscribePacket():
            patterns = tuple(f.pattern for f in theirs.topic_filters)
            return (theirs.packet_id, patterns) == (ours.packet_id, ours.patterns)
    return type(theirs) in (mqtt5.PingReqPacket, mqtt5.DisconnectPacket)


def refused_later(packet: Packet) -> bool:
    """What is not read to its end, or not judged here, because the connection ends with it."""
    match packet:
        case Connect():
            return packet.has_will
        case Publish():
            return not packet.topic
        case Subscribe():
            return packet.subscription == 0
    return isinstance(packet, Disconnect)
