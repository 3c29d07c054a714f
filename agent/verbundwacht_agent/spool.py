"""The spool: what is not acknowledged yet, and, in its newest frame, where the chain stands.

Only gather writes here. The newest frame stays even after its acknowledgement, because it
*is* the state: sequence number, head, epoch and the last manifest.
"""

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from verbundwacht_agent.errors import StateError
from verbundwacht_agent.files import sync_folder, write
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.keys import P256Signer, PublicKey, check_signature, load_spki

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_PARKED: Final = 16 * 1024 * 1024
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
        return self._read(self._file(seq))

    def _read(self, path: Path) -> Frame:
        try:
            return read_frame(path.read_bytes())
        except (OSError, WireError) as problem:
            raise damaged(path, problem, self._paths) from None

    def entry(self, seq: int) -> bytes | None:
        """The hash of one stored frame, None if it is gone or cannot be read."""
        try:
            return self.frame(seq).entry_hash
        except StateError:  # no answer can name it then; `head` reports it where it matters
            return None

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

    def rewind(self, upto: int) -> None:
        """Only everything up to here counts as acknowledged; what is still here is sent again."""
        write(self._paths.gather / "acked", str(upto).encode())

    def forget(self, seq: int) -> None:
        """One frame above a gap is acknowledged and gone, unless it is the newest."""
        self._remove(s for s in self.seqs()[:-1] if s == seq)

    def _remove(self, seqs: Iterator[int]) -> None:
        gone = [self._file(seq) for seq in seqs]
        for path in gone:
            path.unlink(missing_ok=True)
        if gone:
            sync_folder(self.folder)

    def overflow(self, now_s: float) -> list[int]:
        """The oldest numbers that must go so that bytes and age are within limits."""
        seqs = self.seqs()
        sizes = {seq: self._file(seq).stat() for seq in seqs}
        total = sum(found.st_size for found in sizes.values())
        over: list[int] = []
        for seq in seqs[:-1]:
            if total <= MAX_BYTES and now_s - sizes[seq].st_mtime <= MAX_AGE_S:
                break
            total -= sizes[seq].st_size
            over.append(seq)
        return over

    def lost(self, gone: Iterable[int], behind: int | None = None) -> list[tuple[int, int]]:
        """Ranges of numbers that the collector lacks and that will not be here any more.

        What fell out before is declared again: the report that said so may be among these.
        gone: what is about to fall out. behind: the collector says that it has everything up
        to here only, and more was forgotten here: it was put back to a backup.
        """
        gone = set(gone)
        kept = [seq for seq in self.seqs() if seq not in gone]
        since = self.acked() if behind is None else behind
        here = [since, *(seq for seq in kept if seq > since)]
        holes = [(low + 1, high - 1) for low, high in pairwise(here) if high - low > 1]
        # Numbers may be missing because they were acknowledged one by one; those are not lost.
        return [
            (low, high)
            for low, high in holes
            if any(low <= seq <= high for seq in gone) or (behind is not None and low == since + 1)
        ]

    def unusable(self, signer: P256Signer) -> list[int]:
        """Numbers of waiting frames that no collector will take: the disk has changed them.

        The newest is left out: it is the state, and `head` says what is wrong with it.
        """
        acked = self.acked()
        key = load_spki(signer.spki)
        return [seq for seq in self.seqs()[:-1] if seq > acked and not self._is_ours(seq, key)]

    def _is_ours(self, seq: int, key: PublicKey) -> bool:
        try:
            frame = self.frame(seq)
            check_signature(frame, key)
        except (StateError, WireError):
            return False
        return frame.header.seq == seq

    def drop(self, seqs: list[int]) -> None:
        """These frames are gone. The report that declares it must lie here already."""
        self._remove(iter(seqs))

    def rebase(self, seq: int, raw: bytes) -> None:
        """This frame is the newest and all others lie aside: now, or at the next start."""
        write(self._paths.rebase, raw)
        self.finish_rebase(seq)

    def finish_rebase(self, seq: int | None = None) -> None:
        """A rebase that a crash cut short is complete. Raises StateError if it cannot be read."""
        pending = self._paths.rebase
        if not pending.exists():
            return
        seq = self._read(pending).header.seq if seq is None else seq
        self._park()
        write(self._paths.gather / "acked", str(seq - 1).encode())
        pending.replace(self._file(seq))
        sync_folder(self.folder)
        sync_folder(pending.parent)

    def _park(self) -> None:
        """All frames lie aside, unsent: they belong to a branch that was given up."""
        self._paths.parked.mkdir(mode=0o750, exist_ok=True)
        for seq in self.seqs():
            path = self._file(seq)
            mark = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
            path.rename(self._paths.parked / f"{path.stem}-{int(time.time())}-{mark}.vw")
        sync_folder(self.folder)
        sync_folder(self._paths.parked)
        self._thin_parked()

    def _thin_parked(self) -> None:
        """The newest parked frames stay, within limits: or answers could fill the disk."""
        total = 0
        found = [(path.stat(), path) for path in self._paths.parked.glob("*.vw")]
        for stat, path in sorted(found, key=lambda one: one[0].st_mtime, reverse=True):
            total += stat.st_size
            if total > MAX_PARKED:
                path.unlink(missing_ok=True)


def damaged(path: Path, problem: Exception, paths: Paths) -> StateError:
    """What to say when the state cannot be read: only a new enrolment starts a new chain."""
    return StateError(
        f"{path} ist beschädigt ({problem}). Den Ordner {paths.root} beiseitelegen und den "
        "Server neu anmelden: verbundwacht-agent prepare --municipality KÜRZEL"
    )


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
