"""Says which values decided, by walking the tree that was evaluated. Pure.

Of a conjunction only the term that failed is named, of a loop only the elements that failed:
the SOC shall read what to look at and not the whole section. The walk runs the closures again
on a budget of its own, so an explanation can be short of words but never hang.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from verbundwacht_collector.rules.errors import EvaluationError, MissingValue
from verbundwacht_collector.rules.language import nodes
from verbundwacht_collector.rules.language.compile import Expression, Frame
from verbundwacht_collector.rules.language.nodes import Node, path_of
from verbundwacht_collector.rules.language.types import Type
from verbundwacht_collector.rules.model import Reading
from verbundwacht_collector.rules.values_text import MAX_ITEMS, shown

MAX_READINGS: Final = 12
_IDENTITY: Final = ("name", "path", "id")


def passing(
    expression: Expression, frame: Frame, origin: tuple[str, str] | None = None
) -> tuple[Reading, ...]:
    """What a passing condition read, outside loops. origin: variable and path of the element."""
    found: dict[str, str] = {}
    for path, code in expression.reads:
        try:
            found[path] = shown(code(frame))
        except MissingValue:
            found[path] = "missing"
        except EvaluationError:
            continue
    if origin is None:
        return tuple(Reading(path, value) for path, value in found.items())
    variable, place = origin
    own = [
        f"{path.removeprefix(variable + '.')}={value}"
        for path, value in found.items()
        if path.startswith(f"{variable}.")
    ]
    rest = [
        Reading(path, value) for path, value in found.items() if path.partition(".")[0] != variable
    ]
    element = found[variable] if variable in found else " ".join(own)
    return (Reading(place, element), *rest) if element else tuple(rest)


def failing(
    expression: Expression, frame: Frame, origin: tuple[str, str] | None = None
) -> tuple[Reading, ...]:
    """The values that made a condition false. origin: variable and path of the element."""
    walk = _Walk(expression, frame)
    if origin is None:
        found = walk.collect(walk.why(expression.root, False))
    else:
        variable, place = origin
        walk.places[variable] = place
        inner = walk.collect(walk.why(expression.root, False))
        kind = next(
            (
                expression.checked.types[node]
                for node in expression.checked.slots
                if isinstance(node, nodes.Name) and node.name == variable
            ),
            None,
        )
        found = list(_joined(place, frame.slots[0], kind, inner))
    return tuple(dict.fromkeys(found))[:MAX_READINGS]


def origin_of(each: Expression, frame: Frame, element: Any, index: int) -> str:
    """Where an element of `each` lies in the facts, also if the list was filtered."""
    walk = _Walk(each, frame)
    try:
        for place, value in walk.elements(each.root):
            if value is element:
                return place
    except EvaluationError:
        pass
    return f"{path_of(each.root) or 'element'}[{index}]"


class _Walk:
    def __init__(self, expression: Expression, frame: Frame) -> None:
        self.code = expression.code
        self.checked = expression.checked
        self.frame = Frame(frame.facts, frame.params, frame.now, len(frame.slots))
        self.frame.slots[:] = frame.slots
        self.places: dict[str, str] = {}

    def collect(self, readings: Iterator[Reading]) -> list[Reading]:
        """The readings until the budget or a broken value ends the walk."""
        found: list[Reading] = []
        try:
            found.extend(readings)
        except EvaluationError:
            pass
        return found

    def run(self, node: Node) -> Any:
        self.frame.charge(1)
        return self.code[node](self.frame)

    def why(self, node: Node, outcome: bool) -> Iterator[Reading]:
        """What made a condition come out as it did."""
        match node:
            case nodes.Not(operand=operand):
                yield from self.why(operand, not outcome)
            case nodes.Logic(op=op, terms=terms):
                yield from self._logic(terms, outcome, needs_all=outcome is (op == "&&"))
            case nodes.Choice(test=test, then=then, other=other):
                met = self.run(test)
                yield from self.why(then if met else other, outcome)
                yield from self.why(test, met)
            case nodes.Loop(macro="all" | "exists" | "exists_one"):
                yield from self._loop(node, outcome)
            case _:
                yield from self.reads(node)

    def _logic(
        self, terms: tuple[Node, ...], outcome: bool, *, needs_all: bool
    ) -> Iterator[Reading]:
        for term in terms:
            if needs_all:
                yield from self.why(term, outcome)
            elif bool(self.run(term)) is outcome:
                yield from self.why(term, outcome)
                return

    def _loop(self, node: nodes.Loop, outcome: bool) -> Iterator[Reading]:
        wanted = node.macro != "all"
        if outcome is not wanted and node.macro != "exists_one":
            yield from self.reads(node.source)
            return
        yield from self._matching(node, wanted)

    def _matching(self, node: nodes.Loop, wanted: bool) -> Iterator[Reading]:
        """The elements for which the body is `wanted`, the first five, with what it read."""
        more: list[Reading] = []
        count = 0
        for place, value in self._each(node):
            if bool(self.run(node.body)) is not wanted:
                continue
            count += 1
            if count > MAX_ITEMS:
                continue
            inner = list(self.why(node.body, wanted))
            element, *rest = _joined(place, value, self.checked.types[node.source].item, inner)
            yield element
            more += rest
        if count > MAX_ITEMS:
            yield Reading(self.place(node.source), f"{count - MAX_ITEMS} more")
        if not count:
            yield from self.reads(node.source)
        yield from more

    def _each(self, node: nodes.Loop) -> Iterator[tuple[str, Any]]:
        """Sets the variable to one element after the other."""
        slot = self.checked.slots[node]
        for place, value in self.elements(node.source):
            self.frame.slots[slot] = value
            self.places[node.var] = place
            yield place, value

    def elements(self, node: Node) -> Iterator[tuple[str, Any]]:
        """The elements of a list with their places in the facts, through filter and map."""
        if isinstance(node, nodes.Loop) and node.macro in ("filter", "map"):
            for place, value in list(self._each(node)):
                self.frame.slots[self.checked.slots[node]] = value
                self.places[node.var] = place
                result = self.run(node.body)
                if node.macro == "map":
                    yield place, result
                elif result:
                    yield place, value
            return
        place = self.place(node)
        for index, value in enumerate(self.run(node)):
            yield f"{place}[{index}]", value

    def place(self, node: Node) -> str:
        """Where a value lies; a loop variable stands for the place of its element."""
        while isinstance(node, nodes.Loop):
            node = node.source
        path = path_of(node)
        if path is None:
            return "(computed)"
        root, dot, rest = path.partition(".")
        return f"{self.places.get(root, root)}{dot}{rest}"

    def reads(self, node: Node) -> Iterator[Reading]:
        """Every value that a part of the expression reads."""
        if isinstance(node, nodes.Loop):
            if node.macro in ("filter", "map"):
                yield from self._matching_list(node)
            else:
                yield from self._loop(node, self.run(node))
        elif isinstance(node, nodes.Has):
            yield self._value(node.path)
        elif path_of(node) is not None:
            yield self._value(node)
        else:
            for child in nodes.children(node):
                yield from self.reads(child)

    def _matching_list(self, node: nodes.Loop) -> Iterator[Reading]:
        if node.macro == "filter":
            yield from self._matching(node, True)
        else:
            yield from self.reads(node.source)

    def _value(self, node: Node) -> Reading:
        try:
            value = self.code[node](self.frame) if node in self.code else self._asked(node)
        except MissingValue:
            return Reading(self.place(node), "missing")
        return Reading(self.place(node), shown(value))

    def _asked(self, node: Node) -> Any:
        """The value of a path inside has(), which has no closure of its own."""
        if not isinstance(node, nodes.Select):
            roots: dict[str, Any] = {"facts": self.frame.facts, "params": self.frame.params}
            slot = self.checked.slots.get(node)
            name = node.name if isinstance(node, nodes.Name) else ""
            return roots.get(name) if slot is None else self.frame.slots[slot]
        base = self._asked(node.base)
        value = base.get(node.field) if isinstance(base, dict) else None
        if value is None:
            raise MissingValue(path_of(node) or node.field)
        return value


def _joined(
    place: str, value: Any, kind: Type | None, inner: Iterable[Reading]
) -> Iterator[Reading]:
    """One reading for the element with its own fields, then the readings from elsewhere."""
    rest: list[Reading] = []
    own: dict[str, str] = {}
    if isinstance(value, dict):
        names = _identity(value, kind)
        own = {name: shown(value[name]) for name in names}
    for reading in inner:
        name = reading.path.removeprefix(f"{place}.")
        if name != reading.path and "[" not in name:
            own.setdefault(name, reading.value)
        elif reading.path != place:
            rest.append(reading)
    text = " ".join(f"{name}={text}" for name, text in own.items())
    yield Reading(place, text or shown(value))
    yield from rest


def _identity(value: dict[str, Any], kind: Type | None) -> tuple[str, ...]:
    """The fields by which a person knows an element."""
    for name in _IDENTITY:
        if name in value:
            return (name,)
    known = kind.fields if kind else {}
    plain = [name for name, one in known.items() if not one.optional and one.type.kind != "list"]
    return tuple(name for name in plain if name in value)[:3]
