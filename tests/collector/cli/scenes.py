"""A folder on which a problem of the catalogue is met, and the register of how each is met."""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from tests.collector.cli.operator import Operator

from verbundwacht_collector import pki_files


class Scene(NamedTuple):
    """What an entry can work with. held: what must stay open while the command runs."""

    operator: Operator
    tmp: Path
    patch: pytest.MonkeyPatch
    held: ExitStack

    @property
    def files(self) -> pki_files.PkiFiles:
        return pki_files.PkiFiles(self.operator.folder.keys)

    def sql(self, text: str, *values: object) -> None:
        with closing(sqlite3.connect(self.operator.folder.database)) as db, db:
            db.execute(text, values)

    def secret(self, text: str, mode: int = 0o600) -> Path:
        path = self.tmp / "geheim"
        path.write_text(text)
        path.chmod(mode)
        return path


Words = tuple[str, ...]
Provoke = Callable[[Scene], Words]
CHECK: Final[Words] = ("check-config",)

PROVOKED: Final[dict[str, Provoke]] = {}


def provokes(code: str) -> Callable[[Provoke], Provoke]:
    """The function is the entry for this code."""

    def put(function: Provoke) -> Provoke:
        assert code not in PROVOKED
        PROVOKED[code] = function
        return function

    return put


def settings_of(text: str) -> Provoke:
    """check-config reads these settings."""

    def put(scene: Scene) -> Words:
        scene.operator.settings(text)
        return CHECK

    return put
