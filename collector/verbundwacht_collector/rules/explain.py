"""Says which values decided, by walking the tree that was evaluated. Pure.

Of a conjunction only the term that failed is named, of a loop only the elements that failed:
the SOC shall read what to look at and not the whole section. The walk runs the closures again
on a budget of its own, so an explanation can be short of words but never hang.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from verbundwacht_collector.rules.errors import EvaluationError, MissingValue
from verbundwacht_collector.rules.language import nodes
from verbundwacht_collector.rules.language.compile import Expression
from verbundwacht_collector.rules.language.frame import Frame
from verbundwacht_collector.rules.language.nodes import path_of, walk
from verbundwacht_collector.rules.model import Reading
from verbundwacht_collector.rules.shown import shown
from verbundwacht_collector.rules.trace import Trace, joined

MAX_READINGS: Final = 12

Element = tuple[str, str]
"""The variable of `each` and the place of its present value, `("p", "facts.x.y[3]")`."""


def passing(
    expression: Expression, frame: Frame, element: Element | None = None
) -> tuple[Reading, ...]:
    """What a passing condition read, outside loops."""
    found = []
    for path, code in expression.reads:
        # A term behind a short circuit may not be readable; then it did not decide either.
        with suppress(EvaluationError):
            found.append(Reading(path, _now(code, frame)))
    return tuple(found) if element is None else _with_element(found, element)


def _now(code: Any, frame: Frame) -> str:
    try:
        return shown(code(frame))
    except MissingValue:
        return "missing"


def _with_element(readings: list[Reading], element: Element) -> tuple[Reading, ...]:
    """The same readings, those of the element's fields as one."""
    variable, place = element
    rest, own = [], []
    for reading in readings:
        root, _, name = reading.path.partition(".")
        if root != variable:
            rest.append(reading)
        else:
            own.append(f"{name}={reading.value}" if name else reading.value)
    return (Reading(place, " ".join(own)), *rest) if own else tuple(rest)


def failing(
    expression: Expression, frame: Frame, element: Element | None = None
) -> tuple[Reading, ...]:
    """The values that made a condition false."""
    trace = Trace(expression, frame)
    if element is not None:
        trace.places[element[0]] = element[1]
    found: list[Reading] = []
    with suppress(EvaluationError):
        # extend() keeps what came before an error: half an explanation is better than none.
        found.extend(trace.why(expression.root, False))
    if element is not None:
        found = list(joined(element[1], frame.slots[0], _element_type(expression, element), found))
    # Handed back, so that a thousand failing subjects share what one may use.
    frame.spare = trace.frame.left
    return tuple(dict.fromkeys(found))[:MAX_READINGS]


def _element_type(expression: Expression, element: Element) -> Any:
    types = expression.checked.types
    named = (node for node in types if isinstance(node, nodes.Name) and node.name == element[0])
    return next((types[node] for node in named), None)


def missing(
    expression: Expression, frame: Frame, error: MissingValue, element: Element | None = None
) -> tuple[Reading, ...]:
    """Which field of which element was not there."""
    root, _, name = error.path.partition(".")
    if element is not None and root == element[0]:
        kind = _element_type(expression, element)
        absent = Reading(f"{element[1]}.{name}", "missing")
        return tuple(joined(element[1], frame.slots[0], kind, [absent]))
    trace = Trace(expression, frame)
    if element is not None:
        trace.places[element[0]] = element[1]
    for node, _ in walk(expression.root):
        # Two loops may use one variable name; the offset of the read tells them apart.
        inside = isinstance(node, nodes.Loop) and any(n.pos == error.offset for n, _ in walk(node))
        if inside and isinstance(node, nodes.Loop):
            value = frame.slots[trace.checked.slots[node]]
            place = _place_of(trace, node, value)
            trace.places[node.var] = place
            if node.var == root:
                kind = trace.checked.types[node.source].item
                return tuple(joined(place, value, kind, [Reading(f"{place}.{name}", "missing")]))
    return (Reading(error.path, "missing"),)


def _place_of(trace: Trace, loop: nodes.Loop, value: Any) -> str:
    with suppress(EvaluationError):
        for place, one in trace.elements(loop.source):
            # By identity: two packages may be equal, and only one of them was in the variable.
            if one is value:
                return place
    return loop.var


def places(each: Expression, frame: Frame, elements: Sequence[Any]) -> list[str]:
    """Where the elements of `each` lie in the facts, also if the list was filtered."""
    path = path_of(each.root)
    if path is None:
        found: list[str] = []
        trace = Trace(each, frame)
        with suppress(EvaluationError):
            found = [place for place, _ in trace.elements(each.root)]
        frame.spare = trace.frame.left
        # If the walk ended early, places and elements would no longer belong together.
        if len(found) == len(elements):
            return found
    return [f"{path or 'element'}[{index}]" for index in range(len(elements))]
