"""The functions of the language: argument types, result, what they compute and cost. One table.

A new function needs two real rules that want it, and an oracle or reference test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from verbundwacht_collector.rules.language import values
from verbundwacht_collector.rules.language.types import (
    BOOL,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    Kind,
    Type,
    list_of,
)


@dataclass(frozen=True)
class Overload:
    """One list of argument kinds with its result. chars_per_step: 0 if length costs nothing."""

    args: tuple[Kind, ...]
    result: Type
    compute: Callable[..., Any]
    steps: int = 1
    chars_per_step: int = 0


@dataclass(frozen=True)
class Function:
    """A function of the language. style: how it may be written."""

    style: str  # "f(x)", "x.f()" or both, separated by " or "
    overloads: tuple[Overload, ...]

    @property
    def as_method(self) -> bool:
        """Whether `x.f()` is allowed."""
        return self.style.endswith("x.f()")

    @property
    def as_function(self) -> bool:
        """Whether `f(x)` is allowed."""
        return self.style.startswith("f(x)")


def _same(value: Any) -> Any:
    return value


def _days(amount: int) -> timedelta:
    return values.span(amount, timedelta(days=1))


def _hours(amount: int) -> timedelta:
    return values.span(amount, timedelta(hours=1))


_TEXTS: Final[tuple[Kind, ...]] = ("string", "string")

FUNCTIONS: Final[dict[str, Function]] = {
    "size": Function(
        "f(x) or x.f()",
        tuple(Overload((kind,), INT, len) for kind in ("string", "list", "map")),
    ),
    "startsWith": Function("x.f()", (Overload(_TEXTS, BOOL, str.startswith, 1, 32),)),
    "endsWith": Function("x.f()", (Overload(_TEXTS, BOOL, str.endswith, 1, 32),)),
    "contains": Function("x.f()", (Overload(_TEXTS, BOOL, str.__contains__, 1, 8),)),
    "lowerAscii": Function("x.f()", (Overload(("string",), STRING, values.lower_ascii, 1, 1),)),
    "split": Function("x.f()", (Overload(_TEXTS, list_of(STRING), values.split, 1, 1),)),
    "matches": Function("f(x) or x.f()", (Overload(_TEXTS, BOOL, values.matches, 10, 4),)),
    "timestamp": Function(
        "f(x)",
        (
            Overload(("string",), TIMESTAMP, values.timestamp, 5),
            Overload(("timestamp",), TIMESTAMP, _same),
        ),
    ),
    "days": Function("f(x)", (Overload(("int",), DURATION, _days),)),
    "hours": Function("f(x)", (Overload(("int",), DURATION, _hours),)),
    "int": Function(
        "f(x)",
        (
            Overload(("string",), INT, values.integer, 2),
            Overload(("double",), INT, values.integer),
            Overload(("timestamp",), INT, values.integer, 2),
            Overload(("int",), INT, _same),
        ),
    ),
    "string": Function(
        "f(x)",
        tuple(
            Overload((kind,), STRING, values.text, 5)
            for kind in ("string", "int", "bool", "timestamp")
        ),
    ),
    "version_lt": Function(
        "f(x)", (Overload(("string", "string", "string"), BOOL, values.version_lt, 50),)
    ),
    "cidr_contains": Function("f(x)", (Overload(_TEXTS, BOOL, values.cidr_contains, 20),)),
}
