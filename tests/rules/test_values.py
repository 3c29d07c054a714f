"""What expressions compute, and what they refuse to compute."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.rules.fakes import NOW, compiled, frame, value, without

from verbundwacht_collector.rules.errors import BudgetExceeded, EvaluationError, MissingValue
from verbundwacht_collector.rules.language.limits import STEPS
from verbundwacht_collector.rules.language.values import timestamp, version_lt


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("facts.box.number + 1", 8),
        ("-facts.box.number", -7),
        ("-facts.box.ratio", -0.5),
        ("facts.box.ratio * 4.0", 2.0),
        ("facts.box.word.startsWith('Hallo') && facts.box.word.endsWith('Welt')", True),
        ("facts.box.word.contains('lo W')", True),
        ("facts.box.word.matches('^h')", False),
        ("matches(facts.box.word, params.pattern)", True),
        ("facts.box.word.lowerAscii()", "hallo welt"),
        ("facts.box.word.split(' ')", ["Hallo", "Welt"]),
        ("facts.box.words.map(w, size(w))", [2, 17]),
        ("facts.box.numbers.filter(n, n > 0)", [3, 5]),
        ("facts.box.numbers.exists_one(n, n < 0)", True),
        ("facts.box.numbers.exists(n, n == 9)", False),
        ("facts.box.numbers[2] - facts.box.numbers[0]", 2),
        ("facts.box.items[1].name", "docker"),
        ("facts.box.labels['role']", "file server"),
        ("facts.box.labels.role.size()", 11),
        ("{'a': facts.box.number}['a']", 7),
        ("'role' in facts.box.labels", True),
        ("'other' in facts.box.labels", False),
        ("facts.box.word in ['a', 'Hallo Welt']", True),
        ("facts.box.word in ['a', facts.box.word]", True),
        ("'no' in facts.box.words", True),
        ("'yes' in facts.box.words", False),
        ("'yes' in params.allowed", True),
        ("facts.box.words == ['no', 'prohibit-password']", True),
        ("facts.box.words != ['no']", True),
        ("facts.box.words + ['x'] == ['no']", False),
        ("[] + facts.box.numbers", [3, -4, 5]),
        ("timestamp(facts.box.since) + days(21)", datetime(2026, 11, 22, 6, tzinfo=UTC)),
        ("now - timestamp(facts.box.since) > hours(24)", True),
        ("facts.box.dates.all(d, d < now)", True),
        ("facts.box.dates[0] < now", True),
        ("[now, timestamp(facts.box.since)].all(d, d <= now)", True),
        ("-7 % facts.box.numbers[0]", -1),
        ("-(facts.box.ratio * 1e300) < 0.0", True),
        (f"matches(facts.box.word, '{'l|' * 127}ll')", True),
        ("facts.box.ratio / 0.0 > 1e300", True),
        ("facts.box.ratio / 2.0", 0.25),
        ("facts.box.flag ? facts.box.word : 'x'", "Hallo Welt"),
        ("has(facts.box.maybe)", False),
        ("has(facts.box.inner.deep)", False),
        ("has(facts.box.labels.role)", True),
        ("int('42') + int(2.9) + int(7)", 51),
        ("string(facts.box.number) + string(true) + string('x')", "7truex"),
        ("string(timestamp('2026-01-01T00:00:00.123456Z'))", "2026-01-01T00:00:00.123456Z"),
        ("int(timestamp('1970-01-02T00:00:00Z'))", 86400),
        ("version_lt('deb', '1.0~rc1', '1.0')", True),
        ("cidr_contains('10.0.0.0/8', '10.1.2.3')", True),
        ("cidr_contains('10.0.0.0/8', '::1')", False),
        ("cidr_contains('fe80::/10', 'fe80::1%eth0')", True),
    ],
)
def test_an_expression_gives_its_value(source: str, expected: Any) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("facts.box.number / 0", "division by zero"),
        ("facts.box.number % 0", "division by zero"),
        ("9223372036854775807 + facts.box.number", "integer overflow"),
        ("-9223372036854775808 - facts.box.number", "integer overflow"),
        ("(0 - 9223372036854775807 - 1) / (0 - 1)", "integer overflow"),
        ("(0 - 9223372036854775807 - 1) % (0 - 1)", "integer overflow"),
        ("-(0 - 9223372036854775807 - 1)", "integer overflow"),
        ("4611686018427387904 * 2", "integer overflow"),
        ("int('12a')", "'12a' is not a whole number"),
        ("int(' 1')", "is not a whole number"),
        ("int('9223372036854775808')", "integer overflow"),
        ("int(1e300)", "integer overflow"),
        ("int(0.0 / 0.0)", "is not a whole number of 64 bits"),
        ("facts.box.numbers[3]", "no item 3 in a list of 3"),
        ("facts.box.numbers[-1]", "no item -1 in a list of 3"),
        ("timestamp(facts.box.word)", "'Hallo Welt' is not a date with time and zone"),
        ("timestamp('2026-' + '02-30T00:00:00Z')", "is not a date that exists"),
        ("now + days(3000000)", "longer than 292 years"),
        ("days(200000)", "longer than 292 years"),
        ("days(9223372036854775807)", "longer than 292 years"),
        ("timestamp('9999-12-31T00:00:00Z') + days(2)", "outside the years 1 to 9999"),
        ("now - timestamp('0001-01-01T00:00:00Z')", "longer than 292 years"),
        ("facts.box.word.matches('(' + facts.box.word)", "not a regular expression of RE2"),
        (f"facts.box.word.matches(facts.box.word + '{'x' * 250}')", "260 characters; at most 256"),
        ("facts.box.word.split(facts.box.word.split('Hallo')[0])", "split needs a separator"),
        ("version_lt('rpm', facts.box.word.split('Hallo')[0], '1')", "is not a version"),
        ("version_lt('deb', facts.box.word, '1')", "is not a version of deb"),
        ("cidr_contains('10.0.0.0/8', facts.box.word)", "does not appear to be an IPv4 or IPv6"),
    ],
)
def test_what_cannot_be_computed_is_an_error(source: str, message: str) -> None:
    expression = compiled(source)

    with pytest.raises(EvaluationError, match=message.replace("(", "\\(")):
        expression.run(frame(expression))


def test_an_error_of_a_function_knows_its_place() -> None:
    expression = compiled("facts.box.flag && int(facts.box.word) > 1")

    with pytest.raises(EvaluationError) as failed:
        expression.run(frame(expression))

    assert failed.value.offset == 18


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("facts.box.flag || 1 / 0 == 1", True),
        ("!facts.box.flag && 1 / 0 == 1", False),
        ("facts.box.flag ? 1 : 1 / 0", 1),
    ],
)
def test_the_right_side_is_skipped_when_the_left_decides(source: str, expected: Any) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    "source", ["1 / 0 == 1 || facts.box.flag", "1 / 0 == 1 && !facts.box.flag"]
)
def test_an_error_on_the_left_is_never_absorbed(source: str) -> None:
    expression = compiled(source)

    with pytest.raises(EvaluationError):
        expression.run(frame(expression))


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("facts.box.word != 'yes'", {"word": 7}),
        ("facts.box.word != 'yes'", {"word": ["yes"]}),
        ("facts.box.number < 10", {"number": "7"}),
        ("facts.box.number < 10", {"number": True}),
        ("facts.box.number < 10", {"number": 7.5}),
        ("facts.box.number < 10", {"number": -(2**63) - 1}),
        ("facts.box.numbers.all(n, n < 10)", {"numbers": [-(2**63) - 1]}),
        ("facts.box.flag", {"flag": 1}),
        ("facts.box.ratio < 1.0", {"ratio": "0"}),
        ("facts.box.since < now", {"since": 5}),
        ("facts.box.since < now", {"since": "yesterday"}),
        ("facts.box.words.all(w, w != 'yes')", {"words": "yes"}),
        ("facts.box.words.all(w, w != 'yes')", {"words": [["yes"]]}),
        ("!('yes' in facts.box.words)", {"words": ["no", ["yes"]]}),
        ("!('yes' in facts.box.words.filter(w, w == w || w != 'x'))", {"words": [1]}),
        ("facts.box.items.all(i, i.name != 'x')", {"items": ["x"]}),
        ("facts.box.items.all(i, i.name != 'x')", {"items": [{"name": None}]}),
        ("facts.box.items.all(i, i.name != 'x')", {"items": [{}]}),
        ("facts.box.items[0].name != 'x'", {"items": [{"name": 1}]}),
        ("!has(facts.box.labels.x)", {"labels": ["x"]}),
        ("!has(facts.box.labels.x)", {"labels": None}),
        ("facts.box.labels['role'] != 'x'", {"labels": {"role": 1}}),
        ("facts.box.words[0] != 'x'", {"words": [1]}),
    ],
)
def test_facts_that_break_the_schema_give_an_error_and_no_verdict(
    source: str, changed: dict[str, Any]
) -> None:
    with pytest.raises(EvaluationError):
        value(source, **changed)


def test_a_whole_number_is_a_double_where_the_schema_says_so() -> None:
    assert value("facts.box.ratio * 2.0", ratio=1) == 2.0


@pytest.mark.parametrize(
    ("source", "box", "path"),
    [
        ("facts.box.maybe > 1", without(), "facts.box.maybe"),
        ("facts.box.maybe > 1", {"maybe": None}, "facts.box.maybe"),
        ("facts.box.inner.deep == 'x'", {"inner": {}}, "facts.box.inner.deep"),
        ("facts.box.labels.x == 'x'", {"labels": {}}, "facts.box.labels.x"),
        ("facts.box.labels['x'] == 'x'", {"labels": {}}, "facts.box.labels.x"),
        ("facts.box.labels['x'] == 'x'", {"labels": {"x": None}}, "facts.box.labels.x"),
    ],
)
def test_an_optional_field_that_is_not_there_is_missing(
    source: str, box: dict[str, Any], path: str
) -> None:
    expression = compiled(source)

    with pytest.raises(MissingValue) as failed:
        expression.run(frame(expression, box))

    assert failed.value.path == path


def test_a_required_field_that_is_not_there_is_an_error_and_not_missing() -> None:
    expression = compiled("facts.box.word != 'x'")

    with pytest.raises(EvaluationError, match="although the vocabulary requires it") as failed:
        expression.run(frame(expression, {}))

    assert not isinstance(failed.value, MissingValue)


def test_a_parameter_without_value_is_an_error_and_not_missing() -> None:
    expression = compiled("facts.box.number < params.limit")
    present = frame(expression)
    present.params = {}

    with pytest.raises(EvaluationError, match=r"params\.limit is missing") as failed:
        expression.run(present)

    assert not isinstance(failed.value, MissingValue)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0~rc1", "1.0"),
        ("1.0~~", "1.0~"),
        ("1.0~", "1.0"),
        ("1.0", "1.0+b1"),
        ("2.0", "1:0.9"),
        ("1.0-1~deb12u1", "1.0-1"),
        ("9.2p1-2+deb12u3", "9.2p1-2+deb12u10"),
        ("1.0", "1.0a"),
        ("1.0-1", "1.0-1.1"),
        ("1.2.3", "1.2.10"),
        ("0:5", "1:1"),
        ("1.0-1", "1.0-1ubuntu1"),
    ],
)
def test_versions_are_ordered_as_dpkg_orders_them(older: str, newer: str) -> None:
    assert (version_lt("deb", older, newer), version_lt("deb", newer, older)) == (True, False)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0^git1"),
        ("1.0^git1", "1.0.1"),
        ("1.0^git1~pre", "1.0^git1"),
        ("1.0^20160101", "1.0^20160102"),
        ("2.0-1", "1:0.9-1"),
        ("5.14.0-70.el9", "5.14.0-162.el9"),
        ("1.0a", "1.0.1"),
        ("2.0.1", "2.0.1a"),
        ("a", "1"),
        ("1.0-1", "1.0-1.el9"),
    ],
)
def test_versions_are_ordered_as_rpm_orders_them(older: str, newer: str) -> None:
    assert (version_lt("rpm", older, newer), version_lt("rpm", newer, older)) == (True, False)


def test_a_version_has_at_most_256_characters() -> None:
    assert version_lt("deb", "1" * 255, "1" * 256)
    with pytest.raises(EvaluationError, match="is not a version"):
        version_lt("deb", "1" * 257, "2")


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0-0"), ("1.00", "1.0"), ("0:1", "1")])
def test_equal_versions_of_dpkg_are_not_older(one: str, other: str) -> None:
    assert not version_lt("deb", one, other)
    assert not version_lt("deb", other, one)


@pytest.mark.parametrize(
    "text",
    ["2026-11-20", "2026-11-20T06:00Z", "2026-11-20 06:00:00Z", "2026-11-20T06:00:00", "", "ٔ"],
)
def test_a_date_without_time_or_zone_is_no_timestamp(text: str) -> None:
    with pytest.raises(EvaluationError):
        timestamp(text)


def test_a_timestamp_with_an_offset_is_the_same_moment() -> None:
    assert timestamp("2026-11-22T13:00:00+01:00") == NOW


def test_an_offset_must_not_lead_out_of_the_calendar() -> None:
    with pytest.raises(EvaluationError, match="exists"):
        timestamp("0001-01-01T00:00:00+01:00")


def test_half_a_surrogate_pair_does_not_break_a_pattern() -> None:
    with pytest.raises(EvaluationError, match="not valid Unicode"):
        value("facts.box.word.matches('a')", word="\ud800")


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ("facts.box.words.all(a, facts.box.words.all(b, a != b || a == b))", 1000),
        ("facts.box.words.map(a, facts.box.words.map(b, a + b)).size() > 0", 1000),
        ("facts.box.words.filter(a, facts.box.words.exists(b, a == b + 'x')).size() > 0", 1000),
        ("facts.box.words.filter(a, a != 'x' && a != 'y' && a != 'z')[0] == 'x'", 25000),
        ("facts.box.words.map(a, [a, a, a, a, a, a, a, a, a, a])[0][0] == 'x'", 20000),
        ("facts.box.words.exists_one(a, facts.box.words.exists_one(b, a == b))", 1000),
        ("facts.box.words.all(a, a.contains('b') || a.lowerAscii() != 'a')", 5000),
        ("facts.box.words.all(a, a in facts.box.words + facts.box.words)", 1000),
        ("facts.box.words.all(a, facts.box.words == facts.box.words + [])", 1000),
    ],
)
def test_a_rule_stops_when_its_steps_are_used_up(source: str, items: int) -> None:
    expression = compiled(source)
    words = [f"{'A' * 50}{n}" for n in range(items)]

    with pytest.raises(BudgetExceeded, match=str(STEPS)):
        expression.run(frame(expression, {"words": words}))


def test_an_honest_loop_over_a_large_host_stays_within_its_steps() -> None:
    expression = compiled("facts.box.items.all(i, i.name != 'x' && i.count < 100000)")
    items = [{"name": f"p{n}", "count": n, "tags": []} for n in range(10000)]

    assert expression.run(frame(expression, {"items": items})) is True
