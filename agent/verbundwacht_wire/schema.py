"""The facts schema: JSON Schema made from the Structs; drives type checks, documents, fixtures."""

from typing import Any

import msgspec

from verbundwacht_wire.facts import FACTS_VERSION, SECTIONS


def facts_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the object `facts`: one optional property per section.

    Every field carries `title` (German label), `x-source`, `x-right` and `x-unit` ("" if none).
    """
    refs, components = msgspec.json.schema_components(
        SECTIONS.values(), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:verbundwacht:facts:{FACTS_VERSION}",
        "type": "object",
        "properties": dict(zip(SECTIONS, refs, strict=True)),
        "$defs": components,
    }
