"""Static files from memory."""

from aiohttp import web

from verbundwacht_collector.web.page import ASSETS

FOREVER = "public, max-age=31536000, immutable"


async def serve(request: web.Request) -> web.Response:
    """The named file; kept for a year under the current digest, re-asked under an old one."""
    assets = request.app[ASSETS]
    found = assets.files.get(request.match_info["name"])
    # Looked up by name in memory, so no path can lead out of the folder.
    if found is None:
        raise web.HTTPNotFound
    # An open page from before an update still gets files that work, if newer ones.
    current = request.match_info["digest"] == assets.digest
    headers = {"Cache-Control": FOREVER if current else "no-cache", "Vary": "Accept-Encoding"}
    body = found.body
    if found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = found.packed, "gzip"
    headers["Content-Type"] = found.content_type + (
        "; charset=utf-8" if found.content_type.startswith("text/") else ""
    )
    return web.Response(body=body, headers=headers)
