"""What happened to alerts since a reader last looked: ids and kinds, nothing else.

The table of events is the queue and the memory: nobody's backlog takes space, and a reader
that comes back after a restart of the collector continues where it was.
"""

import sqlite3
from typing import Final

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence

_Q: Final = named("read.sql")


def newest(db: sqlite3.Connection) -> int:
    """The id of the last event of all; only to notice that there is news, never shown."""
    return int(db.execute(_Q["newest_event"]).fetchone()[0])


def newest_seen(db: sqlite3.Connection, *, scope: Scope) -> int:
    """The id of the last event inside the scope; 0 if there is none."""
    bounds, values = fence(scope)
    row = db.execute(_Q["newest_event_of"].format(scope=bounds), values).fetchone()
    return 0 if row is None else int(row[0])


def since(db: sqlite3.Connection, after: int, *, limit: int, scope: Scope) -> list[views.NewsRow]:
    """Up to `limit` events inside the scope after the one with id `after`, oldest first."""
    bounds, values = fence(scope)
    values |= {"after": after, "limit": limit}
    return [views.NewsRow(*row) for row in db.execute(_Q["news"].format(scope=bounds), values)]
