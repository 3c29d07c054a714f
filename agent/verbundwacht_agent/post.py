"""What one run of the sender has to deliver, and the answers it leaves for gather.

Answers are read without being trusted, only to know when waiting is over: gather checks them and
acts. A forged answer can delay, never delete. Both sides of the exchange are whole files or none:
frames are never touched here, answers appear under their name by renaming.
"""

import re
import time
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from verbundwacht_agent import config_problems as problems
from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.log import log_event
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import MAX_FRAME, Frame, read_frame
from verbundwacht_wire.messages import ACK, BEAT, Ack, Beat
from verbundwacht_wire.payload import decode, inflate

WINDOW: Final = 8  # frames on their way at once; the collector takes no more
MAX_ANSWER: Final = 8 * 1024
MAX_INBOX: Final = 64

_SPOOLED = re.compile(r"\d{20}\.vw")
_T = TypeVar("_T")


class Letter(NamedTuple):
    """One frame to deliver; a beat has no sequence number of its own."""

    path: Path
    seq: int | None


class Name(NamedTuple):
    """By what an answer may name a letter."""

    entry_hash: str
    beat: int | None  # the beat's n


def letters(paths: Paths) -> list[Letter]:
    """What is to be sent, in order: frames without acknowledgement, or else the beat.

    The newest spooled frame stays after its acknowledgement, because it is the agent's state;
    `gather/acked` says up to where all is answered. Raises ConfigError for a closed spool.
    """
    try:
        names = sorted(p for p in paths.spool.iterdir() if _SPOOLED.fullmatch(p.name))
        beat = paths.beat.exists()
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise ConfigError(
            problems.SPOOL_UNREADABLE, file=paths.spool, reason=problem.strerror
        ) from None
    acked = _acked(paths.gather / "acked")
    spooled = [Letter(p, int(p.stem)) for p in names if int(p.stem) > acked]
    return spooled or ([Letter(paths.beat, None)] if beat else [])


def _acked(path: Path) -> int:
    """The sequence number up to which everything is answered; 0 if nobody knows."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0


class Post:
    """The letters of one run; `take` crosses them off as answers come in."""

    def __init__(self, waiting: list[Letter], inbox: Path) -> None:
        self._waiting = waiting
        self._inbox = inbox
        self._sent: dict[Letter, Name] = {}
        self._begun = self.last_news = time.monotonic()
        self._aside = 0
        self.postponed = False

    @property
    def left(self) -> int:
        """Letters without an answer."""
        return len(self._waiting) + self._aside

    @property
    def over(self) -> bool:
        """This run can do nothing more."""
        return not self._waiting or self.postponed or self.full

    @property
    def full(self) -> bool:
        """The inbox takes no more: gather has not fetched what lies there."""
        return sum(1 for _ in self._inbox.glob("*.vw")) >= MAX_INBOX

    def window(self, most: int = WINDOW) -> list[tuple[Letter, bytes]]:
        """The next frames without an answer; only these are held in memory."""
        self._sent.clear()
        chosen: list[tuple[Letter, bytes]] = []
        for letter in list(self._waiting):
            raw = self._open(letter)
            if raw is not None:
                chosen.append((letter, raw))
            if len(chosen) == most:
                break
        return chosen

    @property
    def pending(self) -> bool:
        """Of the last window, something has no answer yet."""
        return bool(self._sent)

    def _open(self, letter: Letter) -> bytes | None:
        try:
            with letter.path.open("rb") as file:
                raw = file.read(MAX_FRAME + 1)
            frame = read_frame(raw)
            beat = _content(frame, Beat).n if frame.header.typ == BEAT else None
        except FileNotFoundError:  # gather has just deleted or replaced it
            self._waiting.remove(letter)
            return None
        except (OSError, WireError) as problem:
            self.set_aside(letter, str(problem))
            return None
        self._sent[letter] = Name(frame.entry_hash.hex(), beat)
        return raw

    def set_aside(self, letter: Letter, problem: str) -> None:
        """Not in this run: one bad frame must not hold up those behind it."""
        self._waiting.remove(letter)
        self._sent.pop(letter, None)
        self._aside += 1
        log_event("frame.set_aside", "error", path=str(letter.path), problem=problem)

    def take(self, raw: bytes, via: str) -> bool:
        """An answer lies in the inbox; True if it answers something that was sent.

        Dropped, with a line in the log: what is too large, is no frame, or finds no place.
        """
        try:
            ack = _read_answer(raw)
        except WireError as problem:
            log_event("answer.dropped", "warning", via=via, problem=problem.detail)
            return False
        if self.full:
            log_event("answer.dropped", "warning", via=via, problem=f"{MAX_INBOX} files wait")
            return False
        store(self._inbox, raw)
        return ack is not None and self._cross_off(ack, via)

    def _cross_off(self, ack: Ack, via: str) -> bool:
        named = {entry_hash for _, _, entry_hash in ack.sel}
        found = [(k, n) for k, n in self._sent.items() if _is_answered(ack, named, k, n)]
        now = time.monotonic()
        for letter, name in found:
            self._waiting.remove(letter)
            del self._sent[letter]
            took = round(now - self._begun, 3)
            if letter.seq is None:
                log_event("beat.sent", n=name.beat, via=via, duration_s=took)
            else:
                log_event("report.sent", seq=letter.seq, via=via, duration_s=took)
        if found:
            self.last_news = now
        if found and ack.later_s:  # an old answer, played once more, ends no run
            self.postponed = True
            log_event("run.postponed", later_s=ack.later_s, via=via)
        return bool(found)


def _is_answered(ack: Ack, named: set[str], letter: Letter, name: Name) -> bool:
    if name.entry_hash in named:
        return True
    return name.beat == ack.beat if letter.seq is None else letter.seq <= ack.upto


def _read_answer(raw: bytes) -> Ack | None:
    """What an answer says if it is an acknowledgement; None for another type. Raises WireError."""
    if len(raw) > MAX_ANSWER:
        raise WireError(Code.TOO_LARGE, f"{len(raw)} bytes, at most {MAX_ANSWER}")
    frame = read_frame(raw)
    return _content(frame, Ack) if frame.header.typ == ACK else None


def _content(frame: Frame, kind: type[_T]) -> _T:
    return decode(inflate(frame.payload, frame.header.coding, frame.header.ulen), kind)


def store(inbox: Path, raw: bytes) -> Path:
    """The answer is a whole file of its own, named so that names sort by arrival.

    Time and not a counter: gather may delete while a run goes on, and a name must never return.
    """
    newest = max((int(p.stem) for p in inbox.glob("*.vw") if p.stem.isdigit()), default=0)
    path = inbox / f"{max(time.time_ns(), newest + 1):020d}.vw"
    part = inbox / f".{path.name}.part"  # gather passes over names with a dot
    part.write_bytes(raw)
    return part.replace(path)


def clear_leavings(inbox: Path) -> None:
    """The inbox exists, without half-written files of a run that was killed."""
    inbox.mkdir(mode=0o750, parents=True, exist_ok=True)
    for part in inbox.glob(".*.part"):
        part.unlink(missing_ok=True)
