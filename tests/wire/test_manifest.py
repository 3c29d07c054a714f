"""One hash attests everything a host says about itself, and only that."""

import hashlib
import json
import random
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.facts import Mounts, Os
from verbundwacht_wire.facts.system import Mount
from verbundwacht_wire.manifest import encode_body, manifest_hash, section_hash
from verbundwacht_wire.messages import Reach, SectionEntry, Status

words = st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), max_size=12)
entries = st.builds(
    SectionEntry,
    hash=words,
    status=st.sampled_from(get_args(Status)),
    at=st.integers(0, 2**53),
    reason=st.none() | words,
    reach=st.sampled_from(get_args(Reach)),
)
manifests = st.dictionaries(words, entries, max_size=6)


def independent_hash(manifest: dict[str, SectionEntry]) -> str:
    """The definition of the specification once more, over the bytes that go on the wire."""
    digest = hashlib.sha256()
    sent = json.loads(msgspec.json.encode(manifest))
    for name in sorted(sent, key=lambda text: text.encode()):
        entry = sent[name]
        for part in (name, entry["hash"], entry["status"], entry.get("reason") or ""):
            digest.update(part.encode() + b"\x00")
        digest.update(entry.get("reach", "full").encode() + b"\x0a")
    return digest.hexdigest()


@given(manifests)
@settings(deadline=None)
def test_the_hash_is_the_one_of_the_specification(manifest: dict[str, SectionEntry]) -> None:
    assert manifest_hash(manifest) == independent_hash(manifest)


@given(manifests, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_neither_order_nor_time_of_collection_matters(
    manifest: dict[str, SectionEntry], rng: random.Random
) -> None:
    items = [(n, msgspec.structs.replace(e, at=e.at + 1)) for n, e in manifest.items()]
    rng.shuffle(items)

    assert manifest_hash(dict(items)) == manifest_hash(manifest)


@given(manifests, entries)
@settings(deadline=None)
def test_every_other_difference_shows(
    manifest: dict[str, SectionEntry], other: SectionEntry
) -> None:
    before = manifest_hash(manifest)
    for name, entry in manifest.items():
        attested = ("hash", "status", "reach")
        same = all(getattr(entry, part) == getattr(other, part) for part in attested)
        same = same and (entry.reason or "") == (other.reason or "")
        assert (manifest_hash(manifest | {name: other}) == before) == same
        assert manifest_hash({n: e for n, e in manifest.items() if n != name}) != before


def test_the_hash_of_nothing_and_of_one_section_never_change() -> None:
    """Agents in the field and evidence in archives rest on these values."""
    entry = SectionEntry(hash="ab" * 32, status="ok", at=1_790_000_000_123)
    line = b"sshd\0" + b"ab" * 32 + b"\0ok\0\0full\n"

    assert manifest_hash({}) == hashlib.sha256(b"").hexdigest()
    assert manifest_hash({"sshd": entry}) == hashlib.sha256(line).hexdigest()


@pytest.mark.parametrize("bad", ["x\0full\nb\0\0ok\0", "line\nfeed", "nul\0"])
def test_no_reason_can_imitate_another_section(bad: str) -> None:
    """With NUL and line feed inside a part, two manifests would share one hash."""
    entry = SectionEntry(hash="", status="denied", at=0)
    hostile = (
        {"a": msgspec.structs.replace(entry, reason=bad)},
        {"a": msgspec.structs.replace(entry, hash=bad)},
        {bad: entry},
    )
    for manifest in hostile:
        with pytest.raises(PayloadError) as refused:
            manifest_hash(manifest)
        assert refused.value.code == Code.SCHEMA


def test_a_body_is_compact_sorted_json_without_what_is_unknown() -> None:
    body = encode_body(Os(version="12", name="Müller-Linux", id="debian"))

    assert body == '{"id":"debian","name":"Müller-Linux","version":"12"}'.encode()
    assert section_hash(body) == hashlib.sha256(body).hexdigest()


def test_keys_are_sorted_at_every_depth() -> None:
    mount = Mount(path="/", fstype="ext4", options=("rw", "nodev"))
    text = encode_body(Mounts(points=(mount,))).decode()

    again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))

    assert text == again
    assert '"options":["rw","nodev"]' in text
