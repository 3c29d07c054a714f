"""The channels of the reader's scope, and the button that tries one."""

from aiohttp import web

from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.store import channels as store
from verbundwacht_collector.web.page import DEPS, person, render, see_other
from verbundwacht_collector.web.views.channels import channel_list


async def show(request: web.Request) -> web.StreamResponse:
    """The page of channels."""
    return await _page(request)


async def test(request: web.Request) -> web.StreamResponse:
    """A test message is on its way; its result will stand on the page."""
    deps, who, channel = request.app[DEPS], person(request), int(request.match_info["channel"])
    actor, scope, now = (who.person_id, who.login), who.scope, deps.clock()
    try:
        await deps.write(
            lambda tx: store.request_test(tx, channel, scope=scope, actor=actor, now=now)
        )
    except NotFound:
        raise web.HTTPNotFound from None
    except Refused as problem:
        return await _page(request, status=400, problem=str(problem))
    return see_other(request, "/channels", done="channel-test")


async def _page(
    request: web.Request, *, status: int = 200, problem: str = ""
) -> web.StreamResponse:
    deps, scope = request.app[DEPS], person(request).scope
    rows = await deps.read(lambda db: store.channels(db, scope=scope))
    view = channel_list(rows, now=deps.clock())
    return await render(request, "channels.html", status=status, view=view, problem=problem)
