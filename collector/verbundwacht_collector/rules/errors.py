"""What can go wrong with rules.

RuleError
├── PackError            a pack that cannot be used; carries every problem, not only the first
├── ExpressionError      an expression that does not parse; carries the offset in its text
└── EvaluationError      an expression that cannot be decided on these facts
    ├── MissingValue     an optional field is not there; the rule's `on_missing` decides
    └── BudgetExceeded   the rule used up its steps
"""

from typing import Literal

from msgspec import Struct


class Problem(Struct, frozen=True, order=True):
    """One thing wrong with a pack. Line and column start at 1."""

    file: str
    line: int
    column: int
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}"


class RuleError(Exception):
    """Base of all; the message says what happened and what to do next."""


class PackError(RuleError):
    """A rule pack cannot be used. problems: all of them, each with file, line and column."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ExpressionError(RuleError):
    """The text is not an expression of the profile. offset: 0-based, in characters."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class EvaluationError(RuleError):
    """An expression cannot be decided; the outcome is `error`, never `pass`."""

    # Functions do not know where they are written; the closure around them fills the offset in.
    def __init__(self, message: str, offset: int = -1) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class MissingValue(EvaluationError):  # noqa: N818 - the name of the state, not of a fault
    """An optional field is not in the section. path: as written in the rule."""

    # The path is the author's text, not the element's place: evaluation must stay cheap,
    # and only an explanation needs to know which element it was.
    def __init__(self, path: str, offset: int = -1) -> None:
        super().__init__(f"{path} is missing", offset)
        self.path = path


class BudgetExceeded(EvaluationError):  # noqa: N818 - the name of the state, not of a fault
    """The rule used more steps than one rule may use on one host."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the rule needs more than {limit} steps; look for a loop inside a loop")
