"""Which rules must look again at a host, and what they see. Reads through the store's protocol.

Facts are stored and rules are applied later: only rules that read a changed section are
judged, all of them when the rules themselves changed.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from verbundwacht_collector.alerts.apply import Alerting
from verbundwacht_collector.alerts.findings import FindingChange, attested, merge
from verbundwacht_collector.alerts.model import (
    ERRORS_TO_BE_BLIND,
    RULE_BLIND,
    Attestation,
    RuleText,
    Settings,
)
from verbundwacht_collector.rules.evaluate import evaluate
from verbundwacht_collector.rules.model import Pack, Rule, SectionState, Verdict
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import FindingRecord, HostRecord, SectionRecord


class Judge:
    """The rules of all installed packs, ready to be applied."""

    def __init__(self, packs: Sequence[Pack], settings: Settings) -> None:
        self.settings = settings
        self.digest = hashlib.sha256("".join(p.digest for p in packs).encode()).hexdigest()
        self._rules: dict[str, Rule] = {}
        self._digests: dict[str, str] = {}
        for pack in packs:
            for rule in pack.rules:
                if rule.status != "draft":
                    self._rules[rule.id] = rule
                    self._digests[rule.id] = pack.digest
        self.texts = {
            name: RuleText(rule.problem["de"], rule.severity, rule.status != "canary")
            for name, rule in self._rules.items()
        }
        self._by_clock = frozenset(n for n, rule in self._rules.items() if rule.reads_now)
        self._by_section: dict[str, set[str]] = {}
        for name, rule in self._rules.items():
            for section in {*rule.needs, *rule.sections}:
                self._by_section.setdefault(section, set()).add(name)

    def report(
        self,
        tx: Transaction,
        host: HostRecord,
        changed: Iterable[str],
        seen: Attestation,
        *,
        attests: bool = True,
    ) -> Alerting:
        """Findings and alerts are those of the host's applied manifest; one attestation more.

        attests: False for a message that was held back: it may open, but ends nothing.
        """
        if host.judged_by == self.digest:
            names = set().union(*(self._by_section.get(section, ()) for section in changed))
        else:
            names = set(self._rules)
            tx.judged(host.id, self.digest)
        return self._look(tx, host, names, seen, attest=attests)

    def anew(self, tx: Transaction, host: HostRecord, seen: Attestation) -> Alerting:
        """The host was judged by the rules now installed. No message attests that."""
        tx.judged(host.id, self.digest)
        return self._look(tx, host, set(self._rules), seen, attest=False)

    def clock(self, tx: Transaction, host: HostRecord, seen: Attestation) -> Alerting:
        """The rules that read the clock were judged again. It attests nothing about the rest."""
        return self._look(tx, host, set(self._by_clock), seen, attest=False)

    def beat(self, tx: Transaction, host: HostRecord, seen: Attestation) -> Alerting:
        """What waited for another attestation has it."""
        return self._look(tx, host, set(), seen)

    def _look(
        self,
        tx: Transaction,
        host: HostRecord,
        names: set[str],
        seen: Attestation,
        *,
        attest: bool = True,
    ) -> Alerting:
        alerting = Alerting(tx, host, seen, self.settings)
        rows = tx.findings(host.id)
        verdicts = self._verdicts(tx, host, names, seen.at)
        changes = merge(rows, verdicts, at=seen.at, digests=self._digests, attests=attest)
        if attest:
            waiting = {(a.rule_id, a.subject) for a in alerting.open.values()}
            changes += [
                attested(row)
                for row in rows
                if row.rule_id not in names and row.rule_id in self._rules and _waits(row, waiting)
            ]
        alerting.take(changes, self.texts)
        if host.judged_by != self.digest:
            self._forget_removed(tx, host, rows, alerting)
        alerting.settle(_waiting_after(rows, changes))
        return alerting

    def _forget_removed(
        self, tx: Transaction, host: HostRecord, rows: list[FindingRecord], alerting: Alerting
    ) -> None:
        for row in rows:
            if row.rule_id not in self._rules:
                tx.drop_finding(host.id, row.rule_id, row.subject)
        alerting.close_rules(self.texts)

    def _verdicts(
        self, tx: Transaction, host: HostRecord, names: set[str], at: int
    ) -> dict[str, tuple[Verdict, ...]]:
        if not names:
            return {}
        read = set().union(*({*self._rules[n].needs, *self._rules[n].sections} for n in names))
        rows = tx.sections(host.id)
        snapshot = {name: _state(tx, host, row, decode=name in read) for name, row in rows.items()}
        now = datetime.fromtimestamp(at / 1000, UTC)
        return {
            name: evaluate(self._rules[name], snapshot, self._rules[name].defaults, now)
            for name in sorted(names)
        }


def _state(tx: Transaction, host: HostRecord, row: SectionRecord, *, decode: bool) -> SectionState:
    facts = None
    if row.status == "ok" and decode:
        facts = json.loads(tx.body(host.municipality_id, row.section, row.hash))
    return SectionState(row.status, row.reason, facts)


def _waits(row: FindingRecord, alerts: set[tuple[str, str]]) -> bool:
    """Another attestation of the same outcome could move an alert."""
    if row.outcome == "error":
        return bool(row.known) and row.streak < ERRORS_TO_BE_BLIND
    return (row.rule_id, row.subject) in alerts or (RULE_BLIND, row.rule_id) in alerts


def _waiting_after(
    rows: list[FindingRecord], changes: list[FindingChange]
) -> dict[tuple[str, str], FindingRecord]:
    """All findings as they stand now, by rule and subject."""
    now = {(row.rule_id, row.subject): row for row in rows}
    for change in changes:
        key = (change.new.rule_id, change.new.subject)
        if change.drop:
            now.pop(key, None)
        else:
            now[key] = change.new
    return now
