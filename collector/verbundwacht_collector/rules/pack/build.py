"""Makes rules from the entries under `rules:`. Pure; all mistakes are noted, none is raised.

Mistakes that make a rule meaningless are errors of loading. What an author should not ship
but what has a clear meaning (no test, a section in `needs` that nothing reads) is `review`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from verbundwacht_collector.rules.errors import ExpressionError
from verbundwacht_collector.rules.language.check import check
from verbundwacht_collector.rules.language.compile import Expression, compile_expression
from verbundwacht_collector.rules.language.parse import RESERVED, parse
from verbundwacht_collector.rules.language.scope import ROOTS, Checked, Scope, Unguarded, Variable
from verbundwacht_collector.rules.language.types import ANY, BOOL, Type, list_of
from verbundwacht_collector.rules.model import (
    ON_MISSING,
    SEVERITIES,
    STATUSES,
    Parameter,
    Rule,
)
from verbundwacht_collector.rules.pack.document import Leaf, Part
from verbundwacht_collector.rules.pack.maps import read_maps
from verbundwacht_collector.rules.pack.parameters import params_type
from verbundwacht_collector.rules.pack.reader import Reader, Record

REQUIRED: Final = (
    "id",
    "title",
    "severity",
    "status",
    "group",
    "rationale",
    "expected",
    "remediation",
    "needs",
    "assert",
)
OPTIONAL: Final = ("problem", "when", "each", "as", "subject", "on_missing", "maps", "tests")
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
_SCALARS: Final = ("string", "int", "bool", "any")


@dataclass(frozen=True)
class Context:
    """What a rule may refer to: the vocabulary and the rest of its pack."""

    facts: Type
    parameters: Mapping[str, Parameter]
    groups: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Source:
    """A compiled expression and the leaf that it came from."""

    leaf: Leaf
    checked: Checked
    expression: Expression


@dataclass
class Draft:
    """A rule with its places in the file, as the review needs them. rule: None if unusable."""

    reader: Reader
    record: Record
    rule: Rule | None = None
    sources: tuple[Source, ...] = ()

    def place(self, key: str) -> int:
        """Index of the value of a key, or of the rule if it has no such key."""
        part = self.record.get(key)
        return self.record.start if part is None else part.start


def read_rule(reader: Reader, part: Part, context: Context) -> Draft:
    """One rule; `.rule` is None if a mistake makes it meaningless."""
    # Counted rather than returned, so that every part can go on after its own mistake.
    before = _errors(reader)
    record = reader.record(part, "the rule", REQUIRED, OPTIONAL)
    draft = Draft(reader, record)
    texts = {
        key: reader.bilingual(record.get(key), key)
        for key in ("title", "rationale", "expected", "remediation")
    }
    problem = record.get("problem")
    texts["problem"] = texts["title"] if problem is None else reader.bilingual(problem, "problem")
    fields: dict[str, Any] = {
        "id": _id(reader, record.get("id")),
        "severity": reader.word(record.get("severity"), "severity", SEVERITIES),
        "status": reader.word(record.get("status"), "status", STATUSES),
        "group": reader.word(record.get("group"), "group", context.groups),
        "needs": reader.each(
            record.get("needs"),
            "needs",
            lambda item: reader.word(item, "section", context.facts.fields),
        ),
        "maps": read_maps(reader, record.get("maps")),
        "on_missing": reader.word(record.get("on_missing"), "value of on_missing", ON_MISSING),
    }
    expressions = _Expressions(reader, record, context)
    if _errors(reader) == before:
        draft.sources = expressions.all
        line = reader.document.place(record.start)[0]
        draft.rule = _rule(fields | texts, expressions, context, reader.document.file, line)
        _complete(draft, draft.rule)
        if _errors(reader) != before:
            draft.rule = None
    return draft


def _errors(reader: Reader) -> int:
    return sum(problem.severity == "error" for problem in reader.document.problems)


def _id(reader: Reader, part: Part | None) -> str:
    value = reader.text(part, "id")
    if value and part is not None and not _ID.fullmatch(value):
        reader.error(part, f"{value!r} is no id; ids look like linux.ssh.root-login")
    return value


def _rule(
    fields: Mapping[str, Any], found: "_Expressions", context: Context, file: str, line: int
) -> Rule:
    checked = [source.checked for source in found.all]
    assert found.assertion is not None
    return Rule(
        **{**fields, "on_missing": fields["on_missing"] or None},
        sections=frozenset().union(*(one.sections for one in checked)),
        reads_now=any(one.reads_now for one in checked),
        parameters=frozenset().union(*(one.params for one in checked)),
        when=found.when.expression if found.when else None,
        each=found.each.expression if found.each else None,
        variable=found.variable,
        subject=tuple(source.expression for source in found.subject),
        assertion=found.assertion.expression,
        defaults={name: one.default for name, one in context.parameters.items()},
        slots=max(one.slot_count for one in checked),
        file=file,
        line=line,
    )


def _complete(draft: Draft, rule: Rule) -> None:
    """Notes what the parts of a rule owe each other: `needs` and `on_missing`."""
    reader = draft.reader
    # An error and not an addition: `needs` is what a reader of the rule looks at.
    for name in sorted(rule.sections - set(rule.needs)):
        message = f"the rule reads facts.{name}; add {name!r} to needs"
        reader.error(draft.place("needs"), message)
    if rule.on_missing is None:
        for source in draft.sources:
            for read in source.checked.unguarded:
                _say_on_missing(reader, source, read)


def _say_on_missing(reader: Reader, source: Source, read: Unguarded) -> None:
    message = (
        f"{read.path} may be missing; say on_missing: {', '.join(ON_MISSING)}"
        " or ask with has(…) before"
    )
    reader.error(reader.document.inside(source.leaf, read.offset), message)


class _Expressions:
    """The expressions of one rule, in the order in which they are evaluated."""

    def __init__(self, reader: Reader, record: Record, context: Context) -> None:
        self.reader, self.record = reader, record
        self.facts, self.params = context.facts, params_type(context.parameters)
        self.variable = ""
        outer = Scope(self.facts, self.params)
        self.when = self._one("when", outer, BOOL)
        # `assert` runs only where `when` held, so its guards hold there, too.
        if self.when:
            outer = self._scope(guards=self.when.checked.guards_if_true)
        self.each = self._one("each", outer, list_of(ANY))
        inner = self._inner(outer)
        self.subject = self._subject(inner)
        self.assertion = self._one("assert", inner, BOOL)

    @property
    def all(self) -> tuple[Source, ...]:
        """Every expression that is there and can be compiled."""
        found = (self.when, self.each, *self.subject, self.assertion)
        return tuple(source for source in found if source)

    def _scope(self, **more: Any) -> Scope:
        return Scope(self.facts, self.params, **more)

    def _inner(self, outer: Scope) -> Scope:
        """The scope of subject and assert: with the variable, if there is `each`."""
        for key in ("as", "subject"):
            if ("each" in self.record) != (key in self.record):
                present = "each" if "each" in self.record else key
                other = key if present == "each" else "each"
                self.reader.error(self.record[present], f"{present} needs {other} beside it")
        name = self.reader.text(self.record.get("as"), "as")
        if not name:
            return outer
        if not name.isidentifier() or not name.isascii() or name in (*RESERVED, *ROOTS):
            self.reader.error(self.record["as"], f"{name!r} cannot be a variable")
        self.variable = name
        item = (self.each.checked.type.item if self.each else None) or ANY
        return self._scope(variables={name: Variable(item, 0)}, guards=outer.guards, facts_loops=1)

    def _subject(self, scope: Scope) -> tuple[Source, ...]:
        items = self.reader.items(self.record.get("subject"), "subject")
        if "subject" in self.record and not items:
            self.reader.error(self.record["subject"], "subject names at least one field")
        found = [self._compile(item, "subject", scope, None) for item in items]
        for source in filter(None, found):
            if source.checked.type.kind not in _SCALARS:
                message = f"a part of the subject is text or a number, not {source.checked.type}"
                self.reader.error(source.leaf, message)
            # `on_missing` decides an outcome; a subject is the key under which one is kept.
            for read in source.checked.unguarded:
                index = self.reader.document.inside(source.leaf, read.offset)
                self.reader.error(index, f"{read.path} may be missing; a subject is always there")
        return tuple(source for source in found if source)

    def _one(self, key: str, scope: Scope, want: Type) -> Source | None:
        part = self.record.get(key)
        return None if part is None else self._compile(part, key, scope, want)

    def _compile(self, part: Part, key: str, scope: Scope, want: Type | None) -> Source | None:
        source = self.reader.text(part, key)
        if not isinstance(part, Leaf) or not source:
            return None
        try:
            checked = check(source, parse(source), scope, want=want)
        except ExpressionError as error:
            self.reader.error(self.reader.document.inside(part, error.offset), error.message)
            return None
        failed = False
        for remark in checked.remarks:
            # What only the review minds must not keep a collector from loading a pack.
            if not remark.review:
                failed = True
                index = self.reader.document.inside(part, remark.offset)
                self.reader.error(index, remark.message)
        return None if failed else Source(part, checked, compile_expression(checked))
