"""Hashes of sections and manifests: one hash attests everything a host says about itself."""

import hashlib
from collections.abc import Mapping

import msgspec

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.messages import SectionEntry

_ENCODER = msgspec.json.Encoder(order="sorted")


def encode_body(body: msgspec.Struct) -> bytes:
    """The body as it is hashed, sent and stored: compact JSON, keys sorted, UTF-8."""
    return _ENCODER.encode(body)


def section_hash(body: bytes) -> str:
    """SHA-256 over the body's bytes as the agent wrote them, lower-case hex."""
    return hashlib.sha256(body).hexdigest()


def manifest_hash(manifest: Mapping[str, SectionEntry]) -> str:
    """SHA-256 over the sorted lines `section NUL hash NUL status NUL reason NUL reach`.

    The time of collection is left out: the same state has the same hash at any time.
    Raises PayloadError (304) for a part that holds NUL or a line feed: one hash, two manifests.
    """
    text = "".join(
        f"{name}\0{entry.hash}\0{entry.status}\0{entry.reason or ''}\0{entry.reach}\n"
        for name, entry in sorted(manifest.items())
    )
    if text.count("\0") != 4 * len(manifest) or text.count("\n") != len(manifest):
        raise PayloadError(Code.SCHEMA, "NUL or line feed in a manifest")
    return hashlib.sha256(text.encode()).hexdigest()
