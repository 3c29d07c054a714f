"""What a rule says about a host. Pure: sections, parameters and the time in, verdicts out.

Order: collection state of `needs`, `when`, then `assert` (for every element of `each`); a
missing field anywhere asks `on_missing`. With `each`, no element at all is one `pass` with
the subject "": the host offers nothing to object to, and its section was read.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from verbundwacht_collector.rules.errors import EvaluationError, MissingValue
from verbundwacht_collector.rules.explain import failing, origin_of, passing
from verbundwacht_collector.rules.language.compile import Expression, Frame
from verbundwacht_collector.rules.model import Outcome, Reading, Rule, Snapshot, Verdict
from verbundwacht_collector.rules.values_text import shown

_WORST: dict[str, int] = {"fail": 3, "error": 2, "not_applicable": 1, "pass": 0}


def evaluate(
    rule: Rule, snapshot: Snapshot, params: Mapping[str, Any], now: datetime
) -> tuple[Verdict, ...]:
    """The verdicts of one rule on one host: one, or one per subject if the rule has `each`.

    params: settings by name; a parameter that is not in it has the pack's default. Never
    raises for what facts or settings contain: that is the outcome `error`.
    """
    blocked = _collection(rule, snapshot)
    if blocked is not None:
        return (blocked,)
    facts = {name: snapshot[name].facts for name in rule.needs}
    values = {**rule.defaults, **params} if params else rule.defaults
    frame = Frame(facts, values, now, rule.slots)
    try:
        if rule.when is not None and not _run(rule.when, frame):
            return (Verdict(rule.id, "", "not_applicable", "the condition `when` is not met"),)
        if rule.each is None:
            return (_judge(rule, frame),)
        elements = _run(rule.each, frame)
    except EvaluationError as error:
        return (_undecided(rule, "", error),)
    return _judge_each(rule, frame, elements)


def overall(verdicts: tuple[Verdict, ...]) -> Outcome:
    """The one outcome for all subjects: fail before error before pass; all n/a is n/a."""
    worst = max(verdicts, key=lambda verdict: _WORST[verdict.outcome])
    if worst.outcome == "not_applicable" and any(one.outcome == "pass" for one in verdicts):
        return "pass"
    return worst.outcome


def _collection(rule: Rule, snapshot: Snapshot) -> Verdict | None:
    """The verdict if a section that the rule needs is not there, else None."""
    states = [(name, snapshot.get(name)) for name in rule.needs]
    for name, state in states:
        if state is not None and state.status == "absent":
            return Verdict(rule.id, "", "not_applicable", _said(f"{name} is absent", state.reason))
    for name, state in states:
        if state is None:
            return Verdict(rule.id, "", "not_applicable", f"{name} is not sent by this agent")
    for name, state in states:
        assert state is not None
        if state.status != "ok":
            reason = _said(f"{name} was not collected: {state.status}", state.reason)
            return Verdict(rule.id, "", "error", reason)
        if not isinstance(state.facts, dict):
            return Verdict(rule.id, "", "error", f"the content of {name} is not known here")
    return None


def _said(what: str, reason: str | None) -> str:
    return f"{what} ({reason})" if reason else what


def _run(expression: Expression, frame: Frame) -> Any:
    frame.charge(expression.steps)
    return expression.run(frame)


def _judge(rule: Rule, frame: Frame, subject: str = "", index: int = -1) -> Verdict:
    """index: of the element in `each`, -1 without."""
    origin = None
    try:
        met = _run(rule.assertion, frame)
        if rule.each is not None:
            origin = rule.variable, origin_of(rule.each, frame, frame.slots[0], index)
        if met:
            return Verdict(rule.id, subject, "pass", "", passing(rule.assertion, frame, origin))
    except EvaluationError as error:
        return _undecided(rule, subject, error)
    return Verdict(rule.id, subject, "fail", "", failing(rule.assertion, frame, origin))


def _undecided(rule: Rule, subject: str, error: EvaluationError) -> Verdict:
    if isinstance(error, MissingValue) and rule.on_missing is not None:
        readings = (Reading(error.path, "missing"),)
        return Verdict(rule.id, subject, rule.on_missing, error.message, readings)
    return Verdict(rule.id, subject, "error", error.message)


def _judge_each(rule: Rule, frame: Frame, elements: list[Any]) -> tuple[Verdict, ...]:
    if not elements:
        return (Verdict(rule.id, "", "pass"),)
    verdicts: dict[str, Verdict] = {}
    for index, element in enumerate(elements):
        frame.slots[0] = element
        verdict = _judge_element(rule, frame, index)
        before = verdicts.get(verdict.subject)
        if before is None or _WORST[verdict.outcome] > _WORST[before.outcome]:
            verdicts[verdict.subject] = verdict
    return tuple(verdicts.values())


def _judge_element(rule: Rule, frame: Frame, index: int) -> Verdict:
    try:
        subject = "/".join([_part(part.run(frame)) for part in rule.subject])
    except EvaluationError as error:
        # Without a name the element cannot be told apart: the error speaks for all of them.
        return Verdict(rule.id, "", "error", error.message)
    return _judge(rule, frame, subject, index)


def _part(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)
