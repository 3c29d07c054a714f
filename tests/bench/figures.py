"""What a benchmark says: figures, each beside its budget and, where there is one, a baseline.

Absolute numbers depend on the machine; a ratio against a baseline of the same run travels better,
so every figure that has a peer or a limit carries one.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec


class Budget(NamedTuple):
    """What section 10 of the architecture allows."""

    limit: float
    at_least: bool = False  # True where more is better

    def holds(self, value: float) -> bool:
        """The value is within the budget."""
        return value >= self.limit if self.at_least else value <= self.limit


class Ratio(NamedTuple):
    """How many times the baseline of the same run."""

    times: float
    baseline: str


class Figure(NamedTuple):
    """One number. note: what was measured, where the name does not say it."""

    name: str
    value: float
    unit: str
    budget: Budget | None = None
    ratio: Ratio | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the budget holds; "" without one."""
        if self.budget is None:
            return ""
        return "holds" if self.budget.holds(self.value) else "MISSED"


def median(values: Iterable[float]) -> float:
    """The middle value."""
    return percentile(values, 50)


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many per cent do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def shown(value: float) -> str:
    """Three significant digits, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """The figures for people, one line each."""
    head = ("figure", "value", "unit", "budget", "", "ratio", "note")
    rows = [head, *(_cells(one) for one in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    return "\n".join(
        "  ".join((*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1])).rstrip()
        for row in rows
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    budget, ratio = "", ""
    if figure.budget is not None:
        budget = ("≥ " if figure.budget.at_least else "≤ ") + shown(figure.budget.limit)
    if figure.ratio is not None:
        ratio = f"{shown(figure.ratio.times)} × {figure.ratio.baseline}"
    value = shown(figure.value)
    return figure.name, value, figure.unit, budget, figure.verdict, ratio, figure.note


def as_json(figures: Sequence[Figure]) -> bytes:
    """The figures for programs: a list of objects, `verdict` included."""
    rows = [
        {
            "name": one.name,
            "value": one.value,
            "unit": one.unit,
            "budget": None if one.budget is None else one.budget._asdict(),
            "verdict": one.verdict or None,
            "ratio": None if one.ratio is None else one.ratio._asdict(),
            "note": one.note,
        }
        for one in figures
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=1)
