"""Security headers on every answer, and what is refused before anything reads a body.

The policy allows nothing inline, so a value that slips unescaped into a page still cannot
run. Referrer-Policy is `same-origin` and not `no-referrer`: the latter makes browsers send
`Origin: null` with our own forms, which the CSRF check would have to refuse.
"""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

MAX_BODY: Final = 64 * 1024
BODY_S: Final = 10.0  # for a whole form, however its bytes are spread
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Server": "Verbundwacht",
}
FORM_TYPE: Final = "application/x-www-form-urlencoded"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: the answer carries all headers, HSTS only over TLS."""
    response.headers.update(HEADERS)
    # Static files bring their own; everything else is about somebody's weaknesses.
    response.headers.setdefault("Cache-Control", "no-store")
    # Over plain HTTP browsers ignore it, and the demo must stay reachable without TLS.
    if request.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"


@web.middleware
async def refuse_odd_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only small, plain, complete form bodies reach a handler: 415, 413 or 408 otherwise.

    Compressed bodies are refused by their header, before they could be inflated.
    """
    if "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType
    if request.method == "POST":
        # Other types would need other parsers; our forms send only this one.
        if request.content_type != FORM_TYPE:
            raise web.HTTPUnsupportedMediaType
        if (request.content_length or 0) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(
                max_size=MAX_BODY, actual_size=request.content_length or 0
            )
        await _read_in_time(request)
    elif request.can_read_body:
        raise web.HTTPRequestEntityTooLarge(max_size=0, actual_size=request.content_length or 0)
    return await handler(request)


async def _read_in_time(request: web.Request) -> None:
    """The body is there; aiohttp keeps it for the handler. Raises 400, 408 or 413."""
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ConnectionError, web.RequestPayloadError):
        # Half a form, and gone: nobody hears the answer, but a traceback each would fill the log.
        raise web.HTTPBadRequest from None
