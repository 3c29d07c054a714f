"""Keeps the catalogues of translations in step with the texts in the collector's source.

Run from the root: `python -m tools.messages` (`make messages`). It keeps every translation
whose text still stands somewhere, drops the others and lists what is missing; the tests refuse
a catalogue that is not complete. Python is read by its syntax tree: Babel's own reader loses
texts inside f-strings and plurals whose number is a call.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import jinja2
from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from verbundwacht_collector.i18n import CATALOGUES, LANGUAGES, SOURCE
from verbundwacht_wire.schema import facts_schema

ROOT = Path(__file__).parent.parent
COLLECTOR = ROOT / "collector" / "verbundwacht_collector"
LABELS: Final = "agent/verbundwacht_wire/facts"
"""Where the labels of facts stand; they are texts of the pages like any other."""
ARGUMENTS: Final = {"_": 1, "N_": 1, "gettext": 1, "pgettext": 2, "ngettext": 2, "npgettext": 3}
"""Marks of a text -> how many of the first arguments are fixed texts."""
KEYWORDS: Final = {
    **dict.fromkeys(("_", "N_", "gettext")),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\)s|(%))")


class Text(NamedTuple):
    """One marked text: `id` is a pair for a plural. place: `path:line`."""

    place: str
    id: str | tuple[str, str]
    context: str | None = None


class MarkError(Exception):
    """A mark around something that is no fixed text; the message names the place."""


def texts() -> Iterator[Text]:
    """Every text that a person may see, by file. Raises MarkError."""
    for path in sorted(COLLECTOR.rglob("*.py")):
        yield from python_texts(path.read_text(), path.relative_to(ROOT).as_posix())
    for path in sorted((COLLECTOR / "web" / "templates").glob("*.html")):
        yield from template_texts(path)
    yield from labels()


def python_texts(source: str, name: str) -> Iterator[Text]:
    """The marked texts of one module."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or (mark := _mark(node.func)) is None:
            continue
        place, given = f"{name}:{node.lineno}", node.args[: ARGUMENTS[mark]]
        fixed = [arg.value for arg in given if isinstance(arg, ast.Constant)]
        if len(fixed) != ARGUMENTS[mark] or not all(isinstance(one, str) for one in fixed):
            raise MarkError(f"{place}: {mark}() takes fixed texts; use lookup() for a table's")
        yield _text(place, mark, [str(one) for one in fixed])


def _mark(called: ast.expr) -> str | None:
    name = called.id if isinstance(called, ast.Name) else None
    if isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "i18n":
        name = called.attr
    return name if name in ARGUMENTS else None


def _text(place: str, mark: str, fixed: list[str]) -> Text:
    context = fixed.pop(0) if mark in ("pgettext", "npgettext") else None
    return Text(place, (fixed[0], fixed[1]) if len(fixed) > 1 else fixed[0], context)


def template_texts(path: Path) -> Iterator[Text]:
    """The marked texts of one template."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    env = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for call in env.parse(path.read_text()).find_all(nodes.Call):
        mark = call.node.name if isinstance(call.node, nodes.Name) else ""
        given = call.args[: ARGUMENTS.get(mark, 0)]
        if not all(isinstance(one, nodes.Const) for one in given):
            # Its result counts as markup: data in it would stand unescaped in the page.
            raise MarkError(f"{name}:{call.lineno}: {mark}() takes fixed texts only")
    options = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
    found: Any = extract_from_file("jinja2.ext:babel_extract", path, KEYWORDS, (), options)
    for line, text, _comments, context in found:
        yield Text(f"{name}:{line}", text, context)


def labels() -> Iterator[Text]:
    """The labels of all facts, which the pages read from the schema."""
    for struct in facts_schema()["$defs"].values():
        for part in struct.get("properties", {}).values():
            if "title" in part:
                yield Text(LABELS, part["title"], "fact")


def template() -> Catalog:
    """All texts, without translations. Raises MarkError."""
    found = Catalog(project="verbundwacht", fuzzy=False)
    for text in texts():
        # Without line numbers: they would change with every edit of the source.
        found.add(text.id, locations=[(text.place.partition(":")[0], 0)], context=text.context)
    return found


def path_of(language: str) -> Path:
    """Where a language's catalogue lies."""
    return CATALOGUES / language / "LC_MESSAGES" / "verbundwacht.po"


def read(language: str) -> Catalog:
    """The catalogue as it lies there; empty if there is none."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """All texts of today with the translations that are known."""
    old, new = read(language), Catalog(locale=language, project="verbundwacht", fuzzy=False)
    for message in template():
        if message.id:
            known = old.get(_key(message.id), message.context)
            string = known.string if known is not None else None
            new.add(
                message.id, string, locations=sorted(message.locations), context=message.context
            )
    return new


def _key(text: Any) -> str:
    return str(text[0] if isinstance(text, tuple) else text)


def written(catalogue: Catalog) -> bytes:
    """The file's bytes, without a header that changes with time and tool."""
    out = io.BytesIO()
    write_po(out, catalogue, width=100, include_lineno=False, sort_by_file=True)
    dull = ("Project-Id-", "Report-", "POT-", "PO-", "Last-", "Language-Team", "Generated-")
    lines = out.getvalue().decode().splitlines(keepends=True)
    start = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    kept = (line for line in lines[start:] if not line.startswith(tuple(f'"{d}' for d in dull)))
    return "".join(kept).encode()


def faults(wanted: Catalog, catalogue: Catalog) -> list[str]:
    """What a catalogue lacks or has wrong, each with the text and where it stands."""
    found = []
    for message in wanted:
        if not message.id:
            continue
        there = catalogue.get(_key(message.id), message.context)
        place = ", ".join(sorted(path for path, _ in message.locations))
        found += [f"{problem}: {message.id!r} ({place})" for problem in _wrong(message.id, there)]
    known = {(_key(message.id), message.context) for message in wanted}
    left = [*catalogue, *catalogue.obsolete.values()]
    return found + [
        f"stands nowhere any more: {message.id!r}"
        for message in left
        if message.id and (_key(message.id), message.context) not in known
    ]


def _wrong(text: Any, there: Any) -> list[str]:
    """The problems of one translation."""
    sources = list(text) if isinstance(text, tuple) else [text]
    if there is None or there.id != text:
        return ["not translated"]
    if there.fuzzy:
        return ["marked fuzzy"]
    strings = list(there.string) if isinstance(there.string, (tuple, list)) else [there.string]
    if len(strings) != len(sources) or not all(strings):
        return ["not translated"]
    # “One host” may leave the number out; no form may name what the source does not give.
    given = [placeholders(one) for one in sources]
    if placeholders(strings[-1]) != given[-1] or placeholders(strings[0]) not in given:
        return ["placeholders differ"]
    return []


def placeholders(text: str) -> list[str]:
    """Names of the placeholders in order; ValueError if a percent sign is neither one nor `%%`."""
    if "%" in PLACEHOLDER.sub("", text):
        raise ValueError(f"{text!r}: a percent sign is written %%")
    return sorted(match[1] or "%" for match in PLACEHOLDER.finditer(text))


def main() -> int:
    """All catalogues are up to date; 1 if one has faults."""
    wrong = 0
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        catalogue = updated(language)
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        path_of(language).write_bytes(written(catalogue))
        found = faults(template(), catalogue)
        for one in found:
            print(f"{language}: {one}")
        print(f"{language}: {len(catalogue)} texts, {len(found)} to do")
        wrong += len(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
