"""The check: a mistake is found before the rule ever runs, at its place, with a way out."""

import pytest
from tests.rules.fakes import FACTS, PARAMS, SCOPE, checked

from verbundwacht_collector.rules.language.check import check
from verbundwacht_collector.rules.language.parse import parse
from verbundwacht_collector.rules.language.scope import Scope, Variable
from verbundwacht_collector.rules.language.types import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Type,
    facts_type,
    list_of,
    map_of,
)


@pytest.mark.parametrize(
    ("source", "offset", "message"),
    [
        ("facts.box.numbr > 1", 10, "no field 'numbr' in Box; did you mean 'number'?"),
        ("facts.bax.flag", 6, "no field 'bax' in the facts; did you mean 'box'?"),
        ("params.limt > 1", 7, "no field 'limt' in params; did you mean 'limit'?"),
        ("box.flag", 0, "unknown name; did you mean 'facts.box'?"),
        ("fact.box.flag", 0, "unknown name 'fact'; did you mean 'facts'?"),
        ("zzz", 0, "unknown name 'zzz'"),
        ("facts == 1", 0, "facts is not a value"),
        ("[params] == []", 1, "params is not a value"),
        ("facts.box.number.x > 1", 17, "int has no fields"),
        ("facts.box.number == '7'", 17, "cannot compare int and string"),
        ("facts.box.number < 7.0", 17, "cannot compare int and double"),
        ("facts.box.flag < true", 15, "cannot compare bool and bool"),
        ("facts.box.items == facts.box.items", 16, "cannot compare list<Item> and list<Item>"),
        ("facts.box.dates == facts.box.dates", 16, "cannot compare list<timestamp>"),
        ("facts.box.labels == {'a': 'b'}", 17, "cannot compare map<string, string>"),
        ("facts.box.word in facts.box.numbers", 15, "cannot look for string in list<int>"),
        ("now in facts.box.dates", 4, "cannot look for timestamp in list<timestamp>"),
        ("1 in facts.box.labels", 2, "cannot look for int in map<string, string>"),
        ("1 in 2", 2, "cannot look for int in int"),
        ("1 + 'a' == 2", 2, "cannot compute + of int and string"),
        ("now + now == now", 4, "cannot compute + of timestamp and timestamp"),
        ("1.0 % 2.0 == 0.0", 4, "cannot compute % of double and double"),
        ("'a' * 2 == 'aa'", 4, "cannot compute * of string and int"),
        ("-facts.box.word == 'x'", 0, "- takes int or double, not string"),
        ("!facts.box.number", 1, "expected a condition (bool), not int"),
        ("facts.box.flag && facts.box.word", 18, "expected a condition (bool), not string"),
        ("facts.box.number ? 1 : 2", 0, "expected a condition (bool), not int"),
        ("facts.box.flag ? 1 : 'a'", 21, "the two branches differ: int and string"),
        ("[1, 'a'] == []", 4, "string among values of type int"),
        ("{1: 2}['a'] == 2", 1, "a key is a string in quotes"),
        ("{'a': 1, 'a': 2}['a'] == 1", 9, "the key 'a' is there twice"),
        ("facts.box.words['a'] == 'x'", 16, "list<string> cannot be indexed by string"),
        ("facts.box.labels[1] == 'x'", 17, "map<string, string> cannot be indexed by int"),
        ("facts.box.word[0] == 'x'", 15, "string cannot be indexed by int"),
        ("facts.box.labels.true == 'x'", 17, "'true' cannot be a field name"),
        ("has(facts.box)", 10, "a section is asked for with `needs`"),
        ("has(facts.box.word)", 14, "has() is always true here"),
        ("has([1].x)", 8, "list<int> has no fields"),
        ("has({'a': 1}.a)", 13, "has() takes a path"),
        ("siz(facts.box.word) > 1", 0, "unknown function 'siz'; did you mean 'size'?"),
        ("all(x, true)", 0, "write the list first: list.all(x, …)"),
        ("startsWith(facts.box.word, 'a')", 0, "startsWith is written as x.startsWith()"),
        ("'2026'.timestamp() < now", 7, "timestamp is written as timestamp(x)"),
        ("size(1) > 0", 0, "size takes (string) or (list) or (map), not (int)"),
        ("days('1') > days(1)", 0, "days takes (int), not (string)"),
        ("facts.box.word.matches('(')", 23, "not a regular expression of RE2: missing ): ("),
        ("matches(facts.box.word, 'a{2000}')", 24, "not a regular expression of RE2"),
        ("facts.box.word.split('') == []", 21, "split needs a separator"),
        ("timestamp('today') < now", 10, "'today' is not a date with time and zone"),
        ("timestamp('2026-02-30T00:00:00Z') < now", 10, "is not a date that exists"),
        ("cidr_contains('10.0.0.1/8', facts.box.word)", 14, "has host bits set"),
        ("version_lt(facts.box.kind, '1', '2')", 21, "the scheme is written out: 'deb' or 'rpm'"),
        ("version_lt('dpkg', '1', '2')", 11, "the scheme is written out"),
        ("version_lt('deb', 'a b', facts.box.word)", 18, "'a b' is not a version of deb"),
        ("facts.box.kind == 'apk'", 18, "'apk' is never the value; it is one of deb, rpm"),
        ("facts.box.kind in ['deb', 'apk']", 26, "'apk' is never the value"),
        ("'apk' != facts.box.kind", 0, "'apk' is never the value"),
        ("[facts.box, facts.box.items[0]].size() == 2", 12, "Item among values of type Box"),
        (
            "facts.box.items.filter(i, i.count > 0).all(a, facts.box.words.map(w, w).all(b,"
            " facts.box.words.all(c, a.name == b + c)))",
            95,
            "more than 2 loops over facts inside each other",
        ),
        ("facts.box.word.all(x, x)", 15, "all needs a list, not string"),
        ("facts.box.words.all(now, true)", 20, "'now' cannot be a variable"),
        ("facts.box.words.all(if, true)", 20, "'if' cannot be a variable"),
        (
            "facts.box.words.all(x, facts.box.words.all(x, x == ''))",
            43,
            "the variable 'x' is already in use around this loop",
        ),
        ("facts.box.words.all(x, x)", 23, "expected a condition (bool), not string"),
        ("9223372036854775808 > 1", 0, "does not fit into 64 bits"),
        (
            "facts.box.items.all(a, a.tags.all(b, a.tags.exists(c, b == c)))",
            44,
            "more than 2 loops over facts inside each other",
        ),
    ],
)
def test_a_mistake_is_found_at_its_place(source: str, offset: int, message: str) -> None:
    errors = [remark for remark in checked(source).remarks if not remark.review]

    assert len(errors) == 1, errors
    assert message in errors[0].message
    assert errors[0].offset == offset


def test_a_text_may_be_made_from_a_value_of_a_set() -> None:
    assert checked("facts.box.kind + ' 15' == 'deb 15'").remarks == []


@pytest.mark.parametrize(
    ("source", "offset"),
    [
        ("true", 0),
        ("1 == 1", 0),
        ("facts.box.flag || 1 < 2", 18),
        ("'a' in ['a'] && facts.box.flag", 0),
        ("facts.box.number == facts.box.number", 6),
        ("facts.box.words.all(x, true)", 23),
        ("true ? facts.box.flag : false", 0),
        ("[1].exists(x, 1 > 0)", 14),
    ],
)
def test_a_condition_that_never_depends_on_the_host_is_named(source: str, offset: int) -> None:
    found = check(source, parse(source), SCOPE, want=BOOL)

    message = "this condition never depends on the host"
    assert (message, True) in [(one.message, one.review) for one in found.remarks]
    assert min(one.offset for one in found.remarks) in (offset, 0)


@pytest.mark.parametrize(
    "source",
    [
        "has(facts.box.maybe) && facts.box.maybe > 1",
        "!has(facts.box.maybe) || facts.box.maybe > 1",
        "!(!has(facts.box.maybe)) && facts.box.maybe > 1",
        "has(facts.box.maybe) ? facts.box.maybe > 1 : false",
        "!has(facts.box.maybe) ? true : facts.box.maybe > 1",
        "has(facts.box.inner.deep) && facts.box.inner.deep == 'x'",
        "'role' in facts.box.labels && facts.box.labels['role'] == 'x'",
        "'role' in facts.box.labels && facts.box.labels.role == 'x'",
        "has(facts.box.labels.role) && facts.box.labels['role'] == 'x'",
        "facts.box.items.all(i, !has(i.note) || i.note == 'x')",
        "has(facts.box.maybe) && facts.box.items.all(i, i.count > facts.box.maybe)",
        "facts.box.flag && has(facts.box.maybe) && facts.box.maybe > 1",
        "!(!has(facts.box.maybe) || facts.box.flag) && facts.box.maybe > 1",
        "(has(facts.box.maybe) && facts.box.flag || has(facts.box.maybe)) && facts.box.maybe > 1",
        "(facts.box.flag ? has(facts.box.maybe) : has(facts.box.maybe)) && facts.box.maybe > 1",
        "(has(facts.box.maybe) ? facts.box.flag : has(facts.box.maybe)) && facts.box.maybe > 1",
        "!(has(facts.box.maybe) ? facts.box.flag : !has(facts.box.maybe)) && facts.box.maybe > 1",
        "(!has(facts.box.maybe) ? has(facts.box.maybe) : facts.box.flag) && facts.box.maybe > 1",
        "(has(facts.box.maybe) && facts.box.flag) ? facts.box.maybe > 1 : false",
    ],
)
def test_a_field_is_guarded_where_a_condition_makes_sure_of_it(source: str) -> None:
    found = checked(source)

    assert found.remarks == []
    assert found.unguarded == []


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("facts.box.maybe > 1", "facts.box.maybe"),
        ("facts.box.inner.deep == 'x'", "facts.box.inner"),
        ("has(facts.box.maybe) || facts.box.maybe > 1", "facts.box.maybe"),
        ("!has(facts.box.maybe) && facts.box.maybe > 1", "facts.box.maybe"),
        ("facts.box.maybe > 1 && has(facts.box.maybe)", "facts.box.maybe"),
        ("(has(facts.box.maybe) || facts.box.flag) && facts.box.maybe > 1", "facts.box.maybe"),
        ("has(facts.box.maybe) ? facts.box.flag : facts.box.maybe > 1", "facts.box.maybe"),
        ("(!has(facts.box.maybe) && facts.box.flag) || facts.box.maybe > 1", "facts.box.maybe"),
        (
            "(facts.box.flag ? has(facts.box.maybe) : facts.box.number > 1) && facts.box.maybe > 1",
            "facts.box.maybe",
        ),
        (
            "!(facts.box.flag ? !has(facts.box.maybe) : facts.box.flag) && facts.box.maybe > 1",
            "facts.box.maybe",
        ),
        ("facts.box.items.exists(i, i.note == 'x')", "i.note"),
        (
            "facts.box.items.all(i, has(i.note)) && facts.box.items.all(i, i.note == 'x')",
            "i.note",
        ),
        ("facts.box.labels.role == 'x'", "facts.box.labels.role"),
        ("facts.box.labels[facts.box.word] == 'x'", "a field"),
        ("facts.box.items[0].note == 'x'", "a field"),
        ("has(facts.box.inner.deep) && facts.box.maybe > 1", "facts.box.maybe"),
    ],
)
def test_a_field_that_may_be_missing_is_reported_where_nothing_guards_it(
    source: str, path: str
) -> None:
    found = checked(source)

    assert found.remarks == []
    assert path in [read.path for read in found.unguarded]


@pytest.mark.parametrize(
    "source", ["[1, 2].exists(x, x == facts.box.number)", "facts.box.numbers.exists(x, x == 1)"]
)
def test_a_loop_with_anything_from_the_host_is_no_constant(source: str) -> None:
    assert check(source, parse(source), SCOPE, want=BOOL).remarks == []


def test_what_an_expression_reads_is_known_before_it_runs() -> None:
    found = checked("facts.box.number > params.limit && timestamp(facts.box.since) < now")

    assert (found.sections, found.params, found.reads_now) == ({"box"}, {"limit"}, True)


def test_an_expression_without_a_clock_says_so() -> None:
    assert checked("facts.box.flag").reads_now is False


def test_a_wrong_result_type_is_an_error_at_the_expression() -> None:
    found = check("facts.box.number", parse("facts.box.number"), SCOPE, want=BOOL)

    assert [one.message for one in found.remarks] == ["expected bool, not int"]


def test_loops_count_from_those_that_are_already_around() -> None:
    source = "i.tags.all(a, i.tags.all(b, a == b))"
    item = FACTS.fields["box"].type.fields["items"].type.item
    assert item is not None
    scope = Scope(FACTS, PARAMS, variables={"i": Variable(item, 0)}, facts_loops=1)

    found = check(source, parse(source), scope)

    assert [one.message for one in found.remarks] == [
        "more than 2 loops over facts inside each other"
    ]


def test_one_mistake_makes_one_error() -> None:
    found = checked(
        "facts.box.nope + 1 > 2 && facts.box.nope.x.startsWith('a') && facts.box.nope[1] == 2"
    )

    assert len(found.remarks) == 3


def test_types_read_as_an_author_would_write_them() -> None:
    assert str(list_of(STRING)) == "list<string>"
    assert str(map_of(INT)) == "map<string, int>"
    assert str(Type("object", name="Box")) == "Box"
    assert str(DOUBLE) == "double"


def test_the_facts_schema_becomes_types() -> None:
    schema = {
        "properties": {"s": {"$ref": "#/$defs/S"}},
        "$defs": {
            "S": {
                "title": "S",
                "type": "object",
                "required": ["a", "b", "c", "d", "m"],
                "properties": {
                    "a": {"type": "integer"},
                    "b": {"enum": ["x", "y"]},
                    "c": {"type": "array", "items": {"type": "number"}},
                    "d": {"type": "string", "format": "date-time"},
                    "e": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                    "m": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }
        },
    }

    section = facts_type(schema).fields["s"].type

    kinds = {name: str(field.type) for name, field in section.fields.items()}
    assert kinds == {
        "a": "int",
        "b": "string",
        "c": "list<double>",
        "d": "timestamp",
        "e": "bool",
        "m": "map<string, string>",
    }
    assert section.fields["b"].type.values == ("x", "y")
    assert [name for name, field in section.fields.items() if field.optional] == ["e"]


def test_a_schema_that_rules_cannot_read_is_refused() -> None:
    with pytest.raises(ValueError, match="a shape that rules cannot read"):
        facts_type({"properties": {"s": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}})
