"""Acknowledgements: what a host may forget, in one signed frame per host and commit. Pure."""

from collections.abc import Iterable

import msgspec

from verbundwacht_collector.pipeline import Taken
from verbundwacht_collector.store.records import Chain, HostRecord
from verbundwacht_wire.codes import SILENT, Code
from verbundwacht_wire.frame import ZERO32, Header
from verbundwacht_wire.keys import Signer, seal
from verbundwacht_wire.messages import ACK, Ack
from verbundwacht_wire.payload import deflate

MAX_SELECTED = 64


def answerable(taken: Taken) -> bool:
    """The sender is proven, so it gets an answer."""
    return taken.host is not None and taken.code not in SILENT


def acknowledge(
    taken: Iterable[Taken], signer: Signer, *, now: int, seq: int, later_s: int | None = None
) -> dict[int, bytes]:
    """One signed acknowledgement per host: host id -> frame. seq: the first free downlink number.

    taken: messages in the order in which they were committed.
    """
    by_host: dict[int, list[Taken]] = {}
    for one in taken:
        if answerable(one) and one.host is not None:
            by_host.setdefault(one.host.id, []).append(one)
    frames = {}
    for host_id, messages in by_host.items():
        host = messages[-1].host
        assert host is not None
        payload = msgspec.json.encode(_ack(messages, host, now, later_s))
        frames[host_id] = frame_down(
            ACK, host.municipality_id, host.agent, payload, signer, seq, now
        )
        seq += 1
    return frames


def _ack(messages: list[Taken], host: HostRecord, now: int, later_s: int | None) -> Ack:
    chains = [one.chain for one in messages if one.chain is not None]
    chain: Chain = chains[-1] if chains else host.chain
    selected = [
        (one.header.seq, one.code.value, one.entry.hex())
        for one in messages
        if one.header is not None
        and (one.code not in (Code.OK, Code.DUPLICATE) or _loose(one, chain))
    ]
    beats = [one.beat for one in messages if one.beat is not None]
    return Ack(
        upto=chain.upto,
        upto_hash=chain.upto_hash.hex() if chain.upto else "",
        hi=chain.hi,
        head=chain.head.hex(),
        sel=tuple(selected[-MAX_SELECTED:]),
        beat=max(beats) if beats else None,
        want=messages[-1].want,
        later_s=later_s,
        now=now,
    )


def _loose(one: Taken, chain: Chain) -> bool:
    """A stored message above the first gap: only naming it lets the host forget it."""
    return one.beat is None and one.header is not None and one.header.seq > chain.upto


def frame_down(
    typ: str, municipality: str, agent: bytes, payload: bytes, signer: Signer, seq: int, now: int
) -> bytes:
    """A message from the collector to one agent, signed."""
    packed, coding = deflate(payload)
    header = Header(
        alg=signer.alg,
        kid=signer.kid,
        typ=typ,
        tenant=municipality,
        agent=agent,
        epoch=0,
        boot=bytes(8),
        seq=seq,
        prev=ZERO32,
        time=now,
        coding=coding,
        ulen=len(payload),
    )
    return seal(header, packed, signer)
