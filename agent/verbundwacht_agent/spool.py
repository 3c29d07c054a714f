"""The spool: what is not acknowledged yet, and, in its newest frame, where the chain stands.

Only gather writes here. The newest frame stays even after its acknowledgement, because it
*is* the state: sequence number, head, epoch and the last manifest.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from verbundwacht_agent.errors import StateError
from verbundwacht_agent.files import sync_folder, write
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import Frame, read_frame

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_AGE_S: Final = 7 * 24 * 3600


class Head(NamedTuple):
    """Where this host's chain stands."""

    seq: int
    entry: bytes  # hash the next message names as its predecessor
    epoch: int
    boot: bytes
    frame: Frame | None  # the newest report; None before the first


class Spool:
    """Frames on disk, by sequence number."""

    def __init__(self, paths: Paths) -> None:
        self.folder, self._paths = paths.spool, paths
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)

    def _file(self, seq: int) -> Path:
        return self.folder / f"{seq:020}.vw"

    def seqs(self) -> list[int]:
        """The sequence numbers that are here, rising."""
        return sorted(int(p.stem) for p in self.folder.glob("*.vw") if p.stem.isdecimal())

    def head(self, genesis: bytes) -> Head:
        """Where the chain stands. Raises StateError for a damaged newest frame."""
        seqs = self.seqs()
        if not seqs:
            return Head(0, genesis, 0, b"", None)
        frame = self.frame(seqs[-1])
        header = frame.header
        return Head(header.seq, frame.entry_hash, header.epoch, header.boot, frame)

    def frame(self, seq: int) -> Frame:
        """One stored frame. Raises StateError if it cannot be read."""
        path = self._file(seq)
        try:
            return read_frame(path.read_bytes())
        except (OSError, WireError) as problem:
            raise StateError(
                f"{path} ist beschädigt ({problem}). "
                "Server neu anmelden: verbundwacht-agent prepare"
            ) from None

    def entry(self, seq: int) -> bytes | None:
        """The hash of one stored frame, None if it is gone."""
        return self.frame(seq).entry_hash if self._file(seq).exists() else None

    def append(self, seq: int, raw: bytes) -> None:
        """The frame is on the disk under its number, whole, before anybody may send it."""
        write(self._file(seq), raw)

    def acked(self) -> int:
        """The highest number up to which everything was acknowledged."""
        try:
            return int((self._paths.gather / "acked").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def acknowledge(self, upto: int) -> None:
        """Everything up to here is acknowledged and gone, but for the newest frame."""
        if upto > self.acked():
            write(self._paths.gather / "acked", str(upto).encode())
        self._remove(seq for seq in self.seqs()[:-1] if seq <= upto)

    def forget(self, seq: int) -> None:
        """One frame above a gap is acknowledged and gone, unless it is the newest."""
        self._remove(s for s in self.seqs()[:-1] if s == seq)

    def _remove(self, seqs: Iterator[int]) -> None:
        gone = [self._file(seq) for seq in seqs]
        for path in gone:
            path.unlink(missing_ok=True)
        if gone:
            sync_folder(self.folder)

    def trim(self, now_s: float) -> tuple[int, int] | None:
        """The spool is within bytes and age; returns first and last number that were dropped."""
        acked, seqs = self.acked(), self.seqs()
        sizes = {seq: self._file(seq).stat() for seq in seqs}
        total = sum(found.st_size for found in sizes.values())
        dropped: list[int] = []
        for seq in seqs[:-1]:
            if total <= MAX_BYTES and now_s - sizes[seq].st_mtime <= MAX_AGE_S:
                break
            total -= sizes[seq].st_size
            dropped.append(seq)
        self._remove(iter(dropped))
        lost = [seq for seq in dropped if seq > acked]
        return (lost[0], lost[-1]) if lost else None

    def park(self) -> None:
        """All frames lie aside, unsent: they belong to a branch that was given up."""
        self._paths.parked.mkdir(mode=0o750, exist_ok=True)
        for seq in self.seqs():
            path = self._file(seq)
            mark = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
            path.rename(self._paths.parked / f"{path.stem}-{int(time.time())}-{mark}.vw")
        sync_folder(self.folder)
        sync_folder(self._paths.parked)


def boot_mark(path: Path, kernel_boot: str) -> bytes:
    """Eight random bytes that stay until the machine restarts.

    kernel_boot: /proc/sys/kernel/random/boot_id. The file names it, so the mark ends with
    the boot even where the folder lies on a disk instead of a tmpfs.
    """
    try:
        mark, _, boot = path.read_text().partition(" ")
        if boot == kernel_boot and len(bytes.fromhex(mark)) == 8:
            return bytes.fromhex(mark)
    except (FileNotFoundError, ValueError):
        pass
    fresh = os.urandom(8)
    write(path, f"{fresh.hex()} {kernel_boot}".encode())
    return fresh
