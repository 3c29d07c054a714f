"""Turns a checked expression into Python closures, one per node. Pure.

No `eval`: a closure can do only what its node says. Facts are read as they came, and every
read checks the Python type: a section that does not keep to the schema gives an error and
never a lucky verdict. Values in the dict `code` stay reachable, the explanation runs them again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from verbundwacht_collector.rules.errors import BudgetExceeded, EvaluationError, MissingValue
from verbundwacht_collector.rules.language import limits, nodes
from verbundwacht_collector.rules.language.check import Checked
from verbundwacht_collector.rules.language.functions import FUNCTIONS, Overload
from verbundwacht_collector.rules.language.loops import LOOPS
from verbundwacht_collector.rules.language.nodes import Node, path_of
from verbundwacht_collector.rules.language.operators import ORDER, arithmetic
from verbundwacht_collector.rules.language.types import ANY, Type
from verbundwacht_collector.rules.language.values import int64, timestamp


class Frame:
    """What one rule sees on one host, and how many steps it has left."""

    __slots__ = ("facts", "left", "now", "params", "slots")

    def __init__(
        self, facts: Mapping[str, Any], params: Mapping[str, Any], now: datetime, slots: int
    ) -> None:
        self.facts, self.params, self.now = facts, params, now
        self.slots: list[Any] = [None] * slots
        self.left = limits.STEPS

    def charge(self, steps: int) -> None:
        """Takes steps off the budget. Raises BudgetExceeded when none are left."""
        self.left -= steps
        if self.left < 0:
            raise BudgetExceeded(limits.STEPS)


Code = Callable[[Frame], Any]


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
    reads = tuple({path: code for path, code in compiler.reads(checked.root)}.items())
    return Expression(checked, run, compiler.steps(checked.root), compiler.code, reads)


_CLASSES: Final[dict[str, type]] = {
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
    if kind == "double" and type(value) is int:
        return float(value)
    if kind in ("any", "duration") or value.__class__ is _CLASSES.get(kind):
        return int64(value) if kind == "int" else value
    raise EvaluationError(f"{path} is not of type {kind}", offset)


class _Compiler:
    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.code: dict[Node, Code] = {}

    def node(self, node: Node) -> Code:
        code = self.code[node] = self._node(node)
        return code

    def steps(self, node: Node) -> int:
        """Steps of a node without what its inner loops add: one per node."""
        inner = (nodes.Loop, nodes.Has)
        own = sum(
            self.steps(child) for child in nodes.children(node) if not isinstance(node, inner)
        )
        if isinstance(node, nodes.Loop):
            own = self.steps(node.source)
        return 1 + own

    def reads(self, node: Node) -> Iterator[tuple[str, Code]]:
        """Paths into the facts or the element of `each`, as long as they go."""
        path = path_of(node)
        if path is not None:
            if path.partition(".")[0] not in ("params", "now"):
                yield path, self.code[node]
            return
        parts = nodes.children(node)
        for part in parts[:1] if isinstance(node, nodes.Loop) else parts:
            if not isinstance(node, nodes.Has):
                yield from self.reads(part)

    def kind(self, node: Node) -> str:
        return self.checked.types[node].kind

    def _node(self, node: Node) -> Code:
        match node:
            case nodes.Literal(value=value):
                return lambda _frame: value
            case nodes.Name():
                return self._name(node)
            case nodes.Select():
                return self._select(node)
            case nodes.Index():
                return self._index(node)
            case nodes.Has():
                return self._has(node)
            case nodes.Call():
                return self._call(node)
            case nodes.ListOf(items=items):
                parts = [self.node(item) for item in items]
                return lambda frame: [part(frame) for part in parts]
            case nodes.MapOf(entries=entries):
                pairs = [(self.node(key), self.node(value)) for key, value in entries]
                return lambda frame: {key(frame): value(frame) for key, value in pairs}
            case nodes.Not(operand=operand):
                inverted = self.node(operand)
                return lambda frame: not inverted(frame)
            case nodes.Negate():
                return self._negate(node)
            case nodes.Binary():
                return self._binary(node)
            case nodes.Logic(op=op, terms=terms):
                return _logic(op, [self.node(term) for term in terms])
            case nodes.Choice(test=test, then=then, other=other):
                return _choice(self.node(test), self.node(then), self.node(other))
            case nodes.Loop():
                return self._loop(node)
        raise AssertionError(f"no code for {node!r}")

    def _name(self, node: nodes.Name) -> Code:
        slot = self.checked.slots.get(node)
        if slot is None:
            return lambda frame: frame.now
        index, kind, name, offset = slot, self.kind(node), node.name, node.pos
        expected = None if kind == "int" else _CLASSES.get(kind)

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
        required = self._required(node)
        # A whole number is checked for its size, too: a report may carry any.
        expected = None if kind == "int" else _CLASSES.get(kind)
        base = self._base(node.base)

        def read(frame: Frame) -> Any:
            try:
                value = base(frame)[name]
            except KeyError:
                raise _not_there(path, offset, required) from None
            if value.__class__ is expected:
                return value
            return adopt(value, kind, path, offset)

        return read

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
                if value is None and required:
                    raise _not_there(path, node.pos, required)
                if value is None:
                    return False
            return True

        return ask

    def _index(self, node: nodes.Index) -> Code:
        base, key = self._base(node.base), self.node(node.key)
        kind, offset = self.kind(node), node.pos
        path = path_of(node) or "the indexed value"

        def read_item(frame: Frame) -> Any:
            items, number = base(frame), key(frame)
            if not 0 <= number < len(items):
                raise EvaluationError(f"no item {number} in a list of {len(items)}", offset)
            return adopt(items[number], kind, path, offset)

        def read_value(frame: Frame) -> Any:
            entries, name = base(frame), key(frame)
            if name not in entries:
                raise MissingValue(path, offset)
            return adopt(entries[name], kind, path, offset)

        return read_item if self.kind(node.base) == "list" else read_value

    def _call(self, node: nodes.Call) -> Code:
        parts = [self.node(arg) for arg in node.args]
        kinds = [self.kind(arg) for arg in node.args]
        overload = next(
            one
            for one in FUNCTIONS[node.name].overloads
            if len(one.args) == len(kinds)
            and all(given in (kind, "any") for given, kind in zip(kinds, one.args, strict=True))
        )
        return _call(overload, parts, node.pos)

    def _negate(self, node: nodes.Negate) -> Code:
        operand, offset = self.node(node.operand), node.pos
        if self.kind(node.operand) == "double":
            return lambda frame: -operand(frame)
        return _guarded(lambda frame: int64(-operand(frame)), offset)

    def _binary(self, node: nodes.Binary) -> Code:
        left, right, op = self.node(node.left), self.node(node.right), node.op
        kind = self.kind(node.left)
        if op in ("==", "!="):
            return _equality(left, right, same=op == "==", lists=kind == "list")
        if op in ORDER:
            compare = ORDER[op]
            return lambda frame: compare(left(frame), right(frame))
        if op == "in":
            return _contains(left, right, self.checked.types[node.right], node.pos)
        if kind in ("string", "list") or (kind == "any" and self.kind(node.right) == "list"):
            return _join(left, right)
        return _arithmetic(left, right, arithmetic(op, kind), node.pos)

    def _loop(self, node: nodes.Loop) -> Code:
        source, body = self.node(node.source), self.node(node.body)
        slot = self.checked.slots[node]
        return LOOPS[node.macro](source, body, slot, self.steps(node.body))


def _not_there(path: str, offset: int, required: bool) -> EvaluationError:
    if required:
        return EvaluationError(f"{path} is missing although the vocabulary requires it", offset)
    return MissingValue(path, offset)


def _guarded(run: Code, offset: int) -> Code:
    """The same closure, with a position on the errors of plain functions."""

    def guarded(frame: Frame) -> Any:
        try:
            return run(frame)
        except EvaluationError as error:
            if error.offset < 0:
                error.offset = offset
            raise

    return guarded


def _logic(op: str, terms: list[Code]) -> Code:
    stop = op == "||"

    def run(frame: Frame) -> bool:
        for term in terms:
            if term(frame) is stop:
                return stop
        return not stop

    return run


def _choice(test: Code, then: Code, other: Code) -> Code:
    return lambda frame: then(frame) if test(frame) else other(frame)


def _call(overload: Overload, parts: list[Code], offset: int) -> Code:
    compute, steps, share = overload.compute, overload.steps, overload.chars_per_step

    def run(frame: Frame) -> Any:
        args = [part(frame) for part in parts]
        frame.charge(steps + (len(args[0]) // share if share else 0))
        return compute(*args)

    return _guarded(run, offset)


def _equality(left: Code, right: Code, *, same: bool, lists: bool) -> Code:
    if lists:

        def run(frame: Frame) -> bool:
            one, other = left(frame), right(frame)
            frame.charge(min(len(one), len(other)))
            return (one == other) is same

        return run
    if same:
        return lambda frame: bool(left(frame) == right(frame))
    return lambda frame: bool(left(frame) != right(frame))


def _contains(left: Code, right: Code, container: Type, offset: int) -> Code:
    if container.kind != "list":
        return lambda frame: left(frame) in right(frame)
    expected = _CLASSES.get(container.item.kind if container.item else "any")

    def run(frame: Frame) -> bool:
        element, items = left(frame), right(frame)
        frame.charge(len(items) // 4)
        if element in items:
            return True
        # `not in` must not come true because the list holds something else than it should.
        if expected is not None and any(item.__class__ is not expected for item in items):
            raise EvaluationError(f"the list holds something else than {container.item}", offset)
        return False

    return run


def _join(left: Code, right: Code) -> Code:
    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        frame.charge(len(one) + len(other))
        return one + other

    return run


def _arithmetic(left: Code, right: Code, compute: Callable[[Any, Any], Any], offset: int) -> Code:
    def run(frame: Frame) -> Any:
        return compute(left(frame), right(frame))

    return _guarded(run, offset)
