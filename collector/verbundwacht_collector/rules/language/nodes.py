"""The tree of an expression. Pure data; every node knows the offset its errors point to.

Nodes compare by identity, so that a node can be the key under which the checker keeps its
type and the compiler its closure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

Macro = OneOf["all", "exists", "exists_one", "filter", "map"]


@dataclass(frozen=True, eq=False)
class Node:
    """Base. pos: offset in the source, in characters."""

    pos: int


@dataclass(frozen=True, eq=False)
class Literal(Node):
    """A bool, int, float or str written in the expression."""

    value: bool | int | float | str


@dataclass(frozen=True, eq=False)
class Name(Node):
    """A root (`facts`, `params`, `now`) or a loop variable."""

    name: str


@dataclass(frozen=True, eq=False)
class Select(Node):
    """`base.field`; pos is that of the field name."""

    base: Node
    field: str


@dataclass(frozen=True, eq=False)
class Index(Node):
    """`base[key]`."""

    base: Node
    key: Node


@dataclass(frozen=True, eq=False)
class Has(Node):
    """`has(a.b.c)`: true if every part of the path is there."""

    path: Select


@dataclass(frozen=True, eq=False)
class Call(Node):
    """A function; a method's target is the first argument."""

    name: str
    args: tuple[Node, ...]
    method: bool


@dataclass(frozen=True, eq=False)
class ListOf(Node):
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class MapOf(Node):
    """`{"a": 1}`."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, eq=False)
class Not(Node):
    """`!operand`."""

    operand: Node


@dataclass(frozen=True, eq=False)
class Negate(Node):
    """`-operand`; a negative number is a Literal."""

    operand: Node


@dataclass(frozen=True, eq=False)
class Binary(Node):
    """Comparison, `in` or arithmetic; pos is that of the operator."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, eq=False)
class Logic(Node):
    """`a && b && c` or `a || b || c`, flat, so that a long list of conditions is not deep."""

    op: OneOf["&&", "||"]
    terms: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Choice(Node):
    """`test ? then : other`."""

    test: Node
    then: Node
    other: Node


@dataclass(frozen=True, eq=False)
class Loop(Node):
    """`source.macro(var, body)`; pos is that of the macro's name."""

    macro: Macro
    source: Node
    var: str
    var_pos: int
    body: Node


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order of the source."""
    match node:
        case Select(base=base):
            return (base,)
        case Index(base=base, key=key):
            return (base, key)
        case Has(path=path):
            return (path,)
        case Call(args=parts) | ListOf(items=parts) | Logic(terms=parts):
            return parts
        case MapOf(entries=entries):
            return tuple(part for entry in entries for part in entry)
        case Not(operand=operand) | Negate(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Choice(test=test, then=then, other=other):
            return (test, then, other)
        case Loop(source=source, body=body):
            return (source, body)
    return ()


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth (root: 1). Not recursive: the depth is not yet limited here."""
    stack = [(node, 1)]
    while stack:
        current, depth = stack.pop()
        yield current, depth
        # Reversed, so that nodes come in the order of the source.
        stack.extend((child, depth + 1) for child in reversed(children(current)))


def path_of(node: Node) -> str | None:
    """`facts.os.id` for a chain of names, fields and literal keys; None for anything else."""
    match node:
        case Name(name=name):
            return name
        case Select(base=base, field=field):
            parent = path_of(base)
            return None if parent is None else f"{parent}.{field}"
        # m["k"] and m.k are the same place, so a guard of one holds for the other.
        case Index(base=base, key=Literal(value=str(key))):
            parent = path_of(base)
            return None if parent is None else f"{parent}.{key}"
    return None
