"""The frame is COSE: libraries that know nothing of this project read, verify and write it."""

import pytest
from cwt.exceptions import VerifyError
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire import oracles
from tests.wire.strategies import ED, ED_SEED, P256, P256_SCALAR, headers
from tools import golden_craft
from tools.golden_cases import V1, V2

from verbundwacht_wire.frame import Header, read_frame
from verbundwacht_wire.keys import Ed25519Signer, P256Signer, check_signature, load_spki, seal

SIGNERS = [(P256, P256_SCALAR), (ED, ED_SEED)]
both = pytest.mark.parametrize(("signer", "private"), SIGNERS, ids=["ESP256", "Ed25519"])
AnySigner = P256Signer | Ed25519Signer


@pytest.mark.parametrize(
    ("raw", "key"), [(V1, golden_craft.RFC8032), (V2, golden_craft.RFC6979)], ids=["V1", "V2"]
)
def test_cwt_verifies_both_vectors(raw: bytes, key: golden_craft.KeyPair) -> None:
    assert oracles.verified(raw, oracles.cose_key(key, key.spki)) == b'{"facts":[1]}'


@both
@given(header=headers, payload=st.binary(max_size=300))
@settings(deadline=None, max_examples=100)
def test_cwt_verifies_what_is_sealed_here(
    signer: AnySigner, private: bytes, header: Header, payload: bytes
) -> None:
    raw = seal(header, payload, signer)

    assert oracles.verified(raw, oracles.cose_key(signer, signer.spki)) == payload


@both
def test_cwt_refuses_what_another_key_sealed(signer: AnySigner, private: bytes) -> None:
    """The oracle can say no."""
    raw = bytearray(seal(read_frame(V2).header, b"{}", signer))
    raw[-67] ^= 1  # the last byte of the payload

    with pytest.raises(VerifyError):
        oracles.verified(bytes(raw), oracles.cose_key(signer, signer.spki))


@both
@given(header=headers, payload=st.binary(max_size=300))
@settings(deadline=None, max_examples=100)
def test_what_cwt_seals_is_accepted_here(
    signer: AnySigner, private: bytes, header: Header, payload: bytes
) -> None:
    header = header._replace(alg=signer.alg, kid=signer.kid)

    frame = read_frame(
        oracles.sealed(header, payload, oracles.cose_key(signer, signer.spki, private))
    )
    check_signature(frame, load_spki(signer.spki))

    assert (frame.header, frame.payload) == (header, payload)


@both
@given(header=headers, payload=st.binary(max_size=300) | st.just(bytes(70_000)))
@settings(deadline=None, max_examples=100)
def test_cbor2_reads_and_writes_the_same_frame(
    signer: AnySigner, private: bytes, header: Header, payload: bytes
) -> None:
    raw = seal(header, payload, signer)

    oracles.check(raw, read_frame(raw))
