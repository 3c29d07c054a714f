"""What a finding does to the alert of the same fingerprint. Pure, each answer with its reason.

Only evidence resolves: two attestations of a pass, both newer than the one that opened.
`error` and `not_applicable` are no values; they neither open nor resolve.
"""

from typing import Literal, NamedTuple

from verbundwacht_collector.alerts.findings import FindingChange
from verbundwacht_collector.alerts.model import (
    ERRORS_TO_BE_BLIND,
    PASSES_TO_RESOLVE,
    REOPEN_WITHIN_MS,
    Attestation,
    Settings,
)
from verbundwacht_collector.store.records import AlertRecord

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
    outcome = change.new.outcome
    if outcome == "fail":
        return _failing(change, current, last, seen, settings)
    if current is None or change.new.streak < PASSES_TO_RESOLVE:
        return None
    if outcome == "pass":
        return Step("resolved", "two_attestations_pass")
    if outcome == "not_applicable":
        return Step("closed", "no_longer_applicable")
    return None


def _failing(
    change: FindingChange,
    current: AlertRecord | None,
    last: AlertRecord | None,
    seen: Attestation,
    settings: Settings,
) -> Step | None:
    if current is not None:
        waited = current.claimed_at is not None and current.state == "fix_claimed"
        if waited and seen.at > (current.claimed_at or 0) + 2 * seen.interval_ms:
            return Step("fix_not_confirmed", "still_failing_after_two_intervals")
        return None
    if not change.is_transition:
        return None
    if change.first_value and settings.baseline == "plan":
        return None
    if last is not None and last.state == "resolved":
        if seen.at - last.changed_at <= REOPEN_WITHIN_MS:
            return Step("reopened", "fails_again_within_72_hours")
        return Step("opened", "fails_again")
    return Step("opened", _why_opened(change))


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
    """The rule had a value here before and has failed to give one three times in a row."""
    row = change.new
    return row.outcome == "error" and bool(row.known) and row.streak >= ERRORS_TO_BE_BLIND
