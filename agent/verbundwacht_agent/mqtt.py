"""Frames to the collector over MQTT 5 with aiomqtt; answers come by the agent's own down topic.

A PUBACK is not waited for: a broker gives it before anything is stored. Only an answer counts,
so the answers' topic is subscribed before the first frame leaves. aiomqtt's `publish` is not told
when the connection ends; the iterator over messages is, and drives this module.
"""

import asyncio
import contextlib
import logging
import ssl
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from verbundwacht_agent.log import log_event
from verbundwacht_agent.peer import Peer, address
from verbundwacht_agent.post import WINDOW, Post

VIA: Final = "mqtt"
_KEEP_ALIVE_S: Final = 60
_MAX_PACKET: Final = 16 * 1024  # asked of the broker: answers are 8 KB at most
_MAX_QUEUE: Final = 64


def carry(
    post: Post, peer: Peer, context: ssl.SSLContext, patience_s: float, left_s: float
) -> None:
    """Everything is answered, or the connection failed, was silent too long, or time is up.

    patience_s: without an answer; left_s: for all of it. Raises nothing that the network causes.
    """
    try:
        asyncio.run(_within(post, peer, context, patience_s, left_s))
    except TimeoutError:
        log_event("try.failed", "warning", via=VIA, problem="no answer", address=peer.mqtt)
    except (aiomqtt.MqttError, OSError, ValueError) as problem:
        log_event("try.failed", "warning", via=VIA, problem=str(problem), address=peer.mqtt)


async def _within(
    post: Post, peer: Peer, context: ssl.SSLContext, patience_s: float, left_s: float
) -> None:
    # aiomqtt leaves futures behind whose exceptions nobody fetches; asyncio would print them
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    async with asyncio.timeout(left_s), _client(peer, context, patience_s) as client:
        await client.subscribe(peer.down, timeout=patience_s)
        while not post.over:
            await _window(post, peer, client, patience_s)


async def _window(post: Post, peer: Peer, client: aiomqtt.Client, patience_s: float) -> None:
    """Up to eight frames leave and each is answered. Raises TimeoutError after the patience."""
    sending = [
        asyncio.create_task(client.publish(peer.up, raw, qos=1, timeout=patience_s))
        for _, raw in post.window()
    ]
    try:
        async with asyncio.timeout(patience_s) as patience:
            while post.pending and not post.over:
                message = await anext(client.messages)
                if isinstance(message.payload, bytes) and post.take(message.payload, VIA):
                    patience.reschedule(asyncio.get_running_loop().time() + patience_s)
    finally:
        for task in sending:
            task.cancel()
        with contextlib.suppress(aiomqtt.MqttError):
            await asyncio.gather(*sending, return_exceptions=True)


def _client(peer: Peer, context: ssl.SSLContext, patience_s: float) -> aiomqtt.Client:
    host, port = address(peer.mqtt)
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wishes.MaximumPacketSize = _MAX_PACKET
    return aiomqtt.Client(
        host,
        port,
        identifier=peer.agent,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=True,
        keepalive=_KEEP_ALIVE_S,
        timeout=patience_s,
        max_inflight_messages=WINDOW,
        max_queued_incoming_messages=_MAX_QUEUE,
        properties=wishes,
        tls_context=context,
        logger=_quiet(),
    )


def _quiet() -> logging.Logger:
    """aiomqtt's own lines would stand as plain text between ours; what matters we log ourselves."""
    logger = logging.getLogger(__name__)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger
