"""Draws inputs, runs a target, keeps one small input for each way it can end."""

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import Target

CORPUS: Final = Path(__file__).parent / "corpus"
MAX_KEPT: Final = 2_048  # bytes of a kept input: larger ones say nothing that small ones do not
MAX_BUCKETS: Final = 160  # per target


class Finding(NamedTuple):
    """An input after which a target raised what it must not raise."""

    target: str
    raw: bytes
    problem: str


class Explorer:
    """One target and what is known about how it ends."""

    def __init__(self, target: Target, rng: random.Random, corpus: Path = CORPUS) -> None:
        self.target, self._rng = target, rng
        self.folder = corpus / target.name
        self.kept = [path.read_bytes() for path in sorted(self.folder.glob("*"))]
        self._seeds = [*target.seeds(), *self.kept]
        self.buckets: dict[str, bytes] = {}
        self.runs = 0

    def replay(self) -> list[Finding]:
        """The kept inputs once more; their ends are known afterwards."""
        return [found for raw in self.kept if (found := self.once(raw)) is not None]

    def drawn(self) -> bytes:
        """A new input, from the seeds and from all that ended in a new way so far."""
        return mutated(self._rng, self._seeds, self.target.words)

    def step(self) -> Finding | None:
        """One new input was tried."""
        return self.once(self.drawn())

    def once(self, raw: bytes) -> Finding | None:
        """What is wrong with how it ended, if anything."""
        try:
            end = self.target.run(raw)
        except Exception as problem:
            self.runs += 1
            return Finding(self.target.name, raw, f"{type(problem).__name__}: {problem}"[:300])
        self.ended(raw, end)
        return None

    def ended(self, raw: bytes, end: str) -> None:
        """The input ended in this way; a new way makes it a seed, a shorter input is kept."""
        self.runs += 1
        known = self.buckets.get(end)
        if known is None:
            self._seeds.append(raw)
        if known is None or len(raw) < len(known):
            self.buckets[end] = raw

    def write(self) -> int:
        """One small input per end is in the corpus; returns how many are new."""
        self.folder.mkdir(parents=True, exist_ok=True)
        small = sorted((raw for raw in self.buckets.values() if len(raw) <= MAX_KEPT), key=len)
        there = {path.name for path in self.folder.iterdir()}
        wanted = {name_of(raw): raw for raw in small[:MAX_BUCKETS]}
        for name in there - wanted.keys():
            if not name.startswith("finding-"):
                (self.folder / name).unlink()
        for name, raw in wanted.items():
            (self.folder / name).write_bytes(raw)
        return len(wanted.keys() - there)


def name_of(raw: bytes) -> str:
    """The file that keeps this input."""
    return hashlib.sha256(raw).hexdigest()[:16]


def explore(
    explorer: Explorer, seconds: float, say: Callable[[str], None] = lambda _: None
) -> list[Finding]:
    """So many seconds of new inputs; one finding per kind of problem."""
    found: dict[str, Finding] = {}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        finding = explorer.step()
        if finding is not None and finding.problem[:40] not in found:
            found[finding.problem[:40]] = finding
            say(f"{finding.target}: {finding.problem}\n  {finding.raw[:200]!r}")
    return list(found.values())
