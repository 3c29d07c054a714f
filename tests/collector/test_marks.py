"""No text that a person sees is without its mark, also where no walk through the pages leads."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jinja2
import pytest
from jinja2 import nodes
from tests.collector.german import GERMAN
from tools.messages import ARGUMENTS, COLLECTOR, python_texts

TEMPLATES: Final = sorted((COLLECTOR / "web" / "templates").glob("*.html"))
BOTH: Final = {
    "config_problems.py",
    "config_reading.py",
    "machine_problems.py",
    "commands/check.py",
    "config.py",
    "alerts/system_rules.py",
}
"""Files whose texts stand side by side in both languages."""
GERMAN_ON_PURPOSE: Final = {
    "admin.py": "the umlauts that a short name is made without",
    "commands/setup.py": "the comments of collector.toml, a file and no page",
    "commands/usage.py": "what argparse says, which is English in the source",
    "observe/observer.py": "the name of a check, in both languages",
}
MODULES: Final = sorted(
    path
    for path in COLLECTOR.rglob("*.py")
    if path.relative_to(COLLECTOR).as_posix() not in {*BOTH, *GERMAN_ON_PURPOSE}
)
NAMES: Final = {"Verbundwacht"}


def unmarked(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every German text of a module that no mark surrounds. No docstrings."""
    tree, known = ast.parse(source), set()
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in ARGUMENTS and isinstance(node, ast.Call):
            known |= {id(part) for arg in node.args for part in ast.walk(arg)}
        if isinstance(node, ast.Expr):
            known.add(id(node.value))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in known and GERMAN.search(text):
            yield getattr(node, "lineno", 0), text


def bare(source: str) -> list[str]:
    """The texts of a template that no mark surrounds: in tags, attributes and expressions."""
    plain = re.sub(r"\{%-? ?trans.*?\{%-? ?endtrans ?-?%\}", "", source, flags=re.DOTALL)
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "\0", plain, flags=re.DOTALL)
    spoken = r'\b(?:aria-label|placeholder|title|alt|data-[a-z]+)="([^"]*)"'
    found = [one for one in re.findall(spoken, plain) if re.search(r"[^\W\d]{2}", one)]
    plain = re.sub(r"<(code|kbd|pre)\b.*?</\1>", "", plain, flags=re.DOTALL)
    plain = re.sub(r"<(?:\"[^\"]*\"|'[^']*'|[^<>])*>", "\n", plain)
    words = (line.strip("\0 –·:,.()") for line in plain.split("\n"))
    found += [one for one in words if re.search(r"[^\W\d]{2}", one) and one not in NAMES]
    return found + list(_constants(source))


def _constants(source: str) -> Iterator[str]:
    env = jinja2.Environment(extensions=["jinja2.ext.i18n"])
    tree = env.parse(source)
    marked = {
        id(arg)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in ARGUMENTS
        for arg in call.args
    }
    for constant in tree.find_all(nodes.Const):
        text = constant.value
        known = not isinstance(text, str) or id(constant) in marked or "<" in text
        if not known and (GERMAN.search(text) or re.search(r"[^\W\d]+ [^\W\d]", text)):
            yield text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(COLLECTOR)))
def test_no_module_holds_a_german_text_without_a_mark(path: Path) -> None:
    assert list(unmarked(path.read_text())) == []


@pytest.mark.parametrize("name", sorted(GERMAN_ON_PURPOSE))
def test_a_module_with_german_on_purpose_still_has_some(name: str) -> None:
    assert list(unmarked((COLLECTOR / name).read_text())), "take it off the list"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_without_a_mark(path: Path) -> None:
    assert bare(path.read_text()) == []


def test_forgotten_marks_are_found_wherever_they_are() -> None:
    module = 'def f():\n    """Nicht gemeint."""\n    g("Das fehlt noch", _("Das nicht"))\n'
    template = (
        '<p title="Ein Titel">Frei {{ name }} hier</p>{{ "eine Sache" if x }}'
        '{{ _("Gut") }}{% trans %}Auch gut{% endtrans %}<code>apt update</code>'
    )

    assert [text for _, text in unmarked(module)] == ["Das fehlt noch"]
    assert bare(template) == ["Ein Titel", "Frei \0 hier", "eine Sache"]
    assert [text.id for text in python_texts(module, "m.py")] == ["Das nicht"]
