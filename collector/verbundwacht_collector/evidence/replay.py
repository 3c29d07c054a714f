"""Which report a host's facts came from at any time: the collector's own order, told again. Pure.

`facts.py` decides it message by message as they arrive; here the same rules run over the frames of
an evidence file. Bodies stay packed in their frames, so memory does not grow with what they inflate
to.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from verbundwacht_collector.content import Content, read_report
from verbundwacht_wire.errors import PayloadError
from verbundwacht_wire.frame import Frame
from verbundwacht_wire.messages import REBASE, REPORT, SectionEntry

LOOK_BACK: Final = 64
"""As in `facts.py`: messages between a late report and the newest one."""

Body = tuple[str, str]
"""Section and hash (hex) of its body."""


class Arrival(NamedTuple):
    """One sequenced message. manifest: None if its content cannot be read."""

    frame: Frame
    received_at: int
    manifest: Mapping[str, SectionEntry] | None
    bodies: frozenset[Body]
    dropped: tuple[int, int] | None

    @property
    def seq(self) -> int:
        """Its place in the chain."""
        return self.frame.header.seq


def arrival(frame: Frame, received_at: int) -> Arrival:
    """What a report names; a message that cannot be read names nothing."""
    content = content_of(frame)
    if content is None:
        return Arrival(frame, received_at, None, frozenset(), None)
    report = content.report
    bodies = frozenset((name, digest.hex()) for name, (digest, _) in content.bodies.items())
    return Arrival(frame, received_at, report.manifest, bodies, report.dropped)


def content_of(frame: Frame) -> Content | None:
    """The report in a frame; None for other types and for what a collector refuses to read."""
    if frame.header.typ not in (REPORT, REBASE):
        return None
    try:
        return read_report(frame)
    except PayloadError:
        return None


class Replay:
    """The states of a host. arrivals: in the order in which they came."""

    def __init__(self, arrivals: Sequence[Arrival], elsewhere: Mapping[Body, int]) -> None:
        """elsewhere: bodies that the collector had from others, since when (Unix ms)."""
        self.arrivals, self._elsewhere = arrivals, elsewhere
        self.missing: dict[Body, int] = {}
        """Bodies that were not there when they were needed, and when that was."""
        self._known: set[Body] = set()
        self._by_seq: dict[int, Arrival] = {}
        self._order: list[int] = []
        self._hi = self._applied = 0
        self.states = [self._take(one) for one in arrivals]
        """After each arrival: the sequence number of the report that the facts are from, or 0."""

    def _take(self, one: Arrival) -> int:
        late, self._hi = one.seq < self._hi, max(one.seq, self._hi)
        self._by_seq[one.seq] = one
        insort(self._order, one.seq)
        if one.manifest is None or one.seq <= self._applied:
            return self._applied
        self._known |= one.bodies
        newer = self._newest_above(one.seq) if late else None
        if newer is not None and newer.manifest is not None:
            one = one if self._lacks(newer, one.received_at) else newer
        if not self._lacks(one, one.received_at):
            self._applied = one.seq
        return self._applied

    def _newest_above(self, seq: int) -> Arrival | None:
        later_ones = self._order[bisect_right(self._order, seq) :]
        for later in reversed(later_ones[-LOOK_BACK:]):
            if self._by_seq[later].frame.header.typ in (REPORT, REBASE):
                return self._by_seq[later]
        return None

    def _lacks(self, one: Arrival, at: int) -> bool:
        assert one.manifest is not None
        named = {(name, e.hash) for name, e in one.manifest.items() if e.status == "ok"}
        lacking = [body for body in named - self._known if self._elsewhere.get(body, at + 1) > at]
        for body in lacking:
            self.missing.setdefault(body, at)
        return bool(lacking)

    def between(self, first: int, at: int) -> list[int]:
        """The states from arrival number `first` on until a time, each once.

        What a collector did at a millisecond may stand before or behind what arrived in it.
        """
        states = [self.states[first]]
        for number in range(first + 1, len(self.arrivals)):
            if self.arrivals[number].received_at > at:
                break
            states.append(self.states[number])
        return list(dict.fromkeys(states))
