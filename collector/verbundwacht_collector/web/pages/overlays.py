"""Pauses and maintenance: what is muted, planning more of it, ending it."""

import sqlite3
from typing import Any

from aiohttp import web

from verbundwacht_collector.alerts import planning
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.alerts.overlays import day_after
from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.store import overlays as stored
from verbundwacht_collector.store import read
from verbundwacht_collector.web.errors import InputError
from verbundwacht_collector.web.page import DEPS, person, render, see_other
from verbundwacht_collector.web.views.overlays import ENDED_SHOWN_MS, local_time, overlay_list

Fields = dict[str, str]


async def show(request: web.Request) -> web.StreamResponse:
    """All of the scope; `?host=` prepares the form for one host."""
    return await _page(request, host=request.query.get("host", ""))


async def plan(request: web.Request) -> web.StreamResponse:
    """A maintenance is planned."""
    fields, who, now = await _fields(request), person(request), request.app[DEPS].clock()
    actor = Actor(who.person_id, who.login)
    try:
        asked = _asked(fields)
        await request.app[DEPS].write(
            lambda tx: planning.plan_maintenance(tx, scope=who.scope, actor=actor, now=now, **asked)
        )
    except InputError as problem:
        return await _page(request, status=400, problem=problem, fields=fields)
    except NotFound:
        raise web.HTTPNotFound from None
    except Refused as problem:
        told = InputError("", str(problem))
        return await _page(request, status=400, problem=told, fields=fields)
    return see_other(request, "/overlays", done="maintenance")


async def end(request: web.Request) -> web.StreamResponse:
    """One ends now."""
    who, now = person(request), request.app[DEPS].clock()
    actor, overlay_id = Actor(who.person_id, who.login), int(request.match_info["overlay"])
    try:
        await request.app[DEPS].write(
            lambda tx: planning.end_overlay(
                tx, scope=who.scope, overlay_id=overlay_id, actor=actor, now=now
            )
        )
    except NotFound:
        raise web.HTTPNotFound from None
    except Refused as problem:
        return await _page(request, status=400, problem=InputError("", str(problem)))
    return see_other(request, "/overlays", done="overlay-ended")


def _asked(fields: Fields) -> dict[str, Any]:
    """What the form asks for, as `plan_maintenance` takes it. Raises InputError."""
    starts_at = local_time(fields, "start-day", "start-clock")
    ends_at = local_time(fields, "end-day", "end-clock")
    weekly_until = None
    if fields.get("weekly"):
        # The last day belongs to it.
        weekly_until = day_after(local_time(fields, "last-day", ""))
    return {
        "municipality_id": fields.get("municipality", ""),
        "host_id": fields.get("host", ""),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "weekly_until": weekly_until,
        "reason": fields.get("reason", ""),
    }


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    problem: InputError | None = None,
    fields: Fields | None = None,
    host: str = "",
) -> web.Response:
    deps, scope = request.app[DEPS], person(request).scope
    now, fields = deps.clock(), fields or {}
    host = fields.get("host", host)

    def question(db: sqlite3.Connection) -> tuple[Any, Any]:
        rows = stored.overlays(db, scope=scope, since=now - ENDED_SHOWN_MS)
        about = read.host_row(db, host, scope=scope, now=now) if host else None
        return overlay_list(rows, now), about

    try:
        view, about = await deps.read(question)
    except NotFound:
        raise web.HTTPNotFound from None
    return await render(
        request,
        "overlays.html",
        status=status,
        view=view,
        about=about,
        problem=problem,
        fields=fields,
        max_reason=planning.MAX_REASON,
    )


async def _fields(request: web.Request) -> Fields:
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}
