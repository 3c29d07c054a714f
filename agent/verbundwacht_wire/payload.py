"""What a frame carries: JSON, deflated; read only after the signature holds, and with a cap.

Pure. msgspec validates types; three things it leaves open are closed here: duplicate keys,
depth and size limits. Ratio and length are bounded before a single byte is inflated.
"""

import json
import zlib
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.frame import MAX_ULEN, PLAIN, ZLIB

MAX_RATIO: Final = 64  # real reports reach 4
MAX_DEPTH: Final = 16
MAX_STRING: Final = 8 * 1024
MAX_ARRAY: Final = 20_000
MAX_INT: Final = 1 << 53

T = TypeVar("T")


def deflate(data: bytes) -> tuple[bytes, int]:
    """(payload, coding): zlib level 6, or the plain bytes where deflating does not pay."""
    packed = zlib.compress(data, 6)
    return (packed, ZLIB) if len(packed) < len(data) else (data, PLAIN)


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
    except (msgspec.DecodeError, RecursionError) as problem:
        raise PayloadError(Code.JSON, str(problem)) from None


def check_json(data: bytes) -> None:
    """The bytes are JSON within the limits and name no key twice.

    Re-encoding what was read gives the same bytes only if nothing was dropped, so an honest
    sender never pays for the slow reader that looks at every pair.
    """
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise PayloadError(Code.JSON, str(problem)) from None
    _check_limits(value, MAX_DEPTH)
    if msgspec.json.encode(value) != data:
        json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)


def _no_constant(name: str) -> NoReturn:
    raise PayloadError(Code.JSON, f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PayloadError(Code.JSON, "a key stands twice in one object")
    return found


def _check_limits(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str:
        if len(value) > MAX_STRING:
            raise PayloadError(Code.LIMITS, f"string of {len(value)} characters")
    elif kind is dict or kind is list:
        if depth == 0:
            raise PayloadError(Code.LIMITS, f"nested deeper than {MAX_DEPTH}")
        if len(value) > MAX_ARRAY:
            raise PayloadError(Code.LIMITS, f"{len(value)} entries in one place")
        for part in value.values() if kind is dict else value:
            _check_limits(part, depth - 1)
    elif kind is int and not -MAX_INT <= value <= MAX_INT:
        raise PayloadError(Code.LIMITS, f"{value} is not exact in every reader")
