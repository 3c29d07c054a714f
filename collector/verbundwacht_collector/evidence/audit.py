"""The audit log checks itself: each entry holds the hash of the one before. Pure.

The chain finds what was edited, removed or put in between. That the newest entries were cut off
shows only where an alert's event still names one of them.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

import msgspec

from verbundwacht_collector.i18n import _
from verbundwacht_collector.store.evidence import AuditedEvent, AuditEntry

MAX_PROBLEMS: Final = 1000


class AuditProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that does not hold. entry: the number in the log."""

    entry: int
    text: str


class AuditResult(msgspec.Struct, frozen=True, kw_only=True):
    """The log as a whole. head: hash of the newest entry, to be noted elsewhere and compared."""

    holds: bool
    entries: int
    events: int
    head: str
    first_bad: int | None
    problems: list[AuditProblem]


def digest(prev: bytes, at: int, actor: str, action: str, obj: str, detail: str) -> bytes:
    """The hash of an entry, as the store makes it."""
    text = json.dumps([at, actor, action, obj, detail], ensure_ascii=False)
    return hashlib.sha256(prev + text.encode()).digest()


def check_log(entries: Iterable[AuditEntry], events: Iterable[AuditedEvent]) -> AuditResult:
    """The log is whole, and every event of an alert has its entry."""
    problems: list[AuditProblem] = []
    said: dict[int, tuple[int, str, str, str]] = {}
    before, prev, count = 0, bytes(32), 0
    for one in entries:
        what = _wrong(one, before, prev)
        if what:
            problems.append(AuditProblem(entry=one.id, text=what))
        if one.action.startswith("alert."):
            said[one.id] = (one.at, one.action, one.object, one.detail)
        before, prev, count = one.id, bytes(one.hash), count + 1
    many = 0
    for event in events:
        many += 1
        what = _unsaid(event, said.pop(event.audit_id, None))
        if what:
            problems.append(AuditProblem(entry=event.audit_id, text=what))
    problems.sort(key=lambda one: one.entry)
    return AuditResult(
        holds=not problems,
        entries=count,
        events=many,
        head=prev.hex(),
        first_bad=problems[0].entry if problems else None,
        problems=problems[:MAX_PROBLEMS],
    )


def _wrong(one: AuditEntry, before: int, prev: bytes) -> str:
    """What speaks against an entry behind the one before; "" if nothing does."""
    if one.id != before + 1:
        return _("Vor diesem Eintrag fehlt Nr. %(low)s.", low=before + 1)
    if bytes(one.prev_hash) != prev:
        return _("Der Eintrag schließt nicht an den vorigen an: einer wurde ersetzt.")
    if digest(prev, one.at, one.actor, one.action, one.object, one.detail) != bytes(one.hash):
        return _("Der Eintrag wurde nachträglich verändert.")
    return ""


def _unsaid(event: AuditedEvent, entry: tuple[int, str, str, str] | None) -> str:
    detail = json.dumps({"reason": event.reason, "text": event.text}, ensure_ascii=False)
    expected = (event.at, f"alert.{event.kind}", f"alert {event.alert_id}", detail)
    if entry is None:
        return _(
            "Zum Ereignis %(event)s einer Warnung fehlt dieser Eintrag, oder er gehört schon zu "
            "einem anderen.",
            event=event.id,
        )
    if entry != expected:
        return _("Das Ereignis %(event)s sagt anderes als dieser Eintrag.", event=event.id)
    return ""
