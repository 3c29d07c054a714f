"""The whole status on a socket file, for the operator's own command.

The file lies in the collector's folder and only its owner can open it, so
`verbundwacht status` needs neither a password nor a port.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from verbundwacht_collector.observe.observer import Observer
from verbundwacht_collector.observe.status import Status
from verbundwacht_collector.scope import OperatorScope

ANSWER_S: Final = 10.0
MOST: Final = 4 * 1024 * 1024


class StatusSocket:
    """Whoever connects gets the status as one JSON document."""

    def __init__(self, path: Path, observer: Observer) -> None:
        self._path, self._observer = path, observer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """The owner of the folder can ask. A file that a killed collector left is replaced."""
        found = socket.socket(socket.AF_UNIX)
        try:
            # The mode the file gets when it is made: no moment in which others could open it.
            os.fchmod(found.fileno(), 0o600)
            with suppress(FileNotFoundError):
                self._path.unlink()
            with _short(self._path) as short:
                found.bind(short)
            self._server = await asyncio.start_unix_server(self._answer, sock=found)
        except BaseException:
            found.close()
            raise

    async def close(self) -> None:
        """Nobody can ask any more."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(msgspec.json.encode(await self._observer.status(OperatorScope())))
            await writer.drain()
        except OSError:
            pass  # whoever asked is gone
        finally:
            writer.close()


def ask(path: Path) -> Status | None:
    """What the collector that serves this folder says about itself; None if none does.

    Raises PermissionError for somebody who may not ask.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_S)
        try:
            with _short(path) as short:
                line.connect(short)
            return msgspec.json.decode(_everything(line), type=Status)
        except PermissionError:
            raise
        except (OSError, msgspec.DecodeError):
            return None


def _everything(line: socket.socket) -> bytes:
    found = b""
    while len(found) < MOST:
        more = line.recv(65_536)
        if not more:
            return found
        found += more
    return found


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path through an open folder: a socket's path may have 107 bytes only (unix(7))."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
