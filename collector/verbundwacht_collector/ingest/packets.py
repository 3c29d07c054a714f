"""Reads the five packets that an agent sends (MQTT 5, OASIS 2019). Pure: bytes in, values out.

By hand, although the `mqtt5` library is at hand and writes what this door says: its reader takes
strings as UTF-8 unchecked. One stray byte in a topic makes it panic, with half a kilobyte on
stderr each time, and by the rules of Rust anything may happen before that. What agents send needs
five packets and thirteen properties; everything else ends the connection unread. In the tests the
library is the oracle: on packets it can read, both agree.

The length is checked before anything else is looked at, and one packet never reaches into the next.
"""

from typing import Final, NamedTuple

from mqtt5 import ConnAckReasonCode, DisconnectReasonCode

from verbundwacht_wire.codes import Code

MAX_SMALL: Final = 4_096  # everything but PUBLISH; also the properties of a PUBLISH
MAX_PACKET: Final = 300 * 1024  # a frame of 256 KiB, its topic and properties

_LONGEST_HEAD: Final = 5  # packet type and four bytes of length
_CONNECT, _PUBLISH, _SUBSCRIBE = 0x10, 0x30, 0x82
_PINGREQ, _DISCONNECT = 0xC0, 0xE0
_WILL, _PASSWORD, _USER = 0x04, 0x40, 0x80

# property -> bytes of its number, or how else its value is written (section 2.2.2.2)
_Known = dict[int, int | str]
_CONNECT_PROPERTIES: Final[_Known] = {
    17: 4,
    21: "text",
    22: "bytes",
    23: 1,
    25: 1,
    33: 2,
    34: 2,
    38: "pair",
    39: 4,
}
_PUBLISH_PROPERTIES: Final[_Known] = {
    1: 1,
    2: 4,
    3: "text",
    8: "text",
    9: "bytes",
    35: 2,
    38: "pair",
}
_SUBSCRIBE_PROPERTIES: Final[_Known] = {11: "length", 38: "pair"}
_LOGIN_METHOD, _MAX_PACKET, _RECEIVE_MAX, _ALIAS, _SUBSCRIPTION, _PAIR = 21, 39, 33, 35, 11, 38

Reason = DisconnectReasonCode | ConnAckReasonCode


class NotAllowed(Exception):  # noqa: N818 - reads as the fact it states
    """The connection ends here; `code` is counted, `reason` is the last thing the client hears."""

    def __init__(self, code: Code, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.code, self.reason, self.detail = code, reason, detail


class Connect(NamedTuple):
    """The client's first packet."""

    client_id: str
    keep_alive_s: int
    has_will: bool
    has_login: bool  # beyond name and password
    max_packet: int | None  # the client takes no larger one


class Publish(NamedTuple):
    """One message."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    packet_id: int  # 0 with QoS 0
    alias: int | None


class Subscribe(NamedTuple):
    """Topics the client wants to hear."""

    packet_id: int
    patterns: tuple[str, ...]
    subscription: int | None


class Ping(NamedTuple):
    """The client is still there."""


class Disconnect(NamedTuple):
    """The client goes; why does not matter here."""


Packet = Connect | Publish | Subscribe | Ping | Disconnect


def malformed(detail: str) -> NotAllowed:
    """These bytes are no packet."""
    return NotAllowed(Code.FRAME, DisconnectReasonCode.MALFORMED_PACKET, detail)


def packet_size(buffer: bytes | bytearray) -> int | None:
    """Bytes of the packet that starts here, its head included; None until the head is there.

    Raises NotAllowed for a length in five bytes, or in more than it needs (section 1.5.5).
    """
    size = 0
    for at, byte in enumerate(buffer[1:_LONGEST_HEAD]):
        size |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            if at and not byte:
                raise malformed("length not in its shortest form")
            return size + at + 2
    if len(buffer) >= _LONGEST_HEAD:
        raise malformed("length in more than four bytes")
    return None


def take(buffer: bytearray, *, first: bool) -> Packet | None:
    """The next whole packet, removed from the buffer; None until it is complete.

    first: nothing was accepted yet, so it must be a CONNECT and small. Raises NotAllowed.
    """
    if first and buffer and buffer[0] != _CONNECT:
        raise malformed(f"first byte {buffer[0]:#04x}, a CONNECT starts with 0x10")
    size = packet_size(buffer)
    if size is None:
        return None
    limit = MAX_PACKET if buffer[0] & 0xF0 == _PUBLISH else MAX_SMALL
    if size > limit:
        too_large = DisconnectReasonCode.PACKET_TOO_LARGE
        raise NotAllowed(Code.TOO_LARGE, too_large, f"packet of {size} bytes, at most {limit}")
    if len(buffer) < size:
        return None
    kind, body = buffer[0], _Body(bytes(memoryview(buffer)[_head_size(buffer) : size]))
    del buffer[:size]
    return _read(kind, body)


def _head_size(buffer: bytearray) -> int:
    return next(at for at in range(1, _LONGEST_HEAD) if buffer[at] < 0x80) + 1


def _read(kind: int, body: "_Body") -> Packet:
    if kind & 0xF0 == _PUBLISH:
        return _read_publish(kind, body)
    if kind == _CONNECT:
        return _read_connect(body)
    if kind == _SUBSCRIBE:
        return _read_subscribe(body)
    if kind == _DISCONNECT:
        return Disconnect()
    if kind == _PINGREQ:
        body.end()
        return Ping()
    raise NotAllowed(
        Code.FRAME, DisconnectReasonCode.PROTOCOL_ERROR, f"packet {kind:#04x} is not spoken here"
    )


class _Body:
    """What follows a packet's head, read from left to right and never beyond."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._raw):
            raise malformed(f"{size} bytes announced, {len(self._raw) - self._at} left")
        part = self._raw[self._at : end]
        self._at = end
        return part

    def rest(self) -> bytes:
        return self.take(len(self._raw) - self._at)

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def bytes(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        """UTF-8 without U+0000 (section 1.5.4)."""
        try:
            text = self.bytes().decode("utf-8")
        except UnicodeDecodeError as problem:
            raise malformed(f"text that is not UTF-8 ({problem.reason})") from None
        if "\0" in text:
            raise malformed("text with U+0000")
        return text

    def length(self) -> int:
        """One to four bytes, as few as can be (section 1.5.5)."""
        value = 0
        for at in range(4):
            byte = self.number(1)
            value |= (byte & 0x7F) << (7 * at)
            if byte < 0x80:
                if at and not byte:
                    break
                return value
        raise malformed("length not in its shortest form")

    def more(self) -> bool:
        return self._at < len(self._raw)

    def end(self) -> None:
        if self.more():
            raise malformed(f"{len(self._raw) - self._at} bytes too many")

    def properties(self, known: _Known) -> dict[int, int]:
        """Property -> its number, each at most once; texts are only checked and count as 0."""
        size = self.length()
        if size > MAX_SMALL:  # 60,000 of them would keep the loop busy for a tenth of a second
            raise malformed(f"{size} bytes of properties, at most {MAX_SMALL}")
        part = _Body(self.take(size))
        found: dict[int, int] = {}
        while part.more():
            name = part.number(1)
            if name not in known or name in found:
                raise malformed(f"property {name} unknown here, or twice")
            value = part.value(known[name])
            if name != _PAIR:
                found[name] = value
        return found

    def value(self, kind: int | str) -> int:
        if isinstance(kind, int):
            return self.number(kind)
        if kind == "length":
            return self.length()
        if kind == "bytes":
            self.bytes()
        for _ in range({"text": 1, "pair": 2}.get(kind, 0)):
            self.text()
        return 0


def _read_connect(body: _Body) -> Connect:
    if body.bytes() != b"MQTT":
        raise malformed("CONNECT for another protocol")
    version, flags, keep_alive_s = body.number(1), body.number(1), body.number(2)
    if version != 5:
        unsupported = ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION
        raise NotAllowed(Code.FRAME, unsupported, f"protocol level {version}, only 5 is spoken")
    found = body.properties(_CONNECT_PROPERTIES)
    if flags & 1 or found.get(_MAX_PACKET) == 0 or found.get(_RECEIVE_MAX) == 0:
        raise malformed("reserved flag, or a limit of zero")
    client_id = body.text()
    if flags & _WILL:
        body.rest()  # refused anyway
    else:
        if flags & _USER:
            body.text()
        if flags & _PASSWORD:
            body.bytes()
        body.end()
    return Connect(
        client_id,
        keep_alive_s,
        has_will=bool(flags & _WILL),
        has_login=_LOGIN_METHOD in found,
        max_packet=found.get(_MAX_PACKET),
    )


def _read_publish(kind: int, body: _Body) -> Publish:
    qos = kind >> 1 & 3
    if qos == 3:
        raise malformed("QoS 3")
    topic = body.text()
    packet_id = body.number(2) if qos else 0
    if qos and not packet_id:
        raise malformed("packet id 0")
    alias = body.properties(_PUBLISH_PROPERTIES).get(_ALIAS)
    if alias == 0:  # section 3.3.2.3.4
        raise malformed("topic alias 0")
    return Publish(topic, body.rest(), qos, bool(kind & 1), packet_id, alias)


def _read_subscribe(body: _Body) -> Subscribe:
    packet_id = body.number(2)
    subscription = body.properties(_SUBSCRIBE_PROPERTIES).get(_SUBSCRIPTION)
    patterns = []
    while body.more():
        patterns.append(body.text())
        options = body.number(1)
        if options & 0xC0 or options & 3 == 3 or options & 0x30 == 0x30:  # section 3.8.3.1
            raise malformed(f"options {options:#04x} of a subscription")
    if not packet_id or not patterns:
        raise malformed("packet id 0, or nothing to subscribe to")
    return Subscribe(packet_id, tuple(patterns), subscription)
