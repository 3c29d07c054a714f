"""What a frame carries: JSON, deflated; read only after the signature holds, and with a cap.

Pure. msgspec validates types; three things it leaves open are closed here: duplicate keys,
depth and size limits. Ratio and length are bounded before a single byte is inflated.
"""

import re
import zlib
from typing import Any, Final, TypeVar

import msgspec

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.frame import MAX_ULEN, PLAIN, ZLIB

MAX_RATIO: Final = 64  # real reports reach 4
MAX_DEPTH: Final = 16
MAX_STRING: Final = 8 * 1024
MAX_ARRAY: Final = 20_000
MAX_VALUES: Final = 50_000  # in one message; empty objects cost 24 times their text
MAX_INT: Final = 1 << 53

T = TypeVar("T")

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"([ \t\r\n]*:)?')


def deflate(data: bytes) -> tuple[bytes, int]:
    """(payload, coding): zlib level 6, or the plain bytes where deflating does not pay.

    Plain too where it pays so well that the reader would take it for a bomb.
    """
    packed = zlib.compress(data, 6)
    readable = len(packed) < len(data) <= MAX_RATIO * len(packed)
    return (packed, ZLIB) if readable else (data, PLAIN)


def inflate(payload: bytes, coding: int, ulen: int) -> bytes:
    """Exactly `ulen` bytes. Raises PayloadError: 301 length not allowed, 302 not that length."""
    if ulen > MAX_ULEN or ulen > MAX_RATIO * max(len(payload), 1):
        raise PayloadError(Code.ULEN, f"{len(payload)} bytes may not become {ulen}")
    if coding == PLAIN:
        if len(payload) != ulen:
            raise PayloadError(Code.ULEN, f"{len(payload)} plain bytes, header says {ulen}")
        return payload
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(payload, ulen + 1)
    except zlib.error as problem:
        raise PayloadError(Code.INFLATE, f"not a zlib stream ({problem})") from None
    if len(data) != ulen or not stream.eof or stream.unused_data:
        raise PayloadError(Code.INFLATE, f"stream does not hold exactly {ulen} bytes")
    return data


def decode(data: bytes, kind: type[T]) -> T:
    """The Struct in these bytes; unknown fields are ignored, duplicate keys are not.

    Raises PayloadError: 303 not JSON (or a key twice), 304 other types, 305 beyond the limits.
    """
    check_json(data)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as problem:
        raise PayloadError(Code.SCHEMA, str(problem)) from None


def check_json(data: bytes) -> None:
    """The bytes are JSON within the limits and name no key twice.

    Re-encoding what was read gives the same bytes only if nothing was dropped, so an honest
    sender never pays for the slow count of keys in the text.
    """
    _check_count(data)
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise PayloadError(Code.JSON, str(problem)) from None
    except RecursionError:  # how deep that is depends on the interpreter; the verdict must not
        raise PayloadError(Code.LIMITS, f"nested deeper than {MAX_DEPTH}") from None
    _check_limits(value)
    if msgspec.json.encode(value) != data and _keys_in(data) != _keys_of(value):
        raise PayloadError(Code.JSON, "a key stands twice in one object")


def _keys_in(data: bytes) -> int:
    """How many keys valid JSON writes down; a key is a string before a colon."""
    return sum(map(bool, _STRING.findall(data)))


def _keys_of(value: Any) -> int:
    """How many keys are left after reading, where the last of two alike has won."""
    if type(value) is dict:
        return len(value) + sum(map(_keys_of, value.values()))
    return sum(map(_keys_of, value)) if type(value) is list else 0


def _check_count(data: bytes) -> None:
    """Bounds what decoding may allocate: every value follows a comma, a bracket or a brace."""
    if len(data) <= MAX_VALUES:
        return
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > MAX_VALUES:
        raise PayloadError(Code.LIMITS, f"up to {values} values, at most {MAX_VALUES} are read")


def _check_limits(value: Any) -> None:
    """Level by level, not by recursion: this is the hot loop of a report. Keys are strings too."""
    level = [value]
    for left in range(MAX_DEPTH, -1, -1):
        deeper: list[Any] = []
        names: set[str] = set()
        for part in level:
            kind = type(part)
            if kind is str:
                if len(part) > MAX_STRING:
                    raise PayloadError(Code.LIMITS, f"string of {len(part)} characters")
            elif kind is dict or kind is list:
                if left == 0:
                    raise PayloadError(Code.LIMITS, f"nested deeper than {MAX_DEPTH}")
                if len(part) > MAX_ARRAY:
                    raise PayloadError(Code.LIMITS, f"{len(part)} entries in one place")
                deeper += part.values() if kind is dict else part
                names.update(part if kind is dict else ())
            elif kind is int and not -MAX_INT <= part <= MAX_INT:
                raise PayloadError(Code.LIMITS, f"{part.bit_length()} bits of integer")
        level = [*deeper, *names]
