"""What independent libraries say about a frame: cbor2 reads and writes it, python-cwt verifies.

Neither is part of the product. cbor2 is lenient (it ignores what follows the first item), so
it judges by writing what it read: the profile allows one encoding, and that must be ours.
"""

from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cwt import COSE, COSEKey

from verbundwacht_wire.frame import Frame, Header
from verbundwacht_wire.keys import Signer, load_spki

VW = -70001


def header_map(header: Header) -> dict[int, Any]:
    """The header as the map that RFC 9052 and the profile describe."""
    alg, kid, typ, *vw = header
    return {1: alg, 4: kid, 16: typ, VW: vw}


def write(frame: Frame) -> bytes:
    """The frame as cbor2 writes it, canonically."""
    protected = cbor2.dumps(header_map(frame.header), canonical=True)
    parts = [protected, {}, frame.payload, frame.signature]
    return cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)


def check(raw: bytes, frame: Frame) -> None:
    """cbor2 decodes these bytes to the same values and encodes those to the same bytes."""
    tag = cbor2.loads(raw)
    protected, unprotected, payload, signature = tag.value

    assert (tag.tag, unprotected) == (18, {})
    assert (payload, signature) == (frame.payload, frame.signature)
    assert cbor2.loads(protected) == header_map(frame.header)
    assert write(frame) == raw
    assert cbor2.dumps(["Signature1", protected, b"", payload]) == frame.tbs


def cose_key(signer: Signer, spki: bytes, private: bytes = b"") -> Any:
    """The same key for python-cwt; with the private part it can sign."""
    key = load_spki(spki)
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers = key.public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        params: dict[int, Any] = {1: 2, 3: -9, -1: 1, -2: x, -3: y}
    else:
        params = {1: 1, 3: -19, -1: 6, -2: key.public_bytes_raw()}
    return COSEKey.new(params | {2: signer.kid} | ({-4: private} if private else {}))


def verified(raw: bytes, key: Any) -> bytes:
    """The payload, if python-cwt finds the signature valid. Raises its own errors if not."""
    payload: bytes = COSE.new(verify_kid=True).decode(raw, key)
    return payload


def sealed(header: Header, payload: bytes, key: Any) -> bytes:
    """The frame as python-cwt writes and signs it."""
    raw: bytes = COSE.new(deterministic_header=True).encode_and_sign(
        payload, key, protected=header_map(header)
    )
    return raw
