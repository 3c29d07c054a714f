"""Sends what waits in the outbox: claim, send, record. At least once, under one id.

The row was written with the alert event, so nothing is forgotten; a worker that dies leaves
a lease that runs out, and the next try carries the same Message-ID.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

import structlog

from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.schedule import LEASE_MS, next_try
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import DeliveryRecord

AT_ONCE: Final = 8
BUNCH: Final = 16  # two rounds of the slowest channel still fit into a lease

log = structlog.get_logger()

Channel = Callable[[DeliveryRecord], Awaitable[str]]
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


def _failed(row: DeliveryRecord, problem: DeliveryError, at: int) -> Result:
    if problem.permanent:
        return Result("failed", problem.response, at, problem.gone)
    next_at = max(next_try(row.id, row.attempts + 1, at), at + problem.retry_after_s * 1000)
    return Result("waiting" if next_at <= row.expires_at else "expired", problem.response, next_at)


class Outbox:
    """Claims due deliveries and sends them, a few at a time."""

    def __init__(
        self, writer: Runs, channels: dict[str, Channel], clock: Callable[[], int]
    ) -> None:
        self._writer, self._channels, self._clock = writer, channels, clock
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def send_due(self) -> int:
        """Everything that was due has been tried once; returns how many were."""
        now = self._clock()
        rows: list[DeliveryRecord] = await self._writer.run(lambda tx, _: _claim(tx, now))
        tried = await asyncio.gather(*map(self._one, rows), return_exceptions=True)
        for (
            problem
        ) in tried:  # each row has had its turn; what could not be recorded is tried again
            if isinstance(problem, BaseException):
                raise problem
        return len(rows)

    async def _one(self, row: DeliveryRecord) -> None:
        async with self._slots:
            at, done = self._clock(), Result("delivered")
            try:
                channel = self._channels.get(row.kind)
                if channel is None:
                    raise DeliveryError(f"channel {row.kind} is not configured", permanent=False)
                done = Result("delivered", await channel(row))
            except DeliveryError as problem:
                done = _failed(row, problem, at)
            except (
                Exception
            ) as problem:  # one message that nobody can write must not stop the others
                log.error("delivery.broken", alert=row.number, problem=repr(problem))
                done = _failed(row, DeliveryError(repr(problem), permanent=False), at)
            await self._record(row, done)

    async def _record(self, row: DeliveryRecord, done: Result) -> None:
        done_at = None if done.state == "waiting" else self._clock()

        def write(tx: Transaction, _: object) -> None:
            tx.finish_delivery(
                row.id, done.state, next_at=done.next_at, response=done.response, done_at=done_at
            )
            if done.gone:
                tx.disable_channel(row.id)

        await self._writer.run(write)
        state, response, attempts = done.state, done.response, row.attempts + 1
        event = "delivery.delivered" if state == "delivered" else "delivery.failed"
        log.info(
            event,
            alert=row.number,
            channel=row.kind,
            attempts=attempts,
            state=state,
            response=response[:120],
        )


def _claim(tx: Transaction, now: int) -> list[DeliveryRecord]:
    """Deliveries that are now ours until the lease ends; expired ones are set aside."""
    claimed = []
    for row in tx.due_deliveries(now, BUNCH):
        if row.expires_at <= now:
            tx.finish_delivery(row.id, "expired", next_at=now, response="expired", done_at=now)
        elif tx.claim_delivery(row.id, now, now + LEASE_MS):
            claimed.append(row)
    return claimed
