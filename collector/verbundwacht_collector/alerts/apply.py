"""Writes what the life cycle decides: findings, transitions, alerts, events, deliveries.

All of it in the caller's transaction, so a delivery never exists without its event and an
event never without its audit entry.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid5

from msgspec.structs import replace

from verbundwacht_collector.alerts.findings import FindingChange
from verbundwacht_collector.alerts.lifecycle import (
    Step,
    again,
    blind,
    can_end,
    is_baseline,
    sees_again,
    step,
)
from verbundwacht_collector.alerts.model import (
    ERRORS_TO_BE_BLIND,
    EXPIRES_DEFAULT_MS,
    EXPIRES_MS,
    HOST_SILENT,
    MUNICIPALITY_SILENT,
    RULE_BLIND,
    SEVERITIES,
    Attestation,
    RuleText,
    Settings,
    fingerprint,
)
from verbundwacht_collector.alerts.overlays import REMEMBERED_MS, Covered, covered
from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord, FindingRecord, HostRecord

_DELIVERIES = UUID("6e0d6c1c-6a35-5c0e-9d5a-3f4a2b1c7d90")
"""Namespace of delivery ids: the same event to the same recipient always has the same one."""


class Alerting:
    """The alerts of one host within one transaction."""

    def __init__(
        self, tx: Transaction, host: HostRecord, seen: Attestation, settings: Settings
    ) -> None:
        self._tx, self._host, self._seen, self._settings = tx, host, seen, settings
        self.awaiting, self._cited = False, False
        self.open = {alert.fingerprint: alert for alert in tx.open_alerts(host.id)}

    def _fingerprint(self, rule_id: str, subject: str) -> bytes:
        return fingerprint(self._host.municipality_id, self._host.agent, rule_id, subject)

    def take(self, changes: Iterable[FindingChange], rules: Mapping[str, RuleText]) -> None:
        """Every change is stored, and every alert stands where the life cycle puts it."""
        for change in changes:
            self._store(change)
            text = rules[change.new.rule_id]
            mark = self._fingerprint(change.new.rule_id, change.new.subject)
            current = self.open.get(mark)
            if current is not None and current.severity != text.severity:
                self._weighs(mark, text)
                current = self.open[mark]
            if not text.alerting and current is None:
                continue  # a rule put on trial still ends what it opened before
            last = None
            if current is None and change.new.outcome == "fail" and change.is_transition:
                last = self._tx.last_alert(mark)
            move = step(change, current, last, self._seen, self._settings)
            if move is not None:
                self._move(
                    move,
                    mark,
                    rule_id=change.new.rule_id,
                    subject=change.new.subject,
                    text=text,
                    last=last,
                )
            if text.alerting and blind(change):
                self._goes_blind(change.new.rule_id)

    def _store(self, change: FindingChange) -> None:
        if change.drop:
            self._tx.drop_finding(self._host.id, change.new.rule_id, change.new.subject)
            return
        row = replace(change.new, baseline=int(is_baseline(change, self._settings)))
        if row != change.old:
            self._tx.put_finding(self._host.id, row)
        if change.is_transition:
            old = change.old.outcome if change.old else None
            evidence = self._seen.evidence
            self._tx.add_transition(
                self._host.id, row, old=old, at=self._seen.at, evidence=evidence
            )
            self._cite()

    def _cite(self) -> None:
        """The message behind this is evidence now, and outlives the journal's retention."""
        if not self._cited:
            self._tx.cite(self._host.id, self._seen.evidence)
            self._cited = True

    def _weighs(self, mark: bytes, text: RuleText) -> None:
        """An open alert has the severity that its rule has now; a higher one is told anew."""
        alert = self.open[mark]
        raised = SEVERITIES.index(text.severity) < SEVERITIES.index(alert.severity)
        alert = replace(alert, severity=text.severity, changed_at=self._seen.at)
        self._tx.set_alert(alert)
        self.open[mark] = replace(alert, version=alert.version + 1)
        kind = "raised" if raised else "lowered"
        event_id = self._tx.add_event(
            alert.id, at=self._seen.at, kind=kind, reason="severity_of_rule_changed"
        )
        deliver(self._tx, self.open[mark], kind, event_id, self._seen.at)

    def _goes_blind(self, rule_id: str) -> None:
        """Three errors in a row where a value existed before are an alert of their own."""
        if self._fingerprint(RULE_BLIND, rule_id) not in self.open:
            self._system(Step("opened", "three_errors_in_a_row"), RULE_BLIND, rule_id)

    def _system(self, move: Step, rule_id: str, subject: str) -> None:
        rule = SYSTEM_RULES[rule_id]
        mark = self._fingerprint(rule_id, subject)
        last = None if mark in self.open else self._tx.last_alert(mark)
        if move.kind == "opened" and last is not None and last.state == "resolved":
            move = again(last, self._seen)
        text = RuleText(rule.title["de"], rule.severity)
        self._move(move, mark, rule_id=rule_id, subject=subject, text=text, last=last)

    def silent(self) -> None:
        """The host's silence is an open alert."""
        if self._fingerprint(HOST_SILENT, "") not in self.open:
            self._system(Step("opened", "three_intervals_without_message"), HOST_SILENT, "")

    def speaks_again(self) -> None:
        """The alert about the host's silence is resolved by the message that ended it."""
        if self._fingerprint(HOST_SILENT, "") in self.open:
            self._system(Step("resolved", "message_received"), HOST_SILENT, "")

    def settle(self, findings: Mapping[tuple[str, str], FindingRecord]) -> None:
        """Rules that see again say so; the host is marked if one more message could move an alert.

        findings: all of the host as they stand now, by rule and subject.
        """
        for alert in list(self.open.values()):
            rows = [row for row in findings.values() if row.rule_id == alert.subject]
            if alert.rule_id == RULE_BLIND and rows and sees_again(rows):
                self._system(Step("resolved", "sees_again"), RULE_BLIND, alert.subject)
        self.awaiting = any(
            row.outcome == "error" and row.known and row.streak < ERRORS_TO_BE_BLIND
            for row in findings.values()
        )
        for alert in self.open.values():
            row = findings.get((alert.rule_id, alert.subject))
            ending = row is not None and can_end(row)
            self.awaiting |= ending or alert.state == "fix_claimed" or alert.rule_id == RULE_BLIND

    def close_rules(self, known: Mapping[str, RuleText]) -> None:
        """Alerts whose rule no longer exists are closed and say so."""
        for mark, alert in list(self.open.items()):
            about = alert.subject if alert.rule_id == RULE_BLIND else alert.rule_id
            if about not in known and about not in SYSTEM_RULES:
                text = RuleText(alert.title, "low")
                closed = Step("closed", "rule_removed")
                self._move(
                    closed,
                    mark,
                    rule_id=alert.rule_id,
                    subject=alert.subject,
                    text=text,
                    last=None,
                )

    def _move(
        self,
        move: Step,
        mark: bytes,
        *,
        rule_id: str,
        subject: str,
        text: RuleText,
        last: AlertRecord | None,
    ) -> None:
        seen = self._seen
        if move.kind == "opened":
            alert = self._opened(mark, rule_id, subject, text, last)
        else:
            alert = self._changed(move, self.open.get(mark) or last)
        if alert.state in ("resolved", "closed"):
            self.open.pop(mark, None)
        else:
            self.open[mark] = alert
        event_id = self._tx.add_event(
            alert.id, at=seen.at, kind=move.kind, reason=move.reason, evidence=seen.evidence
        )
        self._cite()
        deliver(self._tx, alert, move.kind, event_id, seen.at)

    def _opened(
        self, mark: bytes, rule_id: str, subject: str, text: RuleText, last: AlertRecord | None
    ) -> AlertRecord:
        alert = AlertRecord(
            id=0,
            number=next_number(self._tx, self._seen.at),
            fingerprint=mark,
            municipality_id=self._host.municipality_id,
            host_id=self._host.id,
            rule_id=rule_id,
            subject=subject,
            severity=text.severity,
            title=text.title,
            state="new",
            opened_at=self._seen.at,
            changed_at=self._seen.at,
            evidence=self._seen.evidence,
            claimed_at=None,
            assignee_id=None,
            repeated=0,
            version=1,
        )
        return replace(alert, id=self._tx.add_alert(alert, last.id if last else None))

    def _changed(self, move: Step, alert: AlertRecord | None) -> AlertRecord:
        assert alert is not None, "a move other than opening has an alert"
        seen = self._seen
        if move.kind == "reopened":
            moved = replace(
                alert,
                state="new",
                repeated=alert.repeated + 1,
                assignee_id=None,
                claimed_at=None,
                evidence=seen.evidence,
            )
        elif move.kind == "fix_not_confirmed":
            moved = replace(alert, state="taken", claimed_at=None)
        else:
            moved = replace(alert, state=move.kind)
        moved = replace(moved, changed_at=seen.at)
        resolved_by = seen.evidence if move.kind == "resolved" else None
        self._tx.set_alert(moved, resolved_by=resolved_by)
        return replace(moved, version=moved.version + 1)


def cover_of(tx: Transaction, alert: AlertRecord, now: int) -> Covered | None:
    """What holds back messages about the alert now; None if nothing does."""
    mass = any(
        one.municipality_id == alert.municipality_id
        for one in tx.open_alerts_of(MUNICIPALITY_SILENT)
    )
    overlays = tx.overlays(alert.municipality_id, now - REMEMBERED_MS)
    return covered(overlays, alert, now, mass=mass)


def next_number(tx: Transaction, at: int) -> str:
    """The next alert number of the year, as W-2026-0001."""
    year = datetime.fromtimestamp(at / 1000, UTC).year
    name = f"alert_number:{year}"
    number = tx.counter(name) + 1
    tx.set_counter(name, number)
    return f"W-{year}-{number:04}"


def deliver(tx: Transaction, alert: AlertRecord, kind: str, event_id: int, now: int) -> None:
    """One delivery per channel that is to know of this event waits to be sent.

    An ending is told only to those who were told of the beginning; where neither went out
    yet, neither is sent. While something covers the alert, nobody is told that it is open:
    it is held, and told when the cover ends.
    """
    channels = tx.channels_for(alert.municipality_id)
    if kind in ("resolved", "closed"):
        tx.supersede(alert.id, now)
        tx.set_held(alert.id, held=False)
        told = tx.told_channels(alert.id)
        channels = [channel for channel in channels if channel.id in told]
    elif kind not in ("opened", "reopened", "raised", "cover_ended"):
        return
    else:
        is_covered = cover_of(tx, alert, now) is not None
        tx.supersede(alert.id, now)
        tx.set_held(alert.id, held=is_covered)
        if is_covered:
            return
    expires_at = now + EXPIRES_MS.get(alert.severity, EXPIRES_DEFAULT_MS)
    for channel in channels:
        key = f"{alert.number}\0{event_id}\0{channel.kind}\0{channel.recipient}"
        delivery_id = str(uuid5(_DELIVERIES, key))
        tx.add_delivery(delivery_id, event_id, channel, now, expires_at)
