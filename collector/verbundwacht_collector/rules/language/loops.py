"""The five macros as closures. Pure.

Every round takes the steps of its body off the budget before the body runs, so a loop inside
a loop stops in bounded time wherever it is.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol


class _Frame(Protocol):
    slots: list[Any]

    def charge(self, steps: int) -> None: ...


_Run = Callable[[Any], Any]


def _all(source: _Run, body: _Run, slot: int, steps: int) -> _Run:
    def run(frame: _Frame) -> bool:
        for item in source(frame):
            frame.charge(steps)
            frame.slots[slot] = item
            if not body(frame):
                return False
        return True

    return run


def _exists(source: _Run, body: _Run, slot: int, steps: int) -> _Run:
    def run(frame: _Frame) -> bool:
        for item in source(frame):
            frame.charge(steps)
            frame.slots[slot] = item
            if body(frame):
                return True
        return False

    return run


def _exists_one(source: _Run, body: _Run, slot: int, steps: int) -> _Run:
    def run(frame: _Frame) -> bool:
        found = 0
        for item in source(frame):
            frame.charge(steps)
            frame.slots[slot] = item
            found += bool(body(frame))
        return found == 1

    return run


def _filter(source: _Run, body: _Run, slot: int, steps: int) -> _Run:
    def run(frame: _Frame) -> list[Any]:
        kept = []
        for item in source(frame):
            frame.charge(steps)
            frame.slots[slot] = item
            if body(frame):
                kept.append(item)
        return kept

    return run


def _map(source: _Run, body: _Run, slot: int, steps: int) -> _Run:
    def run(frame: _Frame) -> list[Any]:
        made = []
        for item in source(frame):
            frame.charge(steps)
            frame.slots[slot] = item
            made.append(body(frame))
        return made

    return run


LOOPS: Final[dict[str, Callable[[_Run, _Run, int, int], _Run]]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}
