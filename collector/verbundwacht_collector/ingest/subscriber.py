"""One connection to an external broker: bounded, read in bursts, acknowledged by hand.

aiomqtt as it comes acknowledges a message before anybody has seen it, keeps whatever the broker
sends in a queue without a bound, and makes a task for each. A broker is no help there: mosquitto
2.0.11 sends a whole window more after every single acknowledgement (eclipse-mosquitto/mosquitto
#2301), so the only brake is a socket that is not read.

The price is protected members of aiomqtt 2: `_client`, `_disconnected`, `_misc_task` and its
callbacks for messages and sockets. `test_subscriber.py` asserts what is relied on against a real
broker, and the dependency is pinned below 3.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import aiomqtt
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from verbundwacht_collector.ingest.packets import MAX_PACKET
from verbundwacht_collector.ingest.tls import Target

BURST: Final = 64  # packets per wake-up; between two bursts the loop does something else
RECEIVE_MAX: Final = 1_000  # two batches of the committer
SAY_AT_ONCE: Final = 16  # publishes between two waits for the socket
KEEP_ALIVE_S: Final = 60
SESSION_S: Final = 3_600  # after it every agent has sent again by itself
_ANSWER_S: Final = 10.0
_SUBSCRIBED_S: Final = 60.0  # the answer comes behind what waited for us
_NOT_RETAINED: Final = 2  # retain handling: send none at subscribe time (MQTT 5, 3.8.3.1)
_UNSPECIFIED: Final = 128  # what paho calls a connection that just ended
_NO_ANSWER = "the broker ended the connection without an answer; does it accept our certificate?"


class BrokerError(Exception):
    """The broker, or the way to it, does not do what is needed; the text is for the log."""


class Bounds(NamedTuple):
    """How much may wait for its commit: reading stops at the first pair, goes on below the second.

    The last message read comes on top, 300 KB at most.
    """

    messages: int = 2_000
    size_bytes: int = 64 * 1024 * 1024
    messages_again: int = 500
    again_bytes: int = 16 * 1024 * 1024


class Room:
    """What is held, over all connections: messages of a lost one still wait for their commit."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.messages = self.size_bytes = 0
        self.free = asyncio.Event()
        self.free.set()

    def take(self, size_bytes: int) -> None:
        """One message more is held; `free` is cleared with the last that fits."""
        self.messages += 1
        self.size_bytes += size_bytes
        if self.messages >= self._bounds.messages or self.size_bytes >= self._bounds.size_bytes:
            self.free.clear()

    def give_back(self, size_bytes: int) -> None:
        """One message less is held; `free` is set as soon as reading is worth while again."""
        self.messages -= 1
        self.size_bytes -= size_bytes
        few = self.messages < self._bounds.messages_again
        if few and self.size_bytes < self._bounds.again_bytes:
            self.free.set()


class Incoming(NamedTuple):
    """One message as the broker handed it over.

    source: the connection it came by. Packet ids start anew with every connection, so only there
    may it be acknowledged.
    """

    topic: str  # "" if it was not UTF-8
    payload: bytes
    qos: int
    retain: bool
    again: bool  # the broker sends it not for the first time
    mid: int
    source: "Subscriber"


class Subscriber(aiomqtt.Client):
    """One attempt; each needs a client of its own, because aiomqtt keeps old packet ids.

    deliver: called for each message, in order; it must not raise, or the message would come back
    for ever. What it gets counts as held until the room is given back.
    """

    def __init__(self, target: Target, deliver: Callable[[Incoming], None], room: Room) -> None:
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = SESSION_S
        wishes.ReceiveMaximum = RECEIVE_MAX
        wishes.MaximumPacketSize = MAX_PACKET
        super().__init__(
            target.host,
            target.port,
            identifier=target.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,  # the default would discard what waits for us
            keepalive=KEEP_ALIVE_S,
            timeout=_ANSWER_S,
            properties=wishes,
            tls_context=target.context,
            logger=_quiet(),
        )
        self._client.manual_ack_set(True)
        self._deliver, self._room = deliver, room
        self._fd = -1
        self._reads = False
        self.delivered = 0

    @property
    def live(self) -> bool:
        """There is a socket, and nobody has given up on it."""
        return self._fd >= 0 and not self._disconnected.done()

    @property
    def reads(self) -> bool:
        """The socket is read; if not, the broker feels it through TCP."""
        return self._reads

    async def listen(self, pattern: str) -> None:
        """Messages of this pattern come, with QoS 1 and nothing retained. Raises BrokerError."""
        options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=_NOT_RETAINED)
        granted = await self.subscribe(pattern, options=options, timeout=_SUBSCRIBED_S)
        code = _number(granted[0])
        if code != 1:
            raise BrokerError(f"SUBSCRIBE to {pattern} was granted {code}, needed is QoS 1")

    async def ended(self) -> str:
        """Why the connection ended; returns when it did."""
        try:
            await anext(self.messages)  # nothing is ever queued there: it ends with an error
        except aiomqtt.MqttError as problem:
            cause = problem.__cause__
            if isinstance(cause, aiomqtt.MqttCodeError) and _number(cause.rc) == _UNSPECIFIED:
                return "the connection was lost"
            return str(cause) if cause is not None else str(problem)
        return "closed"

    def ack(self, message: Incoming) -> None:
        """The broker may forget this message.

        Nothing happens if it came by another connection or this one is over; nor for QoS 0, where
        an acknowledgement would be a protocol error.
        """
        if self.live and message.source is self and message.qos == 1:
            self._client.ack(message.mid, 1)

    async def say(self, answers: Sequence[tuple[str, bytes]]) -> None:
        """The answers, (topic, frame), are in the socket: QoS 0, never retained.

        Only the last of a window is waited for, since they leave in order. Raises
        aiomqtt.MqttError.
        """
        for start in range(0, len(answers), SAY_AT_ONCE):
            *most, (topic, frame) = answers[start : start + SAY_AT_ONCE]
            for other, earlier in most:
                self._client.publish(other, earlier)
            await self.publish(topic, frame)

    def fail(self, problem: str) -> None:
        """The connection ends; what is not acknowledged by now comes again on the next one."""
        if not self._disconnected.done():
            self._disconnected.set_exception(BrokerError(problem))

    def stop_reading(self) -> None:
        """Nothing more comes; the broker feels it through TCP."""
        if self._reads:
            self._loop.remove_reader(self._fd)
            self._reads = False

    def read_on(self) -> None:
        """The socket is read again, and what TLS has decrypted already is handled."""
        if not self._reads and self.live:
            self._reads = True
            self._loop.add_reader(self._fd, self._read)
            self._loop.call_soon(self._read)

    def abandon(self) -> None:
        """No socket, no reader, no task is left, whatever state the connection was in.

        After a CONNECT without an answer aiomqtt leaves the socket open; it would take the next
        connection's place at the broker.
        """
        sock = self._client.socket()
        if self._fd >= 0 and sock is not None:
            self._loop.remove_writer(self._fd)
            self._forget()
            sock.close()
        if self._misc_task is not None:
            self._misc_task.cancel()

    def _forget(self) -> None:
        self._loop.remove_reader(self._fd)
        self._fd, self._reads = -1, False

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        payload, qos = bytes(message.payload), message.qos
        self.delivered += 1
        self._room.take(len(payload))
        self._deliver(Incoming(topic, payload, qos, message.retain, message.dup, message.mid, self))

    def _on_socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        # called by the thread that connects
        self._loop.call_soon_threadsafe(self._opened, sock.fileno())

    def _opened(self, fd: int) -> None:
        self._fd, self._reads = fd, True
        self._loop.add_reader(fd, self._read)
        self._misc_task = self._loop.create_task(self._misc_loop())

    def _on_socket_register_write(self, _client: paho.Client, _data: Any, _sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._wants_to_write)

    def _wants_to_write(self) -> None:
        # by now the socket may be gone, and its number somebody else's
        if self._fd >= 0:
            self._loop.add_writer(self._fd, self._safely, self._client.loop_write)

    def _on_socket_close(self, client: paho.Client, data: Any, sock: Any) -> None:
        super()._on_socket_close(client, data, sock)
        if self._fd < 0:  # paho says it once more when it is collected as garbage
            return
        self._forget()
        if not self._connected.done():  # aiomqtt would wait for the answer all the same
            self._connected.set_exception(aiomqtt.MqttError(_NO_ANSWER))
            self._connected.exception()  # asyncio complains about one that nobody looked at

    def _read(self) -> None:
        """Up to 64 packets are handled; none more, once the room is full."""
        for _ in range(BURST):
            before = self.delivered
            if not (self._reads and self._safely(self._client.loop_read)):
                return
            if not self._room.free.is_set():
                self.stop_reading()
                return
            if self.delivered == before and not self._decrypted():
                return
        if self._decrypted():  # the selector knows nothing of these bytes
            self._loop.call_soon(self._read)

    def _safely(self, act: Callable[[], object]) -> bool:
        """Read or write; whatever goes wrong ends the connection and nothing else."""
        try:
            act()
        except Exception as problem:
            if not self._disconnected.done():
                self._disconnected.set_exception(problem)
        return self.live

    def _decrypted(self) -> bool:
        sock = self._client.socket()
        return isinstance(sock, ssl.SSLSocket) and self.live and sock.pending() > 0


def _number(code: object) -> int | None:
    """A reason code as its number; paho has two kinds."""
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else None


def _quiet() -> logging.Logger:
    """What aiomqtt would log stands in our own lines."""
    logger = logging.getLogger(__name__)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger
