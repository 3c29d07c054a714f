"""The database and the rule packs in it, read only; a clock that lies shows here, too."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from verbundwacht_collector import machine_problems
from verbundwacht_collector.config import Folder
from verbundwacht_collector.errors import CodedError, ConfigError, StoreError
from verbundwacht_collector.packs import unpack
from verbundwacht_collector.store.sqlite import connect, refuse_newer, refuse_older, version_of

CLOCK_MAY_DIFFER_MS: Final = 5 * 60_000
_ZONE: Final = ZoneInfo("Europe/Berlin")


def problems(folder: Folder, now: int) -> list[CodedError]:
    """What is wrong with the stored state. now: Unix milliseconds."""
    path = folder.database
    try:
        with closing(connect(path, readonly=True)) as db:
            found = version_of(db, path)
            refuse_newer(found, path)
            refuse_older(found, path)
            return [*_content(db), *_clock(db, now)]
    except CodedError as refusal:
        return [refusal]
    except sqlite3.DatabaseError as refusal:
        return [StoreError(machine_problems.DATABASE_UNREADABLE, path=path, reason=refusal)]


def _content(db: sqlite3.Connection) -> Iterator[CodedError]:
    if db.execute("SELECT 1 FROM alliance").fetchone() is None:
        yield ConfigError(machine_problems.HALF_MADE)
    rows = db.execute("SELECT name, files FROM pack ORDER BY name").fetchall()
    if not rows:
        yield ConfigError(machine_problems.NO_PACK)
    for name, files in rows:
        try:
            unpack(name, files)
        except ConfigError as refusal:
            yield refusal


def _clock(db: sqlite3.Connection, now: int) -> Iterator[CodedError]:
    """Time was later already: this machine's clock has gone back, or was ahead then."""
    (newest,) = db.execute("SELECT max(last_seen) FROM host").fetchone()
    if newest is not None and newest > now + CLOCK_MAY_DIFFER_MS:
        yield ConfigError(machine_problems.CLOCK_BEHIND, now=_when(now), newest=_when(newest))


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, _ZONE).strftime("%d.%m.%Y %H:%M")
