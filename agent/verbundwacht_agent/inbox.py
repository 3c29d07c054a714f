"""Answers of the collector: believed only after their signature, acted on within a closed set.

send brings signed bytes and understands none of them; here they are checked. The worst that
any answer can do: delete named spool frames, ask for a full report, keep send away for an hour,
make us give up a branch. With `uplink_only` it can do the first alone.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from verbundwacht_agent.files import write
from verbundwacht_agent.log import log_event
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.receipt import Enrolment
from verbundwacht_agent.spool import Spool, damaged
from verbundwacht_agent.wishes import check_bounds, later_s
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import SignatureInvalid, WireError
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.keys import check_signature
from verbundwacht_wire.messages import ACK, Ack
from verbundwacht_wire.payload import decode, inflate

MAX_FILES: Final = 64
MAX_SIZE: Final = 8 * 1024
_DELETABLE: Final = frozenset(
    {
        Code.OK,
        Code.DUPLICATE,
        Code.PRUNED,
        Code.GAP,
        Code.LATE,
        Code.ULEN,
        Code.INFLATE,
        Code.JSON,
        Code.SCHEMA,
        Code.LIMITS,
    }
)
_FORGED: Final = frozenset({Code.DOWN_KEY, Code.DOWN_SIGNATURE})


class Learned(NamedTuple):
    """What the waiting answers add up to."""

    full: bool = False  # the collector wants everything again
    fork: tuple[int, bytes] | None = None  # (hi, head): our branch is not the one it knows
    behind: int | None = None  # it has everything up to here only, and we have forgotten more
    forged: bool = False  # somebody else has signed one, or nobody
    later_until: int | None = None  # Unix ms before which send has to stay away; None: no answer


def apply_inbox(
    paths: Paths, enrolment: Enrolment, spool: Spool, now_ms: int, *, uplink_only: bool = False
) -> Learned:
    """All waiting answers were checked and applied in order; the inbox is empty.

    uplink_only: they empty the spool, and nothing that they wish is learned.
    """
    learned = Learned()
    for path in sorted(paths.inbox.glob("[!.]*"))[:MAX_FILES]:
        try:
            came_ms = _came_ms(path, now_ms)
            ack = _checked(path, paths, enrolment)
        except WireError as refusal:
            log_event("answer.refused", code=refusal.code.value, detail=refusal.detail)
            forged = learned.forged or refusal.code in _FORGED
            learned = learned._replace(forged=forged)
        else:
            until = came_ms + 1000 * later_s(ack)
            forged = learned.forged
            learned = _apply(ack, paths, spool, learned)
            learned = learned._replace(forged=forged, later_until=until)
            if uplink_only:
                learned = _acknowledged_only(ack, learned)
        with suppress(OSError):  # a folder put there stays, and is refused again
            path.unlink()
    return learned


def _came_ms(path: Path, now_ms: int) -> int:
    """When the answer came: a wish to wait runs from then, not from when it is read."""
    try:
        return min(int(path.lstat().st_mtime * 1000), now_ms)
    except OSError:
        return now_ms


def _acknowledged_only(ack: Ack, learned: Learned) -> Learned:
    wished = {"want": ack.want, "later_s": ack.later_s, "fork": learned.fork and "rebase"}
    ignored = ",".join(name for name, value in wished.items() if value)
    if ignored:
        log_event("wish.ignored", wishes=ignored, setting="uplink_only")
    return Learned(behind=learned.behind, forged=learned.forged)


def _read(path: Path) -> bytes:
    """At most MAX_SIZE + 1 bytes of a regular file. Raises WireError for anything else.

    The sender's user owns the folder: a pipe there would hold us for ever, a link would have
    us read with rights that it does not have.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise WireError(Code.DOWN_FRAME, "answer is no regular file")
            return file.read(MAX_SIZE + 1)
    except OSError as problem:
        raise WireError(Code.DOWN_FRAME, f"answer cannot be read: {problem.strerror}") from None


def _checked(path: Path, paths: Paths, enrolment: Enrolment) -> Ack:
    """Signature, addressee, freshness, type; the number is persisted before anything acts."""
    raw = _read(path)
    if len(raw) > MAX_SIZE:
        raise WireError(Code.DOWN_FRAME, f"answer of more than {MAX_SIZE} bytes")
    try:
        frame = read_frame(raw)
    except WireError as refusal:
        raise WireError(Code.DOWN_FRAME, refusal.detail) from None
    header = frame.header
    if header.kid != enrolment.downlink_kid:
        raise WireError(Code.DOWN_KEY, f"answer signed by unknown key {header.kid.hex()}")
    try:
        check_signature(frame, enrolment.downlink)
    except (SignatureInvalid, WireError) as refusal:
        raise WireError(Code.DOWN_SIGNATURE, refusal.detail) from None
    if header.typ != ACK:
        raise WireError(Code.DOWN_TYPE, f"answer of type {header.typ}")
    own = (enrolment.receipt.municipality, enrolment.agent)
    if (header.tenant, header.agent) != own:
        raise WireError(Code.DOWN_KEY, f"answer for {header.tenant}/{header.agent.hex()}")
    _refuse_replay(paths, header.seq)
    ack = decode(inflate(frame.payload, header.coding, header.ulen), Ack)
    check_bounds(ack)
    return ack


def _refuse_replay(paths: Paths, seq: int) -> None:
    store = paths.gather / "downlink"
    try:
        last = int(store.read_text()) if store.exists() else 0
    except ValueError as problem:
        raise damaged(store, problem, paths) from None
    if seq <= last:
        raise WireError(Code.DOWN_REPLAY, f"answer {seq}, {last} was seen already")
    write(store, str(seq).encode())


def _apply(ack: Ack, paths: Paths, spool: Spool, learned: Learned) -> Learned:
    acked, fork, stored = spool.acked(), learned.fork, set[int]()
    if _reaches(ack, spool):
        spool.acknowledge(ack.upto)
    for seq, code, entry in ack.sel:
        if code == Code.FORK:
            # An answer to a frame that was parked meanwhile says nothing about our new branch.
            if _names(spool, seq, entry) or entry == _beat_entry(paths):
                fork = _known_head(ack) or fork
        elif code in _DELETABLE and _names(spool, seq, entry):
            spool.forget(seq)
            stored.add(seq)
    behind = ack.upto if ack.upto < acked and (stored or ack.hi < acked) else None
    if behind is not None:
        spool.rewind(behind)
    if stored and stored.issuperset(seq for seq in spool.seqs() if seq > spool.acked()):
        spool.acknowledge(max(stored))  # what it lacks is not here: nothing is left to send
    return Learned(ack.want is not None, fork, behind)  # the newest answer knows best


def _known_head(ack: Ack) -> tuple[int, bytes] | None:
    """(hi, head) to continue from; None if the answer names no usable one."""
    try:
        head = bytes.fromhex(ack.head)
    except ValueError:
        head = b""
    if len(head) == 32 and 0 <= ack.hi < 1 << 62:
        return ack.hi, head
    log_event("answer.refused", code=Code.DOWN_BOUNDS.value, detail="head of a fork is no hash")
    return None


def _beat_entry(paths: Paths) -> str | None:
    try:
        return read_frame(paths.beat.read_bytes()).entry_hash.hex()
    except (FileNotFoundError, WireError):
        return None


def _reaches(ack: Ack, spool: Spool) -> bool:
    """`upto` names a frame of ours by its hash, or one that we forgot after an earlier answer."""
    if ack.upto <= spool.acked():
        return False
    own = spool.entry(ack.upto)
    return own is not None and own.hex() == ack.upto_hash


def _names(spool: Spool, seq: int, entry: str) -> bool:
    own = spool.entry(seq)
    return own is not None and own.hex() == entry
