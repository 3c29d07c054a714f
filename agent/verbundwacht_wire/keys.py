"""Keys of the frame: P-256 for machines, Ed25519 for people; signing and checking bytes.

The algorithm always comes from the registered key, never from the message.
"""

import base64
import hashlib
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import FrameError, KeyUnusable, SignatureInvalid
from verbundwacht_wire.frame import EDDSA, ES256P, Frame, Header, assemble, to_be_signed

_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_P255 = (1 << 255) - 19
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")  # then x, y

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def _low_order_points() -> frozenset[bytes]:
    """Encodings of the eight small-order points (RFC 7748 section 7 names the danger).

    With one of these as key, a fixed signature verifies every message.
    """
    order8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
    other8 = _P255 - order8
    ys = (0, 1, _P255 - 1, _P255, _P255 + 1, order8, other8)
    sign = 1 << 255
    return frozenset((y | s).to_bytes(32, "little") for y in ys for s in (0, sign))


LOW_ORDER: Final = _low_order_points()


class Signer(Protocol):
    """Something that holds a private key; the key itself never leaves it."""

    @property
    def kid(self) -> bytes:
        """First 16 bytes of SHA-256 over the DER SubjectPublicKeyInfo."""

    @property
    def spki(self) -> bytes:
        """The public key as DER SubjectPublicKeyInfo."""

    @property
    def alg(self) -> int:
        """COSE algorithm number."""

    def sign(self, data: bytes) -> bytes:
        """64 bytes of signature over data."""


def spki_of(key: PublicKey) -> bytes:
    """The key as DER SubjectPublicKeyInfo (RFC 5280)."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def kid_of(spki: bytes) -> bytes:
    """The short name of a key: first 16 bytes of SHA-256 over its DER SubjectPublicKeyInfo."""
    return hashlib.sha256(spki).digest()[:16]


def fingerprint(signing_spki: bytes, tls_spki: bytes) -> str:
    """What two people compare by telephone: 125 bits of both keys, five groups of five."""
    text = base64.b32encode(hashlib.sha256(signing_spki + tls_spki).digest()).decode()[:25]
    return "-".join(text[i : i + 5] for i in range(0, 25, 5))


def load_spki(spki: bytes) -> PublicKey:
    """The public key in these bytes, in the one encoding that `spki_of` writes.

    Raises KeyUnusable for other kinds, unsafe points, and the same point written otherwise
    (compressed, hybrid): it would give one key a second kid, and one person a second vote.
    """
    try:
        key = serialization.load_der_public_key(spki)
    except Exception as problem:  # cryptography raises several kinds for hostile DER
        raise KeyUnusable(f"Not a public key: {problem}. Prepare the host again.") from None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        if not spki.startswith(_P256_SPKI):
            raise KeyUnusable("P-256 key in another encoding; write the point uncompressed.")
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        if key.public_bytes_raw() in LOW_ORDER:
            raise KeyUnusable("Ed25519 key of small order: anybody could sign for it. Refuse it.")
        return key
    raise KeyUnusable(f"{type(key).__name__} is not spoken; P-256 or Ed25519 is needed.")


class P256Signer:
    """Signs with one P-256 key (OpenSSL's own nonces: key and digest are mixed in)."""

    alg = ES256P

    def __init__(self, private: ec.EllipticCurvePrivateKey, *, repeatable: bool = False) -> None:
        """repeatable: the same bytes have the same signature (RFC 6979, OpenSSL 3.2 or newer)."""
        self._private = private
        self._how = _ECDSA
        if repeatable:
            self._how = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        self.spki = spki_of(private.public_key())
        self.kid = kid_of(self.spki)

    def repeating(self) -> "P256Signer":
        """The same key; what it signs twice is the same bytes twice."""
        return P256Signer(self._private, repeatable=True)

    def sign(self, data: bytes) -> bytes:
        """r‖s, 32 bytes each, big-endian."""
        r, s = decode_dss_signature(self._private.sign(data, self._how))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Ed25519Signer:
    """Signs with one Ed25519 key; for people's offline keys and test vectors."""

    alg = EDDSA

    def __init__(self, private: ed25519.Ed25519PrivateKey) -> None:
        self._private = private
        self.spki = spki_of(private.public_key())
        self.kid = kid_of(self.spki)

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of RFC 8032."""
        return self._private.sign(data)


def seal(header: Header, payload: bytes, signer: Signer) -> bytes:
    """The finished frame: header's alg and kid are the signer's, payload as given."""
    header = header._replace(alg=signer.alg, kid=signer.kid)
    return assemble(header, payload, signer.sign(to_be_signed(header, payload)))


def check_signature(frame: Frame, key: PublicKey) -> None:
    """The frame was signed by this key.

    Raises FrameError (104) if its header names another algorithm than the key has, and
    SignatureInvalid (108). Both (r, s) and (r, n-s) pass: a signature never names a message.
    """
    expected = ES256P if isinstance(key, ec.EllipticCurvePublicKey) else EDDSA
    if frame.header.alg != expected:
        raise FrameError(Code.ALG, f"alg {frame.header.alg}, the key is registered for {expected}")
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            r = int.from_bytes(frame.signature[:32], "big")
            s = int.from_bytes(frame.signature[32:], "big")
            key.verify(encode_dss_signature(r, s), frame.tbs, _ECDSA)
        else:
            key.verify(frame.signature, frame.tbs)
    except InvalidSignature:
        raise SignatureInvalid(frame.header.kid) from None
