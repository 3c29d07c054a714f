"""What the machine says about the collector's files: room on the disk, sizes of the database.

A value that cannot be had is None and is shown as unknown; nothing raises.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

StatVfs = Callable[[Path], os.statvfs_result]


class Disk(msgspec.Struct, frozen=True):
    """In bytes. free: for this process, so without what the system keeps for root."""

    free: int | None = None
    total: int | None = None
    database: int | None = None
    journal: int | None = None


def look_at(database: Path, statvfs: StatVfs = os.statvfs) -> Disk:
    """How much room the database has and takes (statvfs(3))."""
    free = total = None
    with suppress(OSError):
        found = statvfs(database.parent)
        free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    return Disk(
        free, total, _size(database), _size(database.with_name(f"{database.name}-wal"), absent=0)
    )


def _size(path: Path, absent: int | None = None) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return absent  # no journal file: nothing waits to be folded in
    except OSError:
        return None
