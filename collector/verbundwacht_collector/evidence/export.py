"""What is stored becomes an evidence file: the same bytes for the same store. Pure.

Frames stand in it exactly as received. An alert's file has the whole chain up to the last message
that its history needs, because a link in the middle of a chain proves nothing about the beginning.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from verbundwacht_collector.evidence.replay import Replay, arrival
from verbundwacht_collector.evidence.rows import (
    FORMAT,
    AlertRow,
    AnyRow,
    BodyRow,
    EventRow,
    FrameRow,
    Head,
    HostRow,
    PackRow,
    ReceiptRow,
    Seal,
    SealRow,
    TransitionRow,
    write,
)
from verbundwacht_collector.store.evidence import StoredAlert, StoredHost
from verbundwacht_wire.frame import PLAIN, ZERO32, Frame, Header, read_frame
from verbundwacht_wire.keys import Signer, seal
from verbundwacht_wire.messages import BEAT, EVIDENCE

BodyOf = Callable[[str, str], tuple[int, bytes] | None]
"""(section, hash in hex) -> (since when it is stored, body) of what anybody in the town sent."""

_NO_BOOT: Final = bytes(8)


def export(host: StoredHost, alert: StoredAlert | None, body_of: BodyOf, signer: Signer) -> bytes:
    """The file about a host, or about one alert of it.

    signer: the collector's downlink key; one that signs repeatably gives the same file again.
    """
    rows = list(_rows(host, alert, body_of))
    lines = list(write(rows))
    mark = lines[-1][0]
    sealed = SealRow(frame=_seal(host, Seal(lines=len(lines), mark=mark), signer))
    return b"".join([*(line for _, line in lines), *(line for _, line in write([sealed], mark))])


def _seal(host: StoredHost, says: Seal, signer: Signer) -> bytes:
    payload = msgspec.json.encode(says)
    header = Header(
        alg=signer.alg,
        kid=signer.kid,
        typ=EVIDENCE,
        tenant=host.municipality_id,
        agent=host.agent,
        epoch=0,
        boot=_NO_BOOT,
        seq=0,
        prev=ZERO32,
        time=0,  # the same store gives the same file, whenever it is asked
        coding=PLAIN,
        ulen=len(payload),
    )
    return seal(header, payload, signer)


def _rows(host: StoredHost, alert: StoredAlert | None, body_of: BodyOf) -> Iterator[AnyRow]:
    yield Head(format=FORMAT, alert=alert.number if alert is not None else "")
    yield ReceiptRow(frame=host.receipt)
    yield HostRow(
        agent=host.agent.hex(),
        municipality=host.municipality_id,
        name=host.name,
        spki=host.spki,
        key_state=host.key_state,
        created_at=host.created_at,
    )
    used = {step.pack_digest for step in host.steps}
    for pack in host.packs:
        if pack.digest in used:
            yield PackRow(
                digest=pack.digest, name=pack.name, version=pack.version, files=pack.files
            )
    frames = _frames(host, alert)
    yield from _placed(frames)
    yield from _bodies(frames, body_of)
    if alert is not None:
        yield _alert(alert)
        for at, kind, reason, evidence in alert.events:
            yield EventRow(at=at, kind=kind, reason=reason, evidence=evidence.hex())
    for step in host.steps:
        yield TransitionRow(
            at=step.at,
            rule_id=step.rule_id,
            subject=step.subject,
            old=step.old,
            new=step.new,
            reason=step.reason,
            evidence=step.evidence.hex(),
            pack_digest=step.pack_digest,
        )


def _frames(host: StoredHost, alert: StoredAlert | None) -> list[tuple[int, Frame, bytes]]:
    """(received at, frame, its bytes) of what the file needs, in the order of arrival."""
    frames = [(one.received_at, read_frame(one.frame), one.frame) for one in host.frames]
    if alert is None:
        return frames
    cited = {step.evidence for step in host.steps} | {event[3] for event in alert.events}
    last = max([0, *(step.at for step in host.steps), *(event[0] for event in alert.events)])
    needed = [
        frame.header.seq for at, frame, _raw in frames if at <= last or frame.entry_hash in cited
    ]
    upto = max(needed, default=0)
    return [
        one
        for one in frames
        if one[1].header.seq <= upto and (one[1].header.typ != BEAT or one[1].entry_hash in cited)
    ]


def _placed(frames: Sequence[tuple[int, Frame, bytes]]) -> list[FrameRow]:
    """By sequence number; beats behind the message that they attest."""
    rows = []
    for arrived, (at, frame, raw) in enumerate(frames):
        header = frame.header
        place = (header.seq, header.typ == BEAT, header.epoch, header.time, frame.entry_hash)
        rows.append((place, FrameRow(arrived=arrived, received_at=at, frame=raw)))
    return [row for _place, row in sorted(rows, key=lambda one: one[0])]


def _bodies(frames: Sequence[tuple[int, Frame, bytes]], body_of: BodyOf) -> Iterator[BodyRow]:
    """The sections that this host named and did not send, where another host had sent them."""
    arrivals = [arrival(frame, at) for at, frame, _raw in frames if frame.header.typ != BEAT]
    for (section, digest), _at in sorted(Replay(arrivals, {}).missing.items()):
        found = body_of(section, digest)
        if found is not None:
            yield BodyRow(section=section, stored_at=found[0], body=found[1])


def _alert(alert: StoredAlert) -> AlertRow:
    return AlertRow(
        number=alert.number,
        fingerprint=alert.fingerprint.hex(),
        rule_id=alert.rule_id,
        subject=alert.subject,
        severity=alert.severity,
        title=alert.title,
        state=alert.state,
        opened_at=alert.opened_at,
        changed_at=alert.changed_at,
        repeated=alert.repeated,
    )
