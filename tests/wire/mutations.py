"""Frames that are almost right: flipped, cut, spliced, or rewritten with one odd CBOR head.

Pure, and the same for the same generator of random numbers. A third of what comes out is
still a frame of the profile with other values; that third is what the oracle is asked about.
"""

import random
from collections.abc import Callable

from tools.golden_craft import LABELS, RFC6979, VW, bstr, fields, head, tstr, uint, vw_array

Rng = random.Random
_EDGES = (0, 1, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 53) - 1, 1 << 53)
_TEXT = "abz019-"


def frame_like(rng: Rng) -> bytes:
    """Bytes that are a frame or nearly one."""
    parts = _parts(rng)
    raw = _frame(rng, _map(rng, parts))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        raw = rng.choice(_BYTE_LEVEL)(rng, raw)
    return raw


def _number(rng: Rng, bits: int) -> bytes:
    value = rng.choice((*_EDGES, (1 << 63) - 1, 1 << 63, rng.getrandbits(bits)))
    if rng.random() < 0.97:
        value &= (1 << bits) - 1
    return uint(value)


def _parts(rng: Rng) -> dict[str, bytes]:
    """Every part of a header: legal values, and now and then one that is odd."""
    tenant = "".join(rng.choice(_TEXT) for _ in range(rng.choice((1, 13, 23, 24, 32))))
    parts = fields(RFC6979, rng.randbytes(3)) | {
        "alg": rng.choice((b"\x28", b"\x32")),
        "typ": tstr(rng.choice(("vw-report/1", "vw-beat/1", "x", "vw-ack/1 and 24 more____"))),
        "tenant": tstr(tenant),
        "epoch": _number(rng, 32),
        "seq": _number(rng, 63),
        "time": _number(rng, 53),
        "coding": uint(rng.choice((0, 0, 0, 1, 1, 1, 1, 2))),
        "ulen": _number(rng, 32),
    }
    if rng.random() < 0.3:
        name = rng.choice(("alg", "kid", "typ", *VW))
        parts[name] = rng.choice(_ODD)(rng, parts[name])
    return parts


def _long_head(rng: Rng, item: bytes) -> bytes:
    """The same item, its head longer than need be."""
    major, small = item[0] >> 5, item[0] & 31
    size = 0 if small < 24 else 1 << small - 24
    value = small if size == 0 else int.from_bytes(item[1 : 1 + size], "big")
    longer = [n for n in (1, 2, 4, 8) if n > size]
    return head(major, value, rng.choice(longer)) + item[1 + size :] if longer else item


def _other_type(rng: Rng, item: bytes) -> bytes:
    """The same bytes under another major type."""
    return bytes((item[0] & 31 | rng.randrange(8) << 5,)) + item[1:]


def _other_length(rng: Rng, item: bytes) -> bytes:
    """The head announces a little more or less than follows."""
    return bytes(((item[0] + rng.choice((-1, 1))) & 0xFF,)) + item[1:]


def _open(rng: Rng, item: bytes) -> bytes:
    """A string in chunks of indefinite length, or a lone break."""
    return bytes((item[0] & 0xE0 | 31,)) + item + b"\xff" * rng.randrange(2)


def _foreign(rng: Rng, item: bytes) -> bytes:
    """A value of a kind that the profile does not know."""
    double = b"\xfb" + rng.randbytes(8)
    simple = bytes((rng.choice((0xF4, 0xF6, 0xF7)),))
    return rng.choice((double, b"\xf9\x47\x00", simple, b"\xc1" + item, b"\x80", b"\xa0", b""))


_ODD: tuple[Callable[[Rng, bytes], bytes], ...] = (
    _long_head,
    _other_type,
    _other_length,
    _open,
    _foreign,
)


def _map(rng: Rng, parts: dict[str, bytes]) -> bytes:
    """The protected map, sometimes with its entries shuffled, doubled or dropped."""
    names = ["alg", "kid", "typ", "vw"]
    if rng.random() < 0.05:
        rng.shuffle(names)
    if rng.random() < 0.05:
        names.insert(rng.randrange(5), rng.choice(names))
    if rng.random() < 0.05:
        names.remove(rng.choice(names))
    values = parts | {"vw": vw_array(parts)}
    count = head(5, len(names), rng.choice((0,) * 30 + (1, 2)))
    return count + b"".join(LABELS[name] + values[name] for name in names)


def _frame(rng: Rng, protected: bytes) -> bytes:
    """The frame around it, its own heads sometimes longer than need be."""
    payload = rng.randbytes(rng.choice((0, 3, 23, 24, 255, 256, 300)))
    long = rng.choice((0,) * 30 + (1, 2, 4, 8))
    protected_item = bstr(protected, 0 if long < 2 else long)
    payload_item = bstr(payload, long if len(payload) < 256 else 0)
    return b"\xd2\x84" + protected_item + b"\xa0" + payload_item + bstr(rng.randbytes(64))


def _flip(rng: Rng, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes((raw[at] ^ 1 << rng.randrange(8),)) + raw[at + 1 :]


def _insert(rng: Rng, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randint(1, 3)) + raw[at:]


def _delete(rng: Rng, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.randint(1, 3) :]


def _splice(rng: Rng, raw: bytes) -> bytes:
    at, other, size = rng.randrange(len(raw)), rng.randrange(len(raw)), rng.randint(1, 16)
    return raw[:at] + raw[other : other + size] + raw[at + size :]


_BYTE_LEVEL: tuple[Callable[[Rng, bytes], bytes], ...] = (_flip, _flip, _insert, _delete, _splice)
