"""The stream of news (server-sent events): that something happened to which alert, not what.

The page asks for its parts again, so everything shown passes the scope check of its own
route. Session and grants are looked up before every message: a stream ends with them.
Format: WHATWG HTML, section 9.2.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from aiohttp import web

from verbundwacht_collector.store import news
from verbundwacht_collector.store.views import NewsRow
from verbundwacht_collector.web import people
from verbundwacht_collector.web.errors import StreamLimitError
from verbundwacht_collector.web.live import Live
from verbundwacht_collector.web.page import DEPS, LIVE, TOKEN, person

QUEUE: Final = 100
"""More than this since the last message is not told one by one."""
RING: Final = 500
"""How far back a browser that was away may continue."""
PING_S: Final = 20.0
GONE_S: Final = 0.5
WRITE_S: Final = 30.0
RETRY: Final = b"retry: 5000\n\n"
PING: Final = b": ping\n\n"
RESYNC: Final = "event: resync\ndata: {}\n\n"
END: Final = "event: end\ndata: {}\n\n"
OPENED: Final = ("opened", "reopened")


class News(NamedTuple):
    """What to write, up to which event it reaches, and whether it is the last."""

    text: str
    newest: int
    over: bool = False


async def stream(request: web.Request) -> web.StreamResponse:
    """News until the session ends, the browser leaves or the server stops."""
    live = request.app[LIVE]
    if request.method == "HEAD":
        return web.Response(content_type="text/event-stream")
    try:
        async with live.listening(person(request).person_id) as bell:
            response = await _tell(request, live, bell)
    except StreamLimitError:
        # Browsers do not try again after this; the page asks once a minute instead.
        return web.Response(status=429, headers={"Retry-After": "60"})
    return response


async def _tell(request: web.Request, live: Live, bell: asyncio.Event) -> web.StreamResponse:
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    # A browser that leaves is no fault of ours.
    with contextlib.suppress(ConnectionError, TimeoutError):
        await _tell_on(request, response, live, bell)
    return response


async def _tell_on(
    request: web.Request, response: web.StreamResponse, live: Live, bell: asyncio.Event
) -> None:
    deps, token, limit = request.app[DEPS], request[TOKEN], RING
    after = last_event(request)
    message = RETRY
    while not live.closed:
        # A browser that takes nothing must not hold its place for ever.
        if message:
            await asyncio.wait_for(response.write(message), WRITE_S)
        bell.clear()
        at, many, now = after, limit, deps.clock()
        told = await deps.read(lambda db: look(db, token, at, many, now))  # noqa: B023 - awaited
        after, limit, message = told.newest, QUEUE, told.text.encode()
        if told.over:
            await response.write(message)
            break
        if not message:
            message = await _wait(request, bell)


async def _wait(request: web.Request, bell: asyncio.Event) -> bytes:
    """What to write when the bell rang, or when nothing happened for as long as a ping."""
    left = PING_S
    while left > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), min(left, GONE_S))
            return b""
        # Five quick reloads must not use up the person's five streams.
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        left -= GONE_S
    return PING


def last_event(request: web.Request) -> int | None:
    """Where the browser stands: the header after a break, else the page's own parameter."""
    wanted = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    plain = wanted.isascii() and wanted.isdigit() and len(wanted) <= 18
    return int(wanted) if plain else None


def look(db: sqlite3.Connection, token: str, after: int | None, limit: int, now: int) -> News:
    """What the person behind the token may know that happened after the event `after`."""
    found = people.resume(db, token, now)
    if found is None:
        return News(END, 0, over=True)
    newest, scope = news.newest(db), found.who.scope
    if after is None:
        return News("", newest)
    # An id from the future belongs to another database: it was restored, or is not ours.
    if after > newest:
        return News(RESYNC, newest)
    rows = news.since(db, after, limit=limit + 1, scope=scope)
    if len(rows) > limit:
        return News(f"id: {rows[-1].id}\n{RESYNC}", newest)
    return News(told(rows), newest)


def told(rows: Sequence[NewsRow]) -> str:
    """One message for all of them; an alert that opened is not also told as changed."""
    if not rows:
        return ""
    opened = sorted({row.number for row in rows if row.kind in OPENED})
    changed = sorted({row.number for row in rows} - set(opened))
    data = json.dumps({"opened": opened, "changed": changed}, separators=(",", ":"))
    return f"id: {rows[-1].id}\nevent: alerts\ndata: {data}\n\n"
