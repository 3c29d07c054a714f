"""The messages of an evidence file: whose they are, and how each hangs on the one before. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from verbundwacht_collector.content import read_beat
from verbundwacht_collector.evidence.errors import Unreadable
from verbundwacht_collector.evidence.replay import Arrival, arrival
from verbundwacht_collector.evidence.report import Findings
from verbundwacht_collector.evidence.rows import FrameRow
from verbundwacht_collector.evidence.trust import Root
from verbundwacht_collector.i18n import _
from verbundwacht_wire.errors import PayloadError, WireError
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.keys import PublicKey, check_signature
from verbundwacht_wire.manifest import manifest_hash
from verbundwacht_wire.messages import BEAT, REBASE

MAX_NAMED: Final = 500_000
"""Sections in all manifests: 26 in each of 2,500 reports a year are 65,000."""


class Chain(NamedTuple):
    """What holds of the messages. entries: entry hash -> sequence number, beats included.

    arrivals: the sequenced ones in the order in which they came; places: sequence number -> index
    in arrivals.
    """

    entries: dict[bytes, int]
    arrivals: list[Arrival]
    places: dict[int, int]


class _Read(NamedTuple):
    line: int
    row: FrameRow
    frame: Frame
    arrival: Arrival | None  # None for a beat

    @property
    def seq(self) -> int:
        return self.frame.header.seq


def check_frames(
    rows: Sequence[tuple[int, FrameRow]], root: Root, key: PublicKey, found: Findings
) -> Chain:
    """Every message is signed by the host and linked. Those that are not are left out.

    Raises Unreadable if they name more sections than fit into memory.
    """
    read: list[_Read] = []
    named = 0
    for line, row in rows:
        one = _read(line, row, root, key, found)
        if one is None:
            continue
        read.append(one)
        named += len(one.arrival.manifest or ()) if one.arrival is not None else 0
        if named > MAX_NAMED:
            raise Unreadable(
                _(
                    "Die Meldungen nennen zusammen mehr als %(limit)s Abschnitte; so viel wird "
                    "nicht geprüft. Warnungen einzeln ausgeben: verbundwacht evidence export "
                    "--alert W-…",
                    limit=MAX_NAMED,
                )
            )
    _check_order(read, found)
    reports = [one for one in read if one.arrival is not None]
    _check_links(reports, root.genesis, found)
    _check_gaps(reports, found)
    by_seq = {one.seq: one for one in reports}
    for one in read:
        if one.arrival is None:
            _check_beat(one, by_seq, root.genesis, found)
    came = sorted(by_seq.values(), key=lambda one: one.row.arrived)
    entries = {root.genesis: 0} | {one.frame.entry_hash: one.seq for one in read}
    arrivals = [one.arrival for one in came if one.arrival is not None]
    return Chain(entries, arrivals, {one.seq: number for number, one in enumerate(came)})


def _read(line: int, row: FrameRow, root: Root, key: PublicKey, found: Findings) -> _Read | None:
    try:
        frame = read_frame(row.frame)
    except WireError as problem:
        what = _("Die Meldung ist keine (%(problem)s).", problem=problem)
        found.add("signatures", what, line)
        return None
    header = frame.header
    whose = (header.tenant, header.agent, header.kid.hex())
    receipt = root.receipt
    if whose != (receipt.municipality, root.frame.header.agent, receipt.kid):
        what = _("Die Meldung ist von einem anderen Server oder Schlüssel.")
        found.add("signatures", what, line, header.seq)
        return None
    try:
        check_signature(frame, key)
    except WireError:
        what = _("Der Schlüssel des Servers hat diese Bytes nicht unterschrieben.")
        found.add("signatures", what, line, header.seq)
        return None
    if header.typ == BEAT:
        return _Read(line, row, frame, None)
    return _Read(line, row, frame, arrival(frame, row.received_at))


def _check_order(read: Sequence[_Read], found: Findings) -> None:
    """By sequence number, each once; the arrivals count up and are each there once."""
    before, arrived = (-1, False, 0, 0, b""), set()
    for one in read:
        header = one.frame.header
        beat = one.arrival is None
        place = (one.seq, beat, header.epoch, header.time, one.frame.entry_hash)
        if place <= before:
            what = _("Die Meldung steht doppelt oder nicht an ihrem Platz.")
            found.add("chain", what, one.line, one.seq)
        if one.row.arrived in arrived:
            found.add("chain", _("Zwei Meldungen kamen an derselben Stelle an."), one.line, one.seq)
        arrived.add(one.row.arrived)
        before = max(before, place)
    if arrived and max(arrived) != len(arrived) - 1:
        found.add("chain", _("Eine Meldung fehlt: die Reihenfolge der Ankunft hat eine Lücke."))


def _check_links(reports: Sequence[_Read], genesis: bytes, found: Findings) -> None:
    before, entry = 0, genesis
    for one in reports:
        header = one.frame.header
        if one.seq == 0:
            found.add("chain", _("Die Meldung hat keine Nummer."), one.line, 0)
        elif one.seq == before + 1 and header.prev != entry:
            what = (
                _("Die Meldung beruft sich nicht auf die Quittung, sondern auf eine andere.")
                if before == 0
                else _("Die Meldung beruft sich auf eine andere Vorgängerin als die beigelegte.")
            )
            found.add("chain", what, one.line, one.seq)
        before, entry = one.seq, one.frame.entry_hash


def _check_gaps(reports: Sequence[_Read], found: Findings) -> None:
    """Missing numbers are those that the host itself declared lost, or parked in a rebase."""
    declared = [one.arrival.dropped for one in reports if one.arrival and one.arrival.dropped]
    rebased = max((one.seq for one in reports if one.frame.header.typ == REBASE), default=0)
    before = 0
    for one in reports:
        low, high = before + 1, one.seq - 1
        known = high < rebased or any(first <= low and high <= last for first, last in declared)
        if low <= high and not known:
            what = _(
                "Vor dieser Meldung fehlt Nr. %(low)s bis %(high)s: nie angekommen oder entfernt; "
                "der Server hat keine Lücke erklärt.",
                low=low,
                high=high,
            )
            found.add("chain", what, one.line, low)
        before = one.seq


def _check_beat(one: _Read, by_seq: dict[int, _Read], genesis: bytes, found: Findings) -> None:
    """A beat attests the head of the chain and the state that it had."""
    attested = by_seq.get(one.seq)
    entry = genesis if one.seq == 0 else attested.frame.entry_hash if attested else None
    if entry is None:
        what = _("Hier fehlt Nr. %(seq)s, die das Lebenszeichen bestätigt.", seq=one.seq)
        found.add("chain", what, one.line, one.seq)
        return
    if entry != one.frame.header.prev:
        what = _("Das Lebenszeichen bestätigt eine andere Meldung als die beigelegte.")
        found.add("chain", what, one.line, one.seq)
        return
    try:
        beat, _manifest = read_beat(one.frame)
    except PayloadError as problem:
        what = _("Das Lebenszeichen ist nicht lesbar (%(problem)s).", problem=problem)
        found.add("content", what, one.line, one.seq)
        return
    report = attested.arrival if attested is not None else None
    if report is None or report.manifest is None:
        return
    if beat.manifest != manifest_hash(report.manifest):
        what = _("Das Lebenszeichen bestätigt einen anderen Zustand als den gemeldeten.")
        found.add("content", what, one.line, one.seq)
