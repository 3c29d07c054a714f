"""In which language a request is answered: the person's, else the browser's, else German.

A click on the switch outranks what the browser asks for, and what a person once chose outranks
the cookie, which may come from whoever used this browser before.
"""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from verbundwacht_collector import i18n

COOKIE: Final = "lang"
KEPT_S: Final = 365 * 24 * 3600
MAX_RANGES: Final = 20
"""Nobody speaks more languages; a longer header is read as far as this."""


@web.middleware
async def answer_in_their_language(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer is in the language of cookie or header; know_the_person may still change it."""
    # Always undone: the next request on this connection may be somebody else's.
    with i18n.use(wanted(request)):
        return await handler(request)


def wanted(request: web.Request) -> str:
    """What the browser asks for: its cookie, else its header, else German."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in i18n.LANGUAGES:
        return chosen
    return accepted(request.headers.get("Accept-Language", "")) or i18n.SOURCE


def accepted(header: str) -> str | None:
    """The best of our languages by an Accept-Language header (RFC 9110, 12.5.4); None if none."""
    ranked: list[tuple[float, int, str]] = []
    for place, entry in enumerate(header.split(",")[:MAX_RANGES]):
        tag, _, parameter = entry.strip().partition(";")
        language = tag.strip().partition("-")[0].lower()
        quality = _quality(parameter)
        if language in i18n.LANGUAGES and quality > 0:
            ranked.append((-quality, place, language))
    return min(ranked)[2] if ranked else None


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
