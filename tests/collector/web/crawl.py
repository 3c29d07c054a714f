"""Walks through all pages as a person would, link by link, and reads what stands on them."""

import re
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tests.collector.web.client import Page, Visitor
from tests.collector.web.stage import REAL, STOCK, numbers

from verbundwacht_collector.web.app import ROUTES

PER_SHAPE: Final = 6
"""Pages of one route that differ only in values: this many of them are enough."""
STARTS: Final = (
    "/",
    "/login",
    "/login?left",
    "/nirgends",
    "/logout",
    "/alerts?state=all&foo=1&severity=x&page=0",
    "/alerts?page=99",
    "/alerts?q=gibtesnicht",
    "/findings?q=gibtesnicht",
    "/hosts?q=gibtesnicht",
    "/hosts?freshness=silent&q=vg",
    "/search",
    "/search?q=gibtesnicht",
    "/search?q=ssh",
    "/search?q=paket-1",
)
NO_PAGES: Final = ("/events", "/static", "/healthz", "/readyz")
VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img", "rect", "path"})
SPOKEN: Final = ("aria-label", "title", "placeholder", "alt")


class _Reader(HTMLParser):
    """Collects links, and the texts that people see or hear in the page's own language."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.language = ""
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        # What is data of the machine is nobody's language; what is marked is another one.
        foreign = given.get("lang", self.language) != self.language
        silent = foreign or tag in ("code", "pre", "kbd", "script", "style", "textarea")
        silent = silent or bool(self._open and self._open[-1][1])
        if not silent:
            self.texts += [given[name] for name in SPOKEN if name in given]
            self.texts += [text for name, text in given.items() if name.startswith("data-")]
        if tag not in VOID:
            self._open.append((tag, silent))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self._open and self._open[-1][1]):
            self.texts.append(data.strip())


def read(html: str) -> _Reader:
    """What stands on a page."""
    reader = _Reader()
    reader.feed(html)
    return reader


def shape(path: str) -> tuple[str, ...]:
    """Route and names of the parameters: what makes two addresses pages of one kind."""
    parts = urlsplit(path)
    bare = re.sub(r"[0-9a-f]{16,}|W-\d+-\d+|\d+", "*", parts.path)
    return bare, *sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})


async def pages(someone: Visitor) -> dict[str, str]:
    """Address -> HTML of every kind of page that links and wrong addresses lead to."""
    found: dict[str, str] = {}
    waiting, seen, kinds = list(STARTS), set(STARTS), Counter[tuple[str, ...]]()
    while waiting:
        path = waiting.pop(0)
        kinds[shape(path)] += 1
        if kinds[shape(path)] > PER_SHAPE:
            continue
        page = await someone.get(path)
        target = page.headers.get("Location")
        if target is None:
            assert page.headers["Content-Type"].startswith("text/html"), path
            found[path] = page.text
        links = [target] if target else read(page.text).links
        fresh = [link.partition("#")[0] for link in links if link.startswith("/")]
        for link in fresh:
            if link not in seen and not link.startswith(NO_PAGES):
                seen.add(link)
                waiting.append(link)
    return found | await form_pages(someone)


async def form_pages(someone: Visitor) -> dict[str, str]:
    """Name -> HTML of what forms answer that are filled in wrongly, too late or too often."""
    first = someone.site.act(lambda tx: numbers(tx, REAL)[0])
    other = someone.site.act(lambda tx: numbers(tx, STOCK)[0])
    csrf = {"csrf": await someone.csrf(), "version": "1"}
    wrong: Mapping[str, Mapping[str, str]] = {
        f"/alerts/{first}/comment": {"comment": " "},
        f"/alerts/{first}/close": {"reason": "x", "close-text": ""},
        f"/alerts/{other}/close": {"reason": "duplicate", "close-text": "Getippt"},
        f"/alerts/{first}/pause": {},
        "/overlays": {},
        "/login": {"login": "niemand", "password": "geraten", "next": "/"},
        "/language": {},
    }
    found = {}
    for path, fields in wrong.items():
        page = await someone.post(path, {**csrf, **fields})
        assert page.status in (400, 409), (path, page.status)
        found[f"POST {path}"] = page.text
    found["POST without a token"] = (await someone.post(f"/alerts/{first}/take", {})).text
    found["POST too large"] = (await someone.post("/login", {"login": "x" * 70_000})).text
    page = Page(200, "", {})
    for _ in range(6):
        page = await someone.post("/login", {"login": "wer", "password": "geraten", "next": "/"})
    assert page.status == 429
    return found | {"POST too often": page.text}


def not_visited(found: Mapping[str, str]) -> set[str]:
    """Routes with a page that the walk did not reach."""
    visited = [urlsplit(path).path for path in found]
    patterns = {
        route.path: re.sub(r"\{\w+:((?:[^{}]|\{[^{}]*\})*)\}", r"(?:\1)", route.path)
        for route in ROUTES
        if route.method == "GET" and not route.path.startswith(NO_PAGES)
    }
    return {
        path
        for path, pattern in patterns.items()
        if not any(re.fullmatch(pattern, one) for one in visited)
    }
