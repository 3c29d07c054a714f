"""The morning's digest: what it says, and once a day whatever the clock does."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.collector.alerts.story import JANA, SOC, Story
from tests.collector.fakes import Collector
from tests.collector.notify.flood import Mailbox, Writer, alerts, drain, outbox
from tests.fakes import DAY, HOUR, MINUTE, FakeAgent, kernel

from verbundwacht_collector.alerts import planning
from verbundwacht_collector.app import add_channel
from verbundwacht_collector.notify import notices
from verbundwacht_collector.notify.digest import Settings, day_of, due_at, write_due
from verbundwacht_collector.store.outbox import NoticeRecord

T = TypeVar("T")
BERLIN = ZoneInfo("Europe/Berlin")
HALF_PAST_SEVEN = Settings(time(7, 30))
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
days = st.dates(date(2025, 1, 1), date(2030, 12, 31))


class Reads:
    """Answers on the store's own connection."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    async def __call__(self, question: Callable[[Any], T]) -> T:
        return question(self.collector.store._db)


async def minute(collector: Collector, settings: Settings = HALF_PAST_SEVEN) -> int:
    """What the collector does every minute."""
    return await write_due(
        Reads(collector), Writer(collector), now=collector.clock(), settings=settings
    )


def berlin(day: date, hour: int, minute: int = 0, *, fold: int = 0) -> int:
    """Unix ms of a local time."""
    local = datetime(day.year, day.month, day.day, hour, minute, fold=fold, tzinfo=BERLIN)
    return int(local.timestamp() * 1000)


def written(collector: Collector) -> list[tuple[str, str]]:
    """(day, state) of all digests."""
    return [
        (day, state)
        for day, state in collector.rows(
            "SELECT period, state FROM notice WHERE kind = 'digest' ORDER BY period"
        )
    ]


@given(day=days, at=st.times())
@example(day=SPRING, at=time(2, 30))
@example(day=AUTUMN, at=time(2, 30))
def test_each_day_has_one_moment_at_which_its_digest_is_due(day: date, at: time) -> None:
    at = at.replace(second=0, microsecond=0)
    due = due_at(day, at)

    assert day_of(due, at) == day
    assert day_of(due - 1, at) == day - timedelta(days=1)
    assert 22 * HOUR < due_at(day + timedelta(days=1), at) - due < 26 * HOUR


@pytest.mark.parametrize("day", [SPRING, AUTUMN, date(2026, 11, 20)])
def test_half_past_seven_is_half_past_seven_by_the_clock_on_the_wall(day: date) -> None:
    assert due_at(day, time(7, 30)) == berlin(day, 7, 30)


@pytest.fixture
def there(collector: Collector, agent: FakeAgent) -> Collector:
    """One open alert, on the day before."""
    collector.clock.now = berlin(date(2026, 11, 19), 16)
    alerts(collector, 1)
    return collector


class TestOncePerDay:
    async def test_not_before_its_time_and_then_once(self, there: Collector) -> None:
        there.clock.now = berlin(date(2026, 11, 20), 7, 29)
        await minute(there)
        there.rows("UPDATE notice SET state = 'delivered'")
        there.clock.now = berlin(date(2026, 11, 20), 7, 30)
        found = [await minute(there) for _ in range(3)]

        assert found == [1, 0, 0]
        assert written(there)[-1] == ("2026-11-20", "waiting")

    async def test_a_collector_that_was_down_catches_up_once(self, there: Collector) -> None:
        there.clock.now = berlin(date(2026, 11, 23), 9, 12)
        found = [await minute(there), await minute(there)]

        assert found == [1, 0]
        assert written(there) == [("2026-11-23", "waiting")]

    async def test_a_channel_that_is_new_today_begins_tomorrow(self, there: Collector) -> None:
        there.clock.now = berlin(date(2026, 11, 20), 10)
        there.rows("UPDATE channel SET created_at = :at", at=berlin(date(2026, 11, 20), 9))
        today = await minute(there)
        there.clock.now = berlin(date(2026, 11, 21), 7, 30)

        assert (today, await minute(there)) == (0, 1)

    async def test_nothing_to_do_is_no_mail_and_not_looked_at_again_that_day(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        collector.one(agent.report({"kernel": kernel()}))
        collector.clock.now = berlin(day_of(collector.clock(), time(7, 30)), 7, 30) + DAY
        collector.rows("UPDATE host SET last_seen = :now", now=collector.clock())
        first = await minute(collector)
        alerts(collector, 1)
        collector.clock.advance(HOUR)
        again = await minute(collector)
        mailbox = Mailbox(collector.clock)
        await drain(outbox(collector, mailbox))

        assert (first, again) == (1, 0)
        assert [state for _, state in written(collector)] == ["calm"]
        assert "digest" not in mailbox.said

    async def test_who_wants_it_gets_the_calm_one_too(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        collector.one(agent.report({"kernel": kernel()}))
        collector.clock.now = berlin(day_of(collector.clock(), time(7, 30)), 7, 30) + DAY
        collector.rows("UPDATE host SET last_seen = :now", now=collector.clock())
        await minute(collector, Settings(time(7, 30), when_calm=True))
        mailbox = Mailbox(collector.clock)
        await drain(outbox(collector, mailbox))

        assert mailbox.said == ["digest"]

    async def test_webhooks_and_channels_out_of_use_get_none(self, there: Collector) -> None:
        there.act(lambda tx: add_channel(tx, "webhook", "tickets", alliance_id="verbund"))
        there.rows("UPDATE channel SET created_at = 0")
        there.rows("UPDATE channel SET enabled = 0 WHERE kind = 'mail'")
        there.clock.now = berlin(date(2026, 11, 20), 8)

        assert await minute(there) == 0

    async def test_it_does_not_count_against_the_cap(self, there: Collector) -> None:
        there.clock.now = berlin(date(2026, 11, 20), 7, 29)
        alerts(there, 20)
        mailbox = Mailbox(there.clock)
        await drain(outbox(there, mailbox))
        there.clock.now = berlin(date(2026, 11, 20), 7, 30)
        there.rows("DELETE FROM notice WHERE kind = 'digest'")
        await minute(there)
        await drain(outbox(there, mailbox))

        assert mailbox.said[-1] == "digest"

    async def test_a_second_try_says_the_same_under_the_same_id(self, there: Collector) -> None:
        there.clock.now = berlin(date(2026, 11, 20), 8)
        await minute(there)
        before = there.rows("SELECT id, content FROM notice")
        alerts(there, 5)
        there.clock.advance(MINUTE)
        await minute(there)

        assert there.rows("SELECT id, content FROM notice") == before

    async def test_one_that_did_not_get_through_ends_when_the_next_is_due(
        self, there: Collector
    ) -> None:
        there.clock.now = berlin(date(2026, 11, 20), 8)
        await minute(there)

        assert there.value("SELECT expires_at FROM notice") == berlin(date(2026, 11, 21), 7, 30)


moves = st.one_of(
    st.sampled_from([MINUTE, 10 * MINUTE, HOUR, 7 * HOUR, DAY, -HOUR, -3 * HOUR, -DAY, -9 * DAY]),
    st.integers(-2 * DAY, 2 * DAY),
)


@pytest.fixture
def quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    start=st.sampled_from([SPRING, AUTUMN, date(2026, 7, 1)]),
    at=st.sampled_from([time(7, 30), time(2, 30), time(0, 0)]),
    drawn=st.lists(moves, min_size=3, max_size=25),
)
async def test_clock_jumps_and_changed_clocks_neither_double_nor_lose_a_digest(
    tmp_path: Path, quiet: None, start: date, at: time, drawn: list[int]
) -> None:
    """Invariant 9: each day that the collector saw has its digest, and one of them."""
    with (
        TemporaryDirectory(dir=tmp_path) as folder,
        Collector(Path(folder), durable=False) as collector,
    ):
        collector.host()
        collector.clock.now = berlin(start, 0) - 10 * DAY
        alerts(collector, 1)
        collector.clock.now = berlin(start, 0)
        saw = set()
        for move in drawn:
            await minute(collector, Settings(at))
            saw.add(day_of(collector.clock(), at).isoformat())
            collector.clock.advance(move)
        found = Counter(day for day, _ in written(collector))

    assert set(found) == saw
    assert set(found.values()) == {1}


async def text(collector: Collector) -> tuple[str, str]:
    """Subject and text of the newest digest of the SOC."""
    await minute(collector)
    row = collector.rows(
        "SELECT n.id, n.kind, n.channel_id, 'mail', c.recipient, n.content, 0, 0, n.created_at, ''"
        " FROM notice n JOIN channel c ON c.id = n.channel_id WHERE c.alliance_id = 'verbund'"
        " ORDER BY n.created_at DESC"
    )[0]
    return notices.written(NoticeRecord(*row), url="https://sammler.example")


async def test_it_says_what_needs_action_in_the_order_of_urgency(collector: Collector) -> None:
    story = Story(collector, collector.host("web01"))
    story.says(kernel=kernel(reboot=True))
    now = collector.clock()
    collector.rows(
        "UPDATE delivery SET state = 'failed', response = '550 no', done_at = :now,"
        " tried_at = :now",
        now=now,
    )
    number, why = story.number("t.reboot"), "Ersatzteil bestellt"
    asked: dict[str, Any] = {"scope": SOC, "number": number, "actor": JANA, "now": now}
    collector.act(
        lambda tx: planning.pause(tx, **asked, for_ms=60 * HOUR, reason=why, version=None)
    )
    alerts(collector, 2, severity="low")
    collector.clock.now = berlin(day_of(collector.clock(), time(7, 30)), 7, 30) + DAY
    subject, body = await text(collector)

    assert subject.startswith("[Tageslage] Verbund: 3 offene Warnungen, davon 1 kritisch")
    assert "1 Server schweigt" in subject
    order = [
        "Offene Warnungen (3)",
        f"- [kritisch, neu] {number}: t.reboot (web01, Musterdorf; neu, seit",
        f"https://sammler.example/alerts/{number}",
        "- [niedrig, neu]",
        "Alle offenen Warnungen: https://sammler.example/alerts",
        "Server ohne Meldung (1)",
        "- web01, Musterdorf, letzte Meldung",
        f"Pause für {number} endet",
        "(Ersatzteil bestellt)",
        "Nicht zugestellt (1)",
        "- E-Mail an soc@example.org: 1 Nachricht, zuletzt: 550 no",
        "https://sammler.example/channels",
        "Sie erhalten diese Nachricht jeden Morgen",
    ]
    places = [body.find(part) for part in order]
    assert -1 not in places, [part for part, at in zip(order, places, strict=True) if at < 0]
    assert places == sorted(places)


async def test_a_long_list_is_cut_and_says_how_many_more_there_are(
    collector: Collector, agent: FakeAgent
) -> None:
    alerts(collector, 63)
    collector.clock.now = berlin(day_of(collector.clock(), time(7, 30)), 7, 30) + DAY
    _, body = await text(collector)

    assert "Offene Warnungen (63)" in body
    assert "- und 43 weitere" in body


async def test_each_gets_the_own_scope(collector: Collector) -> None:
    collector.act(
        lambda tx: add_channel(tx, "mail", "it@nebenan.example", municipality_id="nebenan")
    )
    collector.rows("UPDATE channel SET created_at = 0")
    here = Story(collector, collector.host("web01"))
    here.says(kernel=kernel(reboot=True))
    there = Story(collector, collector.host("db01", municipality="nebenan"))
    there.says(kernel=kernel(reboot=True))
    collector.clock.now = berlin(day_of(collector.clock(), time(7, 30)), 7, 30) + DAY
    await minute(collector)

    found = dict(
        collector.rows(
            "SELECT c.recipient, n.content FROM notice n JOIN channel c ON c.id = n.channel_id"
        )
    )
    assert "web01" in found["soc@example.org"]
    assert "db01" in found["soc@example.org"]
    assert "db01" in found["it@nebenan.example"]
    assert "web01" not in found["it@nebenan.example"]
