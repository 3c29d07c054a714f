"""The list of findings."""

import sqlite3
from typing import NamedTuple

from aiohttp import web

from verbundwacht_collector.web import reads
from verbundwacht_collector.web.filters import address, parse_finding_query
from verbundwacht_collector.web.page import DEPS, params, person, render
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.findings import PATH, FindingList, finding_list


class _Answer(NamedTuple):
    frame: reads.Frame
    canonical: str | None
    view: FindingList | None


async def show(request: web.Request) -> web.StreamResponse:
    """The findings that the address asks for; other spellings lead to the canonical address."""
    deps, scope, asked = request.app[DEPS], person(request).scope, params(request)
    book, now, path = rule_book(deps.packs()), deps.clock(), request.path_qs

    def question(db: sqlite3.Connection) -> _Answer:
        frame = reads.frame(db, scope=scope)
        query, hints = parse_finding_query(
            asked, municipalities=frame.municipalities, groups=book.groups
        )
        if not hints and path != (canonical := address(PATH, query)):
            return _Answer(frame, canonical, None)
        page = reads.findings(db, query, book, scope=scope, now=now)
        view = finding_list(page, query=query, frame=frame, book=book, hints=hints)
        return _Answer(frame, None, view)

    answer = await deps.read(question)
    if answer.canonical is not None:
        return web.Response(status=303, headers={"Location": answer.canonical})
    return await render(request, "findings.html", view=answer.view, frame=answer.frame)
