"""An enrolled agent on a recorded host, and the way between it and a collector behind its doors."""

import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost
from tests.collector.fakes import ADDRESSES, Collector, authority, downlink
from tests.fakes import HOME, Clock

from verbundwacht_agent.enrol import accept, prepare
from verbundwacht_agent.gather import gather
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.post import letters, store
from verbundwacht_agent.receipt import load_enrolment
from verbundwacht_collector import enrolment
from verbundwacht_collector.acks import acknowledge, frame_down
from verbundwacht_collector.pipeline import Taken
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.keys import P256Signer
from verbundwacht_wire.messages import ACK, BEAT, Ack, Beat, Report
from verbundwacht_wire.payload import decode, inflate

BOOT_ID = "/proc/sys/kernel/random/boot_id"


@cache
def recorded(name: str = "debian12") -> RecordedHost:
    """A recording, read once."""
    host = RecordedHost.named(name).with_file(BOOT_ID, "first-boot\n")
    return host.with_file("/proc/sys/kernel/hostname", "web01\n")


def message(frame: Frame) -> Report | Beat:
    """What a report, rebase or beat says."""
    data = inflate(frame.payload, frame.header.coding, frame.header.ulen)
    if frame.header.typ == BEAT:
        return decode(data, Beat)
    return decode(data, Report)


class Machine:
    """The agent's folder, the host it reads, and its clock."""

    def __init__(self, root: Path, host: RecordedHost | None = None) -> None:
        self.paths, self.host, self.clock = Paths(root), host or recorded(), Clock()

    def prepare(self, municipality: str = HOME) -> bytes:
        """The request as a file."""
        out = self.paths.root / "request.vw"
        prepare(self.paths, self.host, municipality, out, self.clock)
        return out.read_bytes()

    def enrol(self, collector: Collector) -> Self:
        """prepare, host add, accept."""
        accept(self.paths, admit(collector, self.prepare()))
        return self

    def gather(self) -> str:
        """One run."""
        return gather(self.paths, self.host, self.clock)

    def change(self, line: str = "changed") -> None:
        """A file of the host says something new, and so will the section `sysctl`."""
        value = zlib.crc32(line.encode())
        self.host = self.host.with_file("/proc/sys/kernel/sysrq", f"{value}\n")

    def spooled(self) -> list[int]:
        """The numbers in the spool."""
        return sorted(int(path.stem) for path in self.paths.spool.glob("*.vw"))

    def frame(self, seq: int) -> Frame:
        """One spooled frame."""
        return read_frame((self.paths.spool / f"{seq:020d}.vw").read_bytes())

    def report(self, seq: int | None = None) -> Report:
        """What a spooled frame says; the newest unless a number is given."""
        found = message(self.frame(seq or self.spooled()[-1]))
        assert isinstance(found, Report)
        return found

    def beat(self) -> Beat:
        """What the beat says."""
        found = message(read_frame(self.paths.beat.read_bytes()))
        assert isinstance(found, Beat)
        return found

    def entries(self) -> dict[int, bytes]:
        """Hash by number of every frame this copy has made and still has."""
        paths = [*self.paths.parked.glob("*.vw"), *self.paths.spool.glob("*.vw")]
        frames = [read_frame(path.read_bytes()) for path in paths]
        return {frame.header.seq: frame.entry_hash for frame in frames}

    def state(self) -> dict[str, bytes]:
        """Every file of the folder, but for the lock."""
        return {
            str(path.relative_to(self.paths.root)): path.read_bytes()
            for path in sorted(self.paths.root.rglob("*"))
            if path.is_file() and path != self.paths.lock
        }

    def copy(self, root: Path) -> "Machine":
        """The same machine from a snapshot."""
        shutil.copytree(self.paths.root, root)
        twin = Machine(root, self.host)
        twin.clock = Clock(self.clock.now)
        return twin

    def send(self, collector: Collector, *, answers: bool = True) -> list[Taken]:
        """What `send` carries was taken in; the answers lie in the inbox."""
        raws = [letter.path.read_bytes() for letter in letters(self.paths)]
        collector.clock.now = self.clock.now
        taken = collector.take(*raws)
        if answers:
            collector.downlink_seq = max(collector.downlink_seq + 1, self.clock.now)
            seq = collector.downlink_seq
            frames = acknowledge(taken, downlink(), now=self.clock.now, seq=seq)
            for raw in frames.values():
                store(self.paths.inbox, raw)
        return taken

    def codes(self, collector: Collector) -> list[str]:
        """What became of everything that was sent now."""
        return [taken.code.name for taken in self.send(collector)]

    def round(self, collector: Collector) -> str:
        """A quarter of an hour later: gather and send."""
        self.clock.advance()
        done = self.gather()
        self.send(collector)
        return done

    def answer(self, ack: Ack | None = None, **changes: Any) -> bytes:
        """A signed answer; `changes` name fields of the header, `signer` another key."""
        signer: P256Signer = changes.pop("signer", downlink())
        own = load_enrolment(self.paths)
        payload = msgspec.json.encode(ack or Ack(upto=0, upto_hash="", hi=0, head=""))
        return frame_down(
            changes.pop("typ", ACK),
            changes.pop("tenant", own.receipt.municipality),
            changes.pop("agent", own.agent),
            payload,
            signer,
            changes.pop("seq", self.clock.now + 1),
            self.clock.now,
        )

    def hears(self, raw: bytes) -> None:
        """These bytes lie in the inbox."""
        store(self.paths.inbox, raw)


def admit(collector: Collector, request: bytes, municipality: str = HOME) -> bytes:
    """The receipt that `host add` writes."""
    read = enrolment.read_request(request)
    return collector.act(
        lambda tx: enrolment.admit(
            tx,
            read,
            municipality_id=municipality,
            authority=authority(),
            signer=downlink(),
            addresses=ADDRESSES,
            now=collector.clock(),
            separate=True,
        )
    ).receipt


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


@contextmanager
def dying(at: int, *, after: bool) -> Iterator[Callable[[], bool]]:
    """The process dies at its at-th write to the disk; yields whether it came that far.

    after: the write itself still happens.
    """
    calls = 0

    def trap(real: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at and not after:
                raise Crash
            result = real(*args, **options)
            if calls == at:
                raise Crash
            return result

        return deadly

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "rename", "replace", "unlink"):
            patch.setattr(os, name, trap(getattr(os, name)))
        yield lambda: calls >= at
