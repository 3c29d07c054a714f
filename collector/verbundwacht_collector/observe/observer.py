"""Asks every part of the collector how it is, at most once in some seconds.

Nothing is read on the event loop: the store and the disk are asked in a reader's thread, and
however many people, scrapers and probes come at once, each question is under way only once.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import structlog

from verbundwacht_collector import __version__
from verbundwacht_collector.observe import machine
from verbundwacht_collector.observe.status import (
    REMARKS,
    ClockState,
    Door,
    Ingest,
    Numbers,
    PackState,
    Refusal,
    Status,
    assess,
)
from verbundwacht_collector.observe.tally import Tally
from verbundwacht_collector.rules.model import Pack
from verbundwacht_collector.scope import Scope
from verbundwacht_collector.store.observed import Observed, observed
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_wire.codes import Code

KEEP_S: Final = 5.0
PATIENCE_S: Final = 5.0
MOST_KEPT: Final = 64  # alliances whose status is kept

T = TypeVar("T")
log = structlog.get_logger()


class Read(Protocol):
    """Answers a question to the store in a thread."""

    async def __call__(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer."""


class Writer(Protocol):
    """The collector's single writer."""

    tally: Tally

    def waiting(self) -> tuple[int, int | None]:
        """(messages without an answer, when the oldest of them came in Unix ms)."""

    async def answers(self) -> None:
        """The writer is not stuck."""

    async def run(self, work: Callable[[Transaction, Any], T]) -> T:
        """The work is committed; its result."""


class Question:
    """Asked once for all who want to know; its answer is good for `keep_s` seconds."""

    def __init__(self, ask: Callable[[], Awaitable[Any]], *, keep_s: float) -> None:
        self._ask, self._keep_s = ask, keep_s
        self._task: asyncio.Task[Any] | None = None
        self._since = 0.0

    def task(self) -> "asyncio.Task[Any]":
        """The question under way, or answered not long ago, or asked anew."""
        task, now = self._task, time.monotonic()
        if task is None or (task.done() and now - self._since > self._keep_s):
            self._since = now
            task = self._task = asyncio.get_running_loop().create_task(self._run())
        return task

    async def _run(self) -> Any:
        try:
            return await self._ask()
        finally:
            self._since = time.monotonic()

    async def fine(self, patience_s: float) -> bool:
        """It was answered, and in time. One that is overdue is not waited for again."""
        task = self.task()
        left = 0.0 if task.done() else max(0.0, self._since + patience_s - time.monotonic())
        if not task.done():
            await asyncio.wait({task}, timeout=left)
        return task.done() and not task.cancelled() and task.exception() is None

    def close(self) -> None:
        """Nobody waits any more."""
        if self._task is not None and not self._task.done():
            self._task.cancel()


class Observer:
    """What the status page, the metrics, the probes and the command are told."""

    def __init__(
        self,
        read: Read,
        writer: Writer,
        *,
        database: Path,
        packs: Callable[[], Sequence[Pack]],
        doors: Callable[[], list[Door]],
        clock: Callable[[], int],
        serving_since: int | None,
        statvfs: machine.StatVfs = os.statvfs,
        keep_s: float = KEEP_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._read, self._writer, self._database = read, writer, database
        self._packs, self._doors, self._clock = packs, doors, clock
        self._serving_since, self._statvfs = serving_since, statvfs
        self._keep_s, self._patience_s = keep_s, patience_s
        self._alive = Question(writer.answers, keep_s=min(1.0, keep_s))
        self._writable = Question(self._write, keep_s=keep_s)
        self._asked: dict[Scope, Question] = {}

    @property
    def tally(self) -> Tally:
        """The counters of this process."""
        return self._writer.tally

    async def status(self, scope: Scope) -> Status:
        """How the collector is, as far as this reader may know; a few seconds old at most."""
        question = self._asked.get(scope)
        if question is None:
            if len(self._asked) >= MOST_KEPT:
                self._asked.pop(next(iter(self._asked))).close()
            question = Question(lambda: self._look(scope), keep_s=self._keep_s)
            self._asked[scope] = question
        # Shielded: one browser that goes away must not take the answer from the others.
        found: Status = await asyncio.shield(question.task())
        return found

    async def alive(self) -> list[str]:
        """What does not answer; nothing if all is well."""
        if await self._alive.fine(self._patience_s):
            return []
        return ["Schreiber: antwortet nicht (writer does not answer)"]

    async def ready(self) -> list[str]:
        """What keeps messages from being taken in; nothing if all is well."""
        failed = []
        if not await self._writable.fine(self._patience_s):
            failed.append("Speicher: nimmt nichts an (store does not accept writes)")
        closed = [door.name for door in self._doors() if not door.open]
        return failed + [f"{name}: geschlossen (closed)" for name in closed]

    def close(self) -> None:
        """Questions under way are given up."""
        for question in (self._alive, self._writable, *self._asked.values()):
            question.close()

    async def _write(self) -> None:
        now = self._clock()
        await self._writer.run(lambda tx, _: tx.set_counter("ready_at", now))

    async def _look(self, scope: Scope) -> Status:
        def question(db: sqlite3.Connection) -> tuple[Observed, machine.Disk]:
            found = observed(db, scope=scope, now=self._clock())
            return found, machine.look_at(self._database, self._statvfs)

        try:
            stored, disk = await self._read(question)
        except Exception as problem:
            log.error("status.unreadable", problem=repr(problem))
            stored = None
            disk = await asyncio.to_thread(machine.look_at, self._database, self._statvfs)
        return assess(self._numbers(stored, disk))

    def _numbers(self, stored: Observed | None, disk: machine.Disk) -> Numbers:
        return Numbers(
            at=self._clock(),
            version=__version__,
            serving_since=self._serving_since,
            ingest=self._ingest(),
            refusals=_refusals(stored, self.tally),
            odd=stored.odd if stored else [],
            outbox=stored.outbox if stored else None,
            alerts_open=stored.alerts_open if stored else {},
            hosts=stored.hosts if stored else {},
            facts_unknown=stored.facts_unknown if stored else None,
            stale_findings=stored.stale_findings if stored else None,
            set_aside=stored.set_aside if stored else None,
            disk=disk,
            clock=ClockState(*self.tally.clock_offset()),
            packs=[
                PackState(one.name, one.version, one.digest, len(one.rules))
                for one in self._packs()
            ],
            doors=self._doors(),
        )

    def _ingest(self) -> Ingest:
        tally = self.tally
        waiting, oldest = self._writer.waiting()
        messages, lag = tally.recent(self._clock())
        return Ingest(
            waiting=waiting,
            oldest_waiting_at=oldest,
            recent_messages=messages,
            worst_lag_ms=lag,
            committed_at=tally.committed_at,
            not_stored=tally.lost,
            failed_at=tally.failed_at,
            store_answered_at=tally.worked_at,
        )


def _refusals(stored: Observed | None, tally: Tally) -> list[Refusal]:
    """Every code that was ever given but "accepted", the refusals first."""
    now: dict[int, int] = {}
    for (_, code), many in list(tally.messages.items()):
        now[code.value] = now.get(code.value, 0) + many
    known = {one.code: one for one in stored.codes} if stored else {}
    found = []
    for number in sorted({*known, *now} - {Code.OK.value}):
        one = known.get(number)
        found.append(
            Refusal(
                code=number,
                name=Code(number).name.lower(),
                count=one.count if one else now[number],
                since_start=now.get(number, 0),
                last_at=one.last_at if one else None,
            )
        )
    return sorted(found, key=lambda one: (one.code in REMARKS, one.code))
