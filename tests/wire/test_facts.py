"""The vocabulary of facts documents itself, and every value survives the wire."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from verbundwacht_wire.facts import FACTS_VERSION, SECTIONS
from verbundwacht_wire.facts.base import Right, Section
from verbundwacht_wire.manifest import encode_body
from verbundwacht_wire.payload import check_json
from verbundwacht_wire.schema import facts_schema

SCHEMA = facts_schema()
FIELDS = [
    (kind, name, field)
    for kind, definition in SCHEMA["$defs"].items()
    for name, field in definition["properties"].items()
]
PRINT_SCHEMA = (
    "import json; from verbundwacht_wire.schema import *; print(json.dumps(facts_schema()))"
)


def print_schema(seed: str) -> str:
    """The schema as another process with other hashes writes it."""
    env = os.environ | {"PYTHONHASHSEED": seed}
    run = subprocess.run(
        [sys.executable, "-c", PRINT_SCHEMA], env=env, capture_output=True, check=True, text=True
    )
    return run.stdout.strip()


def test_the_schema_is_the_same_in_every_process() -> None:
    assert print_schema("1") == print_schema("2") == json.dumps(SCHEMA)


def test_the_schema_names_its_version_and_every_section_in_order() -> None:
    assert SCHEMA["$id"] == f"urn:verbundwacht:facts:{FACTS_VERSION}"
    assert list(SCHEMA["properties"]) == list(SECTIONS)
    assert "required" not in SCHEMA


@pytest.mark.parametrize(
    ("kind", "name", "field"), FIELDS, ids=[f"{kind}.{name}" for kind, name, _ in FIELDS]
)
def test_every_field_has_label_source_right_and_unit(
    kind: str, name: str, field: dict[str, Any]
) -> None:
    assert field["title"].strip()
    assert field["x-source"].strip()
    assert field["x-right"] in get_args(Right)
    assert isinstance(field["x-unit"], str)


@pytest.mark.parametrize("kind", SCHEMA["$defs"])
def test_a_field_is_optional_exactly_if_it_may_be_unknown(kind: str) -> None:
    """What is unknown is left out; `null` in a body would be a second way to say it."""
    definition = SCHEMA["$defs"][kind]
    optional = {n for n, field in definition["properties"].items() if "default" in field}
    nullable = {
        n for n, f in definition["properties"].items() if {"type": "null"} in f.get("anyOf", [])
    }

    assert optional == nullable
    assert definition["properties"].keys() - optional == set(definition.get("required", ()))


@pytest.mark.parametrize("kind", SCHEMA["$defs"])
def test_two_fields_of_one_place_never_share_a_label(kind: str) -> None:
    labels = [field["title"] for field in SCHEMA["$defs"][kind]["properties"].values()]

    assert len(set(labels)) == len(labels)


def values_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """All values of a field's type, as msgspec describes it."""
    match kind:
        case inspect.StructType():
            fields = {field.encode_name: values_of(field.type) for field in kind.fields}
            return st.fixed_dictionaries(fields).map(lambda given: kind.cls(**given))
        case inspect.VarTupleType():
            return st.lists(values_of(kind.item_type), max_size=3).map(tuple)
        case inspect.UnionType():
            return st.one_of(*(values_of(part) for part in kind.types))
        case inspect.Metadata():
            return values_of(kind.type)
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.DateTimeType():
            return st.integers(0, 4_000_000_000).map(
                lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            )
    scalars: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
        inspect.StrType: st.text(max_size=12),
        inspect.IntType: st.integers(-(2**53), 2**53),
        inspect.BoolType: st.booleans(),
        inspect.NoneType: st.none(),
    }
    return scalars[type(kind)]


@pytest.mark.parametrize("name", SECTIONS)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_a_section_survives_the_wire(name: str, data: st.DataObject) -> None:
    kind = SECTIONS[name]
    section = data.draw(values_of(inspect.type_info(kind)))

    body = encode_body(section)
    again = msgspec.json.decode(body, type=kind)

    assert again == section
    assert encode_body(again) == body
    check_json(body)
    assert body.decode() == json.dumps(
        json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@pytest.mark.parametrize("name", SECTIONS)
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_a_newer_agent_may_say_more(name: str, data: st.DataObject) -> None:
    kind = SECTIONS[name]
    section = data.draw(values_of(inspect.type_info(kind)))
    more = json.loads(encode_body(section)) | {"a_later_field": {"x": [1]}}

    assert msgspec.json.decode(json.dumps(more), type=kind) == section


def test_sections_are_frozen() -> None:
    for kind in SECTIONS.values():
        assert issubclass(kind, Section)
        assert kind.__struct_config__.frozen
        assert kind.__struct_config__.omit_defaults
