"""The collector's own state: can the display be believed?"""

from aiohttp import web

from verbundwacht_collector.web.page import DEPS, person, render
from verbundwacht_collector.web.views.status import status_view


async def show(request: web.Request) -> web.StreamResponse:
    """How the collector is, for those who rely on it; only the hosts of the own scope by name."""
    found = await request.app[DEPS].observer.status(person(request).scope)
    return await render(request, "status.html", view=status_view(found))
