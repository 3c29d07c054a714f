"""The table in the pack's README and the mappings of the rules say the same about WiBA."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from tests.rules.linux_basis.stock_matrix import PACK_FOLDER

from verbundwacht_collector.rules.load import load_pack
from verbundwacht_collector.rules.model import Rule

README = (PACK_FOLDER / "README.md").read_text(encoding="utf-8")
RULES = load_pack(PACK_FOLDER).rules
LISTS = {
    "Backup", "IT-Administration", "Rollen / Berechtigungen / Authentisierung", "Serversysteme",
    "Sicherheitsmechanismen",
}  # fmt: skip
HEADING = "## WiBA: what is judged, what only a person can answer"

Topic = tuple[str, str]
"""Check list and topic."""


class Row(NamedTuple):
    """One line of the table."""

    seen: str
    rules: set[str]
    remains: str


def rows(readme: str) -> dict[Topic, Row]:
    """The table, by check list and topic. A topic that stands there twice is an error."""
    found: dict[Topic, Row] = {}
    name = ""
    for line in readme.partition(HEADING)[2].splitlines():
        if line.startswith("### "):
            name = line.removeprefix("### ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("topic", "---"):
            topic, seen, rules, remains = cells
            assert (name, topic) not in found
            found[name, topic] = Row(seen, set(re.findall("`([^`]+)`", rules)), remains)
    return found


def mapped(rules: Iterable[Rule]) -> dict[Topic, set[str]]:
    """The same out of the rules."""
    found: dict[Topic, set[str]] = {}
    for rule in rules:
        for entry in rule.maps.get("wiba", ()):
            found.setdefault((entry["list"], entry["topic"]), set()).add(rule.id)
    return found


def disagreements(readme: str, rules: Iterable[Rule]) -> list[str]:
    """Every point in which table and rules differ; empty if they agree."""
    table, maps = rows(readme), mapped(rules)
    found = []
    for topic in sorted(table.keys() | maps.keys()):
        there = table[topic].rules if topic in table else set()
        for rule_id in sorted(there ^ maps.get(topic, set())):
            side = "only the table" if rule_id in there else "only the rule"
            found.append(f"{' / '.join(topic)}: {side} names {rule_id}")
    for topic, row in table.items():
        if (row.seen == "person") == bool(row.rules):
            found.append(f"{' / '.join(topic)}: {row.seen} with {len(row.rules)} rules")
        if (row.seen == "judged") != (row.remains == "–"):
            found.append(f"{' / '.join(topic)}: {row.seen}, and what remains is {row.remains}")
    return found


def test_the_table_and_the_mappings_of_the_rules_agree() -> None:
    assert disagreements(README, RULES) == []


def test_every_check_list_has_topics_of_each_kind_that_matter() -> None:
    table = rows(README)

    assert {name for name, _ in table} == LISTS
    assert {row.seen for row in table.values()} == {"judged", "partly", "person"}
    for name in LISTS:
        assert any(row.seen == "person" for (of, _), row in table.items() if of == name)
        assert any(row.rules for (of, _), row in table.items() if of == name)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("`linux.backup.evidence` |", "– |", "only the rule names linux.backup.evidence"),
        ("`linux.backup.recent` |", "`linux.backup.nothing` |", "only the table names"),
        ("| Zurückspielen üben |", "| Zurückspielen lernen |", "Zurückspielen lernen: only the"),
        ("| Ein Konto je Person | person |", "| Ein Konto je Person | partly |", "with 0 rules"),
        ("| partly | `linux.os.supported` |", "| person | `linux.os.supported` |", "with 1 rules"),
        ("| partly | `linux.os.supported` |", "| judged | `linux.os.supported` |", "what remains"),
    ],
)
def test_a_table_that_says_something_else_is_found_out(before: str, after: str, said: str) -> None:
    assert README.count(before) >= 1

    # The last one: the same words may stand in the list of all rules above.
    head, _, rest = README.rpartition(before)
    found = disagreements(f"{head}{after}{rest}", RULES)

    assert any(said in one for one in found)
