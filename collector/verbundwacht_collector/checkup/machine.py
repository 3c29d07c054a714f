"""Room on the disk, and the right to write in the folder. The limits are the status page's."""

import errno
import os
from collections.abc import Iterator

from verbundwacht_collector import machine_problems
from verbundwacht_collector.config import Folder
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.observe.machine import look_at
from verbundwacht_collector.observe.status import DISK_FULL, DISK_FULL_BYTES, DISK_LOW

_MB = 1_000_000


def problems(folder: Folder) -> Iterator[ConfigError]:
    """What is wrong with the place where the collector writes."""
    for path in (folder.root, folder.database):
        if path.exists() and not os.access(path, os.W_OK):
            reason = os.strerror(errno.EACCES)
            yield ConfigError(machine_problems.FILE_REFUSED, path=path, reason=reason)
    disk = look_at(folder.database)
    if disk.free is None or not disk.total:
        return
    low = DISK_LOW * disk.total
    full = max(DISK_FULL * disk.total, min(DISK_FULL_BYTES, low))
    for kind, least in ((machine_problems.DISK_FULL, full), (machine_problems.DISK_FILLS, low)):
        if disk.free < least:
            free = disk.free // _MB
            yield ConfigError(kind, path=folder.root, free=free, least=int(least) // _MB)
            return
