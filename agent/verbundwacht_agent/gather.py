"""One run of the gatherer: answers in, facts read, one signed message out. No network here.

Against the last spooled manifest it makes a report with the changed bodies, or else one
beat that attests the same state. Both are on the disk before anybody can send them.
"""

import fcntl
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from operator import gt
from typing import Final

import msgspec

from verbundwacht_agent import __version__
from verbundwacht_agent.absence import current
from verbundwacht_agent.collect import Section, collect
from verbundwacht_agent.config import load_config, told_interval_s
from verbundwacht_agent.errors import Busy
from verbundwacht_agent.files import write
from verbundwacht_agent.host import Host
from verbundwacht_agent.inbox import Learned, apply_inbox
from verbundwacht_agent.kept import costly_marks, keep, load_kept
from verbundwacht_agent.keys import load_signer
from verbundwacht_agent.log import log_event
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.receipt import Enrolment, load_enrolment
from verbundwacht_agent.spool import Head, Spool, boot_mark, damaged
from verbundwacht_agent.watching import pace, settle
from verbundwacht_agent.wishes import doubt, may_report_fully, postpone
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.facts import FACTS_VERSION
from verbundwacht_wire.frame import Header, read_frame
from verbundwacht_wire.keys import P256Signer, seal
from verbundwacht_wire.manifest import manifest_hash
from verbundwacht_wire.messages import BEAT, REBASE, REPORT, AgentInfo, Beat, Report, SectionEntry
from verbundwacht_wire.payload import decode, deflate, inflate

FRAME_BUDGET: Final = 200 * 1024  # compressed bodies in one report; the frame may have 256 KB
RAW_BUDGET: Final = 1_600_000
VALUES_BUDGET: Final = 45_000  # the collector reads 50,000 in one message, the manifest included


class Run:
    """What one run knows: identity, chain, time."""

    def __init__(
        self, paths: Paths, host: Host, enrolment: Enrolment, now_ms: Callable[[], int]
    ) -> None:
        self.paths, self.host, self.enrolment, self.now_ms = paths, host, enrolment, now_ms
        self.signer: P256Signer = load_signer(paths)
        self.spool = Spool(paths)
        self.agent = agent_info(paths, enrolment, now_ms())
        kernel_boot = host.read_text("/proc/sys/kernel/random/boot_id").strip()
        self.boot = boot_mark(paths.boot, kernel_boot)

    def seal(self, typ: str, payload: bytes, head: Head, *, step: int) -> bytes:
        """A signed frame after `head`; step 1 takes the next number, 0 (a beat) none."""
        packed, coding = deflate(payload)
        header = Header(
            alg=self.signer.alg,
            kid=self.signer.kid,
            typ=typ,
            tenant=self.enrolment.receipt.municipality,
            agent=self.enrolment.agent,
            epoch=head.epoch,
            boot=head.boot,
            seq=head.seq + step,
            prev=head.entry,
            time=self.now_ms(),
            coding=coding,
            ulen=len(payload),
        )
        return seal(header, packed, self.signer)

    def head(self) -> Head:
        """Where the chain stands, in the epoch of this start of the machine."""
        head = self.spool.head(self.enrolment.genesis)
        if head.boot == self.boot:
            return head
        return head._replace(epoch=head.epoch + 1, boot=self.boot)


def agent_info(paths: Paths, enrolment: Enrolment | None, now_ms: int) -> AgentInfo:
    """The agent about itself, and the absence that somebody has announced."""
    told = enrolment.receipt.interval_s if enrolment else 900
    return AgentInfo(
        version=__version__,
        facts=FACTS_VERSION,
        interval_s=told_interval_s(load_config(paths), told),
        python=sys.version.split()[0],
        absence=current(paths, now_ms),
    )


def gather(paths: Paths, host: Host, now_ms: Callable[[], int], *, patient: bool = False) -> str:
    """A report or a beat is on the disk; returns which. Raises AgentError.

    What changed on the host meanwhile was looked at once more. patient: waits its turn where
    several runs lie close together, as they do when files change and start one each.
    """
    enrolment = load_enrolment(paths)
    if patient:
        pace(paths.starts, now_ms)
    with _alone(paths):
        return settle(host, lambda: _round(paths, host, enrolment, now_ms))


def _round(paths: Paths, host: Host, enrolment: Enrolment, now_ms: Callable[[], int]) -> str:
    run = Run(paths, host, enrolment, now_ms)
    run.spool.finish_rebase()
    uplink_only = load_config(paths).uplink_only
    now = run.now_ms()
    learned = apply_inbox(paths, enrolment, run.spool, now, uplink_only=uplink_only)
    if learned.later_until is not None or uplink_only:
        postpone(paths, learned.later_until or 0, now)
    if learned.forged or learned.later_until is not None:
        doubt(paths, learned.forged)
    if learned.fork is not None:
        return _rebase(run, learned.fork)
    # Signatures from before the look: what changes meanwhile is looked at once more.
    kept = load_kept(paths)
    seen = costly_marks(host, kept)
    sections = collect(host, now_ms, kept=kept, seen=seen)
    keep(paths, sections, kept, seen)
    return _write(run, sections, learned)


@contextmanager
def _alone(paths: Paths) -> Iterator[None]:
    """No other gatherer runs on this folder. Raises Busy at once if one does."""
    with paths.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(
                f"Ein anderer Lauf arbeitet gerade in {paths.gather}. Kurz warten."
            ) from None
        yield


def _write(run: Run, sections: Mapping[str, Section], learned: Learned) -> str:
    manifest = {name: section.entry for name, section in sections.items()}
    head = run.head()
    last = _last_report(run, head)
    damage = run.spool.unusable(run.signer)
    over = [*run.spool.overflow(run.now_ms() / 1000), *damage]
    dropped = run.spool.lost(over, learned.behind)
    wanted = learned.full and may_report_fully(run.paths, run.now_ms())
    full = wanted or bool(damage)  # what only a damaged frame said must be said again
    for seq in damage:
        log_event("frame.damaged", "error", seq=seq)
    if last is not None and not full and not dropped and _attests(run, last, manifest):
        run.spool.drop(over)
        _write_beat(run, head, manifest)
        return "beat"
    known = {} if full or last is None else {n: e.hash for n, e in last.manifest.items()}
    bodies = {
        name: section.body
        for name, section in sections.items()
        if section.body is not None and known.get(name) != section.entry.hash
    }
    _write_report(run, manifest, bodies, dropped)
    run.spool.drop(over)
    return "report"


def _attests(run: Run, last: Report, manifest: Mapping[str, SectionEntry]) -> bool:
    """A beat says all there is to say: the state is the last reported one.

    A beat is not sent before the reports that wait: a new absence must not wait behind them.
    """
    waits = run.spool.acked() < run.spool.seqs()[-1]
    if waits and last.agent.absence != run.agent.absence:
        return False
    return manifest_hash(last.manifest) == manifest_hash(manifest)


def _last_report(run: Run, head: Head) -> Report | None:
    if head.frame is None or head.frame.header.typ not in (REPORT, REBASE):
        return None
    header = head.frame.header
    try:
        return decode(inflate(head.frame.payload, header.coding, header.ulen), Report)
    except WireError as problem:
        raise damaged(run.paths.spool, problem, run.paths) from None


def _write_report(
    run: Run,
    manifest: dict[str, SectionEntry],
    bodies: Mapping[str, bytes],
    dropped: Sequence[tuple[int, int]] = (),
    typ: str = REPORT,
) -> None:
    """One report, or several with the same manifest where bodies or gaps do not fit into one."""
    for part, gap in zip_longest(split(bodies), dropped):
        part = part or {}  # noqa: PLW2901 - more gaps than parts
        report = Report(
            manifest=manifest,
            bodies={name: msgspec.Raw(body) for name, body in part.items()},
            agent=run.agent,
            dropped=gap,
        )
        head = run.head()
        raw = run.seal(typ, msgspec.json.encode(report), head, step=1)
        run.spool.append(head.seq + 1, raw)
        log_event(
            "report.spooled", seq=head.seq + 1, sections=",".join(sorted(part)), size_bytes=len(raw)
        )
        typ = REPORT


def split(bodies: Mapping[str, bytes]) -> list[dict[str, bytes]]:
    """The bodies in as few groups as fit into a frame each; at least one, maybe empty, group."""
    groups: list[dict[str, bytes]] = [{}]
    limits = (FRAME_BUDGET, RAW_BUDGET, VALUES_BUDGET)
    used: tuple[int, ...] = (0, 0, 0)
    for name, body in bodies.items():
        more = (len(zlib.compress(body, 6)), len(body), sum(map(body.count, (b",", b"[", b"{"))))
        total = tuple(map(sum, zip(used, more, strict=True)))
        if groups[-1] and any(map(gt, total, limits)):
            groups.append({})
            total = more
        groups[-1][name] = body
        used = total
    return groups


def _write_beat(run: Run, head: Head, manifest: Mapping[str, SectionEntry]) -> None:
    n = _last_beat(run.paths) + 1
    beat = Beat(manifest=manifest_hash(manifest), n=n, agent=run.agent)
    raw = run.seal(BEAT, msgspec.json.encode(beat), head, step=0)
    write(run.paths.beat, raw)
    log_event("beat.written", n=n, seq=head.seq, size_bytes=len(raw))


def _last_beat(paths: Paths) -> int:
    try:
        frame = read_frame(paths.beat.read_bytes())
        data = inflate(frame.payload, frame.header.coding, frame.header.ulen)
        return decode(data, Beat).n
    except FileNotFoundError:
        return 0
    except WireError as problem:
        raise damaged(paths.beat, problem, paths) from None


def _rebase(run: Run, fork: tuple[int, bytes]) -> str:
    """Our branch is given up: one new message continues the one the collector knows."""
    hi, known_head = fork
    epoch = run.head().epoch + 1
    sections = collect(run.host, run.now_ms)
    manifest = {name: section.entry for name, section in sections.items()}
    bodies = {n: s.body for n, s in sections.items() if s.body is not None}
    groups = split(bodies)
    report = Report(
        manifest=manifest,
        bodies={n: msgspec.Raw(b) for n, b in groups[0].items()},
        agent=run.agent,
    )
    head = Head(hi, known_head, epoch, run.boot, None)
    run.spool.rebase(hi + 1, run.seal(REBASE, msgspec.json.encode(report), head, step=1))
    log_event("chain.rebased", seq=hi + 1, epoch=epoch)
    if len(groups) > 1:
        rest = {n: b for group in groups[1:] for n, b in group.items()}
        _write_report(run, manifest, rest)
    return "rebase"
