"""Named statements on one connection: the ground that the verbs of a transaction stand on."""

import sqlite3
from typing import Any, Final

from verbundwacht_collector.store.named import named

STATEMENTS: Final = named("write.sql") | named("notify.sql")


class Statements:
    """Runs statements of `write.sql` and `notify.sql` by name."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def _one(self, statement: str, /, **values: Any) -> Any:
        return self._db.execute(STATEMENTS[statement], values).fetchone()

    def _all(self, statement: str, /, **values: Any) -> list[Any]:
        return self._db.execute(STATEMENTS[statement], values).fetchall()

    def _run(self, statement: str, /, **values: Any) -> sqlite3.Cursor:
        return self._db.execute(STATEMENTS[statement], values)
