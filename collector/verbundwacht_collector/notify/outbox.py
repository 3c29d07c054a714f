"""Sends what waits in the outbox: claim, send, record. At least once, under one id.

The row was written with the alert event, so nothing is forgotten; a worker that dies leaves
a lease that runs out, and the next try carries the same Message-ID.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

import structlog

from verbundwacht_collector.notify.claim import Job, Message, claim
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.schedule import next_try
from verbundwacht_collector.store.outbox import NoticeRecord
from verbundwacht_collector.store.protocol import Transaction

AT_ONCE: Final = 8
PER_HOUR: Final = 10

log = structlog.get_logger()

Channel = Callable[[Message], Awaitable[str]]
"""Hand one message over; returns the other side's answer. Raises DeliveryError."""


class Runs(Protocol):
    """Who commits work: the collector's single writer."""

    async def run(self, work: Callable[[Transaction, Any], Any]) -> Any:
        """The work is committed; its result."""


class Result(NamedTuple):
    """How one try ended. next_at: Unix ms of the next one, if it is to be tried again."""

    state: str
    response: str = ""
    next_at: int = 0
    gone: bool = False


def _failed(message: Message, problem: DeliveryError, at: int) -> Result:
    # Who tests a channel waits for the answer; a second try would only hide the first one.
    test = isinstance(message, NoticeRecord) and message.notice == "test"
    if problem.permanent or test:
        return Result("failed", problem.response, at, problem.gone)
    next_at = next_try(message.id, message.attempts + 1, at)
    next_at = max(next_at, at + problem.retry_after_s * 1000)
    state = "waiting" if next_at <= message.expires_at else "expired"
    return Result(state, problem.response, next_at)


class Outbox:
    """Claims due messages and sends them, a few at a time."""

    def __init__(
        self,
        writer: Runs,
        channels: dict[str, Channel],
        clock: Callable[[], int],
        *,
        per_hour: int = PER_HOUR,
    ) -> None:
        self._writer, self._channels, self._clock = writer, channels, clock
        self._slots, self._per_hour = asyncio.Semaphore(AT_ONCE), per_hour

    async def send_due(self) -> int:
        """Everything that was due has been tried once; returns how many were."""
        now, per_hour = self._clock(), self._per_hour
        jobs: list[Job] = await self._writer.run(lambda tx, _: claim(tx, now, per_hour=per_hour))
        tried = await asyncio.gather(*map(self._one, jobs), return_exceptions=True)
        for (
            problem
        ) in tried:  # each row has had its turn; what could not be recorded is tried again
            if isinstance(problem, BaseException):
                raise problem
        return len(jobs)

    async def _one(self, job: Job) -> None:
        message = job.message
        async with self._slots:
            at, done = self._clock(), Result("delivered")
            try:
                channel = self._channels.get(message.kind)
                if channel is None:
                    raise DeliveryError(f"channel {message.kind} is not set up", permanent=False)
                done = Result("delivered", await channel(message))
            except DeliveryError as problem:
                done = _failed(message, problem, at)
            except (
                Exception
            ) as problem:  # one message that nobody can write must not stop the others
                log.error("delivery.broken", message=message.id, problem=repr(problem))
                internal = DeliveryError(f"internal: {problem!r}", permanent=False)
                done = _failed(message, internal, at)
            await self._record(job, done)

    async def _record(self, job: Job, done: Result) -> None:
        at = self._clock()

        def write(tx: Transaction, _: object) -> None:
            record(tx, job, done, at)

        await self._writer.run(write)
        log.info(
            "delivery.delivered" if done.state == "delivered" else "delivery.failed",
            about=_about(job.message),
            channel=job.message.kind,
            attempts=job.message.attempts + 1,
            state=done.state,
            response=done.response[:120],
        )


def _about(message: Message) -> str:
    return message.notice if isinstance(message, NoticeRecord) else message.number


def record(tx: Transaction, job: Job, done: Result, at: int) -> None:
    """The try is in the store, and with a bundle's everything that it carried."""
    message, state = job.message, done.state
    notice = isinstance(message, NoticeRecord)
    if state == "waiting" and not notice and tx.overtaken(message.id):
        state = "superseded"  # the newer message about the same alert stands for both
    recorded = (tx.finish_notice if notice else tx.finish_delivery)(
        message.id,
        state,
        lease_until=job.lease_until,
        next_at=done.next_at,
        response=done.response,
        tried_at=at,
        done_at=None if state == "waiting" else at,
    )
    if recorded and notice:
        tx.finish_bundled(message.id, state, done.response, at)
    if done.gone:
        tx.disable_channel(job.channel_id)
