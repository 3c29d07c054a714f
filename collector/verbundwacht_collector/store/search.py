"""Which packages are installed where. Bodies are compressed documents, so this reads them all.

Identical bodies of one municipality are one document and are opened once. Reckon with 0.2 ms
per distinct document.
"""

import json
import sqlite3
import zlib
from typing import Any, Final

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence, freshness, serving_since, shown

_Q: Final = named("read.sql")
Installed = tuple[tuple[str, str], ...]
"""(name, version) of each package that matches."""


def packages(
    db: sqlite3.Connection, text: str, *, scope: Scope, now: int
) -> list[views.PackageRow]:
    """Packages whose name contains `text`, whatever its case, and the active hosts with each."""
    bounds, values = fence(scope)
    since, wanted = serving_since(db), text.casefold()
    opened: dict[tuple[str, bytes], Installed] = {}
    found: dict[tuple[str, str], list[views.PackageHost]] = {}
    for row in db.execute(_Q["package_bodies"].format(scope=bounds), values):
        agent, name, town, digest, doc = row[:5]
        if (town, digest) not in opened:
            opened[town, digest] = _matching(doc, wanted)
        fresh = freshness(row[5], row[6], silent=row[7], now=now, serving_since=since)
        stale = shown("pass", fresh, bool(row[8])) == "stale"
        for package in opened[town, digest]:
            found.setdefault(package, []).append(views.PackageHost(agent.hex(), name, stale))
    return [views.PackageRow(*package, hosts) for package, hosts in sorted(found.items())]


def _matching(doc: bytes, wanted: str) -> Installed:
    raw = zlib.decompress(doc)
    # Most documents are ruled out as bytes; only package names of ASCII exist.
    if wanted.encode() not in raw.lower():
        return ()
    installed: list[dict[str, Any]] = json.loads(raw).get("installed", [])
    pairs = ((str(one.get("name", "")), str(one.get("version", ""))) for one in installed)
    return tuple(sorted({pair for pair in pairs if wanted in pair[0].casefold()}))
