"""The profile against Google's CEL: where both engines yield a value, it is the same value.

`VERBUNDWACHT_ORACLE_EXPRESSIONS` sets the number of expressions (3,000 by default).
"""

import math
import os
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_strings
from tests.rules.expressions import KINDS, Generator, Text
from tests.rules.fakes import BOX_FACTS, NOW, PARAM_VALUES, checked, compiled, frame, without

from verbundwacht_collector.rules.errors import EvaluationError, ExpressionError
from verbundwacht_collector.rules.language.compile import compile_expression

EXPRESSIONS = int(os.environ.get("VERBUNDWACHT_ORACLE_EXPRESSIONS", "3000"))
BOXES: list[dict[str, Any]] = [
    BOX_FACTS,
    {**without("labels"), "labels": {}, "maybe": -3, "inner": {"deep": "no"}, "word": "äß,b"},
]


class Oracle:
    """Google's engine with the strings extension."""

    def __init__(self) -> None:
        kinds = {"facts": cel.Type.DYN, "params": cel.Type.DYN, "now": cel.Type.TIMESTAMP}
        self.env = cel.NewEnv(variables=kinds, extensions=[ext_strings.ExtStrings()])

    def value(self, text: str, box: dict[str, Any]) -> tuple[bool, Any]:
        """Whether there is a value, and the value or the error."""
        data = {"facts": {"box": box}, "params": PARAM_VALUES, "now": NOW}
        found = self.env.compile(text, disable_check=True).eval(data=data)
        failed = found.type() == cel.Type.ERROR
        return not failed, found.plain_value()


def same(ours: Any, theirs: Any) -> bool:
    """Equal and of the same type; not-a-number equals itself."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    kinds = (bool, int, float, str, datetime, timedelta)
    return ours == theirs and any(type(ours) is kind is type(theirs) for kind in kinds)


def judge(oracle: Oracle, text: Text, box: dict[str, Any]) -> str:
    """One expression on one document: how the two engines compare."""
    try:
        found = checked(text.ours)
    except ExpressionError as error:
        assert "nested deeper" in error.message or "bytes" in error.message, (text, error)
        return "too large for the profile"
    if any(not remark.review for remark in found.remarks):
        # What the profile refuses before it runs, it never gets wrong.
        return "refused"
    expression = compile_expression(found)
    has_value, theirs = oracle.value(text.cel, box)
    try:
        ours = expression.run(frame(expression, box))
    except EvaluationError:
        return "CEL absorbs an error" if has_value else "both fail"
    if not has_value:
        return f"only ours: {theirs}"
    assert same(ours, theirs), (text, ours, theirs)
    return "agree"


def test_where_both_engines_yield_a_value_it_is_the_same() -> None:
    generator, oracle = Generator(Random(20261122)), Oracle()
    counts: Counter[str] = Counter()
    for index in range(EXPRESSIONS):
        text = generator.make(KINDS[index % len(KINDS)], depth=1 + index % 5)
        for box in BOXES:
            counts[judge(oracle, text, box)] += 1
    print(counts)
    only_ours = {name: n for name, n in counts.items() if name.startswith("only ours")}

    assert counts["agree"] > EXPRESSIONS
    assert not only_ours


@pytest.mark.parametrize(
    "text",
    [
        "-7 % 3 == -1",
        "7 % -3 == 1",
        "-7 / 2 == -3",
        "'a' + 'b' == \"ab\"",
        "size('äö😀') == 3",
        "'ÄB'.lowerAscii() == 'Äb'",
        "'a,b,'.split(',') == ['a', 'b', '']",
        "string(timestamp('2026-01-01T00:00:00.5Z')) == '2026-01-01T00:00:00.500Z'",
        "string(timestamp('0007-01-01T00:00:00Z')) == '0007-01-01T00:00:00Z'",
        "int(-2.9) == -2",
        "1.0 / 0.0 > 1e300",
        "-1.0 / 0.0 < -1e300",
        "'b' in {'b': 1}",
        "{'a': 1}['a'] == 1",
        "[1, 2].exists_one(x, x > 1)",
        "r'\\d'.size() == 2",
        "'\\x41\\u00e4\\101' == 'AäA'",
    ],
)
def test_the_corners_of_cel_come_out_true_in_both(text: str) -> None:
    expression = compiled(text)

    assert expression.run(frame(expression)) is True
    assert Oracle().value(text, BOX_FACTS) == (True, True)
