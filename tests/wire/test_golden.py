"""The golden messages meet their fate, and the files are what the generator writes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from tools import golden

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import KeyUnusable, WireError
from verbundwacht_wire.frame import Header, read_frame
from verbundwacht_wire.keys import check_signature, load_spki
from verbundwacht_wire.messages import Report
from verbundwacht_wire.payload import check_json, decode, inflate

FOLDER = golden.FOLDER
NAMES = sorted(path.stem for path in FOLDER.glob("*.vw"))
WEAK_KEY = 406

REQUIRED = {
    "v1 v2": 0,
    "other-s": 0,
    "oversized": 101,
    "long-head-protected long-head-payload long-head-signature": 102,
    "indefinite-frame indefinite-payload indefinite-protected": 102,
    "tag-other tag-on-payload untagged trailing-byte unprotected-map": 102,
    "signature-63 signature-65": 102,
    "long-head-epoch long-head-seq header-indefinite header-unsorted": 103,
    "header-duplicate-label header-unknown-label header-trailing-byte": 103,
    "float-time float-epoch tag-time tag-seq": 103,
    "alg-es256 alg-eddsa alg-ed25519-on-p256": 104,
    "s-zero r-order r-over-order": 108,
    "key-a-agent-b wrong-topic": 107,
    "report-by-downlink-key": 105,
    "ack-by-agent": 103,
    "bomb-ratio ulen-plain": 301,
    "bomb-hidden bomb-large ulen-short ulen-long zlib-tail": 302,
    "json-nan json-duplicate-key json-duplicate-deep": 303,
    "json-depth-17": 305,
    " ".join(f"weak-key-{n}" for n in range(8)): WEAK_KEY,
}
"""What the specification demands, by code."""


def raw(name: str) -> bytes:
    return (FOLDER / f"{name}.vw").read_bytes()


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def fate(name: str) -> int:
    """The code of the first stage that refuses; there is no registry here."""
    case = expected(name)
    try:
        frame = read_frame(raw(name))
        check_signature(frame, load_spki(bytes.fromhex(case["spki"])))
        text = inflate(frame.payload, frame.header.coding, frame.header.ulen)
        if case["stage"] == "schema":
            decode(text, Report)
        check_json(text)
    except KeyUnusable:
        return WEAK_KEY
    except WireError as refused:
        return refused.code
    return Code.OK


def test_the_files_are_what_the_generator_writes() -> None:
    paths = [*FOLDER.glob("*.vw"), *FOLDER.glob("*.json")]
    committed = {path.name: path.read_bytes() for path in paths}
    made = golden.files()

    assert committed.keys() == made.keys()
    assert [name for name, content in made.items() if committed[name] != content] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_message_meets_its_fate(name: str) -> None:
    case = expected(name)

    assert fate(name) == (Code.OK if case["stage"] == "registry" else case["code"])


def test_every_case_of_the_specification_is_there() -> None:
    demanded = {name: code for names, code in REQUIRED.items() for name in names.split()}

    assert {name: expected(name)["code"] for name in demanded} == demanded


def test_both_vectors_are_those_of_the_specification() -> None:
    v1, v2 = raw("v1"), raw("v2")

    assert v1 == V1
    assert (len(v1), len(v2)) == (214, 214)
    assert read_frame(v1).header.kid.hex() == "06e3fd8fda29bb60ab59557de61edb0a"
    assert expected("v1")["entry_hash"] == V1_ENTRY
    assert hashlib.sha256(v2).hexdigest() == V2_SHA256
    assert read_frame(v2).header.kid.hex() == "5a7a78cca4a0f420d9bc62bb669c3c27"
    assert expected("v2")["entry_hash"] == V2_ENTRY


def test_the_vectors_say_what_the_specification_says() -> None:
    frame = read_frame(raw("v2"))

    assert frame.payload == b'{"facts":[1]}'
    assert frame.header == Header(
        alg=-9,
        kid=bytes.fromhex("5a7a78cca4a0f420d9bc62bb669c3c27"),
        typ="vw-report/1",
        tenant="vg-musterland",
        agent=bytes(range(16)),
        epoch=7,
        boot=bytes.fromhex("a1b2c3d4e5f60718"),
        seq=4711,
        prev=bytes(32),
        time=1_790_000_000_123,
        coding=0,
        ulen=13,
    )


def test_the_other_signature_of_a_message_names_the_same_message() -> None:
    """Or whoever may read could make a second message out of any first."""
    assert raw("other-s") != raw("v2")
    assert expected("other-s")["entry_hash"] == expected("v2")["entry_hash"]


@pytest.mark.parametrize("index", range(8))
def test_a_weak_key_is_refused_although_its_signature_holds(index: int) -> None:
    name = f"weak-key-{index}"
    key = serialization.load_der_public_key(bytes.fromhex(expected(name)["spki"]))
    assert isinstance(key, ed25519.Ed25519PublicKey)
    frame = read_frame(raw(name))

    key.verify(frame.signature, frame.tbs)

    assert fate(name) == WEAK_KEY


def test_the_readme_explains_every_key() -> None:
    text = Path(FOLDER / "README.md").read_text("utf-8")

    assert [key for key in expected("v2") if f"`{key}`" not in text] == []


V1 = bytes.fromhex(
    "d2845881a40132045006e3fd8fda29bb60ab59557de61edb0a106b76772d7265706f72742f313a0001117089"
    "6d76672d6d75737465726c616e6450000102030405060708090a0b0c0d0e0f0748a1b2c3d4e5f60718191267"
    "582000000000000000000000000000000000000000000000000000000000000000001b000001a0c4506c7b00"
    "0da04d7b226661637473223a5b315d7d58408a0297bb8e93fdfd4abd67d46d22a33a0b8777e56cf249607cda"
    "a1e6c5e06ee6a4630ba0dd2d5e8c13d19862f8147fef5a9e6e8e147e661b0eadefdd8487550c"
)
V1_ENTRY = "dbd1f785dd37a61b81ea4b6c2dd984c68828c40f63a3ef3ffe85daf928b0d837"
V2_ENTRY = "cc8ab0970b1dd152466c1cdd783f0b1ad316a9a87e88358882e98db1927a58eb"
V2_SHA256 = "7630c05b729f94a5b185c45158cf1cf19e8040533cd4f94b77235c4d72a8e1c9"
