"""The pages as one aiohttp application, and the table of all its routes.

A handler is reachable only through this table, and every line says which roles may: a test
walks it with each role and ids of other municipalities.
"""

from typing import Final

from aiohttp import web

from verbundwacht_collector.web.assets import load_assets
from verbundwacht_collector.web.deps import WebDeps
from verbundwacht_collector.web.guard import ANYONE, PUBLIC, SOC, Route, guarded, know_the_person
from verbundwacht_collector.web.headers import MAX_BODY, add_headers, refuse_odd_bodies
from verbundwacht_collector.web.live import Live
from verbundwacht_collector.web.pace import SEARCHES_PER_MINUTE, Pace
from verbundwacht_collector.web.page import ASSETS, DEPS, ENVIRONMENT, LIVE, SEARCHES
from verbundwacht_collector.web.pages import (
    alert,
    alerts,
    channels,
    events,
    findings,
    health,
    host,
    hosts,
    language,
    login,
    overlays,
    overview,
    search,
    static,
    status,
)
from verbundwacht_collector.web.problems import error_pages
from verbundwacht_collector.web.speech import answer_in_their_language
from verbundwacht_collector.web.templates import environment

_ALERT: Final = r"/alerts/{number:W-\d{4}-\d{4,9}}"
_HOST: Final = r"/hosts/{host:[0-9a-f]{16,64}}"
_CHANNEL: Final = r"/channels/{channel:\d{1,9}}"
ROUTES: Final = (
    Route("GET", r"/static/{digest:[0-9a-f]{16}}/{name:.+}", static.serve, PUBLIC),
    Route("GET", "/login", login.form, PUBLIC),
    Route("POST", "/login", login.submit, PUBLIC),
    Route("POST", "/logout", login.logout, ANYONE),
    Route("POST", "/language", language.choose, PUBLIC),
    Route("GET", "/", overview.show, ANYONE),
    Route("GET", "/alerts", alerts.show, ANYONE),
    Route("GET", _ALERT, alert.show, ANYONE),
    Route("POST", f"{_ALERT}/take", alert.take, ANYONE),
    Route("POST", f"{_ALERT}/comment", alert.comment, ANYONE),
    Route("POST", f"{_ALERT}/fix-claimed", alert.claim_fixed, ANYONE),
    Route("POST", f"{_ALERT}/close", alert.close, ANYONE),
    Route("POST", f"{_ALERT}/pause", alert.pause, ANYONE),
    Route("GET", "/overlays", overlays.show, ANYONE),
    Route("POST", "/overlays", overlays.plan, ANYONE),
    Route("POST", r"/overlays/{overlay:\d{1,15}}/end", overlays.end, ANYONE),
    Route("GET", "/hosts", hosts.show, ANYONE),
    Route("GET", _HOST, host.show, ANYONE),
    Route("GET", "/findings", findings.show, ANYONE),
    Route("GET", "/channels", channels.show, ANYONE),
    Route("POST", f"{_CHANNEL}/test", channels.test, ANYONE),
    Route("GET", "/search", search.show, ANYONE),
    Route("GET", "/events", events.stream, ANYONE),
    Route("GET", "/status", status.show, SOC),
    Route("GET", "/healthz", health.alive, PUBLIC),
    Route("GET", "/readyz", health.ready, PUBLIC),
)


def web_app(deps: WebDeps) -> web.Application:
    """The pages, ready to be served. Raises AssetError without the third-party files."""
    assets = load_assets()
    app = web.Application(
        client_max_size=MAX_BODY,
        # Outermost first: errors of all the others become pages, and those know who is looking.
        middlewares=[answer_in_their_language, error_pages, know_the_person, refuse_odd_bodies],
    )
    app[DEPS], app[ASSETS] = deps, assets
    app[ENVIRONMENT] = environment(assets, deps.version)
    app[SEARCHES] = Pace(SEARCHES_PER_MINUTE)
    live = app[LIVE] = Live(deps.read)

    async def hang_up(_app: web.Application) -> None:
        live.close()

    # Streams never end by themselves; the server would wait a minute for each.
    app.on_shutdown.append(hang_up)
    app.on_response_prepare.append(add_headers)
    for route in ROUTES:
        # add_get answers HEAD too, which link checkers and monitoring ask for.
        add = app.router.add_get if route.method == "GET" else app.router.add_post
        add(route.path, guarded(route))
    return app
