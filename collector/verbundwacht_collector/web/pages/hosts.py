"""The list of hosts."""

import sqlite3
from typing import NamedTuple

from aiohttp import web

from verbundwacht_collector.web import reads
from verbundwacht_collector.web.filters import address, parse_host_query
from verbundwacht_collector.web.page import DEPS, params, person, render
from verbundwacht_collector.web.views.hosts import PATH, HostList, host_list


class _Answer(NamedTuple):
    frame: reads.Frame
    canonical: str | None
    view: HostList | None


async def show(request: web.Request) -> web.StreamResponse:
    """The hosts that the address asks for; other spellings lead to the canonical address."""
    deps, scope, asked = request.app[DEPS], person(request).scope, params(request)
    now, path = deps.clock(), request.path_qs

    def question(db: sqlite3.Connection) -> _Answer:
        frame = reads.frame(db, scope=scope)
        query, hints = parse_host_query(asked, municipalities=frame.municipalities)
        if not hints and path != (canonical := address(PATH, query)):
            return _Answer(frame, canonical, None)
        page = reads.hosts(db, query, scope=scope, now=now)
        return _Answer(frame, None, host_list(page, query=query, frame=frame, hints=hints))

    answer = await deps.read(question)
    if answer.canonical is not None:
        return web.Response(status=303, headers={"Location": answer.canonical})
    return await render(request, "hosts.html", view=answer.view, frame=answer.frame)
