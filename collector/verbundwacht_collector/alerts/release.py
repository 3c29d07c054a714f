"""Tells people of what was held back, once nothing covers it any more and it is still open."""

from statistics import median_low

from verbundwacht_collector.alerts.apply import deliver
from verbundwacht_collector.alerts.model import HOST_SILENT, MUNICIPALITY_SILENT, fingerprint
from verbundwacht_collector.alerts.overlays import REMEMBERED_MS, covered, ended, may_speak
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord, OverlayRecord


def release(tx: Transaction, *, now: int, serving_since: int) -> None:
    """Every held alert that may be told is told. Nothing about its state changes.

    serving_since: what ended while nobody listened counts as ended then, for hosts could not
    say that they are well again.
    """
    broken = {one.municipality_id for one in tx.open_alerts_of(MUNICIPALITY_SILENT)}
    known: dict[str, list[OverlayRecord]] = {}  # a town that fell silent has many held alerts
    for alert in tx.held_alerts():
        town = alert.municipality_id
        if town not in known:
            known[town] = tx.overlays(town, now - REMEMBERED_MS)
        if covered(known[town], alert, now, mass=town in broken) is None:
            _tell(tx, alert, known[town], now, serving_since)


def _tell(
    tx: Transaction,
    alert: AlertRecord,
    overlays: list[OverlayRecord],
    now: int,
    serving_since: int,
) -> None:
    last = ended(overlays, alert, now, line_back_at=_line_back_at(tx, alert))
    if last is not None:
        since = last._replace(at=max(last.at, serving_since))
        seen, interval_ms = _rhythm(tx, alert)
        if not may_speak(since, last_seen=seen, interval_ms=interval_ms, now=now):
            return
    reason = f"{last.kind}_ended" if last else "cover_gone"
    event_id = tx.add_event(alert.id, at=now, kind="cover_ended", reason=reason)
    deliver(tx, alert, "cover_ended", event_id, now)


def _rhythm(tx: Transaction, alert: AlertRecord) -> tuple[int | None, int]:
    """(when the host was last seen, its interval in ms); of a town, what is usual there."""
    if alert.host_id is not None:
        host = tx.host_by_id(alert.host_id)
        return host.last_seen, host.interval_s * 1000
    intervals = [host.interval_ms for host in tx.heard(alert.municipality_id)]
    return None, median_low(intervals) if intervals else 0


def _line_back_at(tx: Transaction, alert: AlertRecord) -> int | None:
    if alert.rule_id != HOST_SILENT:
        return None
    line = tx.last_alert(fingerprint(alert.municipality_id, b"", MUNICIPALITY_SILENT, ""))
    return None if line is None else line.changed_at
