"""Many alerts at once, channels that answer as told, and everything that a recipient got."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace
from tests.collector.alerts.story import JANA, SOC
from tests.collector.fakes import Collector

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.apply import deliver, next_number
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.outbox import Outbox
from verbundwacht_collector.store.outbox import NoticeRecord
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord

BUSY = DeliveryError("451 busy", permanent=False)


class Killed(BaseException):
    """kill -9 of whoever sends."""


class Writer:
    """Commits what a worker asks for."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    async def run(self, work: Callable[[Transaction, Any], Any]) -> Any:
        await asyncio.sleep(0)  # another worker may come in between
        return self.collector.act(lambda tx: work(tx, None))


class Got(NamedTuple):
    """One message that reached its recipient. about: kind of notice, or of event and number."""

    at: int
    id: str
    about: str
    severity: str
    inside: tuple[str, ...]  # of a bundle: what it carries


def got(message: Message, at: int) -> Got:
    """The message as its recipient has it."""
    if isinstance(message, NoticeRecord):
        inside = tuple(f"{one.event_kind} {one.number}" for one in message.bundled)
        return Got(at, message.id, message.notice, "", inside)
    about = f"{message.event_kind} {message.number}"
    return Got(at, message.id, about, message.severity, ())


class Mailbox:
    """A recipient's side: takes what comes, or refuses as long as it is told to."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.got: list[Got] = []
        self.refuses: DeliveryError | None = None
        self.dies = False

    async def __call__(self, message: Message) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.got.append(got(message, self.clock()))
        if self.dies:  # it was taken, and nobody lived to write that down
            raise Killed
        return "250 taken"

    @property
    def said(self) -> list[str]:
        return [one.about for one in self.got]

    @property
    def bundles(self) -> list[Got]:
        return [one for one in self.got if one.about == "bundle"]


def outbox(collector: Collector, mailbox: Mailbox, *, per_hour: int = 10) -> Outbox:
    """A worker that sends to this mailbox."""
    return Outbox(Writer(collector), {"mail": mailbox}, collector.clock, per_hour=per_hour)


async def drain(worker: Outbox) -> None:
    """Nothing is due any more."""
    while await worker.send_due():
        pass


def alerts(
    collector: Collector, many: int, *, severity: str = "high", opened: str = "opened"
) -> list[str]:
    """So many new alerts on the only host, as the life cycle writes them; their numbers."""
    return [collector.act(lambda tx: _open(tx, collector, severity, opened)) for _ in range(many)]


def _open(tx: Transaction, collector: Collector, severity: str, kind: str) -> str:
    now = collector.clock()
    number = next_number(tx, now)
    alert = AlertRecord(
        id=0,
        number=number,
        fingerprint=number.encode(),
        municipality_id="musterdorf",
        host_id=1,
        rule_id="t.reboot",
        subject=number,
        severity=severity,
        title="Neustart",
        state="new",
        opened_at=now,
        changed_at=now,
        evidence=b"",
        claimed_at=None,
        assignee_id=None,
        repeated=0,
        version=1,
    )
    alert_id = tx.add_alert(alert, None)
    event_id = tx.add_event(alert_id, at=now, kind=kind, reason="regression")
    record = tx.alert_by_number(number)
    assert record is not None
    deliver(tx, record, kind, event_id, now)
    return number


def closes(collector: Collector, number: str) -> None:
    """A person ends the alert."""
    now = collector.clock()
    collector.act(
        lambda tx: actions.close(
            tx,
            scope=SOC,
            number=number,
            actor=JANA,
            now=now,
            reason="duplicate",
            text="",
            version=None,
        )
    )


def again(collector: Collector, number: str) -> None:
    """The same alert is open again, as the life cycle writes it."""

    def reopen(tx: Transaction) -> None:
        alert = tx.alert_by_number(number)
        assert alert is not None
        now = collector.clock()
        tx.set_alert(replace(alert, state="new", changed_at=now))
        event_id = tx.add_event(alert.id, at=now, kind="reopened", reason="fails_again")
        deliver(tx, alert, "reopened", event_id, now)

    collector.act(reopen)


def states(collector: Collector) -> dict[str, int]:
    """How many deliveries are in which state."""
    return dict(collector.rows("SELECT state, count(*) FROM delivery GROUP BY state"))
