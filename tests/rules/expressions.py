"""Random typed expressions, each written twice: in the profile, and in plain CEL for the oracle.

The two differ only where the profile does on purpose: `has(a.b.c)` tests the whole path,
timestamps in facts are text for CEL, and `days(3)` is ours.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple


class Text(NamedTuple):
    """One expression in the profile and in CEL."""

    ours: str
    cel: str


def both(text: str) -> Text:
    """The same text for the two."""
    return Text(text, text)


def fill(pattern: str, *parts: Text) -> Text:
    """The pattern with `{}` replaced by the parts, for each of the two."""
    return Text(
        pattern.format(*(part.ours for part in parts)),
        pattern.format(*(part.cel for part in parts)),
    )


class Generator:
    """Makes expressions of a wanted type, not deeper than asked."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.variables: list[tuple[str, str]] = []
        self.count = 0

    def make(self, kind: str, depth: int) -> Text:
        """An expression of the type `kind`."""
        leaves, nodes = _LEAVES[kind], _NODES[kind]
        named = [name for name, one in self.variables if one == kind]
        if named and self.random.random() < 0.4:
            name = self.random.choice(named)
            return Text(name, f"timestamp({name})") if kind == "timestamp" else both(name)
        if depth <= 0 or self.random.random() < 0.15:
            return self.random.choice(leaves)(self)
        return self.random.choice(nodes)(self, depth - 1)

    def string_literal(self) -> Text:
        """A literal with characters that engines like to disagree on."""
        words = ["", "a", "no", "Hallo", "ÄÖ", "a,b", "\\n", '\\"', "\\x41", "\\u00e4", "x y"]
        return both(f'"{self.random.choice(words)}"')

    def int_literal(self) -> Text:
        """A whole number, sometimes at the edge of 64 bits."""
        edge = ["9223372036854775807", "-9223372036854775808", "0", "-1", "0x1F"]
        small = [str(self.random.randint(-9, 9)) for _ in range(6)]
        return both(self.random.choice(edge + small))

    def loop(self, macro: str, depth: int, kind: str | None = None) -> Text:
        """A macro over a list, with a fresh variable."""
        item, source = self.source(depth)
        self.count += 1
        name = f"v{self.count}"
        self.variables.append((name, item))
        body = self.item_bool(name, depth) if item == "item" else self.make("bool", depth)
        if kind is not None:
            body = self.make(kind, depth)
        self.variables.pop()
        return fill(f"({{}}).{macro}({name}, {{}})", source, body)

    def source(self, depth: int) -> tuple[str, Text]:
        """A list to loop over, with the type of its items."""
        item = self.random.choice(["int", "string", "item"])
        if item == "item":
            return item, both("facts.box.items")
        return item, self.make(f"list<{item}>", depth - 1)

    def item_bool(self, name: str, depth: int) -> Text:
        """A condition on an object of a list."""
        choices: list[Callable[[], Text]] = [
            lambda: fill(f"{name}.count > {{}}", self.make("int", depth - 1)),
            lambda: fill(f"{name}.name == {{}}", self.make("string", depth - 1)),
            lambda: fill(f"{{}} in {name}.tags", self.make("string", depth - 1)),
            lambda: both(f"has({name}.note) && {name}.note.size() == 1"),
            lambda: both(f"{name}.note == 'x'"),
            lambda: Text(f"{name}.seen < now", f"timestamp({name}.seen) < now"),
            lambda: both(f"!has({name}.seen)"),
        ]
        return self.random.choice(choices)()


Leaf = Callable[[Generator], Text]
Node = Callable[[Generator, int], Text]


def _fixed(*texts: str) -> list[Leaf]:
    return [lambda _g, text=text: both(text) for text in texts]  # type: ignore[misc]


def _node(pattern: str, *kinds: str) -> Node:
    return lambda g, depth: fill(pattern, *(g.make(kind, depth) for kind in kinds))


def _choice(kind: str) -> Node:
    return _node("({} ? {} : {})", "bool", kind, kind)


def _has(path: str) -> Leaf:
    """`has` of a whole path; CEL wants every step asked by itself."""
    parts = path.split(".")
    steps = [".".join(parts[: end + 1]) for end in range(2, len(parts))]
    return lambda _g: Text(f"has({path})", f"({' && '.join(f'has({one})' for one in steps)})")


def _comparisons() -> list[Node]:
    kinds = ["int", "double", "string", "timestamp", "duration"]
    found = [
        _node(f"({{}} {op} {{}})", kind, kind)
        for kind in kinds
        for op in ("==", "!=", "<", "<=", ">", ">=")
    ]
    found += [_node(f"({{}} {op} {{}})", "bool", "bool") for op in ("==", "!=")]
    lists = ("list<int>", "list<string>")
    return found + [_node(f"({{}} {op} {{}})", one, one) for one in lists for op in ("==", "!=")]


def _span(g: Generator) -> Text:
    amount, unit = g.random.randint(-400, 400), g.random.choice(["days", "hours"])
    hours = amount * 24 if unit == "days" else amount
    return Text(f"{unit}({amount})", f"duration('{hours}h')")


_TIMES = ["2026-11-01T06:00:00Z", "2026-11-22T13:00:00.5+01:00", "0001-01-01T00:00:00Z"]

_LEAVES: dict[str, list[Leaf]] = {
    "bool": [
        *_fixed("true", "false", "facts.box.flag", "!true"),
        _has("facts.box.maybe"),
        _has("facts.box.inner.deep"),
    ],
    "int": [
        Generator.int_literal,
        Generator.int_literal,
        *_fixed("facts.box.number", "facts.box.maybe", "params.limit", "facts.box.numbers[1]"),
    ],
    "double": _fixed("1.5", "-0.25", "1e3", "0.0", "facts.box.ratio"),
    "string": [
        Generator.string_literal,
        *_fixed("facts.box.word", "facts.box.labels.role", "r'\\d'", 'facts.box.labels["role"]'),
        *_fixed("facts.box.inner.deep", "facts.box.items[1].name", 'params.texts["zz"]'),
    ],
    "timestamp": [
        *_fixed("now", *(f'timestamp("{one}")' for one in _TIMES)),
        lambda _g: Text("facts.box.since", "timestamp(facts.box.since)"),
    ],
    "duration": [_span, *_fixed("(now - now)")],
    "list<int>": _fixed("[1, 2, 3]", "facts.box.numbers", "[-1, params.limit]"),
    "list<string>": _fixed(
        "facts.box.words", "params.allowed", '["a", "no"]', "facts.box.items[2].tags"
    ),
}

_NODES: dict[str, list[Node]] = {
    "bool": [
        *_comparisons(),
        *[_node("!{}", "bool")] * 2,
        *[_node("({} && {})", "bool", "bool"), _node("({} || {})", "bool", "bool")] * 4,
        *[_node("({} || {} && {})", "bool", "bool", "bool")] * 2,
        *[_node("({} in {})", "int", "list<int>"), _node("({} in {})", "string", "list<string>")]
        * 3,
        _node("({} in facts.box.labels)", "string"),
        *[_node(f"({{}}).{one}({{}})", "string", "string") for one in ("startsWith", "endsWith")],
        _node("({}).contains({})", "string", "string"),
        _node('({}).matches("^[a-zH]+|\\\\d$")', "string"),
        *[
            lambda g, depth, macro=macro: g.loop(macro, depth)
            for macro in ("all", "exists", "exists_one")
        ]
        * 4,
        _choice("bool"),
    ],
    "int": [
        *[_node(f"({{}} {op} {{}})", "int", "int") for op in "+-*/%"],
        _node("-({})", "int"),
        _node("size({})", "string"),
        _node("({}).size()", "list<string>"),
        _node("size({})", "list<int>"),
        _node("int({})", "double"),
        _node("int({})", "string"),
        _node("int({})", "timestamp"),
        _node("{}[0]", "list<int>"),
        _node("size({})", "list<int>"),
        _choice("int"),
    ],
    "double": [
        *[_node(f"({{}} {op} {{}})", "double", "double") for op in "+-*/"],
        _node("-({})", "double"),
        _choice("double"),
    ],
    "string": [
        _node("({} + {})", "string", "string"),
        _node("string({})", "int"),
        _node("string({})", "bool"),
        _node("string({})", "timestamp"),
        _node("({}).lowerAscii()", "string"),
        _node("{}[0]", "list<string>"),
        _choice("string"),
    ],
    "timestamp": [
        _node("({} + {})", "timestamp", "duration"),
        _node("({} - {})", "timestamp", "duration"),
        _node("({} + {})", "duration", "timestamp"),
        _choice("timestamp"),
    ],
    "duration": [
        _node("({} + {})", "duration", "duration"),
        _node("({} - {})", "duration", "duration"),
        _node("({} - {})", "timestamp", "timestamp"),
    ],
    "list<int>": [
        _node("({} + {})", "list<int>", "list<int>"),
        _node("[{}, {}]", "int", "int"),
        lambda g, depth: g.loop("map", depth, "int"),
        _node("({}).filter(k, k > 0)", "list<int>"),
        _choice("list<int>"),
    ],
    "list<string>": [
        _node("({} + {})", "list<string>", "list<string>"),
        _node('({}).split(",")', "string"),
        lambda g, depth: g.loop("map", depth, "string"),
        _node("({}).filter(k, k != 'a')", "list<string>"),
    ],
}
KINDS = tuple(_LEAVES)
