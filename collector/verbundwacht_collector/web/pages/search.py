"""The search over everything in the reader's scope."""

import sqlite3

from aiohttp import web

from verbundwacht_collector.store import search
from verbundwacht_collector.web import reads
from verbundwacht_collector.web.filters import MAX_TEXT, AlertQuery, HostQuery
from verbundwacht_collector.web.page import DEPS, SEARCHES, person, render
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.search import SearchView, search_view

PACKAGES_AT_ONCE = 500
"""In a larger scope packages are searched only when asked for: it takes its time."""


async def show(request: web.Request) -> web.StreamResponse:
    """What in the scope contains the text; without a text how to search.

    More than 30 searches a minute by one person are answered with 429.
    """
    deps, scope = request.app[DEPS], person(request).scope
    book, now = rule_book(deps.packs()), deps.clock()
    q = request.query.get("q", "").strip()[:MAX_TEXT]
    asked = "packages" in request.query
    if q and request.app[SEARCHES].wait_ms(person(request).person_id, now):
        raise web.HTTPTooManyRequests

    def question(db: sqlite3.Connection) -> SearchView:
        hosts = reads.hosts(db, HostQuery(q=q), scope=scope, now=now)
        alerts = reads.alerts(db, AlertQuery(state=("all",), q=q), book, scope=scope, now=now)
        few = sum(hosts.hosts_by_freshness.values()) <= PACKAGES_AT_ONCE
        packages = search.packages(db, q, scope=scope, now=now) if few or asked else None
        return search_view(q, hosts=hosts, alerts=alerts, book=book, packages=packages)

    view = await deps.read(question) if q else None
    return await render(request, "search.html", view=view)
