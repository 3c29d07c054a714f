"""The types of the language and how the facts schema becomes one of them. Pure.

A timestamp is text in the facts and a datetime in the language; the conversion happens where
a field is read, so a section that no rule reads costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal[
    "bool", "int", "double", "string", "timestamp", "duration", "list", "map", "object", "any"
]


@dataclass(frozen=True)
class Type:
    """One type. item: of a list or map; fields: of an object; values: the only ones allowed.

    `any` stands for an expression that already has an error, and for the items of `[]`.
    """

    kind: Kind
    item: "Type | None" = None
    fields: "Mapping[str, Field]" = field(default_factory=dict, hash=False)
    values: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "list":
            return f"list<{self.item}>" if self.item != ANY else "a list"
        if self.kind == "map":
            return f"map<string, {self.item}>"
        return self.name if self.kind == "object" and self.name else self.kind


@dataclass(frozen=True)
class Field:
    """One field of an object. optional: it may be left out, and a rule must say what then."""

    type: Type
    optional: bool = False


BOOL: Final = Type("bool")
INT: Final = Type("int")
DOUBLE: Final = Type("double")
STRING: Final = Type("string")
TIMESTAMP: Final = Type("timestamp")
DURATION: Final = Type("duration")
ANY: Final = Type("any")

_SCALARS: Final = {"boolean": BOOL, "integer": INT, "number": DOUBLE, "string": STRING}


def list_of(item: Type) -> Type:
    """The type of a list of `item`."""
    return Type("list", item)


def map_of(item: Type) -> Type:
    """The type of a map from strings to `item`."""
    return Type("map", item)


def agree(left: Type, right: Type) -> bool:
    """Whether values of the two types may stand for each other."""
    # The mistake behind `any` has been named already.
    if "any" in (left.kind, right.kind):
        return True
    if left.kind != right.kind:
        return False
    if left.kind == "object":
        return left.name == right.name
    return left.item is None or right.item is None or agree(left.item, right.item)


def facts_type(schema: Mapping[str, Any]) -> Type:
    """The object type of `facts`: one optional field per section of the JSON Schema."""
    definitions = schema.get("$defs", {})
    sections = {
        name: Field(_from_schema(part, definitions), optional=True)
        for name, part in schema["properties"].items()
    }
    return Type("object", fields=sections, name="facts")


def _from_schema(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> Type:
    if "$ref" in part:
        return _from_schema(definitions[part["$ref"].rpartition("/")[2]], definitions)
    # The Structs write `X | None` this way; two real alternatives rules could not read.
    if "anyOf" in part:
        present = [choice for choice in part["anyOf"] if choice.get("type") != "null"]
        if len(present) == 1:
            return _from_schema(present[0], definitions)
    if "enum" in part:
        return Type("string", values=tuple(map(str, part["enum"])))
    # Before `type`: a date is a string in JSON, too.
    if part.get("format") == "date-time":
        return TIMESTAMP
    kind = part.get("type")
    if kind == "array":
        return list_of(_from_schema(part["items"], definitions))
    if kind == "object" and "properties" in part:
        return _object(part, definitions)
    if kind == "object" and isinstance(part.get("additionalProperties"), Mapping):
        return map_of(_from_schema(part["additionalProperties"], definitions))
    if kind in _SCALARS:
        return _SCALARS[kind]
    raise ValueError(f"the facts schema has a shape that rules cannot read: {part!r}")


def _object(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> Type:
    required = part.get("required", ())
    fields = {
        name: Field(_from_schema(inner, definitions), optional=name not in required)
        for name, inner in part["properties"].items()
    }
    return Type("object", fields=fields, name=part.get("title", ""))
