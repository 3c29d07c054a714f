"""The frame `vw/1`: one COSE_Sign1 (RFC 9052) in a profile narrow enough to read by hand.

Pure, and without a CBOR library on purpose: a handful of fixed heads is all there is, and a
general decoder would accept what this profile must refuse (long heads, tags, duplicates).
Each accepted frame has exactly one encoding. What is signed is sent, byte for byte.
"""

import hashlib
from typing import Final, NamedTuple

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import FrameError

MAX_FRAME: Final = 262_144
MAX_PROTECTED: Final = 512
MAX_ULEN: Final = 2 * 1024 * 1024
ES256P: Final = -9  # ESP256: ECDSA on P-256 with SHA-256
EDDSA: Final = -19  # Ed25519
ZERO32: Final = bytes(32)
NOBODY: Final = bytes(16)

PLAIN: Final = 0
ZLIB: Final = 1

_ALG = {ES256P: b"\x28", EDDSA: b"\x32"}
_ALG_BY_BYTE = {0x28: ES256P, 0x32: EDDSA}
_SIGN1 = b"\xd2\x84"
_VW_LABEL = b"\x3a\x00\x01\x11\x70\x89"  # label -70001, then an array of nine
_TENANT_CHARS = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-")
_UINT, _BSTR, _TSTR = 0x00, 0x40, 0x60


class Header(NamedTuple):
    """The protected header: everything about a message but its content."""

    alg: int
    kid: bytes  # 16 bytes
    typ: str  # vw-report/1, …
    tenant: str  # municipality id, [a-z0-9-]{1,32}
    agent: bytes  # 16 bytes, zeros before the receipt
    epoch: int  # +1 per start of the machine and per rebase
    boot: bytes  # 8 bytes, new per start of the machine
    seq: int
    prev: bytes  # entry hash of the message before, 32 bytes
    time: int  # Unix ms by the sender's clock
    coding: int  # 0 plain, 1 zlib
    ulen: int  # length after inflating


class Frame(NamedTuple):
    """One frame as read; nothing about it is verified yet."""

    header: Header
    payload: bytes
    signature: bytes  # 64 bytes r‖s
    tbs: bytes  # the bytes the signature covers

    @property
    def entry_hash(self) -> bytes:
        """SHA-256 of the signed bytes; the name of this message (never of its signature)."""
        return hashlib.sha256(self.tbs).digest()


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes((major | value,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes((major | extra,)) + value.to_bytes(size, "big")
    raise ValueError(f"{value} does not fit into 64 bits")


def protected_bytes(h: Header) -> bytes:
    """The header in its only encoding (deterministic CBOR, RFC 8949 section 4.2)."""
    typ, tenant = h.typ.encode("ascii"), h.tenant.encode("ascii")
    return b"".join(
        (
            b"\xa4\x01" + _ALG[h.alg] + b"\x04\x50" + h.kid + b"\x10" + _head(_TSTR, len(typ)),
            typ + _VW_LABEL + _head(_TSTR, len(tenant)) + tenant + b"\x50" + h.agent,
            _head(_UINT, h.epoch) + b"\x48" + h.boot + _head(_UINT, h.seq) + b"\x58\x20" + h.prev,
            _head(_UINT, h.time) + _head(_UINT, h.coding) + _head(_UINT, h.ulen),
        )
    )


def to_be_signed(header: Header, payload: bytes) -> bytes:
    """The bytes a signature of this message covers (Sig_structure of RFC 9052, empty AAD)."""
    protected = protected_bytes(header)
    return (
        b"\x84\x6aSignature1"
        + _head(_BSTR, len(protected))
        + protected
        + b"\x40"
        + _head(_BSTR, len(payload))
        + payload
    )


def assemble(header: Header, payload: bytes, signature: bytes) -> bytes:
    """The whole frame. Raises FrameError (101) if it would be refused for its size."""
    protected = protected_bytes(header)
    raw = b"".join(
        (
            _SIGN1 + _head(_BSTR, len(protected)),
            protected,
            b"\xa0" + _head(_BSTR, len(payload)),
            payload,
            b"\x58\x40" + signature,
        )
    )
    if len(raw) > MAX_FRAME:
        raise FrameError(Code.TOO_LARGE, f"{len(raw)} bytes, at most {MAX_FRAME} may be sent")
    return raw


class _Cursor:
    """Reads fixed heads from left to right; any other byte is a FrameError with its position."""

    __slots__ = ("at", "code", "raw")

    def __init__(self, raw: bytes, code: Code) -> None:
        self.raw, self.at, self.code = raw, 0, code

    def fail(self, what: str) -> FrameError:
        return FrameError(self.code, f"{what} at byte {self.at}")

    def expect(self, literal: bytes, what: str) -> None:
        if not self.raw.startswith(literal, self.at):
            raise self.fail(f"{what} expected")
        self.at += len(literal)

    def length(self, major: int, what: str) -> int:
        """The value of the next head, which must be of this major type and as short as can be."""
        if self.at >= len(self.raw):
            raise self.fail(f"{what} missing")
        first = self.raw[self.at]
        if first & 0xE0 != major:
            raise self.fail(f"{what}: other type")
        small = first & 0x1F
        self.at += 1
        if small < 24:
            return small
        if small > 27:
            raise self.fail(f"{what}: indefinite or reserved length")
        size = 1 << (small - 24)
        value = int.from_bytes(self.take(size, what), "big")
        if value < (24, 1 << 8, 1 << 16, 1 << 32)[small - 24]:
            raise self.fail(f"{what}: not the shortest form")
        return value

    def take(self, size: int, what: str) -> bytes:
        end = self.at + size
        if end > len(self.raw):
            raise self.fail(f"{what}: {size} bytes announced, {len(self.raw) - self.at} left")
        part = self.raw[self.at : end]
        self.at = end
        return part

    def fixed(self, size: int, what: str) -> bytes:
        if self.length(_BSTR, what) != size:
            raise self.fail(f"{what}: {size} bytes expected")
        return self.take(size, what)

    def uint(self, limit: int, what: str) -> int:
        value = self.length(_UINT, what)
        if value >= limit:
            raise self.fail(f"{what}: {value} is out of range")
        return value

    def done(self) -> None:
        if self.at != len(self.raw):
            raise self.fail(f"{len(self.raw) - self.at} bytes too many")


def _ascii(cursor: _Cursor, longest: int, what: str) -> bytes:
    size = cursor.length(_TSTR, what)
    if not 1 <= size <= longest:
        raise cursor.fail(f"{what}: 1 to {longest} characters expected")
    return cursor.take(size, what)


def _read_alg(c: _Cursor) -> int:
    c.expect(b"\xa4\x01", "map of four, label 1")
    byte = c.take(1, "alg")[0]
    alg = _ALG_BY_BYTE.get(byte)
    if alg is None:
        # any other small integer is an algorithm we do not speak; the rest is not a header
        is_int = byte < 0x18 or 0x20 <= byte < 0x38
        code = Code.ALG if is_int or byte in (0x18, 0x19, 0x38, 0x39) else c.code
        raise FrameError(code, f"alg byte {byte:#04x}; -9 and -19 are spoken")
    return alg


def read_header(protected: bytes) -> Header:
    """The header these bytes encode. Raises FrameError (103, 104) for any other encoding."""
    c = _Cursor(protected, Code.HEADER)
    alg = _read_alg(c)
    c.expect(b"\x04\x50", "label 4, 16 bytes")
    kid = c.take(16, "kid")
    c.expect(b"\x10", "label 16")
    typ = _ascii(c, 32, "typ")
    if not typ.isascii() or not typ.decode("latin-1").isprintable():
        raise c.fail("typ: printable ASCII expected")
    c.expect(_VW_LABEL, "label -70001, array of nine")
    tenant = _ascii(c, 32, "tenant")
    if not _TENANT_CHARS.issuperset(tenant):
        raise c.fail("tenant: only a-z, 0-9 and - expected")
    header = Header(
        alg=alg,
        kid=kid,
        typ=typ.decode("ascii"),
        tenant=tenant.decode("ascii"),
        agent=c.fixed(16, "agent"),
        epoch=c.uint(1 << 32, "epoch"),
        boot=c.fixed(8, "boot"),
        seq=c.uint(1 << 63, "seq"),  # one bit less than 64: databases count with a sign
        prev=c.fixed(32, "prev"),
        time=c.uint(1 << 53, "time"),
        coding=c.uint(2, "coding"),
        ulen=c.uint(1 << 32, "ulen"),
    )
    c.done()
    return header


def read_frame(raw: bytes) -> Frame:
    """One frame, structure checked, nothing verified.

    Raises FrameError: 101 too large, 102 not this frame, 103 header, 104 algorithm.
    """
    if len(raw) > MAX_FRAME:
        raise FrameError(Code.TOO_LARGE, f"{len(raw)} bytes, at most {MAX_FRAME} are read")
    c = _Cursor(raw, Code.FRAME)
    c.expect(_SIGN1, "COSE_Sign1")
    size = c.length(_BSTR, "protected")
    if size > MAX_PROTECTED:
        raise c.fail(f"protected: {size} bytes, at most {MAX_PROTECTED}")
    protected = c.take(size, "protected")
    c.expect(b"\xa0", "empty unprotected map")
    payload_at = c.at
    payload = c.take(c.length(_BSTR, "payload"), "payload")
    payload_item = raw[payload_at : c.at]
    c.expect(b"\x58\x40", "64 bytes of signature")
    signature = c.take(64, "signature")
    c.done()
    tbs = b"\x84\x6aSignature1" + _head(_BSTR, size) + protected + b"\x40" + payload_item
    return Frame(read_header(protected), payload, signature, tbs)
