"""What every section and every field of a section has in common."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

Right = Literal["user", "DAC_READ_SEARCH", "SYS_PTRACE", "NET_ADMIN"]
"""What the gatherer needs on the host to read a field: any user, or one Linux capability."""


Timestamp = Annotated[datetime, Meta(tz=True)]
"""A point in time with zone; RFC 3339 text on the wire."""


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all section bodies and their parts: unknown fields are ignored on the wire."""


def fact(label: str, *, source: str, right: Right = "user", unit: str = "") -> Meta:
    """A field's documentation: German label, where the value comes from, right, unit."""
    extra = {"x-source": source, "x-right": right, "x-unit": unit}
    return Meta(title=label, extra_json_schema=extra)
