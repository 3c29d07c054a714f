"""A TOML file against a tree of Structs: every problem in it at once, each with its key.

msgspec stops at the first wrong value and does not say which entry of a list held it. So each
key is looked at by itself here, and the whole is converted only when all of them fit. Pure:
bytes in, values out.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from verbundwacht_collector import config_problems
from verbundwacht_collector.errors import ConfigError, Words

T = TypeVar("T", bound=msgspec.Struct)
Part = type[msgspec.Struct]

SHOWN: Final = 100
"""So many characters of a wrong value are repeated; nobody reads more of it."""
_KINDS: Final = {
    "str": Words("ein Text in Anführungszeichen", "a text in quotes"),
    "int": Words("eine ganze Zahl", "a whole number"),
    "float": Words("eine Zahl", "a number"),
    "bool": Words("true oder false", "true or false"),
    "array": Words("eine Liste in eckigen Klammern", "a list in square brackets"),
}
_SECTION: Final = Words("ein Abschnitt", "a section")
_OTHER: Final = Words("ein anderer Wert", "another value")
_FIRST: Final = Words(
    "an den Anfang der Datei, vor den ersten Abschnitt",
    "at the beginning of the file, before the first section",
)
_AT: Final = re.compile(r"(?P<why>.*) \((?P<where>at .*)\)", re.DOTALL)
_LINE: Final = re.compile(r"at line (\d+), column (\d+)")


class _Place(NamedTuple):
    """Where in the file: its name, the tree's root, the section (`mail`, `webhook #2`)."""

    file: Path
    root: Part
    section: str

    def key(self, name: str) -> str:
        return f"{self.section}.{name}" if self.section else name


def shown(value: object) -> str:
    """A value from the file as it is repeated to people."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def read(file: Path, raw: bytes, kind: type[T]) -> tuple[T | None, list[ConfigError]]:
    """The file's content, or None and everything that is wrong with it."""
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as refusal:
        line = raw.count(b"\n", 0, refusal.start) + 1
        place = Words(f"Zeile {line}", f"line {line}")
        return None, [ConfigError(config_problems.NOT_UTF8, file=file, place=place)]
    except tomllib.TOMLDecodeError as refusal:
        return None, [_not_toml(file, str(refusal))]
    found = list(_check_part(_Place(file, kind, ""), kind, table))
    return (None if found else msgspec.convert(table, kind)), found


def _not_toml(file: Path, said: str) -> ConfigError:
    split = _AT.fullmatch(said)
    place, reason = Words("am Ende", "at the end"), said
    if split is not None:
        reason = split["why"]
        if line := _LINE.fullmatch(split["where"]):
            at, column = line.groups()
            place = Words(f"Zeile {at}, Spalte {column}", f"line {at}, column {column}")
    return ConfigError(config_problems.NOT_TOML, file=file, place=place, reason=reason)


def _check_part(at: _Place, kind: Part, table: Mapping[str, Any]) -> Iterator[ConfigError]:
    for name in table:
        if name not in kind.__struct_fields__:
            yield _unknown(at, kind, name)
    for field in msgspec.structs.fields(kind):
        if field.name in table:
            yield from _check_value(at, field.name, field.type, table[field.name])
        elif field.required:
            yield ConfigError(config_problems.MISSING_KEY, file=at.file, key=at.key(field.name))


def _unknown(at: _Place, kind: Part, name: str) -> ConfigError:
    key = at.key(name)
    place = _proper_place(at, name)
    if place is not None:
        return ConfigError(config_problems.MISPLACED_KEY, file=at.file, key=key, place=place)
    near = difflib.get_close_matches(name, kind.__struct_fields__, 1)
    if near:
        return ConfigError(config_problems.MISSPELT_KEY, file=at.file, key=key, near=near[0])
    possible = ", ".join(kind.__struct_fields__)
    return ConfigError(config_problems.UNKNOWN_KEY, file=at.file, key=key, possible=possible)


def _proper_place(at: _Place, name: str) -> Words | None:
    """In TOML a key belongs to the header above it, which is easily overlooked."""
    if at.section:
        return _FIRST if name in at.root.__struct_fields__ else None
    fields = msgspec.structs.fields(at.root)
    homes = [
        f.name for f in fields if any(name in p.__struct_fields__ for p in _parts_of(f.type)[:1])
    ]
    if len(homes) != 1:
        return None
    return Words(f"in den Abschnitt [{homes[0]}]", f"into the section [{homes[0]}]")


def _parts_of(kind: Any) -> list[Part]:
    """The sections that a field of this type holds: one, many in a list, or none."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [part for inner in get_args(kind) for part in _parts_of(inner)]


def _check_value(at: _Place, name: str, kind: Any, value: Any) -> Iterator[ConfigError]:
    key, parts = at.key(name), _parts_of(kind)
    if not parts:
        yield from _check_leaf(at.file, key, kind, value)
    elif get_origin(kind) is list:
        if not isinstance(value, list):
            sections = Words(f"[[{key}]], in zwei Klammern", f"[[{key}]], in two brackets")
            yield _wrong(at.file, key, value, sections)
            return
        for number, one in enumerate(value, 1):
            section = key if len(value) == 1 else f"{key} #{number}"
            yield from _check_section(_Place(at.file, at.root, section), parts[0], one)
    else:
        yield from _check_section(_Place(at.file, at.root, key), parts[0], value)


def _check_section(at: _Place, kind: Part, value: Any) -> Iterator[ConfigError]:
    if isinstance(value, dict):
        yield from _check_part(at, kind, value)
    else:
        yield _wrong(at.file, at.section, value, _SECTION)


def _check_leaf(file: Path, key: str, kind: Any, value: Any) -> Iterator[ConfigError]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as refusal:
        yield _wrong(file, key, value, _wanted(kind, str(refusal)))


def _wrong(file: Path, key: str, value: object, wanted: Words) -> ConfigError:
    return ConfigError(
        config_problems.WRONG_VALUE, file=file, key=key, value=shown(value), wanted=wanted
    )


def _wanted(kind: Any, refusal: str) -> Words:
    choices = [inner for inner in get_args(kind) or (kind,) if inner is not NoneType]
    if get_origin(kind) is Literal:
        names = [f'"{one}"' for one in choices]
        return Words(" oder ".join(names), " or ".join(names))
    expected = re.search(r"Expected `(\w+)", refusal)
    return _KINDS.get(expected[1], _OTHER) if expected else _OTHER
