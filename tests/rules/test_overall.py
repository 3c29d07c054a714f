"""One word for all verdicts of a rule on a host."""

import pytest

from verbundwacht_collector.rules.evaluate import overall
from verbundwacht_collector.rules.model import Outcome, Verdict


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["pass"], "pass"),
        (["pass", "fail", "error"], "fail"),
        (["pass", "error", "not_applicable"], "error"),
        (["not_applicable", "pass"], "pass"),
        (["not_applicable"], "not_applicable"),
    ],
)
def test_the_overall_outcome_is_the_worst_that_says_something(
    outcomes: list[Outcome], worst: Outcome
) -> None:
    assert overall([Verdict("r", str(n), one) for n, one in enumerate(outcomes)]) == worst
