"""What readers may see of pauses, maintenance and announced absences."""

import sqlite3
from typing import Final

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.overlay_verbs import COLUMNS, overlay_of
from verbundwacht_collector.store.read import fence

_Q: Final = named("read.sql")


def overlays(db: sqlite3.Connection, *, scope: Scope, since: int) -> list[views.OverlayRow]:
    """Those in the scope that apply, will apply, or ended after `since`; oldest start first."""
    bounds, values = fence(scope)
    rows = db.execute(_Q["overlays"].format(scope=bounds), values | {"since": since})
    n = len(COLUMNS)
    return [
        views.OverlayRow(overlay_of(row[:n]), row[n], row[n + 1].hex(), *row[n + 2 :])
        for row in rows
    ]


def broken_lines(db: sqlite3.Connection, *, scope: Scope) -> set[str]:
    """The municipalities in the scope whose connection is known to be broken."""
    bounds, values = fence(scope)
    return {town for (town,) in db.execute(_Q["broken_lines"].format(scope=bounds), values)}
