"""The overview, where people land."""

import sqlite3

from aiohttp import web

from verbundwacht_collector.web import reads
from verbundwacht_collector.web.covers import covers
from verbundwacht_collector.web.page import DEPS, person, render
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.overview import Overview, overview


async def show(request: web.Request) -> web.StreamResponse:
    """How things stand in the reader's scope."""
    deps, scope = request.app[DEPS], person(request).scope
    book, now = rule_book(deps.packs()), deps.clock()

    def question(db: sqlite3.Connection) -> tuple[reads.Frame, Overview]:
        frame = reads.frame(db, scope=scope)
        found = reads.situation(db, book, scope=scope, now=now)
        cover = covers(db, scope=scope, now=now)
        return frame, overview(found, frame=frame, book=book, covers=cover)

    frame, view = await deps.read(question)
    return await render(request, "overview.html", view=view, frame=frame)
