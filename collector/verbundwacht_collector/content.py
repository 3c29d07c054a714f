"""What a verified message says, read within limits. Pure.

Bodies stay the bytes the agent wrote: they are hashed, stored and forwarded as they came,
and decoded only to check them against the vocabulary.
"""

import hashlib
import re
from typing import NamedTuple

import msgspec

from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.facts import SECTIONS
from verbundwacht_wire.frame import Frame
from verbundwacht_wire.manifest import manifest_hash
from verbundwacht_wire.messages import Beat, Report
from verbundwacht_wire.payload import decode, inflate

MAX_SECTIONS = 64
MAX_REASON = 120
_HASH = re.compile("[0-9a-f]{64}")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in SECTIONS.items()}


class Content(NamedTuple):
    """A report as read: what it says, its own hash, and its bodies by section."""

    report: Report
    manifest: bytes
    bodies: dict[str, tuple[bytes, bytes]]  # section -> (hash, body)


def read_report(frame: Frame) -> Content:
    """The report in a verified frame.

    Raises PayloadError: 301 to 305; 304 also for a body that is not what its hash says.
    """
    header = frame.header
    report = decode(inflate(frame.payload, header.coding, header.ulen), Report)
    if len(report.manifest) > MAX_SECTIONS:
        raise PayloadError(Code.LIMITS, f"{len(report.manifest)} sections, {MAX_SECTIONS} at most")
    for name, entry in report.manifest.items():
        _check_entry(name, entry.status, entry.hash)
        if len(entry.reason or "") > MAX_REASON:
            raise PayloadError(Code.LIMITS, f"section {name}: reason of {len(entry.reason or '')}")
    bodies = {name: _checked(report, name, bytes(raw)) for name, raw in report.bodies.items()}
    return Content(report, bytes.fromhex(manifest_hash(report.manifest)), bodies)


def _check_entry(name: str, status: str, digest: str) -> None:
    if not 1 <= len(name) <= 32 or not _NAME.issuperset(name):
        raise PayloadError(Code.SCHEMA, f"section name {name[:40]!r}")
    if not (_HASH.fullmatch(digest) if status == "ok" else digest == ""):
        raise PayloadError(Code.SCHEMA, f"section {name}: status {status} with hash {digest!r}")


def _checked(report: Report, name: str, body: bytes) -> tuple[bytes, bytes]:
    entry = report.manifest.get(name)
    digest = hashlib.sha256(body).digest()
    if entry is None or entry.hash != digest.hex():
        raise PayloadError(Code.SCHEMA, f"body of {name} is not the one its manifest names")
    decoder = _DECODERS.get(name)
    if decoder is not None:  # unknown sections are kept, not judged
        try:
            decoder.decode(body)
        except msgspec.ValidationError as problem:
            raise PayloadError(Code.SCHEMA, f"section {name}: {problem}") from None
    return digest, body


def read_beat(frame: Frame) -> tuple[Beat, bytes]:
    """The beat in a verified frame and the manifest hash it attests. Raises PayloadError."""
    header = frame.header
    beat = decode(inflate(frame.payload, header.coding, header.ulen), Beat)
    if not _HASH.fullmatch(beat.manifest) or beat.n < 1:
        raise PayloadError(Code.SCHEMA, f"beat with manifest {beat.manifest[:70]!r}, n {beat.n}")
    return beat, bytes.fromhex(beat.manifest)
