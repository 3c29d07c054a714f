"""Checks an expression against the facts schema before it ever runs. Pure.

Besides types it follows `has(…)`: a field that may be left out counts as guarded where the
conditions before it make sure that it is there. What is read unguarded is reported, because
the rule must then say `on_missing`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from verbundwacht_collector.rules.language import limits, nodes
from verbundwacht_collector.rules.language.functions import FUNCTIONS, Function
from verbundwacht_collector.rules.language.literals import impossible_values, written_arguments
from verbundwacht_collector.rules.language.nodes import Node, path_of
from verbundwacht_collector.rules.language.operators import EQUALITY, result_type
from verbundwacht_collector.rules.language.parse import MACROS, RESERVED
from verbundwacht_collector.rules.language.scope import (
    NONE,
    ROOTS,
    Checked,
    Paths,
    Remark,
    Scope,
    Unguarded,
    Variable,
    suggestion,
)
from verbundwacht_collector.rules.language.types import (
    ANY,
    BOOL,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    agree,
    list_of,
    map_of,
)


class _Info(NamedTuple):
    """What a visit learns. yes/no: paths that are there if the node is true/false."""

    type: Type
    yes: Paths = NONE
    no: Paths = NONE
    constant: bool = True
    facts: bool = False


def check(source: str, root: Node, scope: Scope, *, want: Type | None = None) -> Checked:
    """The expression with types and reads; mistakes are in `.remarks`, all of them."""
    checker = _Checker(source, root, scope)
    info = checker.visit(root, scope.guards)
    out = checker.out
    out.type, out.guards_if_true = info.type, info.yes
    out.slot_count = checker.next_slot
    if want is not None and not agree(info.type, want):
        out.remarks.append(Remark(root.pos, f"expected {want}, not {info.type}"))
    elif want == BOOL and info.constant:
        checker.constant(root)
    return out


class _Checker:
    def __init__(self, source: str, root: Node, scope: Scope) -> None:
        self.out = Checked(source, root)
        self.scope = scope
        self.variables = dict(scope.variables)
        self.next_slot = len(self.variables)
        self.loops = scope.facts_loops

    def visit(self, node: Node, guards: Paths) -> _Info:
        # A table and not a chain of ifs: a new kind of node without an entry fails at once.
        info = _VISITS[type(node)](self, node, guards)
        self.out.types[node] = info.type
        return info

    def error(self, offset: int, message: str) -> _Info:
        self.out.remarks.append(Remark(offset, message))
        # `any` agrees with everything, so one mistake does not cause errors all around it.
        return _Info(ANY, constant=False)

    def constant(self, node: Node) -> None:
        message = "this condition never depends on the host"
        self.out.remarks.append(Remark(_start(node), message, review=True))

    def _literal(self, node: nodes.Literal, _guards: Paths) -> _Info:
        value = node.value
        # Python has no largest number, CEL has: an expression must mean the same in both.
        if isinstance(value, int) and not limits.INT_MIN <= value <= limits.INT_MAX:
            return self.error(node.pos, f"{value} does not fit into 64 bits")
        return _Info(_literal_type(value))

    def _name(self, node: nodes.Name, _guards: Paths) -> _Info:
        if variable := self.variables.get(node.name):
            self.out.slots[node] = variable.slot
            return _Info(variable.type, constant=False, facts=True)
        if node.name == "now":
            self.out.reads_now = True
            return _Info(TIMESTAMP, constant=False)
        # A list of all facts would hide from us which sections the rule reads.
        if node.name in ("facts", "params"):
            return self.error(node.pos, f"{node.name} is not a value; name one of its fields")
        if node.name in self.scope.facts.fields:
            return self.error(node.pos, f"unknown name; did you mean 'facts.{node.name}'?")
        hint = suggestion(node.name, [*ROOTS, *self.variables])
        return self.error(node.pos, f"unknown name {node.name!r}{hint}")

    def _base(self, node: Node, guards: Paths, *, asked: bool) -> _Info:
        if isinstance(node, nodes.Name) and node.name not in self.variables:
            if node.name == "facts":
                return _Info(self.scope.facts, constant=False, facts=True)
            if node.name == "params":
                return _Info(self.scope.params, constant=False)
        if asked and isinstance(node, nodes.Select):
            info = self._select(node, guards, asked=True)
            self.out.types[node] = info.type
            return info
        return self.visit(node, guards)

    def _select(self, node: nodes.Select, guards: Paths, asked: bool = False) -> _Info:
        base = self._base(node.base, guards, asked=asked)
        kind, name = base.type.kind, node.field
        if kind == "any":
            return base
        if name in ("in", "true", "false", "null"):
            return self.error(node.pos, f"{name!r} cannot be a field name")
        # Any key of a map may be missing, whatever the schema says about the map itself.
        if kind == "map" and base.type.item is not None:
            self._may_miss(node, guards, asked)
            return base._replace(type=base.type.item)
        if kind != "object":
            return self.error(node.pos, f"{base.type} has no fields")
        found = base.type.fields.get(name)
        if found is None:
            where = "the facts" if base.type.name == "facts" else base.type
            hint = suggestion(name, base.type.fields)
            return self.error(node.pos, f"no field {name!r} in {where}{hint}")
        # A section is optional in the schema but never here: `needs` decides about it before.
        if base.type is self.scope.facts:
            self.out.sections.add(name)
        elif base.type is self.scope.params:
            self.out.params.add(name)
        elif found.optional:
            self._may_miss(node, guards, asked)
        return base._replace(type=found.type)

    def _may_miss(self, node: Node, guards: Paths, asked: bool) -> None:
        path = path_of(node)
        if not asked and (path is None or path not in guards):
            self.out.unguarded.append(Unguarded(node.pos, path or "a field"))

    def _index(self, node: nodes.Index, guards: Paths) -> _Info:
        base, key = self._base(node.base, guards, asked=False), self.visit(node.key, guards)
        info = base._replace(facts=base.facts or key.facts, constant=base.constant and key.constant)
        if base.type.kind == "any" or key.type.kind == "any":
            return info._replace(type=ANY)
        if base.type.kind == "list" and key.type == INT:
            return info._replace(type=base.type.item or ANY)
        if base.type.kind == "map" and key.type.kind == "string":
            self._may_miss(node, guards, asked=False)
            return info._replace(type=base.type.item or ANY)
        return self.error(node.pos, f"{base.type} cannot be indexed by {key.type}")

    def _has(self, node: nodes.Has, guards: Paths) -> _Info:
        info = self._select(node.path, guards, asked=True)
        self.out.types[node.path] = info.type
        if info.type.kind == "any":
            return info
        # Guards are kept by path; has() of something computed could guard nothing.
        if path_of(node.path) is None:
            return self.error(node.path.pos, "has() takes a path such as facts.os.codename")
        paths = self._optional_parts(node.path)
        # An author who asks has() of a required field thinks that it may be missing: say so.
        if not paths:
            message = "has() is always true here: the field is required"
            if isinstance(node.path.base, nodes.Name) and node.path.base.name == "facts":
                message = "a section is asked for with `needs`, not with has()"
            return self.error(node.path.pos, message)
        return _Info(BOOL, yes=frozenset(paths), constant=False, facts=info.facts)

    def _optional_parts(self, node: Node) -> list[str]:
        """The paths on the way to `node` that may be missing."""
        found: list[str] = []
        while isinstance(node, nodes.Select):
            base = self.out.types.get(node.base)
            if base is not None and base.kind in ("object", "map"):
                part = base.fields.get(node.field)
                path = path_of(node)
                if path is not None and (part is None or part.optional):
                    found.append(path)
            node = node.base
        return found

    def _call(self, node: nodes.Call, guards: Paths) -> _Info:
        function = FUNCTIONS.get(node.name)
        if function is None and node.name in MACROS:
            return self.error(node.pos, f"write the list first: list.{node.name}(x, …)")
        # Arguments of an unknown function are checked all the same, for their own mistakes.
        infos = [self.visit(arg, guards) for arg in node.args]
        if function is None:
            hint = suggestion(node.name, [*FUNCTIONS, *MACROS, "has"])
            return self.error(node.pos, f"unknown function {node.name!r}{hint}")
        if not (function.as_method if node.method else function.as_function):
            example = function.style.replace("f", node.name, 1)
            return self.error(node.pos, f"{node.name} is written as {example}")
        result = _matching(function, [info.type for info in infos])
        if result is None:
            given = ", ".join(str(info.type) for info in infos)
            wanted = " or ".join(f"({', '.join(one.args)})" for one in function.overloads)
            return self.error(node.pos, f"{node.name} takes {wanted}, not ({given})")
        for offset, message in written_arguments(node):
            self.error(offset, message)
        constant = all(info.constant for info in infos)
        return _Info(result, constant=constant, facts=any(info.facts for info in infos))

    def _collection(self, node: nodes.ListOf | nodes.MapOf, guards: Paths) -> _Info:
        parts = node.items if isinstance(node, nodes.ListOf) else [v for _, v in node.entries]
        if isinstance(node, nodes.MapOf):
            self._keys(node, guards)
        infos = [self.visit(part, guards) for part in parts]
        # The first element with a type sets the type of the list, as a reader would expect.
        item = next((info.type for info in infos if info.type.kind != "any"), ANY)
        for part, info in zip(parts, infos, strict=True):
            if not agree(item, info.type):
                self.error(_start(part), f"{info.type} among values of type {item}")
        kind = list_of(item) if isinstance(node, nodes.ListOf) else map_of(item)
        constant = all(info.constant for info in infos)
        return _Info(kind, constant=constant, facts=any(info.facts for info in infos))

    def _keys(self, node: nodes.MapOf, guards: Paths) -> None:
        seen: set[object] = set()
        for key, _ in node.entries:
            self.visit(key, guards)
            value = key.value if isinstance(key, nodes.Literal) else None
            if not isinstance(value, str):
                self.error(_start(key), "a key is a string in quotes")
            elif value in seen:
                self.error(key.pos, f"the key {value!r} is there twice")
            seen.add(value)

    def _not(self, node: nodes.Not, guards: Paths) -> _Info:
        info = self._condition(node.operand, guards)
        return info._replace(yes=info.no, no=info.yes)

    def _negate(self, node: nodes.Negate, guards: Paths) -> _Info:
        info = self.visit(node.operand, guards)
        if info.type.kind not in ("int", "double", "any"):
            return self.error(node.pos, f"- takes int or double, not {info.type}")
        return info

    def _binary(self, node: nodes.Binary, guards: Paths) -> _Info:
        left, right = self.visit(node.left, guards), self.visit(node.right, guards)
        result = result_type(node.op, left.type, right.type)
        if result is None:
            verb = "look for" if node.op == "in" else "compare"
            if node.op in "+-*/%":
                verb = f"compute {node.op} of"
            joint = "in" if node.op == "in" else "and"
            return self.error(node.pos, f"cannot {verb} {left.type} {joint} {right.type}")
        for offset, message in impossible_values(node, left.type, right.type):
            self.error(offset, message)
        if node.op in EQUALITY and (same := path_of(node.left)) and same == path_of(node.right):
            self.constant(node)
        yes = NONE
        # `"k" in m` makes sure of m["k"] just as has(m.k) does.
        if node.op == "in" and right.type.kind == "map" and isinstance(node.left, nodes.Literal):
            path = path_of(node.right)
            yes = frozenset() if path is None else frozenset((f"{path}.{node.left.value}",))
        constant = left.constant and right.constant
        return _Info(result, yes=yes, constant=constant, facts=left.facts or right.facts)

    def _condition(self, node: Node, guards: Paths) -> _Info:
        info = self.visit(node, guards)
        if info.type.kind not in ("bool", "any"):
            self.error(_start(node), f"expected a condition (bool), not {info.type}")
        return info._replace(type=BOOL)

    def _logic(self, node: nodes.Logic, guards: Paths) -> _Info:
        joint: Paths = NONE  # there if the expression came out the way that needs every term
        other: Paths | None = None  # there if it came out the other way, wherever it stopped
        for term in node.terms:
            info = self._condition(term, guards | joint)
            if info.constant:
                self.constant(term)
            # `a && b`: b runs only if a was true, so what a true `a` guards holds in b. For `||`
            # it is what a false `a` guards.
            forward, back = (info.yes, info.no) if node.op == "&&" else (info.no, info.yes)
            # The evaluation may have stopped at any term; what holds then is what all ways share.
            ends_here = joint | back
            other = ends_here if other is None else other & ends_here
            joint |= forward
        other = other or NONE
        yes, no = (joint, other) if node.op == "&&" else (other, joint)
        # Constant terms have been named above; naming the whole again would say nothing new.
        return _Info(BOOL, yes, no, constant=False)

    def _choice(self, node: nodes.Choice, guards: Paths) -> _Info:
        test = self._condition(node.test, guards)
        if test.constant:
            self.constant(node.test)
        then = self.visit(node.then, guards | test.yes)
        other = self.visit(node.other, guards | test.no)
        if not agree(then.type, other.type):
            message = f"the two branches differ: {then.type} and {other.type}"
            return self.error(_start(node.other), message)
        kind = then.type if then.type.kind != "any" else other.type
        # Either the test was true and then `then`, or it was false and then `other`.
        yes = (test.yes | then.yes) & (test.no | other.yes)
        no = (test.yes | then.no) & (test.no | other.no)
        return _Info(kind, yes, no, False, test.facts or then.facts or other.facts)

    def _loop(self, node: nodes.Loop, guards: Paths) -> _Info:
        source = self.visit(node.source, guards)
        if source.type.kind not in ("list", "any"):
            return self.error(node.pos, f"{node.macro} needs a list, not {source.type}")
        if problem := self._bad_variable(node.var):
            return self.error(node.var_pos, problem)
        self.out.slots[node] = self.next_slot
        self.variables[node.var] = Variable(source.type.item or ANY, self.next_slot)
        self.next_slot += 1
        # Lists written in the rule are short; only the host decides how long its own are.
        self.loops += source.facts
        if self.loops > limits.FACTS_LOOPS:
            self.error(
                node.pos, f"more than {limits.FACTS_LOOPS} loops over facts inside each other"
            )
        body = self._body(node, guards)
        self.loops -= source.facts
        # The name is free again for the next loop beside this one.
        del self.variables[node.var]
        result = BOOL
        if node.macro in ("filter", "map"):
            result = source.type if node.macro == "filter" else list_of(body.type)
        constant = source.constant and body.constant
        return _Info(result, constant=constant, facts=source.facts or body.facts)

    def _body(self, node: nodes.Loop, guards: Paths) -> _Info:
        if node.macro == "map":
            return self.visit(node.body, guards)
        body = self._condition(node.body, guards)
        if body.constant:
            self.constant(node.body)
        return body

    def _bad_variable(self, name: str) -> str:
        if name in RESERVED or name in ROOTS:
            return f"{name!r} cannot be a variable; it means something else"
        # Shadowing is legal CEL, but nobody reads it right, and guards go by name.
        if name in self.variables:
            return f"the variable {name!r} is already in use around this loop"
        return ""


_VISITS: dict[type[Node], Callable[[_Checker, Any, Paths], _Info]] = {
    nodes.Literal: _Checker._literal,
    nodes.Name: _Checker._name,
    nodes.Select: _Checker._select,
    nodes.Index: _Checker._index,
    nodes.Has: _Checker._has,
    nodes.Call: _Checker._call,
    nodes.ListOf: _Checker._collection,
    nodes.MapOf: _Checker._collection,
    nodes.Not: _Checker._not,
    nodes.Negate: _Checker._negate,
    nodes.Binary: _Checker._binary,
    nodes.Logic: _Checker._logic,
    nodes.Choice: _Checker._choice,
    nodes.Loop: _Checker._loop,
}


def _literal_type(value: object) -> Type:
    for kind, name in ((bool, BOOL), (int, INT), (float, DOUBLE)):
        if isinstance(value, kind):
            return name
    return STRING


def _matching(function: Function, given: list[Type]) -> Type | None:
    for overload in function.overloads:
        if len(overload.args) == len(given) and all(
            one.kind in (kind, "any") for one, kind in zip(given, overload.args, strict=True)
        ):
            return overload.result
    return None


def _start(node: Node) -> int:
    """Where the text of a node begins; `pos` may be its operator or its last part."""
    return min(inner.pos for inner, _ in nodes.walk(node))
