"""A client that behaves like a browser where the server looks: cookies, Origin, hidden fields."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
from tests.collector.web.stage import PASSWORD, Stage


class Page(NamedTuple):
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]


class Visitor:
    """One browser at the stage's site."""

    def __init__(self, site: Stage, http: aiohttp.ClientSession) -> None:
        self.site, self.http = site, http

    async def get(self, path: str, **kwargs: Any) -> Page:
        """The page; redirects are shown, not followed."""
        async with self.http.get(self.site.url + path, allow_redirects=False, **kwargs) as got:
            return Page(got.status, await got.text(errors="replace"), got.headers)

    async def post(
        self, path: str, fields: Mapping[str, str], *, origin: str | None = "own", **kwargs: Any
    ) -> Page:
        """The answer to a form; `origin` "own" is what a browser sends from our pages."""
        headers = dict(kwargs.pop("headers", {}))
        if origin is not None:
            headers["Origin"] = self.site.url if origin == "own" else origin
        async with self.http.post(
            self.site.url + path, data=fields, headers=headers, allow_redirects=False, **kwargs
        ) as got:
            return Page(got.status, await got.text(errors="replace"), got.headers)

    async def login(self, login: str, password: str = PASSWORD) -> Page:
        """The answer to the login form."""
        return await self.post("/login", {"login": login, "password": password, "next": "/"})

    async def csrf(self) -> str:
        """The token of this session's forms."""
        page = await self.get("/alerts")
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
        assert found, page.status
        return found[1]


@asynccontextmanager
async def visitor(site: Stage, login: str | None = None) -> AsyncIterator[Visitor]:
    """A browser, logged in if a name is given."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        found = Visitor(site, http)
        if login is not None:
            assert (await found.login(login)).status == 303
        yield found


def version_of(page: Page) -> str:
    """The version in the page's forms."""
    found = re.search(r'name="version" value="(\d+)"', page.text)
    assert found, page.text[:500]
    return found[1]
