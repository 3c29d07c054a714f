"""Which packages are installed where. Bodies are compressed documents that have to be opened.

What an opened document says is kept in memory: it never changes, as its name is its hash. Reckon
with 0.2 ms for each that is opened for the first time since the start, a tenth of it afterwards.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store import views
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence, freshness, serving_since, shown

_Q: Final = named("read.sql")
DOCUMENTS, PACKAGES = 8_192, 200_000
Package = tuple[str, str]
"""Name and version."""
Key = tuple[str, bytes]
"""Municipality and hash: whoever may see the one may see the other."""


class Opened:
    """The packages of documents that were opened before, each package under a small number.

    Numbers are compared five times as fast as names, and a region's lists fit into memory.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._numbers: dict[Package, int] = {}
        self._lists: dict[Key, tuple[int, ...]] = {}

    def make_room(self, documents: int = 2 * DOCUMENTS) -> None:
        """All is forgotten if there is too much: old versions are never asked for again."""
        if len(self._lists) > documents or len(self._numbers) > PACKAGES:
            self._lists.clear()
            self._numbers.clear()

    def list(self, db: sqlite3.Connection, key: Key) -> tuple[int, ...]:
        """The document's packages, known from now on."""
        if key not in self._lists:
            numbers = self._numbers
            self._lists[key] = tuple(numbers.setdefault(p, len(numbers)) for p in _open(db, key))
        return self._lists[key]

    def matching(self, wanted: str) -> dict[int, Package]:
        """All packages of all known documents whose name contains the text."""
        return {n: p for p, n in self._numbers.items() if wanted in p[0].casefold()}


_OPENED: Final = Opened()


def packages(
    db: sqlite3.Connection, text: str, *, scope: Scope, now: int
) -> list[views.PackageRow]:
    """Packages whose name contains `text`, whatever its case, and the active hosts with each."""
    bounds, values = fence(scope)
    rows = db.execute(_Q["package_bodies"].format(scope=bounds), values).fetchall()
    since, found = serving_since(db), dict[Package, list[views.PackageHost]]()
    keys = [(row[2], row[3]) for row in rows]
    for row, matching in zip(rows, _matching(db, keys, text.casefold()), strict=True):
        fresh = freshness(row[4], row[5], silent=row[6], now=now, serving_since=since)
        stale = shown("pass", fresh, bool(row[7])) == "stale"
        host = views.PackageHost(row[0].hex(), row[1], stale)
        for package in matching:
            found.setdefault(package, []).append(host)
    return [views.PackageRow(*package, hosts) for package, hosts in sorted(found.items())]


def _matching(db: sqlite3.Connection, keys: list[Key], wanted: str) -> Iterator[list[Package]]:
    """For each document the packages whose name contains the text."""
    if len(set(keys)) > DOCUMENTS:  # more than is worth keeping in memory
        yield from ([p for p in _open(db, key) if wanted in p[0].casefold()] for key in keys)
        return
    with _OPENED.lock:
        _OPENED.make_room()
        lists = [_OPENED.list(db, key) for key in keys]
        hits = _OPENED.matching(wanted)
    numbers = set(hits)
    yield from ([hits[n] for n in numbers.intersection(installed)] for installed in lists)


def _open(db: sqlite3.Connection, key: Key) -> set[Package]:
    (doc,) = db.execute(_Q["package_body"], {"town": key[0], "hash": key[1]}).fetchone()
    body: dict[str, Any] = msgspec.json.decode(zlib.decompress(doc))
    installed = body.get("installed", [])
    return {(str(one.get("name", "")), str(one.get("version", ""))) for one in installed}
