"""What a report changes about its host: when it was seen, which sections it has, what they mean.

The facts of a host are those of its newest report whose bodies are all here. Messages may
overtake each other, so a late report is looked at together with the newest one.
"""

from typing import Final, Literal

import structlog

from verbundwacht_collector.alerts.absence import announce
from verbundwacht_collector.alerts.apply import Alerting
from verbundwacht_collector.alerts.model import Attestation
from verbundwacht_collector.content import Content, read_report
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import HostRecord, SectionRecord
from verbundwacht_collector.verify import MAX_CLOCK_AHEAD_MS
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.messages import REBASE, REPORT, AgentInfo

MIN_INTERVAL_S: Final = 60
MAX_INTERVAL_S: Final = 86_400
LOOK_BACK: Final = 64  # messages between a late report and the newest one

Want = Literal["full", "bodies", "resend"]

log = structlog.get_logger()


def still_wanted(host: HostRecord) -> Want | None:
    """Every answer says what is wanted now, so the newest one that arrives is right."""
    return "full" if host.facts_unknown else None


def interval_s(agent: AgentInfo) -> int:
    """How often the host means to report, in seconds; no agent can buy itself more than a day."""
    return min(max(agent.interval_s, MIN_INTERVAL_S), MAX_INTERVAL_S)


def renew(tx: Transaction, host: HostRecord, frame: Frame, agent: AgentInfo, at: int) -> bool:
    """The host counts as seen now, unless its message is older than two intervals.

    A message that somebody held back, or a clock that is behind, must not look like life.
    """
    interval = interval_s(agent)
    delay = at - frame.header.time
    behind, ahead = delay > 2 * interval * 1000, delay < -MAX_CLOCK_AHEAD_MS
    if not behind:
        tx.seen(host.id, at, interval_s=interval, version=agent.version[:32], facts=agent.facts)
        if agent.absence is not None or host.absent_until is not None:
            announce(tx, host, agent.absence, frame=frame, at=at)
    if behind or ahead:
        tx.set_skew(host.id, -delay)
        tx.count(f"code:{Code.CLOCK.value}")
        tx.count(f"host:{host.id}:{Code.CLOCK.value}")
        tx.set_counter(f"at:{Code.CLOCK.value}", at)
    return not behind


def apply_report(
    tx: Transaction, frame: Frame, host: HostRecord, content: Content, judge: Judge, *, at: int
) -> Want | None:
    """The host's facts are those of the newest complete report; "full" if there is a newer one.

    A report older than the applied one changes nothing.
    """
    header = frame.header
    if header.seq <= host.applied_seq:
        return still_wanted(host)
    fresh = renew(tx, host, frame, content.report.agent, at)
    for section, (digest, body) in content.bodies.items():
        tx.put_body(host.municipality_id, section, digest, body, at)
    behind = False
    if header.seq < host.chain.hi:
        newer = _newer_report(tx, host, header.seq)
        behind = newer is not None
        if newer is not None and newer[1] is not None and not _missing(tx, host, newer[1]):
            (frame, content), behind = (newer[0], newer[1]), False
    missing = _missing(tx, host, content)
    seen = Attestation(at, frame.entry_hash, interval_s(content.report.agent) * 1000)
    if missing:
        log.warning("facts.incomplete", host=host.name, seq=header.seq, sections=missing)
        alerting, awaiting = Alerting(tx, host, seen, judge.settings), bool(host.awaiting)
    else:
        alerting = _judge(tx, frame, host, content, judge, seen, fresh=fresh)
        awaiting = alerting.awaiting
    if host.silent and fresh:
        alerting.speaks_again()
    unknown = behind or bool(missing)
    silent = bool(host.silent) and not fresh
    tx.set_flags(host.id, awaiting=awaiting, silent=silent, facts_unknown=unknown)
    return "full" if unknown else None


def _judge(
    tx: Transaction,
    frame: Frame,
    host: HostRecord,
    content: Content,
    judge: Judge,
    seen: Attestation,
    *,
    fresh: bool,
) -> Alerting:
    header = frame.header
    changed = _store_sections(tx, host, content, header.seq, seen.at)
    tx.applied(host.id, header.seq, content.manifest)
    log.info(
        "report.accepted",
        host=host.name,
        municipality=host.municipality_id,
        seq=header.seq,
        sections_changed=len(changed),
        delay_s=round((seen.at - header.time) / 1000, 1),
    )
    return judge.report(tx, host, changed, seen, attests=fresh)


def _newer_report(
    tx: Transaction, host: HostRecord, seq: int
) -> tuple[Frame, Content | None] | None:
    """The newest stored report above seq; without content if that cannot be read."""
    for later, _ in reversed(tx.seqs_after(host.id, seq)[-LOOK_BACK:]):
        stored = tx.envelope_at(host.id, later)
        frame = read_frame(stored[1]) if stored is not None else None
        if frame is None or frame.header.typ not in (REPORT, REBASE):
            continue
        try:
            return frame, read_report(frame)
        except PayloadError:
            return frame, None
    return None


def _missing(tx: Transaction, host: HostRecord, content: Content) -> list[str]:
    """The sections of the report whose body is not known here."""
    return [
        section
        for section, entry in content.report.manifest.items()
        if entry.status == "ok"
        and section not in content.bodies
        and not tx.has_body(host.municipality_id, section, bytes.fromhex(entry.hash))
    ]


def _store_sections(
    tx: Transaction, host: HostRecord, content: Content, seq: int, at: int
) -> dict[str, SectionRecord | None]:
    """What the manifest says since when; returns what changed: section -> its row before."""
    before = tx.sections(host.id)
    changed: dict[str, SectionRecord | None] = {}
    for section, entry in content.report.manifest.items():
        old = before.pop(section, None)
        digest = bytes.fromhex(entry.hash)
        says = (digest, entry.status, entry.reason, entry.reach)
        same = old is not None and (old.hash, old.status, old.reason, old.reach) == says
        since = old.since if same and old is not None else at
        row = SectionRecord(
            section=section,
            hash=digest,
            status=entry.status,
            reason=entry.reason,
            reach=entry.reach,
            collected_at=entry.at,
            since=since,
        )
        if row != old:
            tx.put_section(host.id, row)
        if not same:
            changed[section] = old
            tx.add_section_change(host.id, row, seq, at)
    for section in before:
        tx.drop_section(host.id, section)
    return {**changed, **before}
