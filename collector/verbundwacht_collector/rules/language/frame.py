"""What a running rule works on: the frame, and how values of a host enter the language. Pure.

Facts are read as they came, and every read checks the Python type: a section that does not
keep to the schema gives an error and never a lucky verdict.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from verbundwacht_collector.rules.errors import BudgetExceeded, EvaluationError, MissingValue
from verbundwacht_collector.rules.language import limits
from verbundwacht_collector.rules.language.values import int64, timestamp


class Frame:
    """What one rule sees on one host, and how many steps it has left.

    spare: the steps for explanations, apart, so that a verdict never depends on them.
    """

    __slots__ = ("facts", "left", "now", "params", "slots", "spare")

    def __init__(
        self, facts: Mapping[str, Any], params: Mapping[str, Any], now: datetime, slots: int
    ) -> None:
        self.facts, self.params, self.now = facts, params, now
        # By number and not by name: a lookup in a list is the cheapest that Python has.
        self.slots: list[Any] = [None] * slots
        self.left = self.spare = limits.STEPS

    def charge(self, steps: int) -> None:
        """Takes steps off the budget. Raises BudgetExceeded when none are left."""
        self.left -= steps
        if self.left < 0:
            raise BudgetExceeded(limits.STEPS)


Code = Callable[[Frame], Any]
"""The closure of a node."""

CLASSES: Final[Mapping[str, type]] = {
    "bool": bool,
    "int": int,
    "double": float,
    "string": str,
    "list": list,
    "map": dict,
    "object": dict,
}


def adopt(value: Any, kind: str, path: str, offset: int) -> Any:
    """A value of facts or parameters as the language has it. The slow path of every read.

    Raises MissingValue for null, EvaluationError if the value is not of the kind.
    """
    if value is None:
        raise MissingValue(path, offset)
    if kind == "timestamp":
        if isinstance(value, datetime):
            return value
        if isinstance(value, str):
            return timestamp(value)
    # JSON has one kind of number: 1.0 may arrive as 1.
    if kind == "double" and type(value) is int:
        return float(value)
    # `isinstance` would let true through as the number 1.
    if kind in ("any", "duration") or value.__class__ is CLASSES.get(kind):
        return int64(value) if kind == "int" else value
    raise EvaluationError(f"{path} is not of type {kind}", offset)


class Slow(NamedTuple):
    """What a read does when the value is not simply there. required: by the vocabulary."""

    kind: str
    path: str
    offset: int
    required: bool

    def adopt(self, value: Any) -> Any:
        """The value as the language has it."""
        return adopt(value, self.kind, self.path, self.offset)

    def not_there(self) -> EvaluationError:
        """The error for a field that is not there, by whether it may be left out."""
        if self.required:
            message = f"{self.path} is missing although the vocabulary requires it"
            return EvaluationError(message, self.offset)
        return MissingValue(self.path, self.offset)

    def no_object(self) -> EvaluationError:
        """The error for a value that should have had fields."""
        owner = self.path.rpartition(".")[0]
        return EvaluationError(f"{owner} is not an object with fields", self.offset)
