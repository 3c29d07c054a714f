"""The grammar: what is an expression, and where it says that something is none."""

import pytest

from verbundwacht_collector.rules.errors import ExpressionError
from verbundwacht_collector.rules.language import nodes
from verbundwacht_collector.rules.language.parse import parse


@pytest.mark.parametrize(
    ("source", "offset", "message"),
    [
        ("", 0, "ends too early"),
        ("1 +", 3, "ends too early"),
        ("a && (b", 7, "ends too early"),
        ("a b", 2, "unexpected 'b'"),
        ("a and b", 2, "write &&, || or !"),
        ("1 not 2", 2, "write &&, || or !"),
        ("x # y", 2, "unexpected character '#'"),
        ("1u", 1, "unexpected 'u'"),
        ("b'x'", 1, "unexpected \"'x'\""),
        ("a == null", 5, "there is no null"),
        ("a.all(1)", 2, "all() takes a variable"),
        ("a.map(x, y, z)", 2, "map() takes a variable"),
        ("a.filter(x.y, true)", 2, "filter() takes a variable"),
        ("has(a)", 0, "has() takes one field"),
        ("has(a.b, c.d)", 0, "has() takes one field"),
        ("has(a.b())", 0, "has() takes one field"),
        ("'\\q'", 1, "unknown escape '\\\\q'"),
        ("'ab\\ud800'", 3, "unknown escape"),
        ("'\\U00110000'", 1, "unknown escape"),
        ("'\\x4'", 1, "unknown escape"),
        ("'open", 0, "unexpected character"),
        ("123456789012345678901", 0, "does not fit"),
        ("a.b.", 4, "ends too early"),
        ("{a: }", 4, "unexpected '}'"),
    ],
)
def test_what_is_no_expression_is_refused_where_it_goes_wrong(
    source: str, offset: int, message: str
) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(source)

    assert message in refused.value.message
    assert refused.value.offset == offset


def test_operators_bind_as_in_cel() -> None:
    tree = parse("a || b && c == 1 + 2 * 3")

    assert isinstance(tree, nodes.Logic)
    right = tree.terms[1]
    assert isinstance(right, nodes.Logic)
    relation = right.terms[1]
    assert isinstance(relation, nodes.Binary)
    total = relation.right
    assert (relation.op, isinstance(total, nodes.Binary) and total.op) == ("==", "+")


def test_a_choice_binds_to_the_right() -> None:
    tree = parse("a ? 1 : b ? 2 : 3")

    assert isinstance(tree, nodes.Choice)
    assert isinstance(tree.other, nodes.Choice)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("-5", -5),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("-1.5", -1.5),
        ("'it\\'s'", "it's"),
        ('"\\n\\t\\\\"', "\n\t\\"),
        ("'\\101\\x41\\u00e4\\U0001F600'", "AAä😀"),
        ("r'\\d+'", "\\d+"),
        ('R"a\\"', "a\\"),
        ("true", True),
        ("false", False),
    ],
)
def test_literals_have_the_value_they_have_in_cel(source: str, value: object) -> None:
    tree = parse(source)

    assert isinstance(tree, nodes.Literal)
    assert (tree.value, type(tree.value)) == (value, type(value))


def test_words_that_begin_like_keywords_are_names() -> None:
    tree = parse("inside.truest == falsehood")

    assert [nodes.path_of(part) for part in nodes.children(tree)] == ["inside.truest", "falsehood"]


def test_comments_and_line_breaks_are_blanks() -> None:
    tree = parse("a // the first\n  && // and\n  b")

    assert isinstance(tree, nodes.Logic)
    assert [term.pos for term in tree.terms] == [0, 29]


def test_a_long_conjunction_is_not_deep() -> None:
    tree = parse(" && ".join(["a"] * 500))

    assert isinstance(tree, nodes.Logic)
    assert len(tree.terms) == 500


def test_a_computed_path_has_no_name() -> None:
    assert nodes.path_of(parse("[1][0]")) is None
    assert nodes.path_of(parse("f(x).b")) is None
    assert nodes.path_of(parse("a[b]['c']")) is None
    assert nodes.path_of(parse("a['b'].c")) == "a.b.c"
