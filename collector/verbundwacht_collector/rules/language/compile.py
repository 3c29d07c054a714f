"""Turns a checked expression into Python closures, one per node. Pure.

No `eval`: a closure can do only what its node says. The closures of all nodes stay reachable,
because the explanation of a verdict runs parts of the expression again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from verbundwacht_collector.rules.errors import EvaluationError, MissingValue
from verbundwacht_collector.rules.language import closures, nodes
from verbundwacht_collector.rules.language.frame import CLASSES, Code, Frame, Slow, adopt
from verbundwacht_collector.rules.language.functions import FUNCTIONS
from verbundwacht_collector.rules.language.loops import LOOPS
from verbundwacht_collector.rules.language.nodes import Node, path_of
from verbundwacht_collector.rules.language.operators import ORDER, arithmetic
from verbundwacht_collector.rules.language.scope import Checked
from verbundwacht_collector.rules.language.types import ANY
from verbundwacht_collector.rules.language.values import int64
from verbundwacht_collector.rules.shown import shown


@dataclass(frozen=True, eq=False)
class Expression:
    """A compiled expression: call `run(frame)`; `code` has the closure of every node.

    reads: path and closure of every fact that it reads outside the bodies of loops.
    """

    checked: Checked
    run: Code
    steps: int
    code: Mapping[Node, Code] = field(repr=False)
    reads: tuple[tuple[str, Code], ...] = field(repr=False)

    @property
    def root(self) -> Node:
        """The tree it was made from."""
        return self.checked.root


def compile_expression(checked: Checked) -> Expression:
    """The closures of an expression without errors."""
    compiler = _Compiler(checked)
    run = compiler.node(checked.root)
    reads = tuple(dict(compiler.reads(checked.root)).items())
    return Expression(checked, run, compiler.steps(checked.root), compiler.code, reads)


class _Compiler:
    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.code: dict[Node, Code] = {}

    def node(self, node: Node) -> Code:
        # Filled from the leaves up; the explanation finds the closure of every part here.
        code = self.code[node] = _COMPILE[type(node)](self, node)
        return code

    def steps(self, node: Node) -> int:
        """Steps of a node without what its inner loops add: one per node."""
        if isinstance(node, nodes.Has):
            return 1
        parts = (node.source,) if isinstance(node, nodes.Loop) else nodes.children(node)
        return 1 + sum(self.steps(part) for part in parts)

    def reads(self, node: Node) -> Iterator[tuple[str, Code]]:
        """Paths into the facts or the element of `each`, as long as they go."""
        path = path_of(node)
        if path is not None:
            if path.partition(".")[0] not in ("params", "now"):
                yield path, self.code[node]
            return
        parts = nodes.children(node)
        # What a loop's body reads depends on the round; outside of the loop there is no value.
        for part in parts[:1] if isinstance(node, nodes.Loop) else parts:
            if not isinstance(node, nodes.Has):
                yield from self.reads(part)

    def kind(self, node: Node) -> str:
        return self.checked.types[node].kind

    def _literal(self, node: nodes.Literal) -> Code:
        value = node.value
        return lambda _frame: value

    def _list(self, node: nodes.ListOf) -> Code:
        parts = [self.node(item) for item in node.items]
        return lambda frame: [part(frame) for part in parts]

    def _map(self, node: nodes.MapOf) -> Code:
        pairs = [(self.node(key), self.node(value)) for key, value in node.entries]
        return lambda frame: {key(frame): value(frame) for key, value in pairs}

    def _not(self, node: nodes.Not) -> Code:
        operand = self.node(node.operand)
        return lambda frame: not operand(frame)

    def _logic(self, node: nodes.Logic) -> Code:
        return closures.logic(node.op, [self.node(term) for term in node.terms])

    def _choice(self, node: nodes.Choice) -> Code:
        return closures.choice(self.node(node.test), self.node(node.then), self.node(node.other))

    def _name(self, node: nodes.Name) -> Code:
        slot = self.checked.slots.get(node)
        if slot is None:
            return lambda frame: frame.now
        index, kind, name, offset = slot, self.kind(node), node.name, node.pos
        # A whole number is checked for its size, too, so it takes the slow path.
        expected = None if kind == "int" else CLASSES.get(kind)

        def read(frame: Frame) -> Any:
            value = frame.slots[index]
            if value.__class__ is expected:
                return value
            return adopt(value, kind, name, offset)

        return read

    def _root(self, node: Node) -> str | None:
        is_root = isinstance(node, nodes.Name) and node not in self.checked.slots
        return node.name if is_root and isinstance(node, nodes.Name) else None

    def _base(self, node: Node) -> Code:
        """The object whose field is read; the roots are objects only here."""
        match self._root(node):
            case "facts":
                return lambda frame: frame.facts
            case "params":
                return lambda frame: frame.params
        return self.node(node)

    def _select(self, node: nodes.Select) -> Code:
        kind, name, offset = self.kind(node), node.field, node.pos
        path = path_of(node) or f"….{name}"
        slow = Slow(kind, path, offset, self._required(node))
        # A whole number is checked for its size, too: a report may carry any.
        expected = None if kind == "int" else CLASSES.get(kind)
        # Most reads on a host happen here, in loops over its packages: one call less each.
        if isinstance(node.base, nodes.Name) and node.base in self.checked.slots:
            self.node(node.base)
            slot = self.checked.slots[node.base]
            return closures.field_of_variable(slot, name, expected, slow)
        return closures.field(self._base(node.base), name, expected, slow)

    def _required(self, node: nodes.Select) -> bool:
        if self._root(node.base) is not None:
            return True
        base = self.checked.types.get(node.base, ANY)
        part = base.fields.get(node.field)
        return part is not None and not part.optional

    def _has(self, node: nodes.Has) -> Code:
        keys: list[tuple[str, bool]] = []
        base: Node = node.path
        while isinstance(base, nodes.Select):
            keys.insert(0, (base.field, self._required(base)))
            base = base.base
        start, path = self._base(base), path_of(node.path) or ""

        def ask(frame: Frame) -> bool:
            value = start(frame)
            for key, required in keys:
                if not isinstance(value, Mapping):
                    raise EvaluationError(f"{path} does not lead through objects", node.pos)
                value = value.get(key)
                # Not there, although every agent sends it: that is broken data, not an answer.
                if value is None and required:
                    raise Slow("", path, node.pos, required).not_there()
                if value is None:
                    return False
            return True

        return ask

    def _index(self, node: nodes.Index) -> Code:
        base, key = self._base(node.base), self.node(node.key)
        kind, offset = self.kind(node), node.pos
        path = path_of(node) or "the indexed value"
        naming = self._naming(node.base)

        def read_item(frame: Frame) -> Any:
            items, number = base(frame), key(frame)
            # Python would take -1 for the last item.
            if not 0 <= number < len(items):
                raise EvaluationError(f"no item {number} in a list of {len(items)}", offset)
            return adopt(items[number], kind, path, offset)

        def read_value(frame: Frame) -> Any:
            entries, name = base(frame), key(frame)
            if name not in entries:
                # Which key of which map: "the indexed value is missing" helps nobody.
                place = path_of(node) or f"{naming(frame)}[{shown(name)}]"
                raise MissingValue(place, offset)
            return adopt(entries[name], kind, path, offset)

        return read_item if self.kind(node.base) == "list" else read_value

    def _naming(self, node: Node) -> Callable[[Frame], str]:
        """How a map is called in messages; of a choice, the one that was chosen."""
        if isinstance(node, nodes.Choice):
            test = self.code[node.test]
            then, other = self._naming(node.then), self._naming(node.other)
            return lambda frame: then(frame) if test(frame) else other(frame)
        path = path_of(node) or "the map"
        return lambda _frame: path

    def _call(self, node: nodes.Call) -> Code:
        parts = [self.node(arg) for arg in node.args]
        kinds = [self.kind(arg) for arg in node.args]
        overload = next(
            one
            for one in FUNCTIONS[node.name].overloads
            if len(one.args) == len(kinds)
            and all(given in (kind, "any") for given, kind in zip(kinds, one.args, strict=True))
        )
        return closures.call(overload, parts, node.pos)

    def _negate(self, node: nodes.Negate) -> Code:
        operand, offset = self.node(node.operand), node.pos
        if self.kind(node.operand) == "double":
            return lambda frame: -operand(frame)
        return closures.guarded(lambda frame: int64(-operand(frame)), offset)

    def _binary(self, node: nodes.Binary) -> Code:
        left, right, op = self.node(node.left), self.node(node.right), node.op
        kind = self.kind(node.left)
        if op in ("==", "!="):
            return closures.equality(left, right, same=op == "==", lists=kind == "list")
        if op in ORDER:
            compare = ORDER[op]
            return lambda frame: compare(left(frame), right(frame))
        if op == "in":
            return self._in(node, left, right)
        if kind in ("string", "list"):
            return closures.join(left, right)
        return closures.arithmetic(left, right, arithmetic(op, kind), node.pos)

    def _in(self, node: nodes.Binary, left: Code, right: Code) -> Code:
        container = node.right
        if isinstance(container, nodes.ListOf) and container.items:
            written = [one.value for one in container.items if isinstance(one, nodes.Literal)]
            # A list without computed parts never changes: one look-up, whatever its size.
            if len(written) == len(container.items):
                return closures.among(left, frozenset(written))
        kind = self.checked.types[container]
        if kind.kind == "map":
            return closures.has_key(left, right)
        # Settings were checked when they were stored; facts are as the host sent them.
        from_host = (path_of(container) or "").partition(".")[0] != "params"
        return closures.contains(left, right, kind.item if from_host else None, node.pos)

    def _loop(self, node: nodes.Loop) -> Code:
        source, body = self.node(node.source), self.node(node.body)
        slot = self.checked.slots[node]
        return LOOPS[node.macro](source, body, slot, self.steps(node.body))


_COMPILE: dict[type[Node], Callable[[_Compiler, Any], Code]] = {
    nodes.Literal: _Compiler._literal,
    nodes.Name: _Compiler._name,
    nodes.Select: _Compiler._select,
    nodes.Index: _Compiler._index,
    nodes.Has: _Compiler._has,
    nodes.Call: _Compiler._call,
    nodes.ListOf: _Compiler._list,
    nodes.MapOf: _Compiler._map,
    nodes.Not: _Compiler._not,
    nodes.Negate: _Compiler._negate,
    nodes.Binary: _Compiler._binary,
    nodes.Logic: _Compiler._logic,
    nodes.Choice: _Compiler._choice,
    nodes.Loop: _Compiler._loop,
}
