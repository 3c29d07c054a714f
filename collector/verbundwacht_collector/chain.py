"""Where a message stands in its host's chain. Pure: state and stored neighbours in, verdict out.

The database rule behind it is exact and needs no window: one message per (host, seq), and
each names the one before. `prev` is compared with stored neighbours only around gaps.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from verbundwacht_collector.store.records import Chain
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import Header, read_frame
from verbundwacht_wire.messages import REBASE

Stored = Callable[[int], tuple[bytes, bytes] | None]
"""seq -> (entry hash, frame) of a stored message of this host."""


class Place(NamedTuple):
    """What the chain says about a message. `chain` is the new state, None if nothing moves."""

    code: Code  # OK, GAP, LATE (both accepted), DUPLICATE or FORK
    chain: Chain | None


def place(header: Header, entry: bytes, chain: Chain, stored: Stored) -> Place:
    """DUPLICATE, FORK, or accepted with the moved chain (sequence rules 1 to 3)."""
    if header.seq == 0:
        return Place(Code.FORK, None)
    if header.seq <= chain.hi:
        present = stored(header.seq)
        if present is not None:
            return Place(Code.DUPLICATE if present[0] == entry else Code.FORK, None)
    if _forks(header, entry, chain, stored):
        return Place(Code.FORK, None)
    return _accept(header, entry, chain)


def _forks(header: Header, entry: bytes, chain: Chain, stored: Stored) -> bool:
    rebase = header.typ == REBASE
    if header.epoch == chain.epoch and chain.boot and header.boot != chain.boot and not rebase:
        return True
    if header.seq == chain.hi + 1:  # the usual case: no look-up at all
        return header.prev != chain.head or (rebase and header.epoch <= chain.epoch)
    if rebase:
        return True
    before = chain.genesis if header.seq == 1 else (stored(header.seq - 1) or (None,))[0]
    if before is not None and before != header.prev:
        return True
    after = stored(header.seq + 1) if header.seq < chain.hi else None
    return after is not None and read_frame(after[1]).header.prev != entry


def _accept(header: Header, entry: bytes, chain: Chain) -> Place:
    newest = header.seq > chain.hi
    code = Code.OK if header.seq == chain.hi + 1 else Code.GAP if newest else Code.LATE
    moved = chain
    if newest:
        moved = msgspec.structs.replace(
            moved,
            hi=header.seq,
            head=entry,
            epoch=max(header.epoch, chain.epoch),
            boot=header.boot if header.epoch >= chain.epoch else chain.boot,
        )
    if header.typ == REBASE:  # the host that goes on may have counted fewer beats
        moved = msgspec.structs.replace(moved, beat_n=0, beat_hash=b"")
    if header.seq == chain.upto + 1:
        moved = msgspec.structs.replace(moved, upto=header.seq, upto_hash=entry)
    return Place(code, moved)


def explain(chain: Chain, dropped: tuple[int, int]) -> Chain:
    """The agent's word that these sequence numbers fell out of its spool is remembered."""
    ranges = json.loads(chain.explained)
    if list(dropped) in ranges:
        return chain
    ranges = sorted([*ranges, list(dropped)])[-64:]
    return msgspec.structs.replace(chain, explained=json.dumps(ranges))


def close_gaps(chain: Chain, after: Callable[[int], list[tuple[int, bytes]]]) -> Chain:
    """`upto` stands at the last message before the first gap nobody explained."""
    if chain.upto == chain.hi:
        return chain
    ranges = json.loads(chain.explained)
    upto, upto_hash = chain.upto, chain.upto_hash
    for seq, entry in after(upto):
        if seq != upto + 1 and not any(low <= upto + 1 and seq - 1 <= high for low, high in ranges):
            break
        upto, upto_hash = seq, entry
    return msgspec.structs.replace(chain, upto=upto, upto_hash=upto_hash)


def place_beat(header: Header, entry: bytes, n: int, chain: Chain, stored: Stored) -> Code:
    """OK, DUPLICATE (older or the same beat), or FORK (same n with other bytes, foreign head).

    A beat that counts back and was made after the newest one arrived is no replay: its host was
    put back to a snapshot, or there are two of it. A rebase heals the first.
    """
    if n < chain.beat_n or header.epoch < chain.epoch:
        return Code.FORK if header.time > chain.beat_at else Code.DUPLICATE
    if n == chain.beat_n:
        return Code.DUPLICATE if entry == chain.beat_hash else Code.FORK
    if header.seq > chain.hi:
        return Code.OK  # the attested report is not here
    if header.seq == chain.hi:
        known: bytes | None = chain.head
    else:
        known = chain.genesis if header.seq == 0 else (stored(header.seq) or (None,))[0]
    return Code.OK if known is None or known == header.prev else Code.FORK
