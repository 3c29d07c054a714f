"""The door through an external broker: the collector subscribes, agents publish as ever.

Nothing a broker says counts as delivered. It gets its PUBACK after the commit, so that what it
keeps comes again; the agents delete only on the signed answer, which goes out to their own topic
with QoS 0. So the broker may lose, repeat and delay, and nothing is lost.

Who published is what the topic says: the broker's access rules tie its last level to the client
certificate, the pipeline ties both levels to the key (107 for a foreign municipality).
"""

import asyncio
import contextlib
import random
import re
from collections import deque
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from verbundwacht_collector.ingest import Answer, Peer, Receive
from verbundwacht_collector.ingest.allowed import topics_of
from verbundwacht_collector.ingest.gate import Count
from verbundwacht_collector.ingest.quiet import Refusals
from verbundwacht_collector.ingest.subscriber import (
    Bounds,
    Incoming,
    Room,
    Subscriber,
)
from verbundwacht_collector.ingest.tls import Target
from verbundwacht_wire.codes import Code

UP: Final = "vw/1/up/+/+"
DRAIN_S: Final = 5.0  # for messages that are being committed when the door closes
SOON_DAYS: Final = 30
_LEAVE_S: Final = 20.0  # for an attempt to connect that is under way
_TOPIC = re.compile(r"vw/1/up/([a-z0-9-]{1,32})/([0-9a-f]{32})")

log = structlog.get_logger(__name__)


class Pace(NamedTuple):
    """Seconds between two attempts: doubled each time, and a random part off."""

    first_s: float = 1.0
    most_s: float = 60.0


class BrokerStatus(NamedTuple):
    """How the door stands, for whoever shows it."""

    connected: bool
    problem: str  # why it is not connected
    attempts: int  # since the last connection
    lost: int  # connections since the start
    held: int  # messages that wait for their commit
    held_bytes: int


class Waiting(NamedTuple):
    """A message whose fate is not known to the broker yet. task: None if it was refused here."""

    message: Incoming
    down: str
    task: asyncio.Task[Answer] | None

    @property
    def stored(self) -> bool:
        """Its commit is done, or it was refused. Only for a task that is done."""
        return self.task is None or not (self.task.cancelled() or self.task.exception())


class BrokerDoor:
    """Messages from a broker go to `receive`, each with the peer that its topic names.

    count: called for what the door itself refuses (107).
    """

    def __init__(
        self,
        target: Target,
        receive: Receive,
        count: Count,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        pace: Pace = Pace(),  # noqa: B008 - immutable
    ) -> None:
        self.receive, self.count = receive, count
        self.room = Room(bounds)
        self._target, self._pace = target, pace
        self._refusals = Refusals("message.refused", "broker")
        self._waiting: deque[Waiting] = deque()  # in order of arrival
        self._done, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._closing = asyncio.Event()
        self._subscriber: Subscriber | None = None  # the newest, connected or about to be
        self._listens = False
        self._tasks: list[asyncio.Task[None]] = []
        self._problem, self._attempts, self._lost = "", 0, 0

    async def open(self) -> None:
        """The door looks for the broker, for as long as it takes; agents need not wait for it."""
        self._tasks = [
            asyncio.create_task(self._stay_connected(), name="broker"),
            asyncio.create_task(self._settle(), name="broker-answers"),
        ]

    @property
    def status(self) -> BrokerStatus:
        """How the door stands now."""
        return BrokerStatus(
            self._listens,
            self._problem,
            self._attempts,
            self._lost,
            self.room.messages,
            self.room.size_bytes,
        )

    async def close(self) -> None:
        """What was taken is committed and, where possible, answered; the session stays."""
        self._closing.set()
        if not self._tasks:
            return
        connecting, settling = self._tasks
        await asyncio.wait([connecting], timeout=_LEAVE_S)
        for task in (connecting, settling):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _stay_connected(self) -> None:
        loop, delay_s = asyncio.get_running_loop(), self._pace.first_s
        while not self._closing.is_set():
            # without room a connection could not be read, and its next keep-alive would end it
            await _first(self._closing.wait(), self.room.free.wait())
            self._attempts += 1
            listened_from = await self._connect()
            if self._closing.is_set():
                return
            if listened_from is not None and loop.time() - listened_from > delay_s:
                delay_s = self._pace.first_s  # it was a connection, not one more refusal
            wait_s = delay_s * random.uniform(0.5, 1.0)  # noqa: S311 - to spread, not to hide
            delay_s = min(delay_s * 2, self._pace.most_s)
            log.warning(
                "broker.not_connected",
                address=self._address,
                problem=self._problem,
                attempts=self._attempts,
                next_try_s=round(wait_s, 1),
            )
            await _first(self._closing.wait(), timeout_s=wait_s)

    async def _connect(self) -> float | None:
        """One connection from its beginning to its end; since when messages could come by it."""
        since: float | None = None
        self._subscriber = subscriber = Subscriber(self._target, self._take, self.room)
        try:
            async with subscriber:
                await subscriber.listen(UP)
                since = asyncio.get_running_loop().time()
                self._connected()
                ending = asyncio.ensure_future(subscriber.ended())
                await _first(self._closing.wait(), ending)
                if self._closing.is_set():
                    await self._drain(subscriber)
                else:
                    self._problem = ending.result()
        except Exception as problem:  # whatever it was, the next attempt may be luckier
            self._problem = str(problem) or repr(problem)
        finally:
            subscriber.abandon()
            self._subscriber = None
            self._lost += self._listens
            self._listens = False
        return since

    @property
    def _address(self) -> str:
        return f"{self._target.host}:{self._target.port}"

    def _connected(self) -> None:
        self._listens, self._problem, self._attempts = True, "", 0
        log.info("broker.connected", address=self._address, client_id=self._target.client_id)
        left = (self._target.valid_until - datetime.now(UTC)).days
        if left < SOON_DAYS:
            cure = "verbundwacht broker prepare"
            log.warning("broker.certificate_ends", days_left=left, renew=cure)

    async def _drain(self, subscriber: Subscriber) -> None:
        """Nothing more is read; what was read is answered, for five seconds at most."""
        subscriber.stop_reading()
        await _first(self._idle.wait(), timeout_s=DRAIN_S)

    def _take(self, message: Incoming) -> None:
        """The message is on its way to the commit, or refused."""
        peer, reason = sender_of(message)
        task = None
        if peer is None:
            self.count(Code.IDENTITY)
            self._refusals.tell(reason, message.topic[:120])
        else:
            task = asyncio.get_running_loop().create_task(_receive(self.receive, message, peer))
            task.add_done_callback(self._wake)
        self._waiting.append(Waiting(message, topics_of(peer).down if peer else "", task))
        self._idle.clear()
        self._wake(task)

    def _wake(self, _: object) -> None:
        first = self._waiting[0].task if self._waiting else None
        if first is None or first.done():
            self._done.set()

    async def _settle(self) -> None:
        """What is committed is answered, then acknowledged, in the order of arrival."""
        while True:
            await self._done.wait()
            self._done.clear()
            ready = []
            while self._waiting and ((task := self._waiting[0].task) is None or task.done()):
                ready.append(self._waiting.popleft())
            await self._answer(ready)
            for one in ready:
                self._acknowledge(one)
                self.room.give_back(len(one.message.payload))
            if self.room.free.is_set() and not self._closing.is_set() and self._subscriber:
                self._subscriber.read_on()
            if not self._waiting:
                self._idle.set()

    async def _answer(self, ready: list[Waiting]) -> None:
        """Each signed answer leaves once; who misses one sends its message again."""
        found = ((one.down, one.task.result().ack) for one in ready if one.task and one.stored)
        answers = [*dict.fromkeys((down, ack) for down, ack in found if ack is not None)]
        subscriber = self._subscriber
        if not answers or subscriber is None or not subscriber.live:
            return
        try:
            await subscriber.say(answers)
        except Exception as problem:
            log.warning("answers.not_sent", answers=len(answers), problem=str(problem))

    def _acknowledge(self, one: Waiting) -> None:
        """The broker forgets it, unless it was not stored and has had no second chance.

        One that fails again is left to its agent, which still has it: otherwise a message that
        can never be stored would come back for ever.
        """
        if one.stored or one.message.again:
            one.message.source.ack(one.message)
        else:
            one.message.source.fail("a message could not be stored")


def sender_of(message: Incoming) -> tuple[Peer | None, str]:
    """Who sent it by its topic; None with the reason for what no agent would send. Pure."""
    found = _TOPIC.fullmatch(message.topic)
    if found is None:
        return None, "topic"
    if message.retain:
        return None, "retained"
    if message.qos != 1:
        return None, "qos"
    return Peer(found[1], bytes.fromhex(found[2])), ""


async def _receive(receive: Receive, message: Incoming, peer: Peer) -> Answer:
    try:
        return await receive(message.payload, peer)
    except Exception as problem:
        agent, again = peer.agent.hex(), message.again
        log.error("frame.not_stored", agent=agent, again=again, problem=repr(problem))
        raise


async def _first(*these: Awaitable[object], timeout_s: float | None = None) -> None:
    """One of them is done, or the time is up; the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in these]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
