"""One host."""

from aiohttp import web

from verbundwacht_collector.alerts.overlays import is_over
from verbundwacht_collector.errors import NotFound
from verbundwacht_collector.store import read
from verbundwacht_collector.web.covers import covers
from verbundwacht_collector.web.page import DEPS, person, render
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.host import host_view
from verbundwacht_collector.web.views.overlays import overlay_line


async def show(request: web.Request) -> web.StreamResponse:
    """Findings, sections, key and chain of one host; `?all=packages` shows long tables whole."""
    deps, scope, host_id = request.app[DEPS], person(request).scope, request.match_info["host"]
    now = deps.clock()
    try:
        detail, cover = await deps.read(
            lambda db: (
                read.host(db, host_id, scope=scope, now=now),
                covers(db, scope=scope, now=now),
            )
        )
    except NotFound:
        raise web.HTTPNotFound from None
    view = host_view(detail, rule_book(deps.packs()), all_rows=request.query.get("all", ""))
    rows = cover.of_host(host_id, detail.row.municipality_id)
    lines = [overlay_line(one, now) for one in rows if not is_over(one.overlay, now)]
    return await render(request, "host.html", view=view, overlays=lines)
