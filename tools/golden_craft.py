"""Writes frames part by part, also wrong ones: heads, headers, signatures, zlib streams.

Pure, and apart from the product's own encoder on purpose: that one cannot write what must be
refused. All keys here are published test keys. Signatures are deterministic (RFC 6979), or
the files would change with every run; the product itself signs with random nonces.
"""

import hashlib
import zlib
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from verbundwacht_wire.keys import kid_of, spki_of

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
TENANT: Final = "vg-musterland"
AGENT: Final = bytes(range(16))
TIME: Final = 1_790_000_000_123


class KeyPair(NamedTuple):
    """One published key pair, and who holds it in the vectors."""

    name: str
    alg: int
    private: bytes
    spki: bytes
    tenant: str
    agent: bytes

    @property
    def kid(self) -> bytes:
        """First 16 bytes of SHA-256 over the DER SubjectPublicKeyInfo."""
        return kid_of(self.spki)

    def sign(self, data: bytes) -> bytes:
        """64 bytes, always the same ones for the same data."""
        if self.alg == -19:
            return ed25519.Ed25519PrivateKey.from_private_bytes(self.private).sign(data)
        scalar = int.from_bytes(self.private, "big")
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        r, s = decode_dss_signature(
            key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        )
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def p256(name: str, private: bytes, tenant: str = TENANT, agent: bytes = AGENT) -> KeyPair:
    """The P-256 key with this scalar, 32 bytes big-endian."""
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    return KeyPair(name, -9, private, spki_of(key.public_key()), tenant, agent)


def ed(name: str, seed: bytes) -> KeyPair:
    """The Ed25519 key with this seed."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return KeyPair(name, -19, seed, spki_of(key.public_key()), TENANT, AGENT)


RFC6979 = p256(
    "agent-a",
    bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
)
RFC8032 = ed(
    "person",
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
)
AGENT_B = p256("agent-b", hashlib.sha256(b"agent-b").digest(), agent=bytes(range(16, 32)))
DOWNLINK = p256("downlink", hashlib.sha256(b"downlink").digest(), agent=bytes(16))


def head(major: int, value: int, size: int = 0) -> bytes:
    """A CBOR head: shortest form, or `size` bytes of argument whether they are needed or not."""
    if size == 0:
        if value < 24:
            return bytes((major << 5 | value,))
        size = next(n for n in (1, 2, 4, 8) if value < 1 << 8 * n)
    return bytes((major << 5 | 23 + size.bit_length(),)) + value.to_bytes(size, "big")


def uint(value: int, size: int = 0) -> bytes:
    """An unsigned integer."""
    return head(0, value, size)


def bstr(data: bytes, size: int = 0) -> bytes:
    """A byte string."""
    return head(2, len(data), size) + data


def tstr(text: str, size: int = 0) -> bytes:
    """A text string."""
    return head(3, len(text.encode()), size) + text.encode()


LABELS: Final = {"alg": b"\x01", "kid": b"\x04", "typ": b"\x10", "vw": b"\x3a\x00\x01\x11\x70"}
VW: Final = ("tenant", "agent", "epoch", "boot", "seq", "prev", "time", "coding", "ulen")


def fields(key: KeyPair, payload: bytes, **other: bytes) -> dict[str, bytes]:
    """Every part of the header, encoded, as in vector V2; `other` replaces parts by name."""
    parts = {
        "alg": head(1, -1 - key.alg),
        "kid": bstr(key.kid),
        "typ": tstr("vw-report/1"),
        "tenant": tstr(key.tenant),
        "agent": bstr(key.agent),
        "epoch": uint(7),
        "boot": bstr(bytes.fromhex("a1b2c3d4e5f60718")),
        "seq": uint(4711),
        "prev": bstr(bytes(32)),
        "time": uint(TIME),
        "coding": uint(0),
        "ulen": uint(len(payload)),
    }
    return parts | other


def vw_array(parts: dict[str, bytes]) -> bytes:
    """The array of nine."""
    return head(4, len(VW)) + b"".join(parts[name] for name in VW)


def header(parts: dict[str, bytes], order: str = "alg kid typ vw") -> bytes:
    """The protected map with its entries in this order; a name twice is written twice."""
    values = parts | {"vw": vw_array(parts)}
    names = order.split()
    return head(5, len(names)) + b"".join(LABELS[name] + values[name] for name in names)


def tbs(protected: bytes, payload: bytes) -> bytes:
    """What a signature covers (Sig_structure of RFC 9052, empty external data)."""
    return b"\x84" + tstr("Signature1") + bstr(protected) + b"\x40" + bstr(payload)


def message(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """The whole frame."""
    return b"\xd2\x84" + bstr(protected) + b"\xa0" + bstr(payload) + bstr(signature)


def signed(key: KeyPair, payload: bytes, protected: bytes | None = None, **other: bytes) -> bytes:
    """A frame whose signature holds, whatever its header is like."""
    if protected is None:
        protected = header(fields(key, payload, **other))
    return message(protected, payload, key.sign(tbs(protected, payload)))


def stored_zlib(data: bytes) -> bytes:
    """A zlib stream that stores; written by hand, because compressors differ in their output."""
    size = len(data).to_bytes(2, "little")
    block = b"\x01" + size + bytes(255 - byte for byte in size) + data
    return b"\x78\x01" + block + zlib.adler32(data).to_bytes(4, "big")


def zeros_zlib(matches: int) -> bytes:
    """A zlib stream of 1 + 258 * matches zeros, 13 bits for each match (RFC 1951, 3.2.6)."""
    literal, match, end = "00110000", "11000101" + "00000", "0000000"
    bits = "1" + "10" + literal + match * matches + end
    bits += "0" * (-len(bits) % 8)
    body = int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")
    checksum = zlib.adler32(bytes(1 + 258 * matches))
    return b"\x78\x01" + body + checksum.to_bytes(4, "big")
