"""Many messages, few commits: what waits while one batch is written becomes the next batch.

One thread writes. A message is answered only after its commit; if that fails, nobody is
told anything and the agents send again.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

import structlog

from verbundwacht_collector.acks import acknowledge, answerable
from verbundwacht_collector.errors import StoreError
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.observe.tally import CLOCKS_PER_BATCH, Arrived, Tally
from verbundwacht_collector.peer import Answer, Peer
from verbundwacht_collector.pipeline import Received, Taken, take_in
from verbundwacht_collector.store.protocol import Store, Transaction
from verbundwacht_collector.strangers import Strangers
from verbundwacht_wire.codes import Code
from verbundwacht_wire.keys import Signer

BATCH: Final = 500

T = TypeVar("T")
log = structlog.get_logger()


class _Waiting(NamedTuple):
    message: Received
    answer: "asyncio.Future[Answer]"
    door: str


class Committer:
    """Takes messages in batches and answers them after the commit."""

    def __init__(
        self,
        store: Store,
        judge: Callable[[Transaction, bool], Judge],
        signer: Signer,
        clock: Callable[[], int],
    ) -> None:
        self._store, self._judge, self._signer, self._clock = store, judge, signer, clock
        self._queue: list[_Waiting] = []
        self._batch: list[_Waiting] = []  # what the writer thread has in hand
        self._writer = ThreadPoolExecutor(1, "writer")
        self._running: asyncio.Task[None] | None = None
        self._refused: dict[Code, int] = {}
        self._strangers = Strangers()
        self.tally = Tally()

    async def receive(self, raw: bytes, peer: Peer, *, door: str = "") -> Answer:
        """What became of the message, after its commit. Raises if nothing could be stored."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(Received(raw, peer, self._clock()), future, door))
        if self._running is None:
            self._running = asyncio.create_task(self._drain(), name="commit")
        return await future

    def count(self, code: Code, by: int = 1, *, door: str = "") -> None:
        """A door refused something itself; the next commit writes it down."""
        self.tally.refused_at_door(door, code, by)
        self._keep(code, by)

    def _keep(self, code: Code, by: int) -> None:
        self._refused[code] = self._refused.get(code, 0) + by

    def waiting(self) -> tuple[int, int | None]:
        """(messages without an answer, when the oldest of them came in Unix ms)."""
        everything = [*self._batch, *self._queue]
        return len(everything), everything[0].message.at if everything else None

    async def answers(self) -> None:
        """The writer thread has come to this question: it is not stuck. Touches no store."""
        await asyncio.get_running_loop().run_in_executor(self._writer, lambda: None)

    async def run(self, work: Callable[[Transaction, Judge], T]) -> T:
        """The work is committed by the writer thread, in its turn."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._work, work)

    async def close(self) -> None:
        """What waited is committed and answered; the thread is gone."""
        if self._running is not None:
            with contextlib.suppress(Exception):
                await self._running
        if self._refused:
            with contextlib.suppress(Exception):
                await self.run(lambda _tx, _judge: None)
        self._writer.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                self._batch, messages = batch, [waiting.message for waiting in batch]
                try:
                    answers = await loop.run_in_executor(self._writer, self._commit, messages)
                except Exception as problem:
                    log.error("batch.failed", messages=len(batch), problem=str(problem))
                    answers = [problem] * len(batch)
                for waiting, answer in zip(batch, answers, strict=True):
                    _settle(waiting.answer, answer)
                self.tally.batch_done(list(map(_arrived, batch, answers)), self._clock())
                self._batch = []
        finally:
            self._running, self._batch = None, []

    def _work(self, work: Callable[[Transaction, Judge], T]) -> T:
        with self._begun() as (tx, judge):
            return work(tx, judge)

    @contextlib.contextmanager
    def _begun(self) -> Iterator[tuple[Transaction, Judge]]:
        """A transaction and its judge; what the doors refused is counted in it, or in the next."""
        refused, self._refused = self._refused, {}
        try:
            with self._store.transaction() as tx:
                for code, by in refused.items():
                    tx.count(f"code:{code.value}", by)
                _note_when(tx, refused, self._clock())
                yield tx, self._judge(tx, self._store.changed_elsewhere())
            self.tally.worked_at = self._clock()
        except BaseException:
            for code, by in refused.items():
                self._keep(code, by)
            raise

    def _commit(self, messages: Sequence[Received]) -> list[Answer | Exception]:
        """One transaction for all; if it fails for a message's sake, one for each."""
        try:
            return list(self._transact(messages))
        except StoreError as problem:
            log.error("batch.failed", problem=str(problem), messages=len(messages))
            return [problem] * len(messages)
        except Exception as problem:
            if len(messages) == 1:
                log.error("report.failed", problem=repr(problem), size_bytes=len(messages[0].raw))
                return [problem]
            return [answer for one in messages for answer in self._commit([one])]

    def _transact(self, messages: Sequence[Received]) -> list[Answer]:
        now, start = self._clock(), time.perf_counter()
        with self._begun() as (tx, judge):
            self._strangers.held_back = 0  # a batch that failed is counted when it comes again
            taken = [take_in(tx, message, judge, self._strangers) for message in messages]
            _count_held_back(tx, self._strangers.held_back)
            _note_when(tx, {one.code for one in taken if one.code}, now)
            seq = self._downlink(tx, now, len(taken))
        self.tally.committed(time.perf_counter() - start, _clocks(messages, taken))
        acks = acknowledge(taken, self._signer, now=now, seq=seq)
        return [_answer(one, acks) for one in taken]

    def _downlink(self, tx: Transaction, now: int, many: int) -> int:
        """The first of `many` fresh downlink numbers, above all used before and the clock."""
        first = max(tx.counter("downlink_seq") + 1, now)
        tx.set_counter("downlink_seq", first + many)
        return first


def _note_when(tx: Transaction, codes: Iterable[Code], now: int) -> None:
    """Each of these codes was last given now: once per batch, not per message."""
    for code in codes:
        tx.set_counter(f"at:{code.value}", now)


def _count_held_back(tx: Transaction, many: int) -> None:
    """Keys that nobody looked up count like unknown ones: one write and one line per batch."""
    if many:
        tx.count(f"code:{Code.UNKNOWN_KEY.value}", many)
        log.warning("keys.not_looked_up", messages=many)


def _clocks(messages: Sequence[Received], taken: Sequence[Taken]) -> list[tuple[int, int]]:
    """(host, its clock minus ours in ms) of the batch's last accepted frames.

    Beats only: a report may have waited in its host's spool, and says nothing about now.
    """
    pairs = zip(messages[-CLOCKS_PER_BATCH:], taken[-CLOCKS_PER_BATCH:], strict=True)
    return [
        (one.host.id, one.header.time - message.at)
        for message, one in pairs
        if one.beat is not None and not one.code and one.host and one.header
    ]


def _arrived(waiting: _Waiting, answer: Answer | Exception) -> Arrived:
    code = None if isinstance(answer, Exception) else answer.code
    return Arrived(waiting.door, len(waiting.message.raw), waiting.message.at, code)


def _answer(taken: Taken, acks: dict[int, bytes]) -> Answer:
    if not answerable(taken) or taken.host is None:
        return Answer(taken.code, None)
    return Answer(taken.code, acks[taken.host.id])


def _settle(future: "asyncio.Future[Answer]", answer: Answer | Exception) -> None:
    if future.done():  # the door gave up on the connection meanwhile
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
