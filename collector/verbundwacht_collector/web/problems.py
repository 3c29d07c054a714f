"""Error pages: what happened in plain words, and what to do next; never a bare number.

Details of our own faults go to the log with an id; the page shows the id and nothing else.
"""

import secrets
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from verbundwacht_collector.i18n import N_, lookup
from verbundwacht_collector.web.page import render

log = structlog.get_logger()


@dataclass(frozen=True)
class Problem:
    """What an error page says; German in the table, in the reader's language on the page."""

    title: str
    what: str
    next_step: str


PROBLEMS: Final = {
    400: Problem(
        N_("Diese Anfrage ist unvollständig"),
        N_("Der Browser hat etwas geschickt, das wir nicht lesen können."),
        N_("Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal."),
    ),
    403: Problem(
        N_("Das hat nicht geklappt"),
        N_("Das Formular war veraltet, oder es kam nicht von dieser Seite."),
        N_("Laden Sie die Seite neu und senden Sie das Formular noch einmal ab."),
    ),
    404: Problem(
        N_("Diese Seite gibt es nicht"),
        N_("Die Adresse ist falsch, oder der Inhalt gehört nicht zu Ihrem Sichtbereich."),
        N_("Prüfen Sie die Adresse oder suchen Sie in der Liste der Warnungen."),
    ),
    405: Problem(
        N_("So geht es hier nicht"),
        N_("Diese Adresse lässt sich nicht direkt aufrufen."),
        N_("Benutzen Sie die Schaltfläche auf der Seite, zu der sie gehört."),
    ),
    413: Problem(
        N_("Das ist zu viel Text"),
        N_("Die Anfrage ist größer, als wir annehmen."),
        N_("Kürzen Sie Ihren Text und senden Sie ihn noch einmal ab."),
    ),
    415: Problem(
        N_("Dieses Format nehmen wir nicht an"),
        N_("Die Anfrage ist verpackt oder in einem Format, das diese Seiten nicht lesen."),
        N_("Benutzen Sie die Formulare dieser Seiten."),
    ),
    429: Problem(
        N_("Das war sehr oft in kurzer Zeit"),
        N_("Damit die Seiten für alle schnell bleiben, machen wir eine kurze Pause."),
        N_("Warten Sie bitte eine Minute und laden Sie die Seite dann neu."),
    ),
    500: Problem(
        N_("Hier ist ein Fehler passiert"),
        N_("Der Fehler liegt bei uns. Ihre Daten sind unverändert."),
        N_("Versuchen Sie es noch einmal. Bleibt es dabei, nennen Sie der Technik diese Kennung:"),
    ),
}


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error leaves as a page with a next step; redirects pass as they are."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        # Redirects are exceptions in aiohttp, not errors.
        if error.status < 400:
            raise
        response = await error_page(request, error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        incident = secrets.token_hex(4)
        log.exception("page.failed", method=request.method, path=request.path, incident=incident)
        return await error_page(request, 500, incident=incident)


async def error_page(request: web.Request, status: int, *, incident: str = "") -> web.Response:
    """The page for a status code; without navigation when even the store may be the cause."""
    german = PROBLEMS.get(status, PROBLEMS[400 if status < 500 else 500])
    problem = Problem(lookup(german.title), lookup(german.what), lookup(german.next_step))
    # The navigation reads the store, which may be what is broken.
    layout = {"frame": None} if status >= 500 else {}
    response = await render(
        request,
        "error.html",
        status=status,
        problem=problem,
        code=status,
        incident=incident,
        **layout,
    )
    if status in (400, 413, 415):
        # An unread body would be taken for the next request on this connection.
        response.force_close()
    return response
