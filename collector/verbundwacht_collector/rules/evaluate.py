"""What a rule says about a host. Pure: sections, parameters and the time in, verdicts out.

Order: collection state of `needs`, `when`, then `assert` (for every element of `each`); a
missing field anywhere asks `on_missing`. With `each`, no element at all is one `pass` with
the subject "": the section was read, and there is nothing to object to.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from verbundwacht_collector.rules import explain
from verbundwacht_collector.rules.errors import EvaluationError, MissingValue
from verbundwacht_collector.rules.language.compile import Expression
from verbundwacht_collector.rules.language.frame import Frame
from verbundwacht_collector.rules.model import Outcome, Rule, Snapshot, Verdict
from verbundwacht_collector.rules.shown import shown

NOT_SENT: Final = "not sent by this agent"
"""How the reason begins if the host's manifest does not name a section."""
NOT_MET: Final = "the condition `when` is not met"
SUBJECT_CHARS: Final = 200

_WORST: Final[dict[Outcome, int]] = {"fail": 3, "error": 2, "not_applicable": 1, "pass": 0}


def evaluate(
    rule: Rule, snapshot: Snapshot, params: Mapping[str, Any], now: datetime
) -> tuple[Verdict, ...]:
    """The verdicts of one rule on one host: one, or one per subject if the rule has `each`.

    params: settings by name; a parameter that is not in it has the pack's default. Never
    raises for what facts or settings contain: that is the outcome `error`.
    """
    # A section that is not there decides before any expression runs, so an expression never
    # meets a section that it could mistake for an empty one.
    blocked = _collection(rule, snapshot)
    if blocked is not None:
        return (blocked,)
    facts = {name: snapshot[name].facts for name in rule.needs}
    # The pipeline passes the defaults themselves for almost every rule; do not copy them.
    values = rule.defaults if params is rule.defaults else {**rule.defaults, **params}
    frame = Frame(facts, values, now, rule.slots)
    current = rule.when
    try:
        if current is not None and not _run(current, frame):
            readings = explain.failing(current, frame)
            return (Verdict(rule.id, "", "not_applicable", NOT_MET, readings),)
        current = rule.each
        if current is not None:
            return _judge_each(rule, current, frame, _run(current, frame))
    except EvaluationError as error:
        return (_undecided(rule, current, frame, error),)
    return (_judge(rule, frame),)


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """The one outcome for all subjects: fail before error before pass before not applicable."""
    outcomes = {verdict.outcome for verdict in verdicts}
    order: tuple[Outcome, ...] = ("fail", "error", "pass")
    return next((one for one in order if one in outcomes), "not_applicable")


def _collection(rule: Rule, snapshot: Snapshot) -> Verdict | None:
    """The verdict if a section that the rule needs is not there, else None."""
    states = [(name, snapshot.get(name)) for name in rule.needs]
    # Proven absent wins over everything: the rule is not about this host, whatever else failed.
    for name, state in states:
        if state is not None and state.status == "absent":
            return Verdict(rule.id, "", "not_applicable", _said(f"{name} is absent", state.reason))
    # An agent too old to send a section cannot be repaired by the host's people: no error.
    for name, state in states:
        if state is None:
            return Verdict(rule.id, "", "not_applicable", f"{NOT_SENT}: {name}")
    for name, state in states:
        assert state is not None
        if state.status != "ok":
            reason = _said(f"{name} was not collected: {state.status}", state.reason)
            return Verdict(rule.id, "", "error", reason)
        # The manifest named a body that has not arrived yet, or its bytes are no object.
        if not isinstance(state.facts, dict):
            return Verdict(rule.id, "", "error", f"the content of {name} is not known here")
    return None


def _said(what: str, reason: str | None) -> str:
    return f"{what} ({reason})" if reason else what


def _run(expression: Expression, frame: Frame) -> Any:
    # The straight-line part is charged at once; loops charge their rounds themselves.
    frame.charge(expression.steps)
    return expression.run(frame)


def _judge(rule: Rule, frame: Frame, subject: str = "", place: str = "") -> Verdict:
    """One verdict. place: where the element of `each` lies, "" without `each`."""
    element = (rule.variable, place) if place else None
    try:
        if _run(rule.assertion, frame):
            readings = explain.passing(rule.assertion, frame, element)
            return Verdict(rule.id, subject, "pass", "", readings)
    except EvaluationError as error:
        # The rule may have asserted the opposite of what it could read, so no `pass` here, ever.
        return _undecided(rule, rule.assertion, frame, error, subject, element)
    readings = explain.failing(rule.assertion, frame, element)
    return Verdict(rule.id, subject, "fail", "", readings)


def _undecided(
    rule: Rule,
    expression: Expression | None,
    frame: Frame,
    error: EvaluationError,
    subject: str = "",
    element: explain.Element | None = None,
) -> Verdict:
    # `on_missing` is about fields that may be left out. A broken value is no missing value.
    if not isinstance(error, MissingValue) or rule.on_missing is None or expression is None:
        return Verdict(rule.id, subject, "error", error.message)
    readings = explain.missing(expression, frame, error, element)
    return Verdict(rule.id, subject, rule.on_missing, error.message, readings)


def _judge_each(
    rule: Rule, each: Expression, frame: Frame, elements: list[Any]
) -> tuple[Verdict, ...]:
    """One verdict per subject. Raises EvaluationError if an element's subject has no name:

    then nothing can be said about any of them, and the caller makes it one `error`.
    """
    if not elements:
        return (Verdict(rule.id, "", "pass"),)
    places = explain.places(each, frame, elements)
    verdicts: dict[str, Verdict] = {}
    for element, place in zip(elements, places, strict=True):
        # Slot 0 belongs to the variable of `each`; the check numbers all others from 1.
        frame.slots[0] = element
        subject = "/".join([_part(part.run(frame)) for part in rule.subject])
        verdict = _judge(rule, frame, _short(subject), place)
        # The same port on two addresses is one subject, and one open door is enough to fail.
        before = verdicts.get(verdict.subject)
        if before is None or _WORST[verdict.outcome] > _WORST[before.outcome]:
            verdicts[verdict.subject] = verdict
    return tuple(verdicts.values())


def _part(value: Any) -> str:
    """Text from a host as part of a key: characters that no store or page likes are escaped."""
    if isinstance(value, str):
        return value if value.isprintable() else shown(value)[1:-1]
    return shown(value)


def _short(subject: str) -> str:
    if len(subject) <= SUBJECT_CHARS:
        return subject
    # Cut texts may be equal although the whole ones are not; the sum keeps them apart.
    mark = hashlib.sha256(subject.encode(errors="replace")).hexdigest()[:16]
    return f"{subject[: SUBJECT_CHARS - 17]}…{mark}"
