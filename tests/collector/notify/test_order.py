"""Nobody reads "new" after "resolved": over a mail server that refuses, and one that is dead."""

from collections.abc import AsyncIterator

import pytest
from tests.collector.fakes import Collector
from tests.collector.notify.flood import (
    BUSY,
    Killed,
    Mailbox,
    Writer,
    again,
    alerts,
    closes,
    drain,
    outbox,
    states,
)
from tests.collector.notify.mailserver import Post, serving
from tests.fakes import MINUTE, FakeAgent

from verbundwacht_collector.notify.channels import by_mail
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.outbox import Outbox
from verbundwacht_collector.notify.schedule import LEASE_MS


class Sent:
    """A mail server and the worker that speaks to it."""

    def __init__(self, post: Post, worker: Outbox) -> None:
        self.post, self.worker = post, worker

    @property
    def marks(self) -> list[str]:
        """What stands in brackets first in each subject."""
        return [str(one["Subject"]).split("]")[0].strip("[") for one in self.post.taken]


@pytest.fixture
async def sent(collector: Collector, agent: FakeAgent) -> AsyncIterator[Sent]:
    post = Post()
    async with serving(post) as server:
        channel = by_mail(server, first_step=lambda _: "", url="")
        yield Sent(post, Outbox(Writer(collector), {"mail": channel}, collector.clock))


async def test_a_new_message_in_back_off_is_not_sent_after_the_alert_ended(
    collector: Collector, sent: Sent
) -> None:
    (number,) = alerts(collector, 1)
    sent.post.data_says = "451 busy"
    await sent.worker.send_due()
    closes(collector, number)
    sent.post.data_says = ""
    collector.clock.advance(MINUTE)
    await drain(sent.worker)

    assert (sent.post.tries, sent.marks) == (1, [])
    assert states(collector) == {"superseded": 1}


async def test_who_was_told_is_told_the_end_and_in_this_order(
    collector: Collector, sent: Sent
) -> None:
    (number,) = alerts(collector, 1)
    sent.post.data_says = "451 busy"
    await sent.worker.send_due()
    sent.post.data_says = ""
    collector.clock.advance(MINUTE)
    await drain(sent.worker)
    closes(collector, number)
    await drain(sent.worker)

    assert sent.marks == ["hoch", "geschlossen"]


async def test_an_alert_that_ends_while_it_is_being_told_is_told_to_its_end(
    collector: Collector, agent: FakeAgent
) -> None:
    mailbox = Mailbox(collector.clock)
    (number,) = alerts(collector, 1)
    mailbox.dies = True
    with pytest.raises(Killed):
        await outbox(collector, mailbox).send_due()
    mailbox.dies = False
    closes(collector, number)
    await drain(outbox(collector, mailbox))
    before_the_lease_ends = list(mailbox.said)
    for _ in range(2):
        collector.clock.advance(LEASE_MS)
        await drain(outbox(collector, mailbox))

    assert before_the_lease_ends == [f"opened {number}"]
    assert mailbox.said == [f"opened {number}", f"opened {number}", f"closed {number}"]
    assert mailbox.got[0].id == mailbox.got[1].id


class EndsMeanwhile(Mailbox):
    """The alert ends while its first message is on its way."""

    def __init__(self, collector: Collector, number: str, refusal: DeliveryError) -> None:
        super().__init__(collector.clock)
        self.collector, self.number, self.refuses = collector, number, refusal

    async def __call__(self, message: object) -> str:
        closes(self.collector, self.number)
        refusal, self.refuses = self.refuses, None
        assert refusal is not None
        raise refusal


@pytest.mark.parametrize(
    ("refusal", "state"),
    [(BUSY, "superseded"), (DeliveryError("550 no", permanent=True), "failed")],
)
async def test_an_alert_that_ends_while_its_first_message_is_refused_is_told_to_nobody(
    collector: Collector, agent: FakeAgent, refusal: DeliveryError, state: str
) -> None:
    (number,) = alerts(collector, 1)
    await outbox(collector, EndsMeanwhile(collector, number, refusal)).send_due()
    mailbox = Mailbox(collector.clock)
    worker = outbox(collector, mailbox)
    for _ in range(3):
        collector.clock.advance(MINUTE)
        await drain(worker)

    assert mailbox.got == []
    assert collector.rows("SELECT state FROM delivery ORDER BY created_at, rowid") == [
        (state,),
        ("superseded",),
    ]


async def test_back_again_is_not_followed_by_the_unsent_end(
    collector: Collector, sent: Sent
) -> None:
    (number,) = alerts(collector, 1)
    await drain(sent.worker)
    sent.post.data_says = "451 busy"
    closes(collector, number)
    await sent.worker.send_due()
    sent.post.data_says = ""
    again(collector, number)
    collector.clock.advance(MINUTE)
    await drain(sent.worker)

    assert sent.marks == ["hoch", "hoch, wieder"]


async def test_the_end_is_told_to_whom_the_last_word_was_that_it_is_open(
    collector: Collector, sent: Sent
) -> None:
    (number,) = alerts(collector, 1)
    await drain(sent.worker)
    sent.post.data_says = "451 busy"
    closes(collector, number)
    again(collector, number)
    await sent.worker.send_due()
    closes(collector, number)
    sent.post.data_says = ""
    collector.clock.advance(MINUTE)
    await drain(sent.worker)

    assert sent.marks == ["hoch", "geschlossen"]
