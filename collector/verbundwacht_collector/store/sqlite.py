"""The store in one SQLite file: WAL, synchronous FULL, one writer at a time.

`BEGIN IMMEDIATE` takes the write lock before the first read, so what a transaction read is
still true when it writes; commands beside a running collector wait up to five seconds.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final
from urllib.parse import quote

from verbundwacht_collector import machine_problems
from verbundwacht_collector.errors import StoreError
from verbundwacht_collector.store.transaction import SqliteTransaction

MIGRATIONS: Final = Path(__file__).parent / "migrations"
NEWEST: Final = max(int(p.name[:4]) for p in MIGRATIONS.glob("[0-9]*.sql"))
_BUSY_MS: Final = 5_000


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """An open connection with the settings every use needs. Raises StoreError."""
    if not path.exists():
        raise StoreError(machine_problems.DATABASE_MISSING, path=path, folder=path.parent)
    mode = "ro" if readonly else "rw"
    try:
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_MS / 1000,
        )
        db.execute("PRAGMA foreign_keys = ON")
        if not readonly:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 4000")
    except sqlite3.Error as refusal:
        raise StoreError(machine_problems.DATABASE_UNREADABLE, path=path, reason=refusal) from None
    return db


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open database; 0 before the first migration."""
    try:
        return int(db.execute("SELECT max(version) FROM schema_version").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    except sqlite3.DatabaseError as refusal:
        raise StoreError(machine_problems.DATABASE_UNREADABLE, path=path, reason=refusal) from None


def migrate(path: Path) -> None:
    """The database exists and has the newest schema. Raises StoreError if it is newer still."""
    from yoyo import get_backend, read_migrations

    if path.exists():
        db = connect(path)
        found = version_of(db, path)
        db.close()
        if found == NEWEST:
            return
        refuse_newer(found, path)
    with get_backend(f"sqlite:///{quote(str(path))}") as backend:  # a folder may be called "a#1"
        migrations = read_migrations(str(MIGRATIONS))
        # SQLite checks an added column with a query of its own, and yoyo prints its empty answer.
        with backend.lock(), redirect_stdout(StringIO()):
            backend.apply_migrations(backend.to_apply(migrations))


def refuse_newer(found: int, path: Path) -> None:
    """The database is not newer than this program. Raises StoreError otherwise."""
    if found > NEWEST:
        raise StoreError(machine_problems.DATABASE_NEWER, path=path, found=found, newest=NEWEST)


def refuse_older(found: int, path: Path) -> None:
    """The database is not older than this program. Raises StoreError otherwise."""
    if found < NEWEST:
        values = {"found": found, "newest": NEWEST, "folder": path.parent}
        raise StoreError(machine_problems.DATABASE_OLD, path=path, **values)


class SqliteStore:
    """One file, one writer. Implements Store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = connect(path)
        try:
            found = version_of(self._db, path)
            refuse_newer(found, path)
            refuse_older(found, path)
        except StoreError:
            self._db.close()
            raise
        self._seen = self._data_version()

    def _data_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def changed_elsewhere(self) -> bool:
        """Another process committed since the last call (PRAGMA data_version)."""
        now = self._data_version()
        changed, self._seen = now != self._seen, now
        return changed

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """All of the block is durable after it, or nothing. Raises StoreError if locked."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as refusal:
            values = {"reason": refusal, "seconds": _BUSY_MS // 1000}
            raise StoreError(machine_problems.DATABASE_BUSY, path=self.path, **values) from None
        tx = SqliteTransaction(self._db)
        try:
            yield tx
            tx.flush_counts()
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as refusal:
            self._rollback()
            raise StoreError(
                machine_problems.DATABASE_REFUSES, path=self.path, reason=refusal
            ) from None
        except BaseException:
            self._rollback()
            raise

    def _rollback(self) -> None:
        if self._db.in_transaction:  # a full disk has rolled back by itself
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """The file is closed; its journal is folded in."""
        self._db.close()
