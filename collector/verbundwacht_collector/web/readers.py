"""Reading connections in threads: SQLite would otherwise block the loop that takes reports in.

Each thread has its own connection, opened read-only, so a page cannot write even by mistake.
"""

import asyncio
import contextvars
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from verbundwacht_collector.store.sqlite import connect

T = TypeVar("T")


class Readers:
    """Answers questions to one database file in up to `threads` threads. Implements Reader."""

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        self._path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web-read")

    async def __call__(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The question's answer; all its reads see one state of the database."""
        # A copy of the context, since it carries the language of whoever asks.
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, self._answer, question)

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        db = self._connection()
        # One snapshot for all reads of a page: counts and lists agree.
        db.execute("BEGIN")
        try:
            return question(db)
        finally:
            db.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "db", None)
        if found is None:
            found = self._local.db = connect(self._path, readonly=True)
            self._open.append(found)
        return found

    def close(self) -> None:
        """No thread and no connection is left."""
        # First the threads: a connection must not be closed under a running question.
        self._pool.shutdown()
        for db in self._open:
            db.close()
        self._open.clear()
