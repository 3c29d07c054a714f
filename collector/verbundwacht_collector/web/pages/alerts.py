"""The list of alerts."""

import sqlite3
from typing import NamedTuple

from aiohttp import web

from verbundwacht_collector.web import reads
from verbundwacht_collector.web.covers import covers
from verbundwacht_collector.web.filters import AlertQuery, address, parse_alert_query
from verbundwacht_collector.web.page import DEPS, params, person, render
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.alerts import PATH, AlertList, alert_list


class _Answer(NamedTuple):
    frame: reads.Frame
    canonical: str | None
    view: AlertList | None


async def show(request: web.Request) -> web.StreamResponse:
    """The alerts that the address asks for; other spellings lead to the canonical address."""
    deps, scope, asked = request.app[DEPS], person(request).scope, params(request)
    book, now, path = rule_book(deps.packs()), deps.clock(), request.path_qs

    def question(db: sqlite3.Connection) -> _Answer:
        frame = reads.frame(db, scope=scope)
        query, hints = parse_alert_query(
            asked, municipalities=frame.municipalities, groups=book.groups
        )
        if not hints and path != (canonical := address(PATH, query)):
            return _Answer(frame, canonical, None)
        rows, total = reads.alerts(db, query, book, scope=scope, now=now)
        figures = reads.figures(db, scope=scope, now=now)
        view = alert_list(
            rows,
            total,
            query=query,
            frame=frame,
            figures=figures,
            book=book,
            hints=hints,
            covers=covers(db, scope=scope, now=now),
        )
        return _Answer(frame, None, view)

    answer = await deps.read(question)
    if answer.canonical is not None:
        return web.Response(status=303, headers={"Location": answer.canonical})
    return await render(
        request, "alerts.html", view=answer.view, frame=answer.frame, plain=AlertQuery()
    )
