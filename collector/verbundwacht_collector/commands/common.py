"""What the commands share: the store, the printed table, the JSON line."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from verbundwacht_collector import config_problems
from verbundwacht_collector.config import Folder
from verbundwacht_collector.errors import LANGUAGES, ConfigError, Lang
from verbundwacht_collector.i18n import locale, pgettext
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.sqlite import (
    SqliteStore,
    connect,
    refuse_newer,
    refuse_older,
    version_of,
)

DEFAULT_DIR = Path("/var/lib/verbundwacht-collector")
EVERYTHING = OperatorScope()
_ZONE = ZoneInfo("Europe/Berlin")


def folder_of(args: argparse.Namespace) -> Folder:
    """The collector's folder, from --dir before or after the command."""
    return Folder(Path(getattr(args, "dir", DEFAULT_DIR)))


def language(asked: Lang | None, environ: Mapping[str, str]) -> Lang:
    """Of the messages: --lang, else VERBUNDWACHT_LANG, else German. Raises ConfigError."""
    wanted = asked or environ.get("VERBUNDWACHT_LANG") or "de"
    for known in LANGUAGES:
        if wanted == known:
            return known
    raise ConfigError(config_problems.BAD_LANGUAGE, value=repr(wanted))


def asked_language(argv: Sequence[str]) -> str:
    """Of --help and the parser's own words, which come before any option is read."""
    wanted = os.environ.get("VERBUNDWACHT_LANG", "")
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if word == "--lang":
            wanted = following
        elif word.startswith("--lang="):
            wanted = word.removeprefix("--lang=")
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


@contextmanager
def writing(args: argparse.Namespace) -> Iterator[Transaction]:
    """One transaction beside a collector that may be running."""
    store = SqliteStore(folder_of(args).database)
    try:
        with store.transaction() as tx:
            yield tx
    finally:
        store.close()


@contextmanager
def reading(args: argparse.Namespace) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write. Raises StoreError for a missing, older or newer one."""
    path = folder_of(args).database
    db = connect(path, readonly=True)
    try:
        found = version_of(db, path)
        refuse_newer(found, path)
        refuse_older(found, path)
        yield db
    finally:
        db.close()


def say_json(value: Any) -> None:
    """One JSON document on stdout; byte strings are hex."""
    print(msgspec.json.encode(value, enc_hook=lambda b: b.hex()).decode())


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """An aligned table for people, or one sentence if there is nothing."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    if not cells:
        print(empty)
        return
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    for row in [list(head), *cells]:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def plain(text: str) -> str:
    """The text without what could move a terminal's cursor or colour its lines.

    Comments, reasons and names come from other people's machines.
    """
    return "".join(char if char.isprintable() else "�" for char in text)


def when(at: int | None) -> str:
    """Unix milliseconds as people write it here, or a dash."""
    if at is None:
        return "–"
    from babel.dates import format_datetime

    pattern = pgettext("date pattern", "dd.MM.y HH:mm")
    local = datetime.fromtimestamp(at / 1000, _ZONE)
    return format_datetime(local, pattern, tzinfo=_ZONE, locale=locale())


def note(text: str) -> None:
    """A word to the person, beside the output that programs read."""
    print(text, file=sys.stderr)
