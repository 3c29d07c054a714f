"""Webhooks in the form of Standard Webhooks: signed, with an id that stays over retries.

Composing and signing are pure. The target is checked after the name is resolved: an address
inside one's own network is only called if the operator says so, and redirects never are.
"""

import base64
import hashlib
import hmac
import ipaddress
import socket
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from verbundwacht_collector.notify import notices
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.store.outbox import NoticeRecord

TIMEOUT_S: Final = 10.0
_AGAIN: Final = frozenset({408, 425, 429})
_PREFIX: Final = "whsec_"


class Target(NamedTuple):
    """Where to post, and the shared secret. allow_private: addresses of one's own network too."""

    url: str
    secret: bytes
    allow_private: bool = False


def secret_bytes(text: str) -> bytes:
    """The key in a secret as Standard Webhooks writes it: `whsec_` and base64. ValueError."""
    key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    if not 24 <= len(key) <= 64:
        raise ValueError(f"a secret has 24 to 64 bytes, this one has {len(key)}")
    return key


def compose(message: Message, *, url: str, titles: notices.Titles = notices.no_titles) -> bytes:
    """The body of the message. titles: rule id -> its titles by language, empty if unknown."""
    if isinstance(message, NoticeRecord):
        kind, data = notices.data(message, url=url, titles=titles)
        return _body(kind, message.created_at, data)
    data = {
        "alert": message.number,
        "severity": message.severity,
        "title": message.title,
        "rule_id": message.rule_id,
        "subject": message.subject,
        "host": message.host_name,
        "municipality": message.municipality,
        "simulated": bool(message.simulated),
        "reason": message.event_reason,
        "url": f"{url}/alerts/{message.number}" if url else "",
        **notices.titled(titles, message.rule_id),
    }
    return _body(f"alert.{message.event_kind}", message.event_at, data)


def _body(kind: str, at_ms: int, data: dict[str, object]) -> bytes:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": data})


def sign(secret: bytes, message_id: str, at_s: int, body: bytes) -> str:
    """The `webhook-signature` header: v1, HMAC-SHA256 over `id.timestamp.body`."""
    signed = b".".join((message_id.encode(), str(at_s).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


class _PublicOnly(AbstractResolver):
    """Resolves names, and refuses those that lead into one's own network."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for one in found:
            _refuse_private(one["host"], host)
        return found

    async def close(self) -> None:
        await self._inner.close()


def _refuse_private(address: str, name: str) -> None:
    if not ipaddress.ip_address(address).is_global:
        raise DeliveryError(
            f"{name} is {address}, inside a private network; allow_private = true permits it",
            permanent=False,
        )


def _check_literal(url: str) -> None:
    """An address written as a number is never resolved, so it is checked here."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    _refuse_private(host, host)


async def post(target: Target, message_id: str, body: bytes, *, now_ms: int) -> str:
    """The other side has taken the message; returns its answer. Raises DeliveryError."""
    at_s = now_ms // 1000
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": sign(target.secret, message_id, at_s, body),
        "user-agent": "verbundwacht",
    }
    if not target.allow_private:
        _check_literal(target.url)
    resolver = None if target.allow_private else _PublicOnly()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver), timeout=timeout
            ) as session,
            session.post(target.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return _judge(answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise DeliveryError(f"{type(problem).__name__}: {problem}", permanent=False) from None
    finally:
        if resolver is not None:
            await resolver.close()


def _judge(answer: aiohttp.ClientResponse) -> str:
    status = answer.status
    if 200 <= status < 300:
        return f"{status}"
    text = f"{status} {answer.reason or ''}".strip()
    wait = answer.headers.get("retry-after", "")
    raise DeliveryError(
        text,
        permanent=300 <= status < 500 and status not in _AGAIN,
        retry_after_s=int(wait) if wait.isdecimal() else 0,
        gone=status == 410,
    )
