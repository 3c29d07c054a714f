"""Every page in English holds no German: neither a forgotten text nor a word of one."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
from tests.collector.german import GERMAN
from tests.collector.web.client import visitor
from tests.collector.web.crawl import not_visited, pages, read
from tests.collector.web.stage import SOC, TOWN, Stage
from tools import messages

ENGLISH: Final = {"Accept-Language": "en"}


def names(site: Stage) -> list[str]:
    """What people and places are called and what people wrote: it stays as it is."""
    found = site.act(
        lambda tx: [
            *tx.execute("SELECT name FROM municipality", {}),
            *tx.execute("SELECT name FROM alliance", {}),
            *tx.execute("SELECT name FROM person", {}),
            *tx.execute("SELECT name FROM host", {}),
            *tx.execute("SELECT text FROM alert_event", {}),
            *tx.execute("SELECT reason FROM overlay", {}),
        ]
    )
    texts = {part for row in found for part in (row[0], *row[0].splitlines()) if part}
    return sorted(texts, key=len, reverse=True)


@cache
def sources() -> tuple[re.Pattern[str], ...]:
    """How each German text whose translation differs looks when it is filled in."""
    return tuple(_sources())


def _sources() -> Iterator[re.Pattern[str]]:
    for message in messages.read("en"):
        ids: Any = message.id if isinstance(message.id, tuple) else (message.id,)
        strings: Any = message.string if isinstance(message.string, tuple) else (message.string,)
        for source in ids:
            parts = _split(re.sub(r"<[^>]*>", "", source))
            # “… an …” alone would be found in English, too.
            if source not in strings and len("".join(parts)) > 5:
                yield re.compile(".+".join(map(re.escape, parts)))


def _split(source: str) -> list[str]:
    return [part.replace("%%", "%") for part in re.split(r"%\(\w+\)s|\{\w*\}", source)]


def german_in(html: str, own: list[str]) -> list[str]:
    """The texts of an English page that are German, without names and what people wrote."""
    found = []
    for text in read(html).texts:
        rest = text
        for name in own:
            rest = rest.replace(name, "")
        if GERMAN.search(rest) or any(pattern.fullmatch(rest) for pattern in sources()):
            found.append(text)
    return found


@pytest.mark.parametrize("login", [SOC, TOWN])
async def test_no_page_of_any_route_holds_a_german_text_in_english(site: Stage, login: str) -> None:
    async with visitor(site, login) as someone:
        await someone.post("/language", {"language": "en", "next": "/"})
        found = await pages(someone)
    own = names(site)

    wrong = {path: german_in(html, own) for path, html in found.items()}

    assert len(found) > 40
    assert not_visited(found) == ({"/login"} if login == SOC else {"/login", "/status"})
    assert {path for path, html in found.items() if read(html).language != "en"} == set()
    assert not any(wrong.values()), "\n".join(
        f"{path}: {text}" for path, texts in wrong.items() for text in dict.fromkeys(texts)
    )


async def test_the_walk_notices_a_forgotten_text_wherever_it_stands(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.get("/login", headers=ENGLISH)
    html = page.text.replace("<main", '<p title="Zuletzt geändert">Gibt es nicht mehr.</p><main')

    assert german_in(page.text, names(site)) == []
    assert german_in(html, names(site)) == ["Zuletzt geändert", "Gibt es nicht mehr."]
