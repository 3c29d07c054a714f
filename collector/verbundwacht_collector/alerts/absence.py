"""What a host says about its own absence: it will be away until then, and means it.

Only its silence is covered and four hours at most, which the wire enforces: whoever takes over
a host must be able to hide neither its faults nor, with one message, the host for a night.
"""

from typing import Final

import structlog

from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import HostRecord, OverlayRecord
from verbundwacht_wire.frame import Frame
from verbundwacht_wire.messages import BEAT, Absence

ACTOR: Final = "agent"
DAY_MS: Final = 24 * 3600 * 1000
MAX_AHEAD_MS: Final = DAY_MS
MAX_PER_DAY: Final = 24
"""Each announcement is kept as evidence: whoever makes one with every message fills the store."""

log = structlog.get_logger()


def announce(
    tx: Transaction, host: HostRecord, absence: Absence | None, *, frame: Frame, at: int
) -> None:
    """The host's absence is what its newest message says; None withdraws it."""
    if absence is not None and not at < absence.until <= at + MAX_AHEAD_MS:
        absence = None  # over already, or the host's clock is far ahead
    if (absence.until if absence else None) == host.absent_until:
        return
    known = tx.overlays(host.municipality_id, at - DAY_MS)
    own = [one for one in known if one.kind == "absence" and one.host_id == host.id]
    for old in own:
        if old.ended_at is None and old.ends_at > at:
            tx.end_overlay(old.id, at, None)
            _audit(tx, host, "overlay.ended", at, old.reason)
    if absence is not None and sum(one.created_at > at - DAY_MS for one in own) >= MAX_PER_DAY:
        log.warning("absence.refused", host=host.name, per_day=MAX_PER_DAY)
        absence = None
    if absence is not None:
        if frame.header.typ == BEAT:
            tx.keep_beat(host.id)
        tx.add_overlay(
            OverlayRecord(
                kind="absence",
                municipality_id=host.municipality_id,
                host_id=host.id,
                starts_at=absence.from_,
                ends_at=absence.until,
                reason=absence.reason,
                created_at=at,
                evidence=frame.entry_hash,
            )
        )
        tx.cite(host.id, frame.entry_hash)
        _audit(tx, host, "overlay.created", at, absence.reason)
    tx.set_absent(host.id, absence.until if absence else None)


def _audit(tx: Transaction, host: HostRecord, action: str, at: int, reason: str) -> None:
    tx.audit(at=at, actor=ACTOR, action=action, obj=f"host {host.agent.hex()}", detail=reason)
