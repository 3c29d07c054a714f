"""Runs the tests that a pack carries. Pure.

Zero tests are a failure: a check that checked nothing looks like success in every log.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final

from msgspec import Struct

from verbundwacht_collector.rules.evaluate import evaluate, overall
from verbundwacht_collector.rules.model import Pack, Rule, SectionState, Snapshot, Test, Verdict

DEFAULT_NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The time of a test that gives none."""


class TestResult(Struct, frozen=True, kw_only=True):
    """How one test went. problem: what was not as expected; "" if all was."""

    __test__: ClassVar[bool] = False  # pytest collects by name, and this is no test of ours
    rule_id: str
    index: int
    file: str
    line: int
    expected: str
    got: str
    explanation: str
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.problem

    def __str__(self) -> str:
        state = f"FAILED: {self.problem}" if self.problem else "ok"
        return f"{self.file}:{self.line}: {self.rule_id} test {self.index + 1}: {state}"


class TestReport(Struct, frozen=True):
    """The results of all tests of a pack; a pack without tests has one failed result."""

    __test__: ClassVar[bool] = False
    results: tuple[TestResult, ...]

    @property
    def failed(self) -> tuple[TestResult, ...]:
        """The results that are not as expected."""
        return tuple(result for result in self.results if not result.ok)


def run_tests(pack: Pack) -> TestReport:
    """Every test of the pack, evaluated with the code that judges real hosts."""
    rules = {rule.id: rule for rule in pack.rules}
    results = tuple(_run(rules[test.rule_id], test) for test in pack.tests)
    nothing = TestResult(
        rule_id=pack.name,
        index=0,
        file=pack.rules[0].file,
        line=1,
        expected="at least one test",
        got="none",
        explanation="",
        problem="the pack has no tests",
    )
    return TestReport(results or (nothing,))


def snapshot_of(test: Test) -> Snapshot:
    """The sections that a test describes, as a host's manifest would name them."""
    states = {name: SectionState("ok", None, facts) for name, facts in test.facts.items()}
    # Later than the facts: a test may take a section away from a complete fixture.
    for name, status in test.collect.items():
        states[name] = SectionState(status, "by the test")
    return states


def _run(rule: Rule, test: Test) -> TestResult:
    verdicts = evaluate(rule, snapshot_of(test), test.params, test.now or DEFAULT_NOW)
    got = overall(verdicts)
    by_subject = {verdict.subject: verdict for verdict in verdicts}
    explanation = "\n".join(
        f"{one.subject}: {one.explanation}" if one.subject else one.explanation
        for one in verdicts
        if one.outcome == got
    )
    return TestResult(
        rule_id=rule.id,
        index=test.index,
        file=test.file,
        line=test.line,
        expected=test.expect,
        got=got,
        explanation=explanation,
        problem=_problem(test, got, explanation, by_subject),
    )


def _problem(test: Test, got: str, explanation: str, verdicts: Mapping[str, Verdict]) -> str:
    # The outcome first: a missing word in the explanation would only distract.
    if got != test.expect:
        said = f": {explanation}" if explanation else ""
        return f"expected {test.expect}, got {got}{said}"
    if test.why not in explanation:
        return f"the explanation does not say {test.why!r}: {explanation}"
    for subject, outcome in test.subjects.items():
        verdict = verdicts.get(subject)
        if verdict is None:
            return f"no verdict on {subject!r}; there are {', '.join(map(repr, verdicts))}"
        if verdict.outcome != outcome:
            return f"{subject}: expected {outcome}, got {verdict.outcome}"
    return ""
