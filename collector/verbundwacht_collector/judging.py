"""Which rules must look again at a host, and what they see. Reads through the store's protocol.

Facts are stored and rules are applied later: judged are the rules that read a changed field of a
changed section, all of them when the rules themselves changed. Of a host's hundreds of findings
only those are read that can move; both together are what a change of one section costs.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

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
from verbundwacht_collector.rules.language.nodes import Name, Node, Select, children
from verbundwacht_collector.rules.model import Pack, Rule, SectionState, Verdict
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import FindingRecord, HostRecord, SectionRecord

Changed = Mapping[str, SectionRecord | None] | Iterable[str]
"""The sections that changed; as a mapping, with what each said before, None if it was not there."""

Readers = dict[str, dict[str, set[str]]]
"""Section -> field -> names of the rules that read it."""

ALWAYS: Final = ""
"""In place of a field: rules that read the section as such, or the clock."""

GONE: Final = object()
"""In place of the value of a field that is not there; equal to nothing a host can say."""


@runtime_checkable
class Selective(Protocol):
    """A transaction that can read some of a host's findings without the rest."""

    def findings_of(self, host_id: int, rules: Collection[str]) -> list[FindingRecord]:
        """Those of these rules."""


class Sections:
    """What a host's sections say now; a body is read and decoded once, when somebody asks."""

    def __init__(self, tx: Transaction, host: HostRecord) -> None:
        self._tx, self._town = tx, host.municipality_id
        self._facts: dict[tuple[str, bytes], Any] = {}
        self.rows = tx.sections(host.id)

    def facts(self, row: SectionRecord) -> Any:
        """The decoded body of this or an earlier row; None if it has none or it is gone."""
        key = (row.section, row.hash)
        if row.status == "ok" and key not in self._facts:
            known = self._tx.has_body(self._town, *key)
            self._facts[key] = (
                msgspec.json.decode(self._tx.body(self._town, *key)) if known else None
            )
        return self._facts.get(key)

    def differ(self, before: SectionRecord | None, section: str) -> set[str] | None:
        """The fields that are other ones now; None if that cannot be said."""
        now = self.rows.get(section)
        if before is None or now is None:
            return None
        old, new = self.facts(before), self.facts(now)
        if not isinstance(old, dict) or not isinstance(new, dict):
            return None
        return {f for f in old.keys() | new.keys() if old.get(f, GONE) != new.get(f, GONE)}

    def snapshot(self, read: Collection[str]) -> dict[str, SectionState]:
        """As rules see it; only the sections they read are decoded."""
        return {
            name: SectionState(row.status, row.reason, self.facts(row) if name in read else None)
            for name, row in self.rows.items()
        }


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
        self._by_field = _readers(self._rules.values())

    def report(
        self,
        tx: Transaction,
        host: HostRecord,
        changed: Changed,
        seen: Attestation,
        *,
        attests: bool = True,
    ) -> Alerting:
        """Findings and alerts are those of the host's applied manifest; one attestation more.

        attests: False for a message that was held back: it may open, but ends nothing.
        """
        sections = Sections(tx, host)
        if host.judged_by == self.digest:
            names = self._affected(sections, changed)
        else:
            names = set(self._rules)
            tx.judged(host.id, self.digest)
        return self._look(tx, host, sections, names, seen, attest=attests)

    def _affected(self, sections: Sections, changed: Changed) -> set[str]:
        """The rules whose verdict may be another one now."""
        before = changed if isinstance(changed, Mapping) else {}
        names: set[str] = set()
        for section in changed:
            by_field = self._by_field.get(section, {})
            fields = sections.differ(before.get(section), section) if len(by_field) > 1 else None
            if fields is None:
                names |= self._by_section.get(section, set())
            else:
                names = names.union(*(by_field.get(field, ()) for field in (ALWAYS, *fields)))
        return names

    def anew(self, tx: Transaction, host: HostRecord, seen: Attestation) -> Alerting:
        """The host was judged by the rules now installed. No message attests that."""
        tx.judged(host.id, self.digest)
        return self._look(tx, host, Sections(tx, host), set(self._rules), seen, attest=False)

    def clock(self, tx: Transaction, host: HostRecord, seen: Attestation) -> Alerting:
        """The rules that read the clock were judged again. It attests nothing about the rest."""
        return self._look(tx, host, Sections(tx, host), set(self._by_clock), seen, attest=False)

    def beat(self, tx: Transaction, host: HostRecord, seen: Attestation) -> Alerting:
        """What waited for another attestation has it."""
        return self._look(tx, host, None, set(), seen)

    def _look(
        self,
        tx: Transaction,
        host: HostRecord,
        sections: Sections | None,
        names: set[str],
        seen: Attestation,
        *,
        attest: bool = True,
    ) -> Alerting:
        alerting = Alerting(tx, host, seen, self.settings)
        rows = self._findings(tx, host, names, alerting)
        verdicts = self._verdicts(sections, names, seen.at) if sections and names else {}
        changes = merge(rows, verdicts, at=seen.at, digests=self._digests, attests=attest)
        waiting = {(a.rule_id, a.subject) for a in alerting.open.values()}
        if attest:
            changes += [
                attested(row)
                for row in rows
                if row.rule_id not in names and row.rule_id in self._rules and _waits(row, waiting)
            ]
        alerting.take([one for one in changes if _moves(one, waiting)], self.texts)
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

    def _findings(
        self, tx: Transaction, host: HostRecord, names: set[str], alerting: Alerting
    ) -> list[FindingRecord]:
        """The findings that can move: an error on its way makes its host await the next message."""
        if host.awaiting or host.judged_by != self.digest or not isinstance(tx, Selective):
            return tx.findings(host.id)
        return tx.findings_of(host.id, {*names, *(one.rule_id for one in alerting.open.values())})

    def _verdicts(
        self, sections: Sections, names: set[str], at: int
    ) -> dict[str, tuple[Verdict, ...]]:
        rules = [self._rules[name] for name in sorted(names)]
        snapshot = sections.snapshot({section for rule in rules for section in rule.needs})
        now = datetime.fromtimestamp(at / 1000, UTC)
        return {rule.id: evaluate(rule, snapshot, rule.defaults, now) for rule in rules}


def _readers(rules: Iterable[Rule]) -> Readers:
    found: Readers = {}
    for rule in rules:
        reads = {(section, ALWAYS) for section in rule.needs if rule.reads_now}
        for one in (rule.when, rule.each, *rule.subject, rule.assertion):
            reads |= set(_fields(one.root, ALWAYS)) if one is not None else set()
        for section, field in reads:
            found.setdefault(section, {}).setdefault(field, set()).add(rule.id)
    return found


def _fields(node: Node, field: str) -> Iterator[tuple[str, str]]:
    """(section, field) of every fact that an expression reads. field: what is read of this node."""
    match node:
        case Select(base=Name(name="facts"), field=section):
            yield section, field
        case Select(base=base):
            yield from _fields(base, node.field)
        case _:
            for part in children(node):
                yield from _fields(part, ALWAYS)


def _moves(change: FindingChange, alerts: set[tuple[str, str]]) -> bool:
    """Something of it is to be written; most findings are again what they were."""
    row = change.new
    return change.drop or change.old != row or (row.rule_id, row.subject) in alerts


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
