"""What a finding does to the alert of the same fingerprint. Pure, each answer with its reason.

Only evidence resolves: two attestations of a pass, both newer than the one that opened.
`error` and a section that was not sent are no values; they neither open nor end anything.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from verbundwacht_collector.alerts.findings import FindingChange, is_proven
from verbundwacht_collector.alerts.model import (
    ERRORS_TO_BE_BLIND,
    PASSES_TO_RESOLVE,
    REOPEN_WITHIN_MS,
    Attestation,
    Settings,
)
from verbundwacht_collector.store.records import AlertRecord, FindingRecord

Kind = Literal["opened", "reopened", "resolved", "closed", "fix_not_confirmed"]


class Step(NamedTuple):
    """One move of one alert."""

    kind: Kind
    reason: str


def step(
    change: FindingChange,
    current: AlertRecord | None,
    last: AlertRecord | None,
    seen: Attestation,
    settings: Settings,
) -> Step | None:
    """The move this finding causes, or None. current: the open alert; last: the newest ended."""
    row = change.new
    if row.outcome == "fail":
        return _failing(change, current, last, seen, settings)
    if current is None or row.streak < PASSES_TO_RESOLVE or not can_end(row):
        return None
    if row.outcome == "pass":
        return Step("resolved", "two_attestations_pass")
    return Step("closed", "no_longer_applicable")


def can_end(row: FindingRecord) -> bool:
    """Attested often enough, this outcome ends an alert."""
    return row.outcome == "pass" or is_proven(row.outcome, row.reason)


def _failing(
    change: FindingChange,
    current: AlertRecord | None,
    last: AlertRecord | None,
    seen: Attestation,
    settings: Settings,
) -> Step | None:
    if current is not None:
        claimed = current.claimed_at if current.state == "fix_claimed" else None
        if claimed is None or not change.attested or seen.at <= claimed + 2 * seen.interval_ms:
            return None
        return Step("fix_not_confirmed", "still_failing_after_two_intervals")
    if not change.is_transition:
        return None
    if change.first_value and settings.baseline == "plan":
        return None
    if last is not None and last.state == "resolved":
        return again(last, seen)
    return Step("opened", _why_opened(change))


def again(last: AlertRecord, seen: Attestation) -> Step:
    """What was resolved is back: the same alert for 72 hours, after that a new one."""
    if seen.at - last.changed_at <= REOPEN_WITHIN_MS:
        return Step("reopened", "fails_again_within_72_hours")
    return Step("opened", "fails_again")


def _why_opened(change: FindingChange) -> str:
    if change.first_value:
        return "first_value"
    if change.old is None:
        return "new_subject"
    return {"pass": "regression", "not_applicable": "became_applicable"}.get(
        change.old.outcome, "readable_again"
    )


def is_baseline(change: FindingChange, settings: Settings) -> bool:
    """A fail that was there from the beginning and goes to the plan, not to the queue."""
    started = change.new.outcome == "fail" and change.is_transition and change.first_value
    return (started and settings.baseline == "plan") or bool(
        change.new.baseline and change.new.outcome == "fail"
    )


def blind(change: FindingChange) -> bool:
    """The rule had a value here before, and this is the third time in a row that it has none."""
    return _is_blind(change.new) and not (change.old is not None and _is_blind(change.old))


def _is_blind(row: FindingRecord) -> bool:
    return row.outcome == "error" and bool(row.known) and row.streak >= ERRORS_TO_BE_BLIND


def sees_again(rows: Iterable[FindingRecord]) -> bool:
    """Every subject of the rule has had another outcome than `error`, twice."""
    return all(row.outcome != "error" and row.streak >= PASSES_TO_RESOLVE for row in rows)
