"""Who listens for news, and the bell that wakes them: one look at the store for all of them.

The pipeline does not know about this: a commit is noticed by the id of the newest event. At
most four looks a second are also what bounds the number of messages to each listener.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import structlog

from verbundwacht_collector.store import news
from verbundwacht_collector.web.deps import Reader
from verbundwacht_collector.web.errors import StreamLimitError

LOOK_EVERY_S: Final = 0.25
PER_PERSON: Final = 5

log = structlog.get_logger()


class Live:
    """The listeners of one web server. Looks at the store only while somebody listens."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._bells: set[asyncio.Event] = set()
        self._open: Counter[int] = Counter()
        self._watch: asyncio.Task[None] | None = None
        self.closed = False

    @contextlib.asynccontextmanager
    async def listening(self, person_id: int) -> AsyncIterator[asyncio.Event]:
        """A bell that is set when there may be news. Raises StreamLimitError."""
        if self._open[person_id] >= PER_PERSON or self.closed:
            raise StreamLimitError(f"{PER_PERSON} streams of one person are open; close a window.")
        bell = asyncio.Event()
        self._open[person_id] += 1
        self._bells.add(bell)
        if self._watch is None:
            self._watch = asyncio.create_task(self._look(), name="live")
        try:
            yield bell
        finally:
            self._bells.discard(bell)
            self._open[person_id] -= 1
            if not self._bells:
                self._stop()

    def close(self) -> None:
        """All listeners are told to leave, and no new one gets in."""
        self.closed = True
        self._stop()
        for bell in self._bells:
            bell.set()

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _look(self) -> None:
        known: int | None = None
        while True:
            try:
                found = await self._read(news.newest)
            except Exception as problem:
                # A busy store now is no reason to be deaf for ever.
                log.warning("live.look_failed", problem=repr(problem))
            else:
                if known is not None and found != known:
                    for bell in self._bells:
                        bell.set()
                known = found
            await asyncio.sleep(LOOK_EVERY_S)
