"""Verdicts against what is stored: which findings change, stay or go. Pure.

A finding is kept per (rule, subject). Only a change of outcome is a transition; being
attested again with the same outcome raises the streak and nothing else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from verbundwacht_collector.alerts.model import PASSES_TO_RESOLVE, STREAK_CAP
from verbundwacht_collector.rules.model import Verdict
from verbundwacht_collector.store.records import FindingRecord

GONE = "subject is gone while its section was read"
NOT_SENT = "not sent by this agent"


class FindingChange(NamedTuple):
    """One finding after an attestation. `old` is None where there was none before."""

    old: FindingRecord | None
    new: FindingRecord
    first_value: bool  # nothing of this rule was ever known on this host
    drop: bool = False  # the row may go: a subject that is gone, twice
    attested: bool = True  # a message said so; False if only the clock or the rules moved

    @property
    def is_transition(self) -> bool:
        """The outcome is another one than before."""
        return self.old is None or self.old.outcome != self.new.outcome


def merge(
    old: Iterable[FindingRecord],
    verdicts: Mapping[str, Sequence[Verdict]],
    *,
    at: int,
    digests: Mapping[str, str],
    attests: bool = True,
) -> list[FindingChange]:
    """What the judged rules change. verdicts: rule id -> one verdict, or one per subject.

    digests: rule id -> digest of the pack the rule came from.
    attests: a message of the host says so now; False where only the clock or the rules
    moved, which counts for no streak.

    A verdict without subject that is no value (`error`, `not_applicable`) counts for every
    subject the rule had; a subject without verdict while the rule was judged passes.
    """
    by_rule: dict[str, dict[str, FindingRecord]] = {rule: {} for rule in verdicts}
    for row in old:
        if row.rule_id in by_rule:
            by_rule[row.rule_id][row.subject] = row
    changes: list[FindingChange] = []
    for rule, found in verdicts.items():
        changes += _merge_rule(by_rule[rule], found, at=at, digest=digests[rule])
    return changes if attests else [_unattested(change) for change in changes]


def _unattested(change: FindingChange) -> FindingChange:
    streak = 0 if change.is_transition or change.old is None else change.old.streak
    return change._replace(new=replace(change.new, streak=streak), drop=False, attested=False)


def _merge_rule(
    old: Mapping[str, FindingRecord], verdicts: Sequence[Verdict], *, at: int, digest: str
) -> list[FindingChange]:
    first_value = not any(row.known for row in old.values())
    new = {verdict.subject: _finding(verdict, at, digest) for verdict in verdicts}
    blanket = new.get("") if len(new) == 1 else None
    changes = []
    for subject in dict.fromkeys((*old, *new)):
        before, after = old.get(subject), new.get(subject)
        if after is None and before is not None:
            if blanket is not None and blanket.outcome in ("error", "not_applicable"):
                after = replace(blanket, subject=subject)
            else:
                after = replace(
                    before,
                    outcome="pass",
                    since=at,
                    streak=1,
                    reason=GONE,
                    readings="[]",
                    pack_digest=digest,
                )
        assert after is not None
        row = _carried(before, after)
        # Not before its alert could end: an alert without a finding would stay open for ever.
        drop = before is not None and before.reason == GONE == after.reason
        drop = drop and row.streak >= PASSES_TO_RESOLVE
        changes.append(FindingChange(before, row, first_value, drop))
    return changes


def is_proven(outcome: str, reason: str) -> bool:
    """The rule does not apply because of a fact, not because the agent said nothing."""
    return outcome == "not_applicable" and not reason.startswith(NOT_SENT)


def _finding(verdict: Verdict, at: int, digest: str) -> FindingRecord:
    known = verdict.outcome in ("pass", "fail") or is_proven(verdict.outcome, verdict.reason)
    readings = [[reading.path, reading.value] for reading in verdict.readings]
    return FindingRecord(
        rule_id=verdict.rule_id,
        subject=verdict.subject,
        outcome=verdict.outcome,
        since=at,
        streak=1,
        known=int(known),
        baseline=0,
        reason=verdict.reason,
        readings=json.dumps(readings, ensure_ascii=False),
        pack_digest=digest,
    )


def _carried(before: FindingRecord | None, after: FindingRecord) -> FindingRecord:
    """What lasts over a change: known for ever, since and streak while the outcome stays."""
    if before is None:
        return after
    after = replace(after, known=int(before.known or after.known))
    if before.outcome != after.outcome:
        return after
    streak = min(before.streak + 1, STREAK_CAP)
    return replace(after, since=before.since, streak=streak, baseline=before.baseline)


def attested(row: FindingRecord) -> FindingChange:
    """The same outcome, seen once more by a message that changed nothing."""
    return FindingChange(row, replace(row, streak=min(row.streak + 1, STREAK_CAP)), False)
