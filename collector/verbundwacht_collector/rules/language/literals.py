"""Mistakes in what an author wrote out: patterns, dates, networks, impossible values. Pure.

They would show at run time at the latest; found here they have a place in the file, and no
host has to run into them first.
"""

from collections.abc import Iterator

from verbundwacht_collector.rules.errors import EvaluationError
from verbundwacht_collector.rules.language import nodes, values
from verbundwacht_collector.rules.language.nodes import Node
from verbundwacht_collector.rules.language.types import Type

Mistake = tuple[int, str]
"""Offset and message."""

# Which argument an error of the function is about, if it is not the first one.
_SECOND = ("matches", "split", "version_lt")


def written_arguments(call: nodes.Call) -> Iterator[Mistake]:
    """What is wrong with the literal arguments of a function."""
    try:
        _try_out(call.name, [_text(arg) for arg in call.args])
    except (EvaluationError, ValueError) as error:
        yield call.args[int(call.name in _SECOND)].pos, str(error)
    # The order of versions decides what an expression means; it must not hang on a fact.
    if call.name == "version_lt" and _text(call.args[0]) not in values.VERSION_SCHEMES:
        schemes = " or ".join(map(repr, values.VERSION_SCHEMES))
        yield call.args[0].pos, f"the scheme is written out: {schemes}"


def _try_out(name: str, texts: list[str | None]) -> None:
    match name, texts:
        case "matches", [_, str(pattern)]:
            values.regex(pattern)
        case "split", [_, str(separator)]:
            values.split("", separator)
        case "timestamp", [str(moment)]:
            values.timestamp(moment)
        case "cidr_contains", [str(network), _]:
            values.parse_network(network)
        case "version_lt", [str(scheme), *versions] if scheme in values.VERSION_SCHEMES:
            for version in filter(None, versions):
                values.version_lt(scheme, version, version)


def impossible_values(node: nodes.Binary, left: Type, right: Type) -> Iterator[Mistake]:
    """Comparisons with a value that the field never has: true or false for good."""
    # `kind + " 15"` makes a new text and compares nothing.
    if node.op not in ("==", "!=", "in"):
        return
    for allowed, other in ((left.values, node.right), (right.values, node.left)):
        parts = other.items if isinstance(other, nodes.ListOf) else (other,)
        for part in parts if allowed else ():
            value = _text(part)
            if value is not None and value not in allowed:
                known = ", ".join(allowed)
                yield part.pos, f"{value!r} is never the value; it is one of {known}"


def _text(node: Node) -> str | None:
    value = node.value if isinstance(node, nodes.Literal) else None
    return value if isinstance(value, str) else None
