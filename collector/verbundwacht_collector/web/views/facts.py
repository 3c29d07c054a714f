"""The sections of a host in readable form, by the labels of the facts schema.

Every field of the schema appears, also one without a value: a field that is left out would
look like one that is fine. Fields that the schema does not know (a newer agent's) are shown
under their own name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from verbundwacht_collector.i18n import _
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.views.schema import Schema, resolved, section_schema, title

MAX_ROWS: Final = 50
LONG: Final = 48
AS_USUAL: Final = "–"
"""For a field that an agent leaves out because its value is the usual one."""


@dataclass(frozen=True)
class Value:
    """One value; `look` is text, code, missing, yes or no."""

    text: str
    look: str = "text"
    at: int | None = None


@dataclass(frozen=True)
class Field:
    """A labelled value."""

    label: str
    value: Value

    @property
    def long(self) -> bool:
        """Whether the value needs a line of its own."""
        return len(self.value.text) > LONG


@dataclass(frozen=True)
class Table:
    """A list of objects; `total` counts the rows that are not shown, too."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: int

    @property
    def cut(self) -> bool:
        """Whether rows are missing here."""
        return self.total > len(self.rows)


@dataclass(frozen=True)
class Facts:
    """A section body as labelled values and tables."""

    fields: tuple[Field, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass
class _Builder:
    max_rows: int
    fields: list[Field] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def add_object(self, schema: Schema, body: Mapping[str, Any], prefix: str = "") -> None:
        """Every property of the schema, then what the body has beyond it."""
        properties: Schema = resolved(schema).get("properties", {})
        for name, part in properties.items():
            label = prefix + title(part, name)
            self.add(label, resolved(part), part, body.get(name))
        # Kept and shown, though no rule reads it yet.
        for name in body.keys() - properties.keys():
            self.fields.append(Field(prefix + name, plain_value(body[name], {})))

    def add(self, label: str, kind: Schema, part: Schema, found: Any) -> None:
        """One property: an object's parts are taken up, a list of objects is a table."""
        items = resolved(kind.get("items", {}))
        if isinstance(found, dict):
            self.add_object(kind, found, f"{label}: ")
        elif isinstance(found, list) and "properties" in items:
            self.tables.append(self.table(label, items, found))
        else:
            self.fields.append(Field(label, plain_value(found, {**kind, **part})))

    def table(self, label: str, items: Schema, found: list[Any]) -> Table:
        """The rows of a list of objects, at most `max_rows` of them."""
        entries = [entry for entry in found if isinstance(entry, dict)]
        # A column that agents fill only in odd cases would be empty on most hosts.
        columns = {
            name: part
            for name, part in items["properties"].items()
            if not may_be_left_out(part) or any(name in entry for entry in entries)
        }
        rows = tuple(
            tuple(plain_value(entry.get(name), part) for name, part in columns.items())
            for entry in entries[: self.max_rows]
        )
        titles = tuple(title(part, name) for name, part in columns.items())
        return Table(label, titles, rows, len(found))


def facts(name: str, body: Mapping[str, Any], *, max_rows: int = MAX_ROWS) -> Facts:
    """The body of section `name`; at most `max_rows` rows per table."""
    builder = _Builder(max_rows)
    builder.add_object(section_schema(name), body)
    return Facts(tuple(builder.fields), tuple(builder.tables))


def plain_value(found: Any, part: Schema) -> Value:
    """One value in words: ja/nein, numbers and times, lists with commas."""
    if found is None:
        return Value(AS_USUAL) if may_be_left_out(part) else Value(_("nicht gemeldet"), "missing")
    # Before int: a bool is one in Python.
    if isinstance(found, bool):
        return Value(_("ja"), "yes") if found else Value(_("nein"), "no")
    if isinstance(found, int):
        counted = words.UNITS.get(part.get("x-unit", ""))
        # Ports and settings are names more than amounts: no thousands separator.
        return Value(str(found), "code") if counted is None else Value(counted(found), "text")
    if isinstance(found, list):
        texts = ", ".join(_texts(found))
        return Value(texts, "code") if texts else Value(_("keine"), "text")
    if isinstance(found, str):
        return _text_value(found, part)
    return Value(str(found), "code")


def may_be_left_out(part: Schema) -> bool:
    """The vocabulary says what the absence of this field means: nothing is missing then."""
    return "absent:" in part.get("x-source", "")


def _texts(found: list[Any]) -> Iterator[str]:
    for entry in found:
        yield entry if isinstance(entry, str) else str(entry)


def _text_value(found: str, part: Schema) -> Value:
    if part.get("x-unit") == "time":
        try:
            at = round(datetime.fromisoformat(found).timestamp() * 1000)
        except ValueError:
            return Value(found, "code")
        return Value(dates.to_the_second(at), "text", at)
    return Value(found, "code") if found else Value(_("leer"), "text")
