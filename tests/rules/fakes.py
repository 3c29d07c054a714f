"""What the tests of the rules share: a small vocabulary, expressions and packs in one line."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from verbundwacht_collector.rules.language.check import check
from verbundwacht_collector.rules.language.compile import Expression, compile_expression
from verbundwacht_collector.rules.language.frame import Frame
from verbundwacht_collector.rules.language.parse import parse
from verbundwacht_collector.rules.language.scope import Checked, Scope
from verbundwacht_collector.rules.language.types import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    Type,
    list_of,
    map_of,
)
from verbundwacht_collector.rules.load import load_pack_bytes
from verbundwacht_collector.rules.model import Rule, SectionState, Snapshot

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

ITEM = Type(
    "object",
    name="Item",
    fields={
        "name": Field(STRING),
        "count": Field(INT),
        "tags": Field(list_of(STRING)),
        "note": Field(STRING, optional=True),
        "seen": Field(TIMESTAMP, optional=True),
    },
)
BOX = Type(
    "object",
    name="Box",
    fields={
        "flag": Field(BOOL),
        "number": Field(INT),
        "ratio": Field(DOUBLE),
        "word": Field(STRING),
        "kind": Field(Type("string", values=("deb", "rpm"))),
        "since": Field(TIMESTAMP),
        "words": Field(list_of(STRING)),
        "numbers": Field(list_of(INT)),
        "dates": Field(list_of(TIMESTAMP)),
        "labels": Field(map_of(STRING)),
        "items": Field(list_of(ITEM)),
        "inner": Field(
            Type("object", name="Inner", fields={"deep": Field(STRING, optional=True)}),
            optional=True,
        ),
        "maybe": Field(INT, optional=True),
    },
)
FACTS = Type("object", name="facts", fields={"box": Field(BOX, optional=True)})
PARAMS = Type(
    "object",
    name="params",
    fields={
        "limit": Field(INT),
        "allowed": Field(list_of(STRING)),
        "pattern": Field(STRING),
        "texts": Field(map_of(STRING)),
    },
)
SCOPE = Scope(FACTS, PARAMS)

BOX_FACTS: dict[str, Any] = {
    "flag": True,
    "number": 7,
    "ratio": 0.5,
    "word": "Hallo Welt",
    "kind": "deb",
    "since": "2026-11-01T06:00:00Z",
    "words": ["no", "prohibit-password"],
    "numbers": [3, -4, 5],
    "dates": ["2026-11-01T06:00:00Z"],
    "labels": {"role": "file server"},
    "items": [
        {"name": "root", "count": 0, "tags": []},
        {"name": "docker", "count": 2, "tags": ["a", "b"], "note": "x"},
        {"name": "web", "count": 9, "tags": ["a"], "seen": "2026-11-20T00:00:00Z"},
    ],
}
PARAM_VALUES: dict[str, Any] = {
    "limit": 14,
    "allowed": ["no", "yes"],
    "pattern": "^H",
    "texts": {"a": "b"},
}


def checked(source: str, scope: Scope = SCOPE) -> Checked:
    """The checked expression."""
    return check(source, parse(source), scope)


def compiled(source: str, scope: Scope = SCOPE) -> Expression:
    """The compiled expression; it must be without errors."""
    found = checked(source, scope)
    errors = [remark for remark in found.remarks if not remark.review]
    assert not errors, errors
    return compile_expression(found)


def frame(expression: Expression, box: Mapping[str, Any] | None = None) -> Frame:
    """A frame with the usual facts, or others."""
    facts = {"box": dict(BOX_FACTS if box is None else box)}
    return Frame(facts, PARAM_VALUES, NOW, expression.checked.slot_count)


def value(source: str, **box: Any) -> Any:
    """What an expression gives on the usual facts, with some fields changed."""
    expression = compiled(source)
    return expression.run(frame(expression, BOX_FACTS | box))


def without(*names: str) -> dict[str, Any]:
    """The usual facts without some fields."""
    return {name: one for name, one in BOX_FACTS.items() if name not in names}


HEAD = """\
format: 1
pack: verbund/test
version: 2026.11.1
facts: 1
groups: {g: {de: "G", en: "G"}}
"""
TEXTS = """\
  title: {de: "a", en: "b"}
  severity: high
  status: stable
  group: g
  rationale: {de: "a", en: "b"}
  expected: {de: "a", en: "b"}
  remediation: {de: "a", en: "b"}
"""


def pack_text(body: str, *, parameters: str = "", rule_id: str = "linux.test.rule") -> str:
    """A pack with one rule; body: its lines from `needs` on, indented by two."""
    parts = [HEAD, parameters, f"rules:\n- id: {rule_id}\n", TEXTS, body.rstrip("\n"), "\n"]
    return "".join(parts)


def rule(body: str, *, parameters: str = "") -> Rule:
    """The only rule of such a pack."""
    return load_pack_bytes({"pack.yaml": pack_text(body, parameters=parameters).encode()}).rules[0]


def ok(**sections: Any) -> Snapshot:
    """A snapshot in which every section was collected."""
    return {name: SectionState("ok", None, facts) for name, facts in sections.items()}
