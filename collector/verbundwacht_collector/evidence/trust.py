"""Who is speaking: the file's marks and seal, the receipt, the enrolment record. Pure.

Everything hangs on one key, the collector's downlink key, which the receipt itself names. Whoever
makes a file up can make up that key as well: only its fingerprint, compared with one from
elsewhere, tells the two apart.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from verbundwacht_collector.evidence.report import Findings
from verbundwacht_collector.evidence.rows import (
    ORDER,
    HostRow,
    Line,
    ReceiptRow,
    Seal,
    SealRow,
)
from verbundwacht_collector.i18n import _
from verbundwacht_wire.errors import KeyUnusable, WireError
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.keys import PublicKey, check_signature, kid_of, load_spki
from verbundwacht_wire.messages import EVIDENCE, RECEIPT, Receipt
from verbundwacht_wire.payload import decode, inflate


class Root(NamedTuple):
    """What the receipt establishes. spki: the collector's key; genesis: where the chain begins."""

    receipt: Receipt
    spki: bytes
    key: PublicKey
    genesis: bytes
    frame: Frame

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the collector's key, as DER SubjectPublicKeyInfo."""
        return hashlib.sha256(self.spki).hexdigest()


def check_lines(lines: Sequence[Line], found: Findings) -> None:
    """Every line is as it was written, and none moved. What does not hold goes to `found`."""
    place, stopped = 0, False
    for line in lines:
        if line.row is None:
            what = _(
                "Die Zeile ist nicht lesbar (%(fault)s); ab hier fehlt alles.", fault=line.fault
            )
            found.add("file", what, line.number)
            stopped = True
            break
        if not line.marked:
            what = _(
                "Die Zeile ist nach der Ausgabe verändert, verschoben, oder vor ihr fehlt eine."
            )
            found.add("file", what, line.number)
        kind = ORDER.index(type(line.row))
        alone = kind in (0, 1, 2, len(ORDER) - 1)
        if kind < place or (alone and kind == place and line.number > 1):
            found.add("file", _("Die Zeile steht nicht an ihrem Platz."), line.number)
        place = max(place, kind)
    if not stopped and (not lines or not isinstance(lines[-1].row, SealRow)):
        what = _("Das Siegel am Ende fehlt; die Datei ist abgeschnitten.")
        found.add("file", what, len(lines) + 1)


def check_receipt(row: ReceiptRow | None, number: int, found: Findings) -> Root | None:
    """The receipt's own signature holds. None if nothing can hang on it."""
    if row is None:
        found.add("receipt", _("Die Quittung fehlt; ohne sie beweist keine Meldung etwas."), 2)
        return None
    try:
        frame = read_frame(row.frame)
        header = frame.header
        receipt = decode(inflate(frame.payload, header.coding, header.ulen), Receipt)
        spki = base64.b64decode(receipt.downlink_spki, validate=True)
        key = load_spki(spki)
        check_signature(frame, key)
    except (WireError, KeyUnusable, binascii.Error, ValueError) as problem:
        what = _("Die Quittung ist unbrauchbar (%(problem)s).", problem=problem)
        found.add("receipt", what, number)
        return None
    named = (receipt.municipality, receipt.agent) == (header.tenant, header.agent.hex())
    if header.typ != RECEIPT or header.kid != kid_of(spki) or not named:
        found.add("receipt", _("Die Quittung nennt innen anderes als außen."), number)
        return None
    return Root(receipt, spki, key, frame.entry_hash, frame)


def check_host(row: HostRow | None, number: int, root: Root, found: Findings) -> PublicKey | None:
    """The host's key, if the receipt is about this very host and key."""
    if row is None:
        found.add("receipt", _("Der Eintrag der Anmeldung fehlt."), 3)
        return None
    try:
        key = load_spki(row.spki)
    except KeyUnusable as problem:
        what = _("Der Schlüssel des Servers ist unbrauchbar (%(problem)s).", problem=problem)
        found.add("receipt", what, number)
        return None
    said = (row.municipality, row.agent, kid_of(row.spki).hex())
    if said != (root.receipt.municipality, root.receipt.agent, root.receipt.kid):
        what = _("Die Quittung gilt einem anderen Server oder Schlüssel als dem eingetragenen.")
        found.add("receipt", what, number)
        return None
    return key


def check_seal(lines: Sequence[Line], root: Root, found: Findings) -> None:
    """The collector sealed these lines and no others."""
    last = lines[-1]
    if not isinstance(last.row, SealRow):
        return  # named already
    try:
        frame = read_frame(last.row.frame)
        header = frame.header
        check_signature(frame, root.key)
        seal = decode(inflate(frame.payload, header.coding, header.ulen), Seal)
    except WireError as problem:
        what = _(
            "Das Siegel ist nicht vom Schlüssel der Quittung (%(problem)s): jemand anders hat die "
            "Datei verändert oder gemacht.",
            problem=problem,
        )
        found.add("file", what, last.number)
        return
    before = lines[-2].mark if len(lines) > 1 else ""
    about = (header.typ, header.tenant, header.agent) == (
        EVIDENCE,
        root.receipt.municipality,
        root.frame.header.agent,
    )
    if not about or (seal.lines, seal.mark) != (len(lines) - 1, before):
        what = _("Das Siegel gilt einem anderen Inhalt: die Datei ist nach der Ausgabe verändert.")
        found.add("file", what, last.number)


def check_fingerprint(root: Root, wanted: str, found: Findings) -> None:
    """Everything hangs on the key that the reader knows."""
    plain = "".join(wanted.split()).replace(":", "").lower()
    if plain != root.fingerprint:
        what = _(
            "Der Schlüssel des Sammlers ist nicht der verlangte, sondern %(fingerprint)s: die "
            "Datei kommt von einem anderen Sammler, oder sie ist gefälscht.",
            fingerprint=root.fingerprint,
        )
        found.add("receipt", what, 2)
