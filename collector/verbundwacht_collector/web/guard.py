"""Who may reach a handler: session, role, and for forms proof that our own page sent them.

A stranger is sent to the login and comes back to the page afterwards. A person whose role
does not fit gets 404, like for anything else that is not in their scope.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from verbundwacht_collector import i18n
from verbundwacht_collector.store import people as stored
from verbundwacht_collector.web import people, sessions
from verbundwacht_collector.web.page import DEPS, TOKEN, WHO
from verbundwacht_collector.web.people import Role

PUBLIC: Final[frozenset[Role]] = frozenset()
"""No session needed."""
ANYONE: Final[frozenset[Role]] = frozenset({"municipal", "soc"})
SOC: Final[frozenset[Role]] = frozenset({"soc"})
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-VW-CSRF"
LIVE_HEADER: Final = "X-VW-Live"
"""Sent by the page when it asks by itself: nobody is using the session then."""


@dataclass(frozen=True)
class Route:
    """One line of the table of routes; `roles` empty means public."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    roles: frozenset[Role]


@web.middleware
async def know_the_person(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the person of a live session into the request."""
    deps = request.app[DEPS]
    name = sessions.cookie_name(insecure_loopback=deps.insecure_loopback)
    token = request.cookies.get(name, "")
    # Static files are public; a page has a handful and each would cost a look-up.
    # And whether the collector lives must not hang on a look-up that may be what is broken.
    if not token or request.path.startswith(("/static/", "/healthz", "/readyz")):
        return await handler(request)
    now = deps.clock()
    found = await deps.read(lambda db: people.resume(db, token, now))
    if found is not None:
        request[WHO], request[TOKEN] = found.who, token
        if found.who.language is not None:
            i18n.speak(found.who.language)
        # At most once a minute, so reading pages does not queue behind incoming reports.
        by_itself = LIVE_HEADER in request.headers or request.path == "/events"
        # Else an open window would keep the session alive over night.
        if found.touch and not by_itself:
            hashed = sessions.token_hash(token)
            await deps.write(lambda tx: stored.touch_session(tx, hashed, now))
    return await handler(request)


def guarded(route: Route) -> Handler:
    """The route's handler behind its checks, in this order: origin, session, role, CSRF."""

    async def check(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            require_own_origin(request)
        if not route.roles:
            return await route.handler(request)
        who = request.get(WHO)
        if who is None:
            return to_login(request)
        # Not 403: that would tell that there is something.
        if who.role not in route.roles:
            raise web.HTTPNotFound
        if request.method == "POST":
            await require_csrf(request)
        return await route.handler(request)

    return check


def require_own_origin(request: web.Request) -> None:
    """403 unless the browser says that one of our own pages sends this form.

    All browsers send Origin with a POST; Sec-Fetch-Site cannot be set by a page. A request
    with neither does not come from a browser page of ours.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        raise web.HTTPForbidden
    if origin is None and site is None:
        raise web.HTTPForbidden
    # Host and port only: whoever ends TLS in front of us changes the scheme.
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden


async def require_csrf(request: web.Request) -> None:
    """403 unless the form or the header carries this session's token."""
    presented = request.headers.get(CSRF_HEADER)
    if presented is None:
        field = (await request.post()).get(CSRF_FIELD, "")
        presented = field if isinstance(field, str) else ""
    if not sessions.csrf_matches(request[TOKEN], presented):
        raise web.HTTPForbidden


def to_login(request: web.Request) -> web.StreamResponse:
    """Send a stranger to the login page and remember where they wanted to go."""
    # A form cannot be repeated after the login, its page can.
    wanted = request.path_qs if request.method in ("GET", "HEAD") else "/"
    location = "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"
    # A redirect would be followed inside htmx and put the login into the middle of a page.
    if "HX-Request" in request.headers:
        return web.Response(status=204, headers={"HX-Redirect": location})
    return web.Response(status=303, headers={"Location": location})


def local_target(wanted: str) -> str:
    """The page after the login: a path on this site, else the start page.

    `//host` and `/\\host` are addresses of other sites to a browser.
    """
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain else "/"
