"""Hosts that no longer report: one alert each, or one for a municipality that fell silent.

When the first host of a broken line has been quiet for three intervals, the others have been
for two: so the whole is seen at once, and nobody is told of the parts first.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from verbundwacht_collector.alerts.apply import Alerting, deliver, next_number
from verbundwacht_collector.alerts.lifecycle import again
from verbundwacht_collector.alerts.model import (
    HOST_SILENT,
    MUNICIPALITY_SILENT,
    Attestation,
    Settings,
    fingerprint,
)
from verbundwacht_collector.alerts.overlays import REMEMBERED_MS, windows
from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord, HeardRecord, HostRecord

MIN_HOSTS = 3


def _late(host: HeardRecord, now: int, serving_since: int) -> bool:
    return now - max(host.last_seen, serving_since) > 2 * host.interval_ms


def _announced(host: HeardRecord, now: int) -> bool:
    return host.absent_until is not None and host.absent_until > now


def _silent_from(host: HeardRecord) -> int | None:
    """Since when its silence counts, Unix ms; None as long as it is not known to be silent.

    Who was away as planned and does not come back is missed from its end on, as late as others.
    """
    if host.silent_since is None or host.absent_until is None:
        return host.silent_since
    return max(host.silent_since, host.absent_until + 2 * host.interval_ms)


def breaks_off(hosts: Sequence[HeardRecord], now: int, serving_since: int) -> bool:
    """At least three hosts and half of the municipality fell silent within one interval.

    hosts: all of the municipality. A host that is away as planned is none of them, and one
    that has been silent for longer is a matter of its own.
    """
    quiet = [
        host
        for host in hosts
        if not _announced(host, now)
        and (
            _late(host, now, serving_since)
            if (since := _silent_from(host)) is None
            else since <= now <= since + host.interval_ms
        )
    ]
    return len(quiet) >= MIN_HOSTS and 2 * len(quiet) >= len(hosts)


def is_back(hosts: Sequence[HeardRecord], *, since: int, now: int, serving_since: int) -> bool:
    """So many of those that fell silent with the line report again that it cannot be broken.

    since: when the line broke. A host known to be silent is so until it speaks, also after a
    start of the collector, which for the others counts as their last sign of life.
    """
    quiet = [
        host
        for host in hosts
        if (
            _late(host, now, serving_since)
            if (begun := _silent_from(host)) is None
            else begun >= since - host.interval_ms
        )
    ]
    return len(quiet) < MIN_HOSTS or 2 * len(quiet) < len(hosts)


def _heard(tx: Transaction, town: str, now: int) -> list[HeardRecord]:
    """The town's hosts; away is who announced that, or is in a maintenance of its own, by now.

    What was announced for tomorrow hides nothing today.
    """
    away: dict[int | None, int] = {}
    for overlay in tx.overlays(town, now - REMEMBERED_MS):
        begun, _ = windows(overlay, now)
        if begun is not None and overlay.kind != "pause":
            away[overlay.host_id] = max(begun.end, away.get(overlay.host_id, 0))
    return [host._replace(absent_until=away.get(host.id)) for host in tx.heard(town)]


def watch(tx: Transaction, settings: Settings, *, now: int, serving_since: int) -> None:
    """Every silence that began by now is an alert, every broken line that is back is resolved."""
    overdue = [tx.host_by_id(host_id) for host_id in tx.overdue_hosts(now, serving_since)]
    broken = {one.municipality_id: one for one in tx.open_alerts_of(MUNICIPALITY_SILENT)}
    waited = [one.host_id for one in tx.held_alerts() if one.rule_id == HOST_SILENT]
    first: dict[str, HostRecord] = {}
    for host in [*overdue, *(tx.host_by_id(host_id) for host_id in waited if host_id)]:
        first.setdefault(host.municipality_id, host)
    for town, host in first.items():
        if town not in broken and breaks_off(_heard(tx, town, now), now, serving_since):
            _opens(tx, host, now)
    for host in overdue:
        _falls_silent(tx, host, settings, now)
    for alert in broken.values():
        _ends(tx, alert, now, serving_since)


def _falls_silent(tx: Transaction, host: HostRecord, settings: Settings, now: int) -> None:
    seen = Attestation(now, host.chain.head, host.interval_s * 1000)
    Alerting(tx, host, seen, settings).silent()
    tx.set_flags(
        host.id,
        awaiting=bool(host.awaiting),
        silent=True,
        facts_unknown=bool(host.facts_unknown),
    )


def _opens(tx: Transaction, host: HostRecord, now: int) -> None:
    rule = SYSTEM_RULES[MUNICIPALITY_SILENT]
    mark = fingerprint(host.municipality_id, b"", rule.id, "")
    last = tx.last_alert(mark)
    seen = Attestation(now, host.chain.head, host.interval_s * 1000)
    if last is not None and last.state == "resolved" and again(last, seen).kind == "reopened":
        alert = replace(
            last,
            state="new",
            repeated=last.repeated + 1,
            assignee_id=None,
            claimed_at=None,
            changed_at=now,
        )
        tx.set_alert(alert)
        _says(tx, replace(alert, version=alert.version + 1), "reopened", seen)
        return
    alert = AlertRecord(
        id=0,
        number=next_number(tx, now),
        fingerprint=mark,
        municipality_id=host.municipality_id,
        host_id=None,
        rule_id=rule.id,
        subject="",
        severity=rule.severity,
        title=rule.title["de"],
        state="new",
        opened_at=now,
        changed_at=now,
        evidence=host.chain.head,
        claimed_at=None,
        assignee_id=None,
        repeated=0,
        version=1,
    )
    alert = replace(alert, id=tx.add_alert(alert, last.id if last else None))
    _says(tx, alert, "opened", seen)


def _says(tx: Transaction, alert: AlertRecord, kind: str, seen: Attestation) -> None:
    reason = {
        "opened": "half_of_the_hosts_silent",
        "reopened": "fails_again_within_72_hours",
        "resolved": "hosts_report_again",
    }[kind]
    event_id = tx.add_event(alert.id, at=seen.at, kind=kind, reason=reason, evidence=seen.evidence)
    deliver(tx, alert, kind, event_id, seen.at)


def _ends(tx: Transaction, alert: AlertRecord, now: int, serving_since: int) -> None:
    hosts = _heard(tx, alert.municipality_id, now)
    # Not changed_at: whoever takes the alert moves that, and not one host is back for it.
    broke_at = tx.began_at(alert.id)
    if not is_back(hosts, since=broke_at, now=now, serving_since=serving_since):
        return
    newest = tx.newest_message(alert.municipality_id)
    if newest is None or newest[0] <= broke_at:
        return  # only a message ends it, never a host that was taken off the list
    resolved = replace(alert, state="resolved", changed_at=now)
    tx.set_alert(resolved, resolved_by=newest[1])
    seen = Attestation(now, newest[1], 0)
    _says(tx, replace(resolved, version=resolved.version + 1), "resolved", seen)
