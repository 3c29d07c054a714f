"""The switch of the language, before the login and after it, without JavaScript."""

from aiohttp import web

from verbundwacht_collector import i18n
from verbundwacht_collector.store import people as stored
from verbundwacht_collector.web import speech
from verbundwacht_collector.web.guard import local_target
from verbundwacht_collector.web.page import DEPS, WHO, see_other


async def choose(request: web.Request) -> web.StreamResponse:
    """303 back to the page, in the chosen language from now on; a known person keeps it."""
    deps, fields = request.app[DEPS], await request.post()
    language, target = str(fields.get("language", "")), str(fields.get("next", "/"))
    if language not in i18n.LANGUAGES:
        raise web.HTTPBadRequest
    if WHO in request:
        person_id = request[WHO].person_id
        await deps.write(lambda tx: stored.set_language(tx, person_id, language))
    response = see_other(request, local_target(target))
    # In the browser too: the login page knows no person yet.
    response.set_cookie(
        speech.COOKIE,
        language,
        max_age=speech.KEPT_S,
        path="/",
        secure=not deps.insecure_loopback,
        httponly=True,
        samesite="Lax",
    )
    return response
