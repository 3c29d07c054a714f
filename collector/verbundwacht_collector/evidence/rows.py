"""The evidence file `vw-evidence/1`: what stands in it, and how it becomes bytes. Pure.

UTF-8 text, one JSON array a line: `["<mark>", {"row": kind, …}]`, each line ends with a line feed.
The mark is SHA-256 (hex) over the mark of the line before (nothing for the first) and the bytes of
the object, so that a line that was edited, lost or moved by accident is named; the last line, the
seal, is signed by the collector over the mark before it, so that nobody else can mark anew.

Kinds, in this order: `head`, `receipt`, `host`, `pack` (by digest), `frame` (by sequence number,
a beat behind the message that it attests), `body`, `alert`, `event`, `transition`, `seal`. Byte
strings are base64, hashes hex, times Unix ms. Whatever a host said stands only in its own signed
frames; a `body` row is one that its frames name and this host did not send itself.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from verbundwacht_collector.evidence.errors import Unreadable
from verbundwacht_collector.i18n import _

FORMAT: Final = "vw-evidence/1"
MAX_FILE: Final = 64 * 1024 * 1024
"""Bytes; a host-year of reports and kept beats is a fraction of it."""
_LAST_DAY: Final = 253_402_300_799_000  # 9999-12-31: beyond it there is no date to judge with

Time = Annotated[int, msgspec.Meta(ge=0, le=_LAST_DAY)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
Hex = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})*$")]


class Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="row", forbid_unknown_fields=True):
    """Base of all rows."""


class Head(Row, frozen=True, kw_only=True, tag="head"):
    """What the file is about. alert: its number, "" for all that is kept about a host."""

    format: str
    alert: str


class ReceiptRow(Row, frozen=True, kw_only=True, tag="receipt"):
    """The signed receipt: the collector took this key in as this host's. The chain begins here."""

    frame: bytes


class HostRow(Row, frozen=True, kw_only=True, tag="host"):
    """The enrolment record."""

    agent: Hex
    municipality: str
    name: str
    spki: bytes
    key_state: str
    created_at: Time


class PackRow(Row, frozen=True, kw_only=True, tag="pack"):
    """A rule pack, byte for byte."""

    digest: Hex
    name: str
    version: str
    files: dict[str, bytes]


class FrameRow(Row, frozen=True, kw_only=True, tag="frame"):
    """One message as received. arrived: its place among those of the file, from 0."""

    arrived: Count
    received_at: Time
    frame: bytes


class BodyRow(Row, frozen=True, kw_only=True, tag="body"):
    """A section that the collector had from elsewhere when this host named it."""

    section: str
    stored_at: Time
    body: bytes


class AlertRow(Row, frozen=True, kw_only=True, tag="alert"):
    """The alert as it stands."""

    number: str
    fingerprint: Hex
    rule_id: str
    subject: str
    severity: str
    title: str
    state: str
    opened_at: Time
    changed_at: Time
    repeated: Count


class EventRow(Row, frozen=True, kw_only=True, tag="event"):
    """One step of the alert. evidence: hash of the message behind it, "" for what people did."""

    at: Time
    kind: str
    reason: str
    evidence: Hex


class TransitionRow(Row, frozen=True, kw_only=True, tag="transition"):
    """A finding became another one. old: None if nothing was known before."""

    at: Time
    rule_id: str
    subject: str
    old: str | None
    new: str
    reason: str
    evidence: Hex
    pack_digest: Hex


class SealRow(Row, frozen=True, kw_only=True, tag="seal"):
    """A frame signed by the collector; its payload is a Seal."""

    frame: bytes


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed: the number of lines before, and the mark of the last of them."""

    lines: int
    mark: str


AnyRow = (
    Head
    | ReceiptRow
    | HostRow
    | PackRow
    | FrameRow
    | BodyRow
    | AlertRow
    | EventRow
    | TransitionRow
    | SealRow
)
ORDER: Final[tuple[type[Row], ...]] = (
    Head,
    ReceiptRow,
    HostRow,
    PackRow,
    FrameRow,
    BodyRow,
    AlertRow,
    EventRow,
    TransitionRow,
    SealRow,
)
_ROW: Final = msgspec.json.Decoder(AnyRow)
_LINE: Final = msgspec.json.Decoder(tuple[str, msgspec.Raw])


class Line(NamedTuple):
    """One line as read. fault: why `row` is None; number: from 1."""

    number: int
    mark: str
    marked: bool  # the mark is that of these bytes behind those before
    row: AnyRow | None
    fault: str = ""


def mark(before: str, row: bytes) -> str:
    """The mark of a line, from that of the line before and its own object."""
    return hashlib.sha256(before.encode() + row).hexdigest()


def write(rows: Iterable[AnyRow], before: str = "") -> Iterator[tuple[str, bytes]]:
    """(mark, line) of each row, in their order."""
    for row in rows:
        raw = msgspec.json.encode(row)
        before = mark(before, raw)
        yield before, b'["%s",%s]\n' % (before.encode(), raw)


def read(data: bytes) -> list[Line]:
    """The lines of a file; after one that cannot be read, none of the following.

    Raises Unreadable if it is no evidence file of this version. Uses no more memory than a small
    multiple of MAX_FILE, whatever the bytes are.
    """
    if len(data) > MAX_FILE:
        raise Unreadable(
            _(
                "Die Datei ist größer als %(limit)s MiB; so groß ist kein Nachweis. Eine einzelne "
                "Warnung ausgeben: verbundwacht evidence export --alert W-…",
                limit=MAX_FILE >> 20,
            )
        )
    lines = list(_lines(data))
    first = lines[0].row if lines else None
    if not isinstance(first, Head) or first.format != FORMAT:
        raise Unreadable(
            _(
                "Das ist kein Nachweis der Form %(format)s. Die Datei neu holen, oder mit der "
                "Fassung von Verbundwacht prüfen, die sie ausgab.",
                format=FORMAT,
            )
        )
    return lines


def _lines(data: bytes) -> Iterator[Line]:
    before, start, number = "", 0, 0
    while start < len(data):
        number += 1
        end = data.find(b"\n", start)
        if end < 0:
            yield Line(number, "", False, None, "line feed missing")
            return
        line = _line(number, before, data[start:end])
        yield line
        if line.row is None:
            return
        before, start = line.mark, end + 1


def _line(number: int, before: str, raw: bytes) -> Line:
    try:
        named, text = _LINE.decode(raw)
        return Line(number, named, named == mark(before, bytes(text)), _ROW.decode(text))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        return Line(number, "", False, None, _short(problem))


def _short(problem: Any) -> str:
    return str(problem)[:120]
