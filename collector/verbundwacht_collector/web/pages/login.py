"""Login and logout.

A wrong password, an unknown account and a disabled one give the same answer in the same
time. A login always makes a new session; one that the browser brought along is ended, so
that nobody can plant a session and wait for its owner.
"""

import structlog
from aiohttp import web

from verbundwacht_collector.i18n import _, ngettext
from verbundwacht_collector.store import people as stored
from verbundwacht_collector.web import people, sessions
from verbundwacht_collector.web.guard import local_target
from verbundwacht_collector.web.page import DEPS, TOKEN, WHO, render, see_other

log = structlog.get_logger()


async def form(request: web.Request) -> web.StreamResponse:
    """The login form; someone who is logged in already goes on."""
    target = local_target(request.query.get("next", "/"))
    # Somebody who followed an old link to the login does not want to log in again.
    if WHO in request:
        return see_other(request, target)
    return await render(
        request, "login.html", target=target, login="", problem=None, left="left" in request.query
    )


async def submit(request: web.Request) -> web.StreamResponse:
    """A session with its cookie, or the form again with 400 or 429."""
    deps, fields = request.app[DEPS], await request.post()
    login, password = str(fields.get("login", "")).strip(), str(fields.get("password", ""))
    target = local_target(str(fields.get("next", "/")))
    now, address = deps.clock(), request.remote or ""
    if wait := deps.throttle.wait_ms(login=login, address=address, now=now):
        log.warning("login.delayed", address=address, wait_s=wait // 1000)
        return await _wait_page(request, target, login, wait)
    account = await deps.read(lambda db: people.account(db, login))
    stored = account.password_hash if account else None
    # Also without an account: the answer must take as long as for a real one.
    if not await deps.verifier.matches(stored, password) or account is None:
        log.info("login.refused", address=address)
        return await render(
            request,
            "login.html",
            status=400,
            target=target,
            login=login,
            problem=_("Anmeldename oder Passwort stimmen nicht."),
            left=False,
        )
    deps.throttle.succeeded(login=login, address=address)
    return await _open_session(request, account.person_id, target)


async def logout(request: web.Request) -> web.StreamResponse:
    """The session is gone, on the server and in the browser."""
    deps = request.app[DEPS]
    hashed = sessions.token_hash(request[TOKEN])
    await deps.write(lambda tx: stored.end_session(tx, hashed))
    response = see_other(request, "/login?left")
    response.del_cookie(
        sessions.cookie_name(insecure_loopback=deps.insecure_loopback),
        path="/",
        secure=not deps.insecure_loopback,
        httponly=True,
        samesite="Lax",
    )
    return response


async def _open_session(request: web.Request, person_id: int, target: str) -> web.Response:
    deps = request.app[DEPS]
    name = sessions.cookie_name(insecure_loopback=deps.insecure_loopback)
    # The old session goes in the same transaction, or a planted one could live on.
    brought, token, now = request.cookies.get(name, ""), sessions.new_token(), deps.clock()
    await deps.write(
        lambda tx: people.open_session(tx, person_id, token, replaces=brought, now=now)
    )
    log.info("login.accepted", person_id=person_id)
    response = see_other(request, target)
    response.set_cookie(
        name, token, path="/", secure=not deps.insecure_loopback, httponly=True, samesite="Lax"
    )
    return response


async def _wait_page(request: web.Request, target: str, login: str, wait: int) -> web.Response:
    # Rounded up: "0 minutes" would invite the next attempt.
    minutes = -(-wait // 60_000)
    problem = ngettext(
        "Zu viele Anmeldeversuche. Bitte warten Sie noch %(num)s Minute und versuchen Sie es dann "
        "erneut.",
        "Zu viele Anmeldeversuche. Bitte warten Sie noch %(num)s Minuten und versuchen Sie es dann "
        "erneut.",
        minutes,
    )
    response = await render(
        request, "login.html", status=429, target=target, login=login, problem=problem, left=False
    )
    response.headers["Retry-After"] = str(-(-wait // 1000))
    return response
