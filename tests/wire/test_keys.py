"""Which keys are taken, and that the key decides the algorithm, never the message."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from tools import golden_craft, golden_torsion

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import FrameError, KeyUnusable, SignatureInvalid
from verbundwacht_wire.frame import EDDSA, ES256P, Frame, read_frame
from verbundwacht_wire.keys import (
    LOW_ORDER,
    Ed25519Signer,
    P256Signer,
    PublicKey,
    check_signature,
    kid_of,
    load_spki,
    seal,
    spki_of,
)

P256 = P256Signer(ec.derive_private_key(4711, ec.SECP256R1()))
ED = Ed25519Signer(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
POINT = load_spki(P256.spki).public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
)
X, Y = POINT[1:33], POINT[33:]
HEADER = read_frame(golden_craft.signed(golden_craft.RFC6979, b"{}")).header


def test_exactly_the_points_of_small_order_are_listed() -> None:
    """Computed with plain curve arithmetic: eight points, 14 encodings in all."""
    every_y = {int.from_bytes(e, "little") & (1 << 255) - 1 for e in golden_torsion.torsion()}
    other_names = {y + 2**255 - 19 for y in every_y if y < 19}
    encodings = {
        (y | sign << 255).to_bytes(32, "little") for y in every_y | other_names for sign in (0, 1)
    }

    assert encodings == LOW_ORDER


@pytest.mark.parametrize("index", range(8))
def test_a_key_for_which_anybody_can_sign_is_refused(index: int) -> None:
    """The forgery verifies in the library; only the list keeps such a key out."""
    public = golden_torsion.torsion()[index]
    key = ed25519.Ed25519PublicKey.from_public_bytes(public)
    texts = (b"text %d" % n for n in range(100))
    forged, text = next((s, t) for t in texts if (s := golden_torsion.forge(index, t)) is not None)
    key.verify(forged, text)

    with pytest.raises(KeyUnusable, match="small order"):
        load_spki(golden_torsion.spki(public))


@pytest.mark.parametrize("signer", [P256, ED], ids=["P-256", "Ed25519"])
def test_a_key_survives_its_own_encoding(signer: P256Signer | Ed25519Signer) -> None:
    assert spki_of(load_spki(signer.spki)) == signer.spki
    assert signer.kid == kid_of(signer.spki)


@pytest.mark.parametrize(
    ("curve_point", "size"),
    [(bytes((2 + Y[-1] % 2,)) + X, 34), (bytes((6 + Y[-1] % 2,)) + X + Y, 66)],
    ids=["compressed", "hybrid"],
)
def test_one_key_has_one_name(curve_point: bytes, size: int) -> None:
    """The library reads the same point from other encodings; each would be another kid."""
    algorithm = P256.spki[2:23]
    alias = bytes((0x30, len(algorithm) + 2 + size, *algorithm, 0x03, size, 0x00)) + curve_point
    read = serialization.load_der_public_key(alias)
    assert isinstance(read, ec.EllipticCurvePublicKey)
    assert spki_of(read) == P256.spki

    with pytest.raises(KeyUnusable, match="another encoding"):
        load_spki(alias)


@pytest.mark.parametrize(
    "spki",
    [
        b"",
        P256.spki[:-1],
        P256.spki + b"\0",
        P256.spki[:-1] + bytes((P256.spki[-1] ^ 1,)),  # not on the curve
        golden_torsion.spki(b"")[:-1],
    ],
    ids=["empty", "short", "long", "off the curve", "no point"],
)
def test_bytes_that_are_no_key_are_refused(spki: bytes) -> None:
    with pytest.raises(KeyUnusable, match="Not a public key"):
        load_spki(spki)


def test_other_kinds_of_keys_are_refused() -> None:
    others = (
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        x25519.X25519PrivateKey.generate().public_key(),
    )
    for key in others:
        spki = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(KeyUnusable, match="not spoken"):
            load_spki(spki)


@pytest.mark.parametrize("alg", [ES256P, EDDSA])
@pytest.mark.parametrize("signer", [P256, ED], ids=["P-256", "Ed25519"])
@pytest.mark.parametrize("verifier", [P256, ED], ids=["for P-256", "for Ed25519"])
def test_the_registered_key_chooses_the_algorithm(
    alg: int, signer: P256Signer | Ed25519Signer, verifier: P256Signer | Ed25519Signer
) -> None:
    """Every combination of alg in the header, signing key and registered key."""
    frame = read_frame(seal(HEADER, b"{}", signer))
    frame = frame._replace(header=frame.header._replace(alg=alg))

    verdict = _verdict(frame, load_spki(verifier.spki))

    if alg != verifier.alg:
        assert verdict == Code.ALG
    elif signer is not verifier:
        assert verdict == Code.SIGNATURE
    else:
        assert verdict == Code.OK


def _verdict(frame: Frame, key: PublicKey) -> Code:
    try:
        check_signature(frame, key)
    except (FrameError, SignatureInvalid) as refused:
        return refused.code
    return Code.OK
