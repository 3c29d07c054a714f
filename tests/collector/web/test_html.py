"""Every page, in both languages, is HTML as its specification wants it, without inline style."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.collector.web.client import visitor
from tests.collector.web.crawl import pages
from tests.collector.web.stage import ROOT, SOC, Stage
from tools.vendor import node_command

from verbundwacht_collector.i18n import LANGUAGES

CONFIG = Path(__file__).parent / "htmlvalidate.json"
VALIDATE = (
    ROOT / "build" / "test-tools" / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
)


def complaints(html: dict[str, str], folder: Path) -> list[str]:
    """What html-validate says about each page: `page: line: rule: message`."""
    names = {}
    for index, (name, text) in enumerate(html.items()):
        file = folder / f"{index:03}.html"
        file.write_text(text)
        names[str(file)] = name
    # Into a file: it ends before a pipe has taken so much text.
    said = folder / "said.json"
    command = [node_command(), str(VALIDATE), "--formatter", f"json={said}"]
    done = subprocess.run(
        [*command, "--config", str(CONFIG), *names], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    results: list[dict[str, Any]] = json.loads(said.read_text())
    return [
        f"{names[one['filePath']]}: {m['line']}: {m['ruleId']}: {m['message']}"
        for one in results
        for m in one["messages"]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_valid_html_without_inline_style(
    site: Stage, tmp_path: Path, language: str
) -> None:
    async with visitor(site) as stranger:
        await stranger.post("/language", {"language": language, "next": "/"})
        login = await stranger.get("/login")
    async with visitor(site, SOC) as someone:
        await someone.post("/language", {"language": language, "next": "/"})
        found = await pages(someone)

    wrong = complaints({**found, "/login": login.text}, tmp_path)

    assert not wrong, "\n".join(wrong)


async def test_the_validator_notices_each_kind_of_fault(site: Stage, tmp_path: Path) -> None:
    async with visitor(site) as someone:
        page = (await someone.get("/login")).text
    broken = {
        "inline": page.replace("<main", '<p style="color: red">x</p><main'),
        "nesting": page.replace("<main", "<p><div>x</div></p><main"),
        "twice": page.replace("<main", '<i id="a"></i><i id="a"></i><main'),
    }

    said = complaints(broken, tmp_path)

    rules = {(one.split(":")[0], one.split(": ")[2]) for one in said}
    assert rules >= {("inline", "no-inline-style"), ("nesting", "close-order")}
    assert ("twice", "no-dup-id") in rules
