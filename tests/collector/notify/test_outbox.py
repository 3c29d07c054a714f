"""What waits in the store is sent at least once, under one id, by whoever is alive."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.collector.alerts.story import Story
from tests.collector.fakes import Collector
from tests.collector.notify.mailserver import Post, serving
from tests.fakes import HOUR, FakeAgent, kernel, listening

from verbundwacht_collector.notify import channels
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.mail import MailServer
from verbundwacht_collector.notify.outbox import Channel, Outbox
from verbundwacht_collector.notify.schedule import LEASE_MS, next_try
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import DeliveryRecord

SCHEDULE_S = (10, 30, 120, 600, 1_800, 7_200, 21_600, 21_600)


class Writer:
    """Commits what a worker asks for."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    async def run(self, work: Callable[[Transaction, Any], Any]) -> Any:
        await asyncio.sleep(0)  # the other worker may come in between
        return self.collector.act(lambda tx: work(tx, None))


def worker(collector: Collector, channel: Channel) -> Outbox:
    return Outbox(Writer(collector), {"mail": channel}, collector.clock)


def by_mail(server: MailServer) -> Channel:
    """The channel as the collector builds it."""
    return channels.by_mail(server, first_step=lambda _: "", url="")


def states(collector: Collector) -> list[tuple[str, int]]:
    """(state, attempts) of all deliveries."""
    return [
        (state, attempts)
        for state, attempts in collector.rows(
            "SELECT state, attempts FROM delivery ORDER BY created_at, id"
        )
    ]


@pytest.fixture
def failing(collector: Collector, agent: FakeAgent) -> Story:
    """One delivery waits."""
    story = Story(collector, agent)
    story.says(kernel=kernel(reboot=True))
    return story


class Channels:
    """A channel that answers as told, and remembers what it was given."""

    def __init__(self, *answers: DeliveryError | None) -> None:
        self.answers = list(answers)
        self.given: list[DeliveryRecord] = []

    async def __call__(self, row: Message) -> str:
        assert isinstance(row, DeliveryRecord)
        self.given.append(row)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return "taken"


BUSY = DeliveryError("451 busy", permanent=False)


async def test_what_waits_is_sent_once(failing: Story) -> None:
    post = Post()
    async with serving(post) as server:
        outbox = worker(failing.collector, by_mail(server))
        sent = [await outbox.send_due() for _ in range(3)]

    assert sent == [1, 0, 0]
    assert len(post.taken) == 1
    assert failing.collector.rows("SELECT state, attempts, response FROM delivery") == [
        ("delivered", 1, "taken")
    ]


async def test_two_workers_send_each_message_once(collector: Collector) -> None:
    for n in range(5):
        story = Story(collector, collector.host(f"h{n}"))
        story.says(kernel=kernel(reboot=True), listening=listening(22, 23))
    post = Post()
    async with serving(post) as server:
        workers = [worker(collector, by_mail(server)) for _ in range(2)]
        while sum(await asyncio.gather(*(one.send_due() for one in workers))):
            pass

    ids = [one["Message-ID"] for one in post.taken]
    assert len(ids) == len(set(ids)) == 10


async def test_a_second_try_carries_the_same_id(failing: Story) -> None:
    post = Post()
    async with serving(post) as server:
        outbox = worker(failing.collector, by_mail(server))
        post.data_says = "451 busy"
        await outbox.send_due()
        post.data_says = ""
        failing.wait(12_001)
        await outbox.send_due()

    identity = failing.collector.value("SELECT id FROM delivery")
    assert post.tries == 2
    assert [one["Message-ID"] for one in post.taken] == [f"<{identity}@sammler.example>"]
    assert states(failing.collector) == [("delivered", 2)]


async def test_a_worker_that_dies_is_replaced_when_its_lease_is_over(failing: Story) -> None:
    held = asyncio.Event()

    async def never(_row: Message) -> str:
        held.set()
        await asyncio.sleep(60)
        return "late"

    dying = asyncio.create_task(worker(failing.collector, never).send_due())
    await held.wait()
    dying.cancel()
    alive = Channels()
    outbox = worker(failing.collector, alive)
    failing.wait(LEASE_MS - 1)
    within = await outbox.send_due()
    failing.wait(1)
    after = await outbox.send_due()

    assert (within, after) == (0, 1)
    assert states(failing.collector) == [("delivered", 2)]


async def test_it_is_tried_again_by_the_schedule_and_given_up_in_the_end(
    failing: Story,
) -> None:
    channel = Channels(*[BUSY] * 50)
    outbox = worker(failing.collector, channel)
    began, times = failing.collector.clock(), []
    while states(failing.collector)[0][0] == "waiting":
        (next_at,) = failing.collector.rows("SELECT next_at FROM delivery")[0]
        failing.collector.clock.now = next_at - 1
        assert await outbox.send_due() == 0
        failing.wait(1)
        times.append(failing.collector.clock())
        await outbox.send_due()

    waits = [after - before for before, after in pairwise(times)]
    for wait, expected in zip(waits, SCHEDULE_S, strict=False):
        assert 800 * expected <= wait <= 1200 * expected
    assert failing.collector.value("SELECT state FROM delivery") == "expired"
    assert times[-1] - began <= 24 * HOUR  # critical


async def test_a_message_too_old_is_not_sent_any_more(failing: Story) -> None:
    channel = Channels()
    failing.wait(24 * HOUR)
    await worker(failing.collector, channel).send_due()

    assert channel.given == []
    assert states(failing.collector) == [("expired", 0)]


async def test_a_final_refusal_is_not_tried_again(failing: Story) -> None:
    channel = Channels(DeliveryError("550 no such user", permanent=True))
    outbox = worker(failing.collector, channel)
    await outbox.send_due()
    failing.wait(HOUR)
    await outbox.send_due()

    assert len(channel.given) == 1
    assert failing.collector.rows("SELECT state, response FROM delivery") == [
        ("failed", "550 no such user")
    ]


async def test_the_other_side_may_ask_for_more_time(failing: Story) -> None:
    channel = Channels(DeliveryError("429", permanent=False, retry_after_s=3600))
    outbox = worker(failing.collector, channel)
    await outbox.send_due()
    failing.wait(3_599_000)
    await outbox.send_due()
    early = len(channel.given)
    failing.wait(1_000)
    await outbox.send_due()

    assert (early, len(channel.given)) == (1, 2)


async def test_a_message_that_nobody_can_write_does_not_stop_the_others(
    failing: Story,
) -> None:
    failing.says(listening=listening(22, 23, 24))

    class Odd(Channels):
        async def __call__(self, row: Message) -> str:
            if isinstance(row, DeliveryRecord) and row.subject == "tcp/23":
                raise ValueError("not a header")
            return await super().__call__(row)

    await worker(failing.collector, Odd()).send_due()

    found = failing.collector.rows(
        "SELECT a.subject, d.state FROM delivery d JOIN alert_event e ON e.id = d.event_id"
        " JOIN alert a ON a.id = e.alert_id"
    )
    assert dict(found) == {"": "delivered", "tcp/23": "waiting", "tcp/24": "delivered"}


async def test_without_a_mail_server_messages_wait(failing: Story) -> None:
    await Outbox(Writer(failing.collector), {}, failing.collector.clock).send_due()

    assert states(failing.collector) == [("waiting", 1)]


async def test_what_is_superseded_is_not_sent(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.beats()
    channel = Channels()

    assert await worker(failing.collector, channel).send_due() == 0
    assert channel.given == []


async def test_resolved_is_sent_to_those_who_were_told(failing: Story) -> None:
    channel = Channels()
    outbox = worker(failing.collector, channel)
    await outbox.send_due()
    failing.says(kernel=kernel())
    failing.beats()
    await outbox.send_due()

    assert [row.event_kind for row in channel.given] == ["opened", "resolved"]
    assert {row.recipient for row in channel.given} == {"soc@example.org"}


def test_the_spread_of_the_schedule_is_by_delivery_and_always_the_same() -> None:
    times = {next_try(f"id-{n}", 1, 0) for n in range(200)}

    assert all(8_000 <= one <= 12_000 for one in times)
    assert max(times) - min(times) > 2_000
    assert next_try("id-1", 3, 0) == next_try("id-1", 3, 0)
