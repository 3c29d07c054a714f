"""Walks an expression that was evaluated and yields the values that decided. Pure.

It keeps, for every loop variable, the place of its present element, so that a reading says
`facts.accounts.privileged[2]` and not `g`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from verbundwacht_collector.rules.errors import MissingValue
from verbundwacht_collector.rules.language import nodes
from verbundwacht_collector.rules.language.compile import Expression
from verbundwacht_collector.rules.language.frame import Frame
from verbundwacht_collector.rules.language.nodes import Node, path_of
from verbundwacht_collector.rules.language.types import Type
from verbundwacht_collector.rules.model import Reading
from verbundwacht_collector.rules.shown import MAX_ITEMS, shown

_IDENTITY: Final = ("name", "path", "id")
_FIELDS: Final = 3
"""Fields that name an element which has no name of its own, such as a socket."""


class Trace:
    """One walk. The generators raise EvaluationError where a value cannot be had."""

    def __init__(self, expression: Expression, frame: Frame) -> None:
        self.code = expression.code
        self.checked = expression.checked
        # A frame of its own: the walk sets variables and must not disturb the evaluation.
        self.frame = Frame(frame.facts, frame.params, frame.now, len(frame.slots))
        self.frame.slots[:] = frame.slots
        self.frame.left = frame.spare
        self.places: dict[str, str] = {}

    def run(self, node: Node) -> Any:
        """The value of a part of the expression, with the variables as they are now."""
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
                met = bool(self.run(test))
                # The branch first: it says what is wrong, the test only why this branch counted.
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
            # One term was enough for the outcome; the first one is what the evaluation stopped at.
            elif bool(self.run(term)) is outcome:
                yield from self.why(term, outcome)
                return

    def _loop(self, node: nodes.Loop, outcome: bool) -> Iterator[Reading]:
        wanted = node.macro != "all"
        # `all` fails by elements that do not match, `exists` is true by elements that do.
        # `exists_one` can fail by too many; then they are named, too.
        if outcome is wanted or node.macro == "exists_one":
            yield from self._matching(node, wanted)
        elif node.macro == "exists" and self._few_objects(node.source):
            # None of a few was good enough: why not says more than how many there are.
            yield from self._matching(node, False)
        else:
            yield from self.reads(node.source)

    def _few_objects(self, source: Node) -> bool:
        """True for a list that would only be shown as "3 elements"."""
        item = self.checked.types[source].item
        return item is not None and item.kind == "object" and len(self.run(source)) <= MAX_ITEMS

    def _matching(self, node: nodes.Loop, wanted: bool) -> Iterator[Reading]:
        """The elements for which the body is `wanted`, the first five, with what it read."""
        kind = self.checked.types[node.source].item
        more: list[Reading] = []
        count = 0
        for place, value in self._each(node):
            if bool(self.run(node.body)) is not wanted:
                continue
            count += 1
            if count <= MAX_ITEMS:
                element, *rest = joined(place, value, kind, list(self.why(node.body, wanted)))
                # Parameters and the clock are the same for all elements: once, at the end.
                more += rest
                yield element
        if count > MAX_ITEMS:
            yield Reading(self.place(node.source), f"{count - MAX_ITEMS} more")
        # Nothing matched, and that is the reason: show the list that was searched.
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
            for place, value in self._each(node):
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
        # A filtered or mapped element still lies where it lay in the facts.
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
            if node.macro == "map":
                yield from self.reads(node.source)
            else:
                # A filter reads like `exists`: the elements that it kept, or where it looked.
                yield from self._loop(node, bool(self.run(node)))
        elif path_of(node) is not None:
            # Not the clock: a verdict has a time anyway, and its words shall stay the same
            # as long as the host does.
            if path_of(node) != "now":
                yield self._value(node)
        else:
            # Of has(), too: the value behind it tells more than its true or false.
            for child in nodes.children(node):
                yield from self.reads(child)

    def _value(self, node: Node) -> Reading:
        try:
            value = self.run(node) if node in self.code else self._asked(node)
        except MissingValue:
            return Reading(self.place(node), "missing")
        return Reading(self.place(node), shown(value))

    def _asked(self, node: Node) -> Any:
        """The value of a path inside has(), which has no closure of its own."""
        if isinstance(node, nodes.Select):
            base = self._asked(node.base)
            value = base.get(node.field) if isinstance(base, dict) else None
            if value is None:
                raise MissingValue(path_of(node) or node.field)
            return value
        if node in self.code:
            return self.run(node)
        is_params = isinstance(node, nodes.Name) and node.name == "params"
        return self.frame.params if is_params else self.frame.facts


def joined(
    place: str, value: Any, kind: Type | None, inner: Iterable[Reading]
) -> Iterator[Reading]:
    """One reading for an element with its own fields, then the readings from elsewhere."""
    own: dict[str, str] = {}
    if isinstance(value, dict):
        own = {name: shown(value[name]) for name in _identity(value, kind)}
    rest: list[Reading] = []
    for reading in inner:
        name = reading.path.removeprefix(f"{place}.")
        # An element's own fields go into its one line; deeper elements have lines of their own.
        if name != reading.path and "[" not in name:
            own[name] = reading.value
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
    plain = (name for name, one in known.items() if not one.optional and one.type.kind != "list")
    return tuple(name for name in plain if name in value)[:_FIELDS]
