"""What the check of an expression starts from and what it finds out. Pure data."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from verbundwacht_collector.rules.language.nodes import Node
from verbundwacht_collector.rules.language.types import ANY, Type

ROOTS: Final = ("facts", "params", "now")
Paths = frozenset[str]
NONE: Final[Paths] = frozenset()


class Remark(NamedTuple):
    """One thing to say about an expression. review: it runs, but an author should not ship it."""

    offset: int
    message: str
    severity: Literal["error", "warning"] = "error"
    review: bool = False


class Unguarded(NamedTuple):
    """A read of a field that may be missing."""

    offset: int
    path: str


class Variable(NamedTuple):
    """A loop variable: its type, and where its value lies while the rule runs."""

    type: Type
    slot: int


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to."""

    facts: Type
    params: Type
    variables: Mapping[str, Variable] = field(default_factory=dict)
    guards: Paths = NONE
    facts_loops: int = 0


@dataclass
class Checked:
    """An expression with everything that is known before it runs."""

    source: str
    root: Node
    type: Type = ANY
    types: dict[Node, Type] = field(default_factory=dict)
    slots: dict[Node, int] = field(default_factory=dict)
    sections: set[str] = field(default_factory=set)
    params: set[str] = field(default_factory=set)
    reads_now: bool = False
    unguarded: list[Unguarded] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    guards_if_true: Paths = NONE
    slot_count: int = 0


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` if a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
