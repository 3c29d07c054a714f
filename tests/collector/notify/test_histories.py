"""What must be true of every history of alerts, refusals, deaths and time, drawn at random."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collector.fakes import Collector
from tests.collector.notify.flood import (
    BUSY,
    Got,
    Killed,
    Mailbox,
    again,
    alerts,
    closes,
    outbox,
    states,
)
from tests.fakes import HOUR, MINUTE

from verbundwacht_collector.notify.errors import DeliveryError

CAP = 3
NO = DeliveryError("550 no", permanent=True)
SLOW = DeliveryError("429", permanent=False, retry_after_s=1200)
FINAL = {"delivered", "superseded", "expired", "failed"}
steps = st.one_of(
    st.tuples(st.just("open"), st.integers(1, 5), st.sampled_from(["critical", "high", "low"])),
    st.tuples(st.just("open"), st.integers(1, 5), st.sampled_from(["high", "low"])),
    st.tuples(st.just("close"), st.integers(0, 9)),
    st.tuples(st.just("again"), st.integers(0, 9)),
    st.tuples(st.just("send")),
    st.tuples(st.just("send")),
    st.tuples(st.just("die")),
    st.tuples(st.just("wait"), st.sampled_from([1000, MINUTE, 11 * MINUTE, 40 * MINUTE, HOUR])),
    st.tuples(st.just("answers"), st.sampled_from([None, None, BUSY, SLOW, NO])),
)
EXAMPLES = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of messages, and nobody reads their log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


class Play:
    """One history on a collector of its own."""

    def __init__(self, collector: Collector) -> None:
        self.collector, self.mailbox = collector, Mailbox(collector.clock)
        collector.host()
        self.open: list[str] = []
        self.ended: list[str] = []

    async def step(self, kind: str, *values: Any) -> None:
        await getattr(self, f"_{kind}")(*values)
        self.collector.clock.advance(1)

    async def _open(self, many: int, severity: str) -> None:
        self.open += alerts(self.collector, many, severity=severity)

    async def _close(self, which: int) -> None:
        if self.open:
            self.ended.append(self.open.pop(which % len(self.open)))
            closes(self.collector, self.ended[-1])

    async def _again(self, which: int) -> None:
        if self.ended:
            self.open.append(self.ended.pop(which % len(self.ended)))
            again(self.collector, self.open[-1])

    async def _send(self) -> None:
        while await outbox(self.collector, self.mailbox, per_hour=CAP).send_due():
            self.collector.clock.advance(1)

    async def _die(self) -> None:
        self.mailbox.dies = True
        with suppress(Killed):
            await outbox(self.collector, self.mailbox, per_hour=CAP).send_due()
        self.mailbox.dies = False

    async def _wait(self, ms: int) -> None:
        self.collector.clock.advance(ms)

    async def _answers(self, refusal: DeliveryError | None) -> None:
        self.mailbox.refuses = refusal

    async def to_the_end(self) -> None:
        """Time passes until nothing waits any more; the other side takes everything."""
        self.mailbox.refuses = None
        while not set(states(self.collector)) <= FINAL:
            await self._send()
            self.collector.clock.now = max(self._next(), self.collector.clock() + 1)

    def _next(self) -> int:
        """When the next message may be sent. Unix ms."""
        sql = (
            "SELECT min(max(next_at, lease_until)) FROM ("
            "SELECT next_at, lease_until, state FROM notice UNION ALL"
            " SELECT next_at, lease_until, state FROM delivery WHERE notice_id IS NULL)"
            " WHERE state IN ('waiting', 'sending')"
        )
        return self.collector.value(sql) or 0


def heard(mailbox: Mailbox) -> list[str]:
    """What the recipient learned, event by event, each message at its first arrival."""
    seen: set[str] = set()
    events: list[str] = []
    for one in mailbox.got:
        if one.id not in seen:
            seen.add(one.id)
            events += one.inside or (one.about,)
    return events


def worst_hour(messages: list[Got]) -> int:
    """The most different messages that arrived within any hour."""
    return max(
        (len({m.id for m in messages if end.at - HOUR < m.at <= end.at}) for end in messages),
        default=0,
    )


@EXAMPLES
@given(drawn=st.lists(steps, min_size=8, max_size=40))
async def test_each_message_has_one_end_and_nobody_gets_more_than_the_cap_and_a_bundle(
    tmp_path: Path, drawn: list[tuple[Any, ...]]
) -> None:
    with (
        TemporaryDirectory(dir=tmp_path) as folder,
        Collector(Path(folder), durable=False) as collector,
    ):
        play = Play(collector)
        for step in drawn:
            await play.step(*step)
        await play.to_the_end()
        rows = collector.rows(
            "SELECT e.kind || ' ' || a.number, d.state, d.done_at IS NULL FROM delivery d"
            " JOIN alert_event e ON e.id = d.event_id JOIN alert a ON a.id = e.alert_id"
        )
        notices = {state for (state,) in collector.rows("SELECT state FROM notice")}
    events = heard(play.mailbox)

    assert {state for _, state, _ in rows} <= FINAL
    assert notices <= FINAL
    assert not [about for about, _, endless in rows if endless]
    assert worst_hour(play.mailbox.got) <= CAP + 1
    delivered = sorted(about for about, state, _ in rows if state == "delivered")
    assert set(delivered) <= set(events)
    if not any(step[0] == "die" for step in drawn):
        assert sorted(events) == delivered


@EXAMPLES
@given(drawn=st.lists(steps, min_size=8, max_size=40))
async def test_the_last_word_on_an_alert_is_true_and_an_end_follows_a_beginning(
    tmp_path: Path, drawn: list[tuple[Any, ...]]
) -> None:
    patient = [step for step in drawn if step[:2] != ("answers", NO)]
    with (
        TemporaryDirectory(dir=tmp_path) as folder,
        Collector(Path(folder), durable=False) as collector,
    ):
        play = Play(collector)
        for step in patient:
            await play.step(*step)
        await play.to_the_end()
    words: dict[str, list[str]] = {}
    for event in heard(play.mailbox):
        kind, number = event.split()
        words.setdefault(number, []).append(kind)

    for number, kinds in words.items():
        assert kinds[0] in ("opened", "reopened")
        assert (kinds[-1] == "closed") == (number in play.ended)
        assert not any(kinds[n : n + 2] == ["closed", "closed"] for n in range(len(kinds)))
    assert set(play.open) <= set(words)
