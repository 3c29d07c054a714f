"""Each accepted frame has exactly one encoding, and nothing else is accepted or crashes."""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire import oracles
from tests.wire.mutations import frame_like
from tests.wire.strategies import ED, P256, headers
from tools.golden_cases import V2
from tools.golden_craft import RFC6979

from verbundwacht_wire.codes import SILENT, Code
from verbundwacht_wire.errors import FrameError, WireError
from verbundwacht_wire.frame import (
    MAX_FRAME,
    Frame,
    Header,
    assemble,
    protected_bytes,
    read_frame,
    read_header,
    to_be_signed,
)
from verbundwacht_wire.keys import Ed25519Signer, P256Signer, check_signature, load_spki, seal

FUZZ = int(os.environ.get("VERBUNDWACHT_FUZZ", "20000"))
"""How many mutated frames; 300,000 before a release."""

HEADER = read_frame(V2).header


def read_or_refuse(raw: bytes) -> Frame | None:
    """The frame, None if it is refused; any other exception passes."""
    try:
        return read_frame(raw)
    except FrameError:
        return None


def test_every_mutated_frame_that_is_accepted_has_one_encoding() -> None:
    rng = random.Random(20_261_124)
    key = load_spki(RFC6979.spki)
    accepted = 0
    for _ in range(FUZZ):
        raw = frame_like(rng)
        frame = read_or_refuse(raw)
        if frame is None:
            continue
        accepted += 1
        oracles.check(raw, frame)
        assert assemble(frame.header, frame.payload, frame.signature) == raw
        assert to_be_signed(frame.header, frame.payload) == frame.tbs
        with pytest.raises(WireError):  # 64 random bytes are no signature
            check_signature(frame, key)

    assert 0.2 < accepted / FUZZ < 0.6


def test_every_flipped_bit_of_a_signed_message_is_noticed() -> None:
    key = load_spki(RFC6979.spki)
    codes = set()
    for at in range(8 * len(V2)):
        flipped = bytearray(V2)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(WireError) as refused:
            check_signature(read_frame(bytes(flipped)), key)
        codes.add(refused.value.code)

    assert 8 * len(V2) == 1712
    assert codes == {Code.FRAME, Code.HEADER, Code.ALG, Code.SIGNATURE}
    assert codes <= SILENT


def test_every_shortened_or_lengthened_message_is_noticed() -> None:
    shorter = [V2[:size] for size in range(len(V2))]
    longer = [V2 + bytes((byte,)) for byte in range(256)]

    assert [raw for raw in shorter + longer if read_or_refuse(raw)] == []


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    for raw in (data, b"\xd2\x84" + data, V2[:2] + data + V2[2:], V2[:35] + data):
        frame = read_or_refuse(raw)
        assert frame is None or assemble(frame.header, frame.payload, frame.signature) == raw


@pytest.mark.parametrize("signer", [P256, ED], ids=["ESP256", "Ed25519"])
@given(header=headers, payload=st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_what_is_sealed_is_read_again(
    signer: P256Signer | Ed25519Signer, header: Header, payload: bytes
) -> None:
    frame = read_frame(seal(header, payload, signer))

    assert frame.header == header._replace(alg=signer.alg, kid=signer.kid)
    assert frame.payload == payload
    assert read_header(protected_bytes(frame.header)) == frame.header
    check_signature(frame, load_spki(signer.spki))


@given(header=headers, other=headers)
@settings(deadline=None)
def test_two_headers_never_share_an_encoding(header: Header, other: Header) -> None:
    assert (protected_bytes(header) == protected_bytes(other)) == (header == other)


def test_the_largest_frame_is_read_and_one_byte_more_is_not_even_made() -> None:
    empty = len(assemble(HEADER, b"", bytes(64)))
    most = MAX_FRAME - empty - 4  # the head of so long a payload

    assert read_frame(assemble(HEADER, bytes(most), bytes(64))).payload == bytes(most)
    with pytest.raises(FrameError) as refused:
        assemble(HEADER, bytes(most + 1), bytes(64))
    assert refused.value.code == Code.TOO_LARGE


def test_a_refusal_names_place_and_reason() -> None:
    with pytest.raises(FrameError, match=r"FRAME \(102\): 1 bytes too many at byte 214"):
        read_frame(V2 + b"\0")
