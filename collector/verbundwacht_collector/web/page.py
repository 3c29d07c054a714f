"""How a handler answers with a page: the layout's own values are added here, once."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

import jinja2
from aiohttp import web

from verbundwacht_collector import i18n
from verbundwacht_collector.i18n import N_
from verbundwacht_collector.web import reads
from verbundwacht_collector.web.assets import Assets
from verbundwacht_collector.web.deps import WebDeps
from verbundwacht_collector.web.live import Live
from verbundwacht_collector.web.pace import Pace
from verbundwacht_collector.web.people import Identity
from verbundwacht_collector.web.sessions import csrf_token

DEPS: Final = web.AppKey("deps", WebDeps)
ENVIRONMENT: Final = web.AppKey("environment", jinja2.Environment)
LIVE: Final = web.AppKey("live", Live)
SEARCHES: Final = web.AppKey("searches", Pace)
ASSETS: Final = web.AppKey("assets", Assets)
WHO: Final = web.RequestKey("who", Identity)
TOKEN: Final = web.RequestKey("token", str)
DONE_COOKIE: Final = "vw_done"
DONE: Final = {
    "take": N_("Sie haben die Warnung übernommen."),
    "comment": N_("Ihr Kommentar ist gespeichert."),
    "fix-claimed": N_(
        "Vermerkt. Die nächsten Meldungen des Servers entscheiden, ob es behoben ist."
    ),
    "close": N_("Die Warnung ist geschlossen."),
    "pause": N_("Die Warnung ist pausiert. Am Ende der Pause wird wieder gemeldet."),
    "maintenance": N_("Die Wartung ist geplant."),
    "overlay-ended": N_("Beendet. Was noch offen ist, wird innerhalb einer Minute gemeldet."),
    "channel-test": N_("Die Testnachricht ist unterwegs. Ihr Ergebnis erscheint beim Kanal."),
}


async def render(
    request: web.Request, template: str, *, status: int = 200, **values: object
) -> web.Response:
    """A page with navigation for a known person, without it for a stranger.

    `frame` may be passed by handlers that have read it already, None to do without.
    """
    app = request.app
    who = request.get(WHO)
    if who is not None and "frame" not in values:
        scope = who.scope
        values["frame"] = await app[DEPS].read(lambda db: reads.frame(db, scope=scope))
    # Only known keys: the cookie comes from outside and must not choose the words.
    done = DONE.get(request.cookies.get(DONE_COOKIE, "")) if request.method == "GET" else None
    text = (
        app[ENVIRONMENT]
        .get_template(template)
        .render(
            {
                "who": who,
                "csrf": csrf_token(request[TOKEN]) if who is not None else "",
                "now": app[DEPS].clock(),
                "path": request.path,
                "done": i18n.lookup(done) if done is not None else None,
                "language": i18n.current(),
                "languages": i18n.LANGUAGES,
                "here": _page_of(request),
                "frame": None,
                **values,
            }
        )
    )
    response = web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
    response.headers["Content-Language"] = i18n.current()
    if done is not None:
        # Shown once; a reload must not repeat it.
        response.del_cookie(DONE_COOKIE, path="/")
    return response


def _page_of(request: web.Request) -> str:
    """Where the switch of the language leads back to: this page, or the one of this form."""
    if request.method in ("GET", "HEAD"):
        return request.path_qs
    # The answer to a form has no address of its own that could be asked for again.
    came_from = urlsplit(request.headers.get("Referer", ""))
    return urlunsplit(("", "", came_from.path or "/", came_from.query, ""))


def params(request: web.Request) -> dict[str, list[str]]:
    """The query string as the filters read it."""
    return {name: request.query.getall(name) for name in request.query}


def person(request: web.Request) -> Identity:
    """Who asks; only for handlers behind a role, where the guard has made sure of one."""
    return request[WHO]


def see_other(request: web.Request, location: str, *, done: str | None = None) -> web.Response:
    """303 after a form; `done` names the sentence that the next page shows once."""
    response = web.Response(status=303, headers={"Location": location})
    if done is not None:
        secure = not request.app[DEPS].insecure_loopback
        response.set_cookie(
            DONE_COOKIE, done, max_age=60, path="/", httponly=True, samesite="Lax", secure=secure
        )
    return response
