"""One host."""

from aiohttp import web

from verbundwacht_collector.errors import NotFound
from verbundwacht_collector.store import read
from verbundwacht_collector.web.page import DEPS, person, render
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.host import host_view


async def show(request: web.Request) -> web.StreamResponse:
    """Findings, sections, key and chain of one host; `?all=packages` shows long tables whole."""
    deps, scope, host_id = request.app[DEPS], person(request).scope, request.match_info["host"]
    now = deps.clock()
    try:
        detail = await deps.read(lambda db: read.host(db, host_id, scope=scope, now=now))
    except NotFound:
        raise web.HTTPNotFound from None
    view = host_view(detail, rule_book(deps.packs()), all_rows=request.query.get("all", ""))
    return await render(request, "host.html", view=view)
