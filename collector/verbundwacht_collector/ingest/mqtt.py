"""The embedded MQTT endpoint: MQTT 5 over mutual TLS for agents, and for nothing else.

`packets` reads, `allowed` decides what an agent may say; here is what happens when. Frames go to
`receive` in the order of arrival, up to eight at a time; answers leave in the same order
(MQTT-4.6.0-2), and first the signed acknowledgement, then the PUBACK, so a client that stops at
the PUBACK has seen it.

`receive` is never cancelled by a connection that goes away: its commit may be half done.
"""

import asyncio
import ssl
from typing import Final, NamedTuple, cast

import mqtt5
import structlog
from mqtt5 import DisconnectReasonCode

from verbundwacht_collector.ingest import Answer, Peer, Receive
from verbundwacht_collector.ingest.allowed import (
    check_connect,
    check_publish,
    check_subscribe,
    check_window,
    goodbye,
    granted,
    out_of_turn,
    topics_of,
    welcome,
)
from verbundwacht_collector.ingest.gate import Count, Gate, Limits
from verbundwacht_collector.ingest.packets import (
    Connect,
    Disconnect,
    NotAllowed,
    Packet,
    Ping,
    Publish,
    Subscribe,
    take,
)

MAX_TALK: Final = 256  # per connection of two minutes: a ping each second, and more
DRAIN_S: Final = 5.0  # for messages that are being committed when the door closes
_STALLED, _FULL = "peer does not read", "too much waits for its commit"

log = structlog.get_logger(__name__)


class Waiting(NamedTuple):
    """A frame whose PUBACK is not sent yet."""

    packet_id: int
    task: asyncio.Task[Answer]


class MqttDoor:
    """Agents publish here; `receive` gets each frame once, with the peer that TLS proved.

    count: called for what the door itself refuses (101, 102, 107).
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        receive: Receive,
        count: Count,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self.receive, self.count, self.limits = receive, count, limits
        self.held = 0  # bytes that wait for their commit, over all connections
        self._waiters: dict[Session, None] = {}
        self._tasks: set[asyncio.Task[Answer]] = set()
        self.gate = Gate("mqtt", context, self._session, count, limits)

    async def open(self, host: str, port: int) -> None:
        """Agents can connect. Raises OSError if the address cannot be had."""
        await self.gate.open(host, port)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self.gate.port

    async def close(self) -> None:
        """What was being committed is committed and, where possible, answered; nobody is left."""
        self.gate.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)
            await asyncio.sleep(0)  # the answers are written by the tasks' callbacks
        await self.gate.close()

    def _session(self, peer: Peer) -> asyncio.Protocol:
        return Session(self, peer)

    def start(self, frame: bytes, peer: Peer) -> asyncio.Task[Answer]:
        """The frame is on its way to the commit, and counts as held from this moment."""
        self.held += len(frame)
        task = asyncio.get_running_loop().create_task(self._receive(frame, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _receive(self, frame: bytes, peer: Peer) -> Answer:
        try:
            return await self.receive(frame, peer)
        finally:
            self.held -= len(frame)
            if self._waiters and not self.full:
                woken, self._waiters = self._waiters, {}
                for session in woken:
                    session.release(_FULL)

    @property
    def full(self) -> bool:
        """So much waits for its commit that nothing more is taken off the sockets."""
        return self.held >= self.limits.held_bytes

    def wait_for_room(self, session: "Session") -> None:
        """The session is released as soon as there is room again."""
        self._waiters[session] = None

    def forget(self, session: "Session") -> None:
        """The session is gone."""
        self._waiters.pop(session, None)


class Session(asyncio.Protocol):
    """One connection of one agent, from its first MQTT byte on."""

    def __init__(self, door: MqttDoor, peer: Peer) -> None:
        self._door, self._peer = door, peer
        self._topics = topics_of(peer)
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._unanswered: list[Waiting] = []
        self._holds: set[str] = set()  # why nothing is read at the moment
        self._hello: Connect | None = None
        self._listens = False
        self._talked = 0
        self._last_ack = b""
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer is proven; CONNECT has to follow in time."""
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self._door.limits.first_s, self._no_connect)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Frames that were taken will be committed; their answers have nowhere to go."""
        self._door.forget(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Every whole packet in the bytes so far has been handled."""
        self._buffer += data
        self._heard = self._loop.time()
        self._work()

    def pause_writing(self) -> None:
        """The peer sends without reading: it has to read first."""
        self._hold(_STALLED)

    def resume_writing(self) -> None:
        """The peer reads."""
        self.release(_STALLED)

    def _hold(self, why: str) -> None:
        self._holds.add(why)
        self._transport.pause_reading()

    def release(self, why: str) -> None:
        """This reason to read nothing is gone; what is buffered is handled, then the rest."""
        self._holds.discard(why)
        if not self._holds and not self._transport.is_closing():
            self._transport.resume_reading()
            self._work()

    def _work(self) -> None:
        try:
            while not self._holds and not self._transport.is_closing():
                if self._door.full:
                    self._door.wait_for_room(self)
                    self._hold(_FULL)
                    return
                packet = take(self._buffer, first=self._hello is None)
                if packet is None:
                    return
                self._handle(packet)
        except NotAllowed as refusal:
            self._refuse(refusal)

    def _handle(self, packet: Packet) -> None:
        if self._hello is None:
            self._connect(check_connect(packet, self._peer))
        elif isinstance(packet, Publish):
            self._publish(packet)
        elif isinstance(packet, Subscribe | Ping):
            self._small_talk(packet)
        elif isinstance(packet, Disconnect):
            self._transport.close()
        else:
            raise out_of_turn("a second CONNECT")

    def _connect(self, hello: Connect) -> None:
        self._hello = hello
        self._transport.write(welcome())
        if self._timer is not None:
            self._timer.cancel()
        if hello.keep_alive_s:
            self._timer = self._loop.call_later(1.5 * hello.keep_alive_s, self._keep_alive)

    def _small_talk(self, packet: Subscribe | Ping) -> None:
        """Answered at once, so it is limited: 8,000 pings fit into one read."""
        self._talked += 1
        if self._talked > MAX_TALK:
            raise out_of_turn(f"more than {MAX_TALK} packets that carry nothing")
        if isinstance(packet, Ping):
            self._transport.write(mqtt5.PingRespPacket().write())
            return
        check_subscribe(packet, self._topics)
        self._transport.write(granted(packet.packet_id))
        self._listens = True

    def _publish(self, packet: Publish) -> None:
        check_publish(packet, self._topics)
        check_window(packet.packet_id, [waiting.packet_id for waiting in self._unanswered])
        task = self._door.start(packet.payload, self._peer)
        self._unanswered.append(Waiting(packet.packet_id, task))
        task.add_done_callback(self._answer)

    def _answer(self, _: asyncio.Task[Answer]) -> None:
        """Every frame that is done, and has none before it that is not, is answered."""
        while self._unanswered and self._unanswered[0].task.done():
            packet_id, task = self._unanswered.pop(0)
            problem = None if task.cancelled() else task.exception()
            if problem is not None:
                log.error("frame.not_stored", agent=self._peer.agent.hex(), problem=repr(problem))
            if task.cancelled() or problem is not None or task.result().ack is None:
                self._transport.close()  # silence: neither acknowledgement nor PUBACK
            elif not self._transport.is_closing():
                self._acknowledge(packet_id, task.result().ack or b"")

    def _acknowledge(self, packet_id: int, ack: bytes) -> None:
        assert self._hello is not None
        if self._listens and ack != self._last_ack:  # one batch, one acknowledgement
            message = mqtt5.PublishPacket(self._topics.down, ack).write()
            if len(message) <= (self._hello.max_packet or len(message)):
                self._transport.write(message)
                self._last_ack = ack
        self._transport.write(mqtt5.PubAckPacket(packet_id).write())

    def _refuse(self, refusal: NotAllowed) -> None:
        self._door.count(refusal.code)
        self._door.gate.refused(refusal.reason.name.lower(), refusal.detail)
        self._transport.write(goodbye(refusal.reason, connected=self._hello is not None))
        self._transport.close()

    def _no_connect(self) -> None:
        self._door.gate.refused("connect_slow")
        self._transport.close()

    def _keep_alive(self) -> None:
        assert self._hello is not None
        allowed = 1.5 * self._hello.keep_alive_s
        silent = self._loop.time() - self._heard
        if silent < allowed or self._holds:
            wait = max(allowed - silent, 1.0)
            self._timer = self._loop.call_later(wait, self._keep_alive)
            return
        self._transport.write(goodbye(DisconnectReasonCode.KEEP_ALIVE_TIMEOUT, connected=True))
        self._transport.close()
