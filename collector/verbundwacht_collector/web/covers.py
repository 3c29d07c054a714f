"""The one question behind every „pausiert bis …“: which overlays a reader may see now."""

import sqlite3

from verbundwacht_collector.alerts.overlays import REMEMBERED_MS
from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import overlays as stored
from verbundwacht_collector.web.views.cover import Covers


def covers(db: sqlite3.Connection, *, scope: Scope, now: int) -> Covers:
    """The overlays of the scope, as the views ask for them."""
    rows = stored.overlays(db, scope=scope, since=now - REMEMBERED_MS)
    return Covers(tuple(rows), stored.broken_lines(db, scope=scope), now)
