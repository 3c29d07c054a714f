"""The closures behind operators and functions. Pure; each can do only what its node says."""

from collections.abc import Callable
from typing import Any

from verbundwacht_collector.rules.errors import EvaluationError
from verbundwacht_collector.rules.language.frame import CLASSES, Code, Frame, Slow
from verbundwacht_collector.rules.language.functions import Overload
from verbundwacht_collector.rules.language.types import Type


def guarded(run: Code, offset: int) -> Code:
    """The same closure, with a position on the errors of plain functions."""

    def positioned(frame: Frame) -> Any:
        try:
            return run(frame)
        except EvaluationError as error:
            # The innermost call sets the place; outer ones only pass it on.
            if error.offset < 0:
                error.offset = offset
            raise

    return positioned


def logic(op: str, terms: list[Code]) -> Code:
    """`&&` and `||`: from left to right, and no further than needed."""
    stop = op == "||"

    def run(frame: Frame) -> Any:
        for term in terms:
            if term(frame) is stop:
                return stop
        return not stop

    return run


def choice(test: Code, then: Code, other: Code) -> Code:
    """`test ? then : other`."""
    return lambda frame: then(frame) if test(frame) else other(frame)


def call(overload: Overload, parts: list[Code], offset: int) -> Code:
    """A function; long texts cost more steps than short ones."""
    compute, steps, share = overload.compute, overload.steps, overload.chars_per_step

    def run(frame: Frame) -> Any:
        args = [part(frame) for part in parts]
        # The first argument is the text that comes from the host; the second is short.
        frame.charge(steps + (len(args[0]) // share if share else 0))
        return compute(*args)

    return guarded(run, offset)


def equality(left: Code, right: Code, *, same: bool, lists: bool) -> Code:
    """`==` and `!=`."""
    if lists:
        return _equal_lists(left, right, same)
    if same:
        return lambda frame: bool(left(frame) == right(frame))
    return lambda frame: bool(left(frame) != right(frame))


def _equal_lists(left: Code, right: Code, same: bool) -> Code:
    def run(frame: Frame) -> bool:
        one, other = left(frame), right(frame)
        frame.charge(min(len(one), len(other)))
        return bool(one == other) is same

    return run


def among(left: Code, values: frozenset[Any]) -> Code:
    """`in` for a list that is written out."""
    return lambda frame: left(frame) in values


def has_key(left: Code, right: Code) -> Code:
    """`in` for the keys of a map."""
    return lambda frame: left(frame) in right(frame)


def contains(left: Code, right: Code, item: Type | None, offset: int) -> Code:
    """`in` for a list. item: the type to check, if the list comes from a host."""
    expected = CLASSES.get(item.kind) if item else None

    def run(frame: Frame) -> bool:
        element, items = left(frame), right(frame)
        frame.charge(len(items) // 4)
        if element in items:
            return True
        # `!(x in list)` must not come true because the list holds something else than it should.
        if expected is not None and any(one.__class__ is not expected for one in items):
            raise EvaluationError(f"the list holds something else than {item}", offset)
        return False

    return run


def field(base: Code, name: str, expected: type | None, slow: Slow) -> Code:
    """`base.name`. expected: the class for which nothing else needs to be looked at."""

    def read(frame: Frame) -> Any:
        try:
            value = base(frame)[name]
        except KeyError:
            raise slow.not_there() from None
        return value if value.__class__ is expected else slow.adopt(value)

    return read


def field_of_variable(slot: int, name: str, expected: type | None, slow: Slow) -> Code:
    """The same for a loop variable; most reads inside loops are of this kind."""

    def read(frame: Frame) -> Any:
        item = frame.slots[slot]
        # A host may send a list or a text where the schema has an object.
        if item.__class__ is not dict:
            raise slow.no_object()
        try:
            value = item[name]
        except KeyError:
            raise slow.not_there() from None
        return value if value.__class__ is expected else slow.adopt(value)

    return read


def join(left: Code, right: Code) -> Code:
    """`+` of strings and of lists; what is built counts in steps."""

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        # Before it is built: memory is the scarcer good.
        frame.charge(len(one) + len(other))
        return one + other

    return run


def arithmetic(left: Code, right: Code, compute: Callable[[Any, Any], Any], offset: int) -> Code:
    """An operator on numbers and times."""

    def run(frame: Frame) -> Any:
        return compute(left(frame), right(frame))

    return guarded(run, offset)
