"""What the operators accept, give and compute. Pure tables; the checker and compiler read them.

Unlike CEL at run time, a comparison of different types is refused when the pack is checked.
"""

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from verbundwacht_collector.rules.errors import EvaluationError
from verbundwacht_collector.rules.language.types import (
    BOOL,
    DURATION,
    TIMESTAMP,
    Type,
    agree,
)
from verbundwacht_collector.rules.language.values import (
    divide,
    divide_double,
    duration,
    int64,
    remainder,
)

EQUALITY: Final = ("==", "!=")
ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED: Final = ("int", "double", "string", "timestamp", "duration", "any")
_EQUAL: Final = ("bool", *_ORDERED)


def result_type(op: str, left: Type, right: Type) -> Type | None:
    """The type of `left op right`, or None if the operator does not take these two."""
    if op in EQUALITY:
        return BOOL if agree(left, right) and _has_equality(left) else None
    if op in ORDER:
        return BOOL if agree(left, right) and left.kind in _ORDERED else None
    if op == "in":
        return BOOL if _can_contain(right, left) else None
    return _arithmetic(op, left, right)


def _has_equality(one: Type) -> bool:
    if one.kind == "list":
        # Timestamps inside a list of facts are still text; only a loop converts them.
        return one.item is None or (one.item.kind in _EQUAL and one.item.kind != "timestamp")
    return one.kind in _EQUAL


def _can_contain(container: Type, element: Type) -> bool:
    if container.kind == "map":
        return agree(element, Type("string"))
    if container.kind == "list" and element.kind in _EQUAL:
        item = container.item
        return item is None or (agree(item, element) and item.kind != "timestamp")
    return container.kind == "any"


def _arithmetic(op: str, left: Type, right: Type) -> Type | None:
    kinds = (left.kind, right.kind)
    if "any" in kinds:
        return left if right.kind == "any" else right
    # Never mixed: 1 + 1.5 has no overload in CEL either.
    if kinds in (("int", "int"), ("double", "double")):
        # Doubles have no remainder in CEL.
        return None if op == "%" and left.kind == "double" else Type(left.kind)
    if op == "+" and left.kind == "list" and agree(left, right):
        return left if left.item and left.item.kind != "any" else right
    if op == "+" and kinds == ("string", "string"):
        return Type("string")
    return {
        ("+", "timestamp", "duration"): TIMESTAMP,
        ("+", "duration", "timestamp"): TIMESTAMP,
        ("+", "duration", "duration"): DURATION,
        ("-", "timestamp", "timestamp"): DURATION,
        ("-", "timestamp", "duration"): TIMESTAMP,
        ("-", "duration", "duration"): DURATION,
    }.get((op, *kinds))


def arithmetic(op: str, kind: str) -> Callable[[Any, Any], Any]:
    """The function behind an arithmetic operator whose left side is of `kind`."""
    if kind == "int":
        return _INTS[op]
    if kind == "double":
        return _DOUBLES[op]
    return _TIMES[op]


_INTS: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda left, right: int64(left + right),
    "-": lambda left, right: int64(left - right),
    "*": lambda left, right: int64(left * right),
    "/": divide,
    "%": remainder,
}
_DOUBLES: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide_double,
}


def _time(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(left: Any, right: Any) -> datetime | timedelta:
        try:
            result: datetime | timedelta = compute(left, right)
        except OverflowError:
            raise EvaluationError("the time lies outside the years 1 to 9999") from None
        return duration(result) if isinstance(result, timedelta) else result

    return run


_TIMES: Final = {"+": _time(operator.add), "-": _time(operator.sub)}
