"""One message from bytes to everything it causes. Read this first.

`take_in` runs the steps in their order inside the caller's transaction; it knows the store
as a protocol, and time as a value. Doors, threads and clocks live elsewhere.
"""

from typing import NamedTuple

import msgspec
import structlog

from verbundwacht_collector.alerts import silence
from verbundwacht_collector.alerts.apply import Alerting
from verbundwacht_collector.alerts.model import Attestation
from verbundwacht_collector.alerts.release import release
from verbundwacht_collector.chain import close_gaps, explain, place, place_beat
from verbundwacht_collector.content import Content, read_beat, read_report
from verbundwacht_collector.errors import StoreError
from verbundwacht_collector.facts import Want, apply_report, interval_s, renew, still_wanted
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.peer import Peer
from verbundwacht_collector.store.observed import ODD
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import Chain, HostRecord
from verbundwacht_collector.strangers import Strangers
from verbundwacht_collector.verify import check_sender
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError, WireError
from verbundwacht_wire.frame import Frame, Header, read_frame
from verbundwacht_wire.messages import BEAT, REBASE, REPORT, Beat

DAY_MS = 24 * 3600 * 1000

log = structlog.get_logger()


class Received(NamedTuple):
    """One message as it came through a door."""

    raw: bytes
    peer: Peer
    at: int  # Unix ms


class Taken(NamedTuple):
    """What became of one message. host is None where the sender was not proven."""

    code: Code
    host: HostRecord | None = None
    header: Header | None = None
    entry: bytes = b""
    chain: Chain | None = None  # after the message
    beat: int | None = None
    want: Want | None = None


def take_in(
    tx: Transaction, message: Received, judge: Judge, strangers: Strangers | None = None
) -> Taken:
    """Everything the message causes is written into the transaction; says what became of it.

    strangers: without one, unknown keys are looked up as often as they come.
    """
    strangers = strangers or Strangers()
    try:
        frame = read_frame(message.raw)
        if not strangers.may_ask(message.peer, frame.header.kid, message.at):
            return Taken(Code.UNKNOWN_KEY)  # counted and logged per batch: a line each is a flood
        host = tx.host_by_kid(frame.header.kid)
    except WireError as refusal:
        return _refused(tx, refusal, message)
    if host is None:
        strangers.unknown(message.peer, message.at)
    try:
        host = check_sender(frame, host, message.peer)
    except WireError as refusal:
        taken = _refused(tx, refusal, message)
        proven = host is not None and refusal.code == Code.KEY_STATE
        return taken._replace(
            host=host if proven else None, header=frame.header, entry=frame.entry_hash
        )
    strangers.proven(message.peer, frame.header.kid)
    take = _take_beat if frame.header.typ == BEAT else _take_report
    taken = take(tx, message, frame, host, judge)
    if taken.code:
        tx.count(f"code:{taken.code.value}")
    if taken.code in ODD:
        tx.count(f"host:{host.id}:{taken.code.value}")
    return taken


def _refused(tx: Transaction, refusal: WireError, message: Received) -> Taken:
    tx.count(f"code:{refusal.code.value}")
    log.warning(
        "report.refused",
        code=refusal.code.value,
        detail=refusal.detail,
        municipality=message.peer.municipality,
        agent=message.peer.agent.hex(),
        size_bytes=len(message.raw),
    )
    return Taken(refusal.code)


def _take_report(
    tx: Transaction, message: Received, frame: Frame, host: HostRecord, judge: Judge
) -> Taken:
    header, entry = frame.header, frame.entry_hash

    def stored(seq: int) -> tuple[bytes, bytes] | None:
        return tx.envelope_at(host.id, seq)

    code, chain = place(header, entry, host.chain, stored)
    taken = Taken(code, host, header, entry, chain or host.chain, want=still_wanted(host))
    if chain is None:
        if code == Code.FORK:
            log.warning("chain.forked", host=host.name, seq=header.seq, hi=host.chain.hi)
        return taken
    content: Content | None = None
    try:
        content = _read(frame)
    except PayloadError as refusal:
        code = refusal.code
        log.warning("report.unusable", host=host.name, seq=header.seq, detail=refusal.detail)
    tx.add_envelope(
        host.id, header.seq, entry, kind=header.typ, code=code, at=message.at, frame=message.raw
    )
    if content is not None and content.report.dropped is not None:
        chain = explain(chain, content.report.dropped)
    if header.typ == REBASE and chain.upto < header.seq - 1:
        chain = explain(chain, (chain.upto + 1, header.seq - 1))  # parked, never to be sent
    chain = close_gaps(chain, lambda seq: tx.seqs_after(host.id, seq))
    tx.move_chain(host.id, host.chain, chain)
    taken = taken._replace(code=code, chain=chain)
    if content is None:
        return taken._replace(want=_unusable(tx, host, header))
    return taken._replace(want=_apply_or_set_aside(tx, message, frame, host, content, judge))


def _unusable(tx: Transaction, host: HostRecord, header: Header) -> Want | None:
    """Something about the host changed and nobody can read what: its facts are unknown."""
    if header.typ not in (REPORT, REBASE) or header.seq <= host.applied_seq:
        return still_wanted(host)
    tx.set_flags(
        host.id, awaiting=bool(host.awaiting), silent=bool(host.silent), facts_unknown=True
    )
    return "full"


def _apply_or_set_aside(
    tx: Transaction,
    message: Received,
    frame: Frame,
    host: HostRecord,
    content: Content,
    judge: Judge,
) -> Want | None:
    """A report that cannot be applied stays in the journal and does not block its host.

    It was signed and is acknowledged; the host is shown with unknown facts, never as good,
    and its next beat is answered with the wish for a full report.
    """
    try:
        with tx.savepoint():
            return apply_report(tx, frame, host, content, judge, at=message.at)
    except StoreError:
        raise
    except Exception as problem:
        log.error("report.set_aside", host=host.name, seq=frame.header.seq, problem=repr(problem))
        tx.count("report_set_aside")
        tx.set_flags(
            host.id,
            awaiting=bool(host.awaiting),
            silent=bool(host.silent),
            facts_unknown=True,
        )
        return None


def _read(frame: Frame) -> Content:
    """Unknown types of a known key are stored and answered 304, never interpreted."""
    if frame.header.typ not in (REPORT, REBASE):
        raise PayloadError(Code.SCHEMA, f"type {frame.header.typ} is not spoken here")
    return read_report(frame)


def _take_beat(
    tx: Transaction, message: Received, frame: Frame, host: HostRecord, judge: Judge
) -> Taken:
    header, entry = frame.header, frame.entry_hash
    taken = Taken(Code.OK, host, header, entry, host.chain, want=still_wanted(host))
    try:
        beat, manifest = read_beat(frame)
    except PayloadError as refusal:
        log.warning("beat.unusable", host=host.name, detail=refusal.detail)
        return taken._replace(code=refusal.code)
    code = place_beat(header, entry, beat.n, host.chain, lambda seq: tx.envelope_at(host.id, seq))
    if code == Code.FORK:
        log.warning("chain.forked", host=host.name, beat=beat.n, seq=header.seq)
    taken = taken._replace(code=code, beat=beat.n)
    if code:
        return taken
    if host.chain.beat_at // DAY_MS != message.at // DAY_MS:
        tx.keep_beat(host.id)
    tx.put_beat(host.id, beat.n, entry, message.at, message.raw)
    chain = msgspec.structs.replace(host.chain, beat_n=beat.n, beat_hash=entry)
    taken = taken._replace(chain=chain)
    return taken._replace(want=_attest(tx, message, frame, host, beat, manifest, judge))


def _attest(
    tx: Transaction,
    message: Received,
    frame: Frame,
    host: HostRecord,
    beat: Beat,
    manifest: bytes,
    judge: Judge,
) -> Want | None:
    """The beat's word about the state is taken in; "full" if that state is not known here.

    A beat about an older report says that the host lived, nothing about how it stands now.
    One about a report that is not here means that this store lost it: hosts send beats only
    after everything before was acknowledged.
    """
    fresh = renew(tx, host, frame, beat.agent, message.at)
    newest = frame.header.seq >= host.chain.hi
    known = newest and manifest == host.manifest
    unknown = not known if newest else bool(host.facts_unknown)
    ends_silence = bool(host.silent) and fresh
    attests = bool(host.awaiting) and known and fresh
    if not (ends_silence or attests or unknown != bool(host.facts_unknown)):
        return "full" if unknown else None
    seen = Attestation(message.at, frame.entry_hash, interval_s(beat.agent) * 1000)
    awaiting = bool(host.awaiting)
    alerting = Alerting(tx, host, seen, judge.settings)
    if attests:
        tx.keep_beat(host.id)
        alerting = judge.beat(tx, host, seen)
        awaiting = alerting.awaiting
    if ends_silence:
        tx.keep_beat(host.id)
        alerting.speaks_again()
    silent = bool(host.silent) and not fresh
    tx.set_flags(host.id, awaiting=awaiting, silent=silent, facts_unknown=unknown)
    return "full" if unknown else None


def tick(tx: Transaction, judge: Judge, *, now: int, serving_since: int) -> None:
    """What time alone changes is written: silence, overlays that end, rules that read the clock.

    Once a minute. Each host's clock rules are judged once an hour, in its own minute.
    """
    silence.watch(tx, judge.settings, now=now, serving_since=serving_since)
    release(tx, now=now, serving_since=serving_since)
    for host_id in tx.hosts_in_slot(now // 60_000 % 60):
        host = tx.host_by_id(host_id)
        if host.judged_by == judge.digest and not _overdue(host, now):
            _look_again(tx, host, judge, now, by_clock=True)


def _overdue(host: HostRecord, now: int) -> bool:
    return now > (host.last_seen or 0) + 3 * host.interval_s * 1000


def judge_anew(tx: Transaction, judge: Judge, *, now: int, limit: int) -> int:
    """Up to `limit` hosts are judged by the rules now installed; returns how many were."""
    hosts = tx.hosts_to_judge(judge.digest, limit)
    for host_id in hosts:
        _look_again(tx, tx.host_by_id(host_id), judge, now, by_clock=False)
    return len(hosts)


def _look_again(
    tx: Transaction, host: HostRecord, judge: Judge, now: int, *, by_clock: bool
) -> None:
    seen = Attestation(now, host.chain.head, host.interval_s * 1000)
    alerting = judge.clock(tx, host, seen) if by_clock else judge.anew(tx, host, seen)
    tx.set_flags(
        host.id,
        awaiting=alerting.awaiting,
        silent=bool(host.silent),
        facts_unknown=bool(host.facts_unknown),
    )
