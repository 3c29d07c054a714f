"""Two questions that a supervisor or a load balancer asks without a login.

The answer is `ok`, or 503 with a line for each thing that fails and nothing else. Whoever asks
a thousand times a second causes no more work than once.
"""

from aiohttp import web

from verbundwacht_collector.web.page import DEPS


async def alive(request: web.Request) -> web.Response:
    """Is it worth anything to let this process run on?"""
    return _answer(await request.app[DEPS].observer.alive())


async def ready(request: web.Request) -> web.Response:
    """Would a message that comes now be taken in?"""
    return _answer(await request.app[DEPS].observer.ready())


def _answer(failed: list[str]) -> web.Response:
    lines = failed or ["ok"]
    return web.Response(text="\n".join(lines) + "\n", status=503 if failed else 200)
