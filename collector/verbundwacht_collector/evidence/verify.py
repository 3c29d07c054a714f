"""Bytes of an evidence file in, what holds and what does not out. Pure; needs no collector.

In this order: the file's marks and seal, the receipt and the host's key; then each message
(signature, place in the chain, content); then what the collector made of them: every cited message
is there, and every verdict is computed again from the facts and the rules in the file.

What no file can prove: that the collector did not keep back the newest messages, or a verdict.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from verbundwacht_collector.alerts.model import fingerprint
from verbundwacht_collector.evidence import trust
from verbundwacht_collector.evidence.links import Chain, check_frames
from verbundwacht_collector.evidence.replay import Replay
from verbundwacht_collector.evidence.report import Findings, Result, checks
from verbundwacht_collector.evidence.rows import (
    AlertRow,
    BodyRow,
    EventRow,
    FrameRow,
    Head,
    HostRow,
    Line,
    PackRow,
    ReceiptRow,
    Row,
    TransitionRow,
    read,
)
from verbundwacht_collector.evidence.verdicts import Rejudge
from verbundwacht_collector.i18n import _
from verbundwacht_wire.keys import PublicKey
from verbundwacht_wire.manifest import section_hash

R = TypeVar("R", bound=Row)


def verify(data: bytes, *, wanted: str = "") -> Result:
    """What a file proves. wanted: fingerprint (hex) that the collector's key must have, "" for any.

    Raises Unreadable if it is no evidence file.
    """
    lines, found = read(data), Findings()
    trust.check_lines(lines, found)
    number, receipt = _one(lines, ReceiptRow)
    root = trust.check_receipt(receipt, number, found)
    number, host = _one(lines, HostRow)
    key, chain = None, None
    if root is not None:
        if wanted:
            trust.check_fingerprint(root, wanted, found)
        trust.check_seal(lines, root, found)
        key = trust.check_host(host, number, root, found)
        if key is not None:
            chain = _check_rest(lines, root, key, found)
    _number, head = _one(lines, Head)
    return Result(
        holds=not found.counts and key is not None,
        fingerprint=root.fingerprint if root is not None else "",
        host=host.name if host is not None else "",
        municipality_id=host.municipality if host is not None else "",
        alert=head.alert if head is not None else "",
        messages=len(chain.entries) - 1 if chain is not None else 0,
        first_bad=found.first_bad,
        checks=checks(found.counts, trusted=key is not None),
        findings=found.found,
    )


def _one(lines: Sequence[Line], kind: type[R]) -> tuple[int, R | None]:
    """(line number, row) of the first row of a kind."""
    for line in lines:
        if isinstance(line.row, kind):
            return line.number, line.row
    return 0, None


def _all(lines: Sequence[Line], kind: type[R]) -> list[tuple[int, R]]:
    return [(line.number, line.row) for line in lines if isinstance(line.row, kind)]


def _check_rest(lines: Sequence[Line], root: trust.Root, key: PublicKey, found: Findings) -> Chain:
    chain = check_frames(_all(lines, FrameRow), root, key, found)
    bodies = {}
    named = {
        (name, entry.hash) for one in chain.arrivals for name, entry in (one.manifest or {}).items()
    }
    for number, row in _all(lines, BodyRow):
        body = (row.section, section_hash(row.body))
        if body not in named:
            what = _(
                "Der Abschnitt %(name)s steht in keinem Manifest.", name=repr(row.section[:40])
            )
            found.add("content", what, number)
        bodies[body] = (row.stored_at, row.body)
    replay = Replay(chain.arrivals, {body: at for body, (at, _raw) in bodies.items()})
    _check_cited(lines, chain, root, found)
    packs = _all(lines, PackRow)
    judge = Rejudge(packs, replay, chain, {body: raw for body, (_at, raw) in bodies.items()})
    judge.check_packs(found)
    before: dict[tuple[str, str], TransitionRow] = {}
    for number, step in _all(lines, TransitionRow):
        judge.check(number, step, before.get((step.rule_id, step.subject)), found)
        before[step.rule_id, step.subject] = step
    return chain


def _check_cited(lines: Sequence[Line], chain: Chain, root: trust.Root, found: Findings) -> None:
    """Alert and events name messages that are here, and the alert is about this host."""
    (_n, head), (number, alert) = _one(lines, Head), _one(lines, AlertRow)
    wanted = head.alert if head is not None else ""
    if (alert.number if alert is not None else "") != wanted:
        found.add("cited", _("Die Warnung %(wanted)s fehlt.", wanted=repr(wanted[:40])), number)
    if alert is not None:
        receipt = root.receipt
        about = (receipt.municipality, bytes.fromhex(receipt.agent))
        if alert.fingerprint != fingerprint(*about, alert.rule_id, alert.subject).hex():
            what = _("Die Warnung gilt einem anderen Server, einer anderen Regel oder Sache.")
            found.add("cited", what, number)
        _check_state(number, alert, [row for _n, row in _all(lines, EventRow)], found)
    steps: list[tuple[int, Any]] = [*_all(lines, EventRow), *_all(lines, TransitionRow)]
    for line, row in steps:
        if row.evidence and bytes.fromhex(row.evidence) not in chain.entries:
            what = _("Die zitierte Meldung %(entry)s… liegt nicht bei.", entry=row.evidence[:16])
            found.add("cited", what, line)


def _check_state(number: int, alert: AlertRow, events: Sequence[EventRow], found: Findings) -> None:
    """An alert is resolved if and only if its last step in or out of being open says so."""
    steps = [one for one in events if one.kind in ("opened", "reopened", "resolved", "closed")]
    ended = steps[-1].kind if steps else ""
    state = alert.state if alert.state in ("resolved", "closed") else "open"
    if state != (ended if ended in ("resolved", "closed") else "open" if ended else ""):
        found.add("cited", _("Stand und Verlauf der Warnung widersprechen sich."), number)
    if any(one.kind != "closed" and not one.evidence for one in steps):
        found.add("cited", _("Ein Schritt der Warnung beruft sich auf keine Meldung."), number)
