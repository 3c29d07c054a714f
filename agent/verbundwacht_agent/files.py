"""Writing so that a power cut leaves the old file or the new one, never half of one."""

import errno
import os
from pathlib import Path

from verbundwacht_agent import config_problems as problems
from verbundwacht_agent.errors import KeyFileError


def sync_folder(folder: Path) -> None:
    """What was renamed into the folder survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes, mode: int = 0o640) -> None:
    """The file holds exactly these bytes, on the disk. Temporary file, fsync, rename, fsync."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def write_new_secret(path: Path, data: bytes) -> None:
    """The file holds these bytes and was never readable by others. Raises FileExistsError."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, "liegt schon da", str(path))
    write(path, data, 0o600)  # half a key would stay for ever: nobody replaces a key


def read_secret(path: Path) -> bytes:
    """The bytes of a file that only its owner may read. Raises KeyFileError otherwise."""
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except FileNotFoundError:
        raise KeyFileError(problems.KEY_MISSING, file=path) from None
    except OSError as problem:
        raise KeyFileError(problems.KEY_UNREADABLE, file=path, reason=problem.strerror) from None
    if mode & 0o077:
        raise KeyFileError(problems.KEY_TOO_OPEN, file=path)
    return data
