"""Explanations: the element that failed, its place in the facts, and the values read."""

from typing import Any

import pytest
from tests.rules.fakes import BOX_FACTS, FACTS, ITEM, PARAMS, SCOPE, checked, compiled, frame

from verbundwacht_collector.rules import explain
from verbundwacht_collector.rules.errors import MissingValue
from verbundwacht_collector.rules.language.check import check
from verbundwacht_collector.rules.language.compile import compile_expression
from verbundwacht_collector.rules.language.parse import parse
from verbundwacht_collector.rules.language.scope import Scope, Variable
from verbundwacht_collector.rules.model import Reading
from verbundwacht_collector.rules.shown import shown


def why(source: str, **box: Any) -> list[str]:
    """The readings of a condition that is false on the usual facts."""
    expression = compiled(source)
    present = frame(expression, BOX_FACTS | box)
    assert expression.run(present) is False
    return [str(reading) for reading in explain.failing(expression, present)]


@pytest.mark.parametrize(
    ("source", "readings"),
    [
        ("facts.box.word == 'x'", ['facts.box.word = "Hallo Welt"']),
        (
            "facts.box.number > params.limit",
            ["facts.box.number = 7", "params.limit = 14"],
        ),
        (
            "facts.box.flag && facts.box.word == 'x' && facts.box.number == 8",
            ['facts.box.word = "Hallo Welt"'],
        ),
        (
            "facts.box.word == 'x' || facts.box.number == 8",
            ['facts.box.word = "Hallo Welt"', "facts.box.number = 7"],
        ),
        (
            "!(facts.box.flag && facts.box.number == 7)",
            ["facts.box.flag = true", "facts.box.number = 7"],
        ),
        ("!(facts.box.flag || facts.box.number == 7)", ["facts.box.flag = true"]),
        (
            "facts.box.flag ? facts.box.number == 8 : facts.box.ratio == 0.0",
            ["facts.box.number = 7", "facts.box.flag = true"],
        ),
        ("has(facts.box.maybe)", ["facts.box.maybe = missing"]),
        (
            "facts.box.items.exists_one(i, has(i.seen) || has(i.note))",
            [
                'facts.box.items[1] name="docker" note="x"',
                'facts.box.items[2] name="web" seen="2026-11-20T00:00:00Z"',
            ],
        ),
        ("!has(facts.box.labels.role)", ['facts.box.labels.role = "file server"']),
        ("facts.box.labels['role'] == 'x'", ['facts.box.labels.role = "file server"']),
        (
            "facts.box.since + days(7) > now",
            ["facts.box.since = 2026-11-01T06:00:00Z"],
        ),
        (
            "facts.box.items.all(i, i.count < 5)",
            ['facts.box.items[2] name="web" count=9'],
        ),
        (
            "!facts.box.items.exists(i, i.name == 'docker' && size(i.tags) > 0)",
            ['facts.box.items[1] name="docker" tags=["a", "b"]'],
        ),
        (
            "facts.box.items.all(i, i.count < params.limit - 9)",
            ['facts.box.items[2] name="web" count=9', "params.limit = 14"],
        ),
        ("facts.box.words.all(w, w == 'no')", ['facts.box.words[1] = "prohibit-password"']),
        ("facts.box.words.exists(w, w == 'x')", ['facts.box.words = ["no", "prohibit-password"]']),
        (
            "facts.box.items.exists(i, i.count > 99)",
            [
                'facts.box.items[0] name="root" count=0',
                'facts.box.items[1] name="docker" count=2',
                'facts.box.items[2] name="web" count=9',
            ],
        ),
        (
            "facts.box.numbers.exists_one(n, n > 0)",
            ["facts.box.numbers[0] = 3", "facts.box.numbers[2] = 5"],
        ),
        ("facts.box.numbers.exists_one(n, n > 9)", ["facts.box.numbers = [3, -4, 5]"]),
        (
            "size(facts.box.items.filter(i, i.count > 0)) == 0",
            ['facts.box.items[1] name="docker" count=2', 'facts.box.items[2] name="web" count=9'],
        ),
        (
            "facts.box.items.filter(i, i.count > 0).all(j, j.count < 9)",
            ['facts.box.items[2] name="web" count=9'],
        ),
        (
            "facts.box.items.map(i, i.count).all(c, c < 9)",
            ["facts.box.items[2] = 9"],
        ),
        ("facts.box.items.map(i, i.count) == [1]", ["facts.box.items = 3 elements"]),
        (
            "facts.box.items.all(i, i.tags.all(t, t != 'b'))",
            ['facts.box.items[1] name="docker"', 'facts.box.items[1].tags[1] = "b"'],
        ),
        (
            "facts.box.items.all(i, !has(i.note) || i.note != 'x')",
            ['facts.box.items[1] name="docker" note="x"'],
        ),
        (
            "facts.box.items.all(i, has(i.seen))",
            [
                'facts.box.items[0] name="root" seen=missing',
                'facts.box.items[1] name="docker" seen=missing',
            ],
        ),
        ("facts.box.word.split(' ').all(w, w == 'Hallo')", ['(computed)[1] = "Welt"']),
        (
            "(facts.box.flag == facts.box.words.exists(w, w == 'x'))",
            [
                "facts.box.flag = true",
                'facts.box.words = ["no", "prohibit-password"]',
            ],
        ),
        ("facts.box.items[1].count == 3", ["facts.box.items = 3 elements"]),
    ],
)
def test_a_fail_names_what_failed_and_what_was_read(source: str, readings: list[str]) -> None:
    assert why(source) == readings


def test_of_many_failing_elements_the_first_five_are_named_and_the_rest_counted() -> None:
    items = [{"name": f"n{n}", "count": n, "tags": []} for n in range(12)]

    found = why("facts.box.items.all(i, i.count < 0)", items=items)

    assert found[0] == 'facts.box.items[0] name="n0" count=0'
    assert found[5:] == ["facts.box.items = 7 more"]


def test_an_explanation_uses_its_own_budget_and_ends() -> None:
    words = [f"w{n}" for n in range(400)]
    source = "facts.box.words.all(a, facts.box.words.exists(b, b == a && a != 'w399'))"
    expression = compiled(source)
    present = frame(expression, BOX_FACTS | {"words": words})
    present.left = 10**9
    assert expression.run(present) is False
    before = present.left

    found = explain.failing(expression, present)

    assert present.left == before
    assert present.spare < 0
    assert isinstance(found, tuple)


def test_all_explanations_of_a_rule_share_one_budget() -> None:
    expression = compiled("facts.box.words.all(a, a == 'x')")
    present = frame(expression, BOX_FACTS | {"words": ["y"] * 5000})
    full = present.spare

    explain.failing(expression, present)
    once = full - present.spare
    explain.failing(expression, present)

    assert full - present.spare == 2 * once > 0


def test_a_pass_says_what_it_read_outside_loops() -> None:
    source = "facts.box.number < params.limit && facts.box.items.all(i, i.count < 10)"
    expression = compiled(source)

    found = explain.passing(expression, frame(expression))

    assert [str(one) for one in found] == ["facts.box.number = 7", "facts.box.items = 3 elements"]


def test_a_pass_that_did_not_need_a_field_says_that_it_is_missing() -> None:
    expression = compiled("facts.box.flag || facts.box.maybe > 1")

    found = explain.passing(expression, frame(expression))

    assert [str(one) for one in found] == ["facts.box.flag = true", "facts.box.maybe = missing"]


def test_a_value_that_breaks_the_schema_is_left_out_of_a_pass() -> None:
    expression = compiled("facts.box.flag || facts.box.number > 1")

    found = explain.passing(expression, frame(expression, BOX_FACTS | {"number": "x"}))

    assert [str(one) for one in found] == ["facts.box.flag = true"]


@pytest.mark.parametrize(
    ("source", "readings"),
    [
        ("facts.box.maybe > 1", ["facts.box.maybe = missing"]),
        (
            "facts.box.items.all(i, i.note != 'x')",
            ['facts.box.items[0] name="root" note=missing'],
        ),
        (
            "facts.box.items.filter(i, i.count > 5).all(j, j.note != 'x')",
            ['facts.box.items[2] name="web" note=missing'],
        ),
        (
            "facts.box.items.all(i, i.tags.all(t, i.note != t)) || facts.box.flag",
            ['facts.box.items[2] name="web" note=missing'],
        ),
        (
            "facts.box.items.exists(i, i.count > 5 && facts.box.maybe > 1)",
            ["facts.box.maybe = missing"],
        ),
        (
            "facts.box.words.map(i, size(i)).all(i, i > 0)"
            " && facts.box.items.all(i, i.note != 'x')",
            ['facts.box.items[0] name="root" note=missing'],
        ),
        ("params.texts[facts.box.kind] == 'b'", ['params.texts["deb"] = missing']),
        (
            "(facts.box.flag ? params.texts : facts.box.labels)[facts.box.word] == 'b'",
            ['params.texts["Hallo Welt"] = missing'],
        ),
        (
            "(facts.box.number < 0 ? params.texts : facts.box.labels)[facts.box.word] == 'b'",
            ['facts.box.labels["Hallo Welt"] = missing'],
        ),
        ("{'a': 1}[facts.box.kind] == 1", ['the map["deb"] = missing']),
        ("params.texts['x'] == 'b'", ["params.texts.x = missing"]),
    ],
)
def test_a_missing_field_is_named_with_its_element(source: str, readings: list[str]) -> None:
    expression = compiled(source)
    present = frame(expression)
    with pytest.raises(MissingValue) as failed:
        expression.run(present)

    found = explain.missing(expression, present, failed.value)

    assert [str(one) for one in found] == readings


def test_a_missing_field_of_an_inner_loop_is_named_beside_the_element_of_each() -> None:
    scope = Scope(FACTS, PARAMS, variables={"e": Variable(ITEM, 0)}, facts_loops=1)
    source = "e.tags.all(t, facts.box.items.all(i, i.note != t))"
    expression = compile_expression(check(source, parse(source), scope))
    present = frame(expression)
    present.slots[0] = BOX_FACTS["items"][1]
    with pytest.raises(MissingValue) as failed:
        expression.run(present)

    found = explain.missing(expression, present, failed.value, ("e", "facts.box.items[1]"))

    assert [str(one) for one in found] == ['facts.box.items[0] name="root" note=missing']


def test_a_missing_key_from_a_host_is_named_short_and_harmless() -> None:
    expression = compiled("params.texts[facts.box.word] == 'b'")
    present = frame(expression, BOX_FACTS | {"word": "\x1b[31m" + "x" * 200})

    with pytest.raises(MissingValue) as failed:
        expression.run(present)

    assert failed.value.message.startswith(r'params.texts["\u001b[31mxxx')
    assert failed.value.message.endswith('"] is missing')
    assert len(failed.value.message) < 200


def test_a_missing_field_is_named_even_without_steps_to_look_for_its_element() -> None:
    expression = compiled("facts.box.items.all(i, i.note != 'x')")
    present = frame(expression)
    with pytest.raises(MissingValue) as failed:
        expression.run(present)
    present.spare = 0

    found = explain.missing(expression, present, failed.value)

    assert [str(one) for one in found] == ['i name="root" note=missing']


def test_the_rest_of_a_filtered_list_is_counted_at_its_source() -> None:
    items = [{"name": f"n{n}", "count": n, "tags": []} for n in range(12)]

    found = why("facts.box.items.filter(i, i.count > 1).all(j, j.count < 0)", items=items)

    assert found[0] == 'facts.box.items[2] name="n2" count=2'
    assert found[5] == "facts.box.items = 5 more"


def test_an_element_in_a_list_of_texts_is_shown_itself() -> None:
    found = why("facts.box.words.all(w, w.startsWith('n') && facts.box.flag)")

    assert found == ['facts.box.words[1] = "prohibit-password"']


def test_of_a_long_list_without_any_match_only_the_length_is_told() -> None:
    items = [{"name": f"n{n}", "count": n, "tags": []} for n in range(6)]

    found = why("facts.box.items.exists(i, i.count > 99)", items=items)
    none = why("facts.box.items.exists(i, i.count > 99)", items=[])

    assert found == ["facts.box.items = 6 elements"]
    assert none == ["facts.box.items = []"]


def test_places_of_elements_survive_a_filter() -> None:
    source = "facts.box.items.filter(i, i.count != 2)"
    expression = compile_expression(check(source, parse(source), SCOPE))
    present = frame(expression)

    found = explain.places(expression, present, expression.run(present))

    assert found == ["facts.box.items[0]", "facts.box.items[2]"]


def test_places_of_a_list_that_cannot_be_walked_again_are_counted() -> None:
    source = "facts.box.items.filter(i, i.count != 2)"
    expression = compile_expression(check(source, parse(source), SCOPE))
    present = frame(expression)
    elements = expression.run(present)
    present.spare = 0

    assert explain.places(expression, present, elements) == ["element[0]", "element[1]"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 200, '"' + "a" * 120 + '…"'),
        ("größe", '"größe"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\ud800", '"\\ud800"'),
        (True, "true"),
        (1.5, "1.5"),
        ([], "[]"),
        ([1, 2, 3, 4, 5, 6, 7], "[1, 2, 3, 4, 5, … 7 in all]"),
        ([{"a": 1}, {"a": 2}], "2 elements"),
        ({"a": 1}, "1 fields"),
    ],
)
def test_values_are_shown_short_and_harmless(value: Any, text: str) -> None:
    assert shown(value) == text


def test_durations_are_shown_in_seconds() -> None:
    expression = compiled("now - facts.box.since")

    assert shown(expression.run(frame(expression))) == "1836000s"


def test_a_reading_of_an_object_is_written_without_a_second_equals_sign() -> None:
    assert str(Reading("facts.a[1]", 'name="x" count=1')) == 'facts.a[1] name="x" count=1'
    assert str(Reading("facts.a", "true")) == "facts.a = true"
    assert str(Reading("facts.a", '"a=b"')) == 'facts.a = "a=b"'


def test_the_helper_of_these_tests_refuses_expressions_with_errors() -> None:
    assert checked("facts.box.nope").remarks
