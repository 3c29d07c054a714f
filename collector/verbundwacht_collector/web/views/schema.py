"""Reads the facts schema: the labels of sections' fields, in the reader's language. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from verbundwacht_collector.i18n import lookup
from verbundwacht_wire.schema import facts_schema

Schema = Mapping[str, Any]
_SCHEMA: Final = facts_schema()


def section_schema(name: str) -> Schema:
    """The schema of a section's body; empty for sections of newer agents."""
    return resolved(_SCHEMA["properties"].get(name, {}))


def title(part: Schema, name: str) -> str:
    """The label of a field; one without keeps its name."""
    found = part.get("title")
    return name if found is None else lookup(str(found), "fact")


def resolved(part: Schema) -> Schema:
    """The schema behind a reference; of alternatives the one that is not null."""
    for option in part.get("anyOf", ()):
        if option.get("type") != "null":
            return resolved(option)
    if "$ref" in part:
        target: Schema = _SCHEMA["$defs"][part["$ref"].rsplit("/", 1)[1]]
        return target
    return part
