"""Facts that a pack's author invented for tests: checked against the vocabulary, merged. Pure.

A fixture may leave out required fields; what it does say must have the right name and type,
or it would test a rule against a host that cannot exist. `null` takes a field out.
"""

from collections.abc import Mapping
from typing import Any

from verbundwacht_collector.rules.errors import EvaluationError
from verbundwacht_collector.rules.language.limits import INT_MAX, INT_MIN
from verbundwacht_collector.rules.language.scope import suggestion
from verbundwacht_collector.rules.language.types import Type
from verbundwacht_collector.rules.language.values import timestamp
from verbundwacht_collector.rules.pack.document import Entries, Items, Leaf, Part
from verbundwacht_collector.rules.pack.reader import Reader

_PYTHON: dict[str, tuple[type, str]] = {
    "string": (str, "text"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
    "double": (float, "a number"),
}


def read_facts(reader: Reader, part: Part | None, facts: Type) -> dict[str, Any]:
    """The plain facts of a fixture; wrong names and types are noted."""
    if part is None:
        return {}
    value = _value(reader, part, facts, "the facts")
    return value if isinstance(value, dict) else {}


def _value(reader: Reader, part: Part, wanted: Type, name: str) -> Any:
    if wanted.kind in ("object", "map"):
        return _object(reader, part, wanted, name)
    if wanted.kind == "list":
        if not isinstance(part, Items):
            reader.error(part, f"{name} must be a list")
            return []
        item = wanted.item
        assert item is not None
        return [_value(reader, one, item, f"an item of {name}") for one in part.items]
    return _scalar(reader, part, wanted, name)


def _object(reader: Reader, part: Part, wanted: Type, name: str) -> dict[str, Any]:
    if not isinstance(part, Entries):
        reader.error(part, f"{name} must be a mapping (field: value)")
        return {}
    found: dict[str, Any] = {}
    for key, (leaf, value) in part.entries.items():
        known = wanted.fields.get(key)
        inner = wanted.item if wanted.kind == "map" else known.type if known else None
        if inner is None:
            hint = suggestion(key, wanted.fields)
            kind, where = ("section", "") if wanted.name == "facts" else ("field", f" in {wanted}")
            reader.error(leaf, f"no {kind} {key!r}{where}{hint}")
        # A required field cannot be taken out: no agent sends a section without it.
        elif isinstance(value, Leaf) and value.value is None and (known is None or known.optional):
            found[key] = None
        else:
            found[key] = _value(reader, value, inner, key)
    return found


def _scalar(reader: Reader, part: Part, wanted: Type, name: str) -> Any:
    value = part.value if isinstance(part, Leaf) else None
    if wanted.kind == "timestamp":
        try:
            timestamp(str(value))
        except EvaluationError:
            reader.error(part, f"{name} must be a date such as 2026-11-20T06:00:00Z")
        return value
    kind, words = _PYTHON[wanted.kind]
    # Exact types here, too: sshd says "no", not false, and a rule compares text.
    if type(value) is not kind:
        hint = "; put it in quotes" if kind is str and value is not None else ""
        reader.error(part, f"{name} must be {words}{hint}")
    elif wanted.values and value not in wanted.values:
        allowed = ", ".join(wanted.values)
        reader.error(part, f"{name} is one of {allowed}; not {value!r}")
    elif isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
        reader.error(part, f"{name} does not fit into 64 bits")
    return value


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `change` on top: objects merge, lists and values replace, null removes."""
    merged = dict(base)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            # A test may add a section that its fixture does not have.
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
