"""Tells people of what was held back, once nothing covers it any more and it is still open."""

from verbundwacht_collector.alerts.apply import cover_of, deliver
from verbundwacht_collector.alerts.overlays import REMEMBERED_MS, ended, may_speak
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord


def release(tx: Transaction, *, now: int) -> None:
    """Every held alert that may be told is told. Nothing about its state changes."""
    for alert in tx.held_alerts():
        if cover_of(tx, alert, now) is None:
            _tell(tx, alert, now)


def _tell(tx: Transaction, alert: AlertRecord, now: int) -> None:
    last = ended(tx.overlays(alert.municipality_id, now - REMEMBERED_MS), alert, now)
    if alert.host_id is not None:
        host = tx.host_by_id(alert.host_id)
        seen, interval_ms = host.last_seen, host.interval_s * 1000
        if not may_speak(last, last_seen=seen, interval_ms=interval_ms, now=now):
            return
    event_id = tx.add_event(alert.id, at=now, kind="cover_ended", reason=f"{last.kind}_ended")
    tx.set_held(alert.id, held=False)
    deliver(tx, alert, "cover_ended", event_id, now)
