"""The five macros as closures. Pure.

Every round takes the steps of its body off the budget before the body runs, so a loop inside
a loop stops in bounded time wherever it is.
"""

from collections.abc import Callable
from typing import Any, Final

from verbundwacht_collector.rules.errors import BudgetExceeded
from verbundwacht_collector.rules.language.frame import Code, Frame
from verbundwacht_collector.rules.language.limits import STEPS


def _all(source: Code, body: Code, slot: int, steps: int) -> Code:
    def run(frame: Frame) -> bool:
        for item in source(frame):
            # Not by a method call: this line runs for every package of every host.
            frame.left -= steps
            if frame.left < 0:
                raise BudgetExceeded(STEPS)
            frame.slots[slot] = item
            if not body(frame):
                return False
        return True

    return run


def _exists(source: Code, body: Code, slot: int, steps: int) -> Code:
    def run(frame: Frame) -> bool:
        for item in source(frame):
            frame.left -= steps
            if frame.left < 0:
                raise BudgetExceeded(STEPS)
            frame.slots[slot] = item
            if body(frame):
                return True
        return False

    return run


def _exists_one(source: Code, body: Code, slot: int, steps: int) -> Code:
    def run(frame: Frame) -> bool:
        found = 0
        for item in source(frame):
            frame.left -= steps
            if frame.left < 0:
                raise BudgetExceeded(STEPS)
            frame.slots[slot] = item
            found += bool(body(frame))
        return found == 1

    return run


def _filter(source: Code, body: Code, slot: int, steps: int) -> Code:
    def run(frame: Frame) -> list[Any]:
        kept = []
        for item in source(frame):
            frame.left -= steps
            if frame.left < 0:
                raise BudgetExceeded(STEPS)
            frame.slots[slot] = item
            if body(frame):
                kept.append(item)
        return kept

    return run


def _map(source: Code, body: Code, slot: int, steps: int) -> Code:
    def run(frame: Frame) -> list[Any]:
        made = []
        for item in source(frame):
            frame.left -= steps
            if frame.left < 0:
                raise BudgetExceeded(STEPS)
            frame.slots[slot] = item
            made.append(body(frame))
        return made

    return run


LOOPS: Final[dict[str, Callable[[Code, Code, int, int], Code]]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}
