"""README's table of answers is the one that programs can rely on."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from verbundwacht_collector.evidence.audit import AuditProblem
from verbundwacht_collector.evidence.report import Finding
from verbundwacht_collector.observe.status import Check
from verbundwacht_collector.rules.errors import Problem
from verbundwacht_collector.rules.testing import TestResult
from verbundwacht_collector.store.views import DeliveryRow

FIELDS: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("fields.json").read_text("utf-8")
)
README: Final = Path(__file__).parents[3] / "README.md"
ELSEWHERE: Final = {  # lists that are empty in the recorded answers
    ("alert show", "deliveries"): DeliveryRow.__struct_fields__,
    ("status", "checks"): Check.__struct_fields__,
    ("pack test", "failed"): TestResult.__struct_fields__,
    ("pack lint", ""): Problem.__struct_fields__,
    ("evidence verify", "findings"): Finding.__struct_fields__,
    ("audit verify", "problems"): AuditProblem.__struct_fields__,
}
_CELL: Final = re.compile(r"`([a-z_ ]+)`(?: \(`([a-z_ ]+)`\))?")


def promised() -> dict[str, list[tuple[str, str]]]:
    """Command -> (words, words in parentheses behind them), as the table has them."""
    found = {}
    for line in README.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) != 2 or not cells[0].startswith("`"):
            continue
        names = re.findall(r"`([a-z -]+)`", cells[0])
        for name in names:
            command = name if name == names[0] else f"{names[0].split(' ')[0]} {name}"
            if command in FIELDS:
                found[command] = _CELL.findall(cells[1])
    return found


PROMISED: Final = promised()


def names_of(value: Any) -> set[str]:
    """The fields of a document, or of each of a list."""
    one = value[0] if isinstance(value, list) and value else value
    return set(one) if isinstance(one, dict) else set()


def test_every_command_that_answers_programs_stands_in_the_table() -> None:
    assert PROMISED.keys() == FIELDS.keys()


@pytest.mark.parametrize("command", sorted(FIELDS))
def test_the_table_names_the_fields_and_no_others(command: str) -> None:
    answer = FIELDS[command]
    cells = [cell for cell in PROMISED[command] if cell[0] != "alerts"]  # "as in `alerts`"
    top = {word for words, _ in cells for word in words.split()}

    assert top == (names_of(answer) or set(ELSEWHERE[command, ""]))
    for words, inner in cells:
        if inner:
            one = answer[0] if isinstance(answer, list) else answer
            held = names_of(one[words]) or set(ELSEWHERE[command, words])
            assert set(inner.split()) == held, words
