"""One alert and what people do with it. Each form carries the version that it was made from."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from verbundwacht_collector import i18n
from verbundwacht_collector.alerts import actions, planning
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.alerts.overlays import HOUR_MS
from verbundwacht_collector.errors import Conflict, NotFound, Refused
from verbundwacht_collector.i18n import N_, _
from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import read
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.web.covers import covers
from verbundwacht_collector.web.errors import InputError
from verbundwacht_collector.web.page import DEPS, person, render, see_other
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.alert import AlertView, alert_view
from verbundwacht_collector.web.views.history import CLOSE_REASONS

MAX_TEXT: Final = actions.MAX_COMMENT
PAUSES: Final = {
    "1": N_("1 Stunde"),
    "4": N_("4 Stunden"),
    "24": N_("1 Tag"),
    "72": N_("3 Tage"),
}
"""Hours -> how the form offers them."""
Fields = dict[str, str]


async def show(request: web.Request) -> web.StreamResponse:
    """The page of the alert."""
    return await _page(request)


async def take(request: web.Request) -> web.StreamResponse:
    """The reader is responsible from now on."""
    fields, (scope, actor, number, now) = await _fields(request), _who_what(request)
    version = _version(fields)
    return await _done(
        request,
        "take",
        lambda tx: actions.take(
            tx, scope=scope, number=number, actor=actor, now=now, version=version
        ),
    )


async def claim_fixed(request: web.Request) -> web.StreamResponse:
    """The reader says it is fixed; the host's next messages decide."""
    fields, (scope, actor, number, now) = await _fields(request), _who_what(request)
    version = _version(fields)
    return await _done(
        request,
        "fix-claimed",
        lambda tx: actions.claim_fix(
            tx, scope=scope, number=number, actor=actor, now=now, version=version
        ),
    )


async def comment(request: web.Request) -> web.StreamResponse:
    """The reader's text is part of the history."""
    fields, (scope, actor, number, now) = await _fields(request), _who_what(request)
    try:
        text = _text(fields, "comment")
    except InputError as problem:
        return await _page(request, status=400, problem=problem, fields=fields)
    return await _done(
        request,
        "comment",
        lambda tx: actions.comment(tx, scope=scope, number=number, actor=actor, now=now, text=text),
    )


async def close(request: web.Request) -> web.StreamResponse:
    """The alert is closed for one of the named reasons."""
    fields, (scope, actor, number, now) = await _fields(request), _who_what(request)
    # Field errors first: they keep the typed text, a conflict only shows it.
    reason, version = fields.get("reason", ""), _version(fields)
    try:
        if reason not in CLOSE_REASONS:
            raise InputError("reason", _("Bitte wählen Sie einen Grund aus."))
        text = _text(fields, "close-text")
    except InputError as problem:
        return await _page(request, status=400, problem=problem, fields=fields)
    return await _done(
        request,
        "close",
        lambda tx: actions.close(
            tx,
            scope=scope,
            number=number,
            actor=actor,
            now=now,
            reason=reason,
            text=text,
            version=version,
        ),
    )


async def pause(request: web.Request) -> web.StreamResponse:
    """Nobody is told of the problem for a while."""
    fields, (scope, actor, number, now) = await _fields(request), _who_what(request)
    version = _version(fields)
    try:
        hours = fields.get("hours", "")
        if hours not in PAUSES:
            raise InputError("hours", _("Bitte wählen Sie eine Dauer aus."))
        reason = _text(fields, "pause-reason")
    except InputError as problem:
        return await _page(request, status=400, problem=problem, fields=fields)
    return await _done(
        request,
        "pause",
        lambda tx: planning.pause(
            tx,
            scope=scope,
            number=number,
            actor=actor,
            now=now,
            for_ms=int(hours) * HOUR_MS,
            reason=reason,
            version=version,
        ),
    )


async def _done(
    request: web.Request, done: str, act: Callable[[Transaction], object]
) -> web.StreamResponse:
    """303 back to the alert; 409 if somebody was faster, 400 if the state does not allow it."""
    try:
        await request.app[DEPS].write(act)
    except NotFound:
        raise web.HTTPNotFound from None
    except Conflict:
        return await _conflict(request)
    except Refused as problem:
        # No field is at fault, so the message stands at the top of the page.
        return await _page(request, status=400, problem=InputError("", str(problem)))
    return see_other(request, f"/alerts/{request.match_info['number']}", done=done)


async def _view(request: web.Request) -> AlertView:
    deps, who, number = request.app[DEPS], person(request), request.match_info["number"]
    now = deps.clock()
    try:
        detail, cover = await deps.read(
            lambda db: (
                read.alert(db, number, scope=who.scope, now=now),
                covers(db, scope=who.scope, now=now),
            )
        )
    except NotFound:
        raise web.HTTPNotFound from None
    return alert_view(detail, rule_book(deps.packs()), reader=who.person_id, covers=cover)


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    problem: InputError | None = None,
    fields: Fields | None = None,
) -> web.Response:
    return await render(
        request,
        "alert.html",
        status=status,
        view=await _view(request),
        reasons={code: i18n.lookup(text) for code, text in CLOSE_REASONS.items()},
        problem=problem,
        fields=fields or {},
        max_text=MAX_TEXT,
        pauses={code: i18n.lookup(text) for code, text in PAUSES.items()},
        max_reason=planning.MAX_REASON,
    )


async def _conflict(request: web.Request) -> web.Response:
    typed = (await _fields(request)).get("close-text", "")
    return await render(
        request, "conflict.html", status=409, view=await _view(request), typed=typed
    )


def _who_what(request: web.Request) -> tuple[Scope, Actor, str, int]:
    who = person(request)
    actor = Actor(who.person_id, who.login)
    return who.scope, actor, request.match_info["number"], request.app[DEPS].clock()


async def _fields(request: web.Request) -> Fields:
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _version(fields: Fields) -> int:
    text = fields.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise web.HTTPBadRequest
    return int(text)


def _text(fields: Fields, name: str) -> str:
    # Browsers send CR LF and count it as one character against `maxlength`.
    text = fields.get(name, "").replace("\r\n", "\n").strip()
    if not text:
        raise InputError(name, _("Bitte schreiben Sie einen Text."))
    if len(text) > MAX_TEXT:
        raise InputError(
            name,
            _(
                "Der Text hat %(length)s Zeichen, höchstens %(most)s sind möglich.",
                length=len(text),
                most=MAX_TEXT,
            ),
        )
    return text
