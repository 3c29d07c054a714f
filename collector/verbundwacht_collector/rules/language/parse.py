"""Turns the text of an expression into its tree. Pure; the grammar is in grammar.lark.

The parser is LALR and builds the tree while it reads, without recursion: a text of four
thousand brackets is refused by the depth limit and not by a stack overflow.
"""

import re
from functools import cache
from typing import Any, Final, NoReturn, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from verbundwacht_collector.rules.errors import ExpressionError
from verbundwacht_collector.rules.language import limits
from verbundwacht_collector.rules.language.nodes import (
    Binary,
    Call,
    Choice,
    Has,
    Index,
    ListOf,
    Literal,
    Logic,
    Loop,
    Macro,
    MapOf,
    Name,
    Negate,
    Node,
    Not,
    Select,
    walk,
)

MACROS: Final = ("all", "exists", "exists_one", "filter", "map")
RESERVED: Final = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "null",
        "package",
        "namespace",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
"""Words that CEL keeps for itself; a variable with such a name would not be portable."""

_ESCAPES: Final = dict(zip("abfnrtv\\?\"'`", "\a\b\f\n\r\t\v\\?\"'`", strict=True))
_MEANT: Final = {"=": "; write ==", "&": "; write &&", "|": "; write ||"}
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)


def parse(source: str) -> Node:
    """The tree of `source`. Raises ExpressionError with the offset of the first mistake."""
    size = len(source.encode(errors="replace"))
    if size > limits.SOURCE_BYTES:
        _fail(f"expression of {size} bytes; at most {limits.SOURCE_BYTES} are allowed", 0)
    try:
        tree = cast(Node, _parser().parse(source))
    except UnexpectedCharacters as error:
        offset = error.pos_in_stream or 0
        found = source[offset]
        _fail(f"unexpected character {found!r}{_MEANT.get(found, '')}", offset)
    except UnexpectedToken as error:
        _fail(*_unexpected(error, source))
    # After this line the tree is shallow, and everything else may recurse over it.
    for node, depth in walk(tree):
        if depth > limits.DEPTH:
            _fail(f"nested deeper than {limits.DEPTH} levels", node.pos)
    return tree


def _unexpected(error: UnexpectedToken, source: str) -> tuple[str, int]:
    token = error.token
    if token.type == "$END":
        return "the expression ends too early", len(source)
    # The commonest slip of people who write Python or SQL.
    if token.type == "IDENT" and token.value in ("and", "or", "not"):
        return f"unexpected {token.value!r}; write &&, || or !", token.start_pos or 0
    return f"unexpected {token.value!r}", token.start_pos or 0


def _fail(message: str, offset: int) -> NoReturn:
    raise ExpressionError(message, offset)


def _at(token: Token) -> int:
    return token.start_pos or 0


def unescape(text: str, offset: int) -> str:
    """The characters that a quoted CEL string stands for."""

    def character(match: re.Match[str]) -> str:
        short, hex2, hex4, hex8, octal, _ = match.groups()
        if short:
            return _ESCAPES[short]
        digits = hex2 or hex4 or hex8
        code = int(digits, 16) if digits else int(octal, 8) if octal else -1
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            _fail(f"unknown escape {match.group()!r} in a string", offset + match.start())
        return chr(code)

    return _ESCAPE.sub(character, text)


@v_args(inline=True)
class _Build(Transformer[Token, Node]):
    """One method per alternative of the grammar."""

    def start(self, tree: Node) -> Node:
        return tree

    def choice(self, test: Node, then: Node, other: Node) -> Node:
        return Choice(test.pos, test, then, other)

    def any_of(self, *terms: Node) -> Node:
        return Logic(terms[0].pos, "||", terms)

    def all_of(self, *terms: Node) -> Node:
        return Logic(terms[0].pos, "&&", terms)

    def binary(self, left: Node, op: Token, right: Node) -> Node:
        return Binary(_at(op), str(op), left, right)

    def inverted(self, *parts: Any) -> Node:
        node: Node = parts[-1]
        # The sign next to the operand binds first.
        for sign in reversed(parts[:-1]):
            node = Not(_at(sign), node)
        return node

    def negated(self, *parts: Any) -> Node:
        node: Node = parts[-1]
        for sign in reversed(parts[:-1]):
            node = _negative(node, _at(sign)) or Negate(_at(sign), node)
        return node

    def select(self, base: Node, field: Token) -> Node:
        return Select(_at(field), base, str(field))

    def index(self, base: Node, key: Node) -> Node:
        return Index(key.pos, base, key)

    def method(self, target: Node, name: Token, args: tuple[Node, ...]) -> Node:
        if name in MACROS:
            return _loop(target, name, args)
        return Call(_at(name), str(name), (target, *args), method=True)

    def call(self, name: Token, args: tuple[Node, ...]) -> Node:
        if name != "has":
            return Call(_at(name), str(name), args, method=False)
        if len(args) != 1 or not isinstance(args[0], Select):
            _fail("has() takes one field, as in has(facts.os.codename)", _at(name))
        return Has(_at(name), args[0])

    def name(self, token: Token) -> Node:
        # Missing is not a value here; a comparison with null would invite to treat it as one.
        if str(token) == "null":
            _fail("there is no null: ask with has(…) whether a field is there", _at(token))
        return Name(_at(token), str(token))

    def list_of(self, bracket: Token, *items: Node) -> Node:
        return ListOf(_at(bracket), items)

    def map_of(self, brace: Token, *entries: tuple[Node, Node]) -> Node:
        return MapOf(_at(brace), entries)

    def true(self, token: Token) -> Node:
        return Literal(_at(token), True)

    def false(self, token: Token) -> Node:
        return Literal(_at(token), False)

    def integer(self, token: Token) -> Node:
        # Python refuses to convert very long numbers by itself, with an error of its own.
        if len(token) > 20:
            _fail(f"{token[:20]}… does not fit into 64 bits", _at(token))
        return Literal(_at(token), int(token, 0) if token.startswith("0x") else int(token))

    def double(self, token: Token) -> Node:
        return Literal(_at(token), float(token))

    def text(self, token: Token) -> Node:
        return Literal(_at(token), unescape(token[1:-1], _at(token) + 1))

    def raw_text(self, token: Token) -> Node:
        return Literal(_at(token), str(token[2:-1]))

    def arguments(self, *args: Node) -> tuple[Node, ...]:
        return args

    def entry(self, key: Node, value: Node) -> tuple[Node, Node]:
        return key, value


def _negative(node: Node, pos: int) -> Node | None:
    """A number with its sign as one literal, or -2^63 could not be written; else None."""
    value = node.value if isinstance(node, Literal) else None
    if value is None or isinstance(value, bool | str) or value < 0:
        return None
    return Literal(pos, -value)


def _loop(source: Node, macro: Token, args: tuple[Node, ...]) -> Node:
    if len(args) != 2 or not isinstance(args[0], Name):
        _fail(f"{macro}() takes a variable and an expression: {macro}(x, …)", _at(macro))
    var = args[0]
    return Loop(_at(macro), cast(Macro, str(macro)), source, var.name, var.pos, args[1])


@cache
def _parser() -> Lark:
    # Built at first use: 45 ms that an `alerts` command never needs.
    return Lark.open_from_package(
        __package__, "grammar.lark", parser="lalr", lexer="contextual", transformer=_Build()
    )
