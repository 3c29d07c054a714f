"""Hypothesis strategies and keys that several tests of the wire share."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import strategies as st

from verbundwacht_wire.frame import ES256P, Header
from verbundwacht_wire.keys import Ed25519Signer, P256Signer

P256_SCALAR = hashlib.sha256(b"a machine").digest()
ED_SEED = hashlib.sha256(b"a person").digest()
P256 = P256Signer(ec.derive_private_key(int.from_bytes(P256_SCALAR, "big"), ec.SECP256R1()))
ED = Ed25519Signer(ed25519.Ed25519PrivateKey.from_private_bytes(ED_SEED))


def uints(bits: int) -> st.SearchStrategy[int]:
    """Numbers of up to so many bits, the edges of each CBOR head often among them."""
    edges = [1 << 8 * size for size in (1, 2, 4, 8)] + [1 << bits]
    near = {edge + by for edge in edges for by in (-1, 0) if edge + by < 1 << bits}
    return st.sampled_from(sorted(near | {0, 23, 24})) | st.integers(0, (1 << bits) - 1)


headers = st.builds(
    Header,
    alg=st.just(ES256P),
    kid=st.binary(min_size=16, max_size=16),
    typ=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=32),
    tenant=st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32),
    agent=st.binary(min_size=16, max_size=16),
    epoch=uints(32),
    boot=st.binary(min_size=8, max_size=8),
    seq=uints(63),
    prev=st.binary(min_size=32, max_size=32),
    time=uints(53),
    coding=st.sampled_from([0, 1]),
    ulen=uints(32),
)
"""Every header that the profile allows."""
