"""Webhooks against a real HTTP server: signature, answers, and targets that are not called."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from verbundwacht_collector.notify.channels import by_webhook
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.webhook import Target, compose, post, secret_bytes, sign
from verbundwacht_collector.store.outbox import BundledRecord, NoticeRecord
from verbundwacht_collector.store.records import DeliveryRecord

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_795_000_000_000
ROW = DeliveryRecord(
    id="11111111-2222-3333-4444-555555555555",
    kind="webhook",
    recipient="tickets",
    attempts=0,
    expires_at=NOW + 1000,
    created_at=NOW,
    event_kind="opened",
    event_reason="regression",
    event_at=NOW,
    alert_id=7,
    number="W-2026-0007",
    severity="high",
    title="Sicherheitsupdates fehlen",
    rule_id="linux.updates.security-pending",
    subject="",
    host_name="web01",
    municipality="Altenbach",
    simulated=0,
)
Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/hook"))


async def refusal(url: str, *, allow_private: bool = True) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        await post(Target(url, SECRET, allow_private), ROW.id, b"{}", now_ms=NOW)
    return refused.value


async def test_the_receiver_can_check_id_time_and_body() -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=204)

    async with listening(handler) as url:
        target = Target(url, SECRET, allow_private=True)
        answer = await post(target, ROW.id, compose(ROW, url="https://vw.example"), now_ms=NOW)

    headers, body = seen[0]
    signed = f"{ROW.id}.{NOW // 1000}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert answer == "204"
    assert headers["webhook-id"] == ROW.id
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert json.loads(body)["type"] == "alert.opened"
    assert json.loads(body)["data"]["url"] == "https://vw.example/alerts/W-2026-0007"


def test_the_signature_is_the_one_of_the_published_example() -> None:
    """Example values of the Standard Webhooks specification."""
    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    found = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "permanent", "gone"),
    [(301, True, False), (404, True, False), (410, True, True), (429, False, False),
     (408, False, False), (500, False, False), (503, False, False)],
)  # fmt: skip
async def test_an_answer_decides_whether_to_try_again(
    status: int, permanent: bool, gone: bool
) -> None:
    async def handler(_: web.Request) -> web.Response:
        headers = {"retry-after": "120", "location": "http://127.0.0.1:1/"}
        return web.Response(status=status, headers=headers)

    async with listening(handler) as url:
        refused = await refusal(url)

    assert (refused.permanent, refused.gone, refused.retry_after_s) == (permanent, gone, 120)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.7", "[::1]", "169.254.169.254"])
async def test_an_address_in_the_own_network_is_not_called(host: str) -> None:
    refused = await refusal(f"http://{host}:9/hook", allow_private=False)

    assert "private" in refused.response
    assert not refused.permanent


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    refused = await refusal("http://127.0.0.1:9/hook")

    assert not refused.permanent


@pytest.mark.parametrize("text", ["whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "whsec_" + "A" * 200])
def test_a_secret_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"secret|Base64|base64|Incorrect|characters|Only"):
        secret_bytes(text)


async def test_bundle_and_test_reach_a_real_receiver_signed_and_complete() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        stamp, given = request.headers["webhook-timestamp"], request.headers["webhook-id"]
        expected = sign(SECRET, given, int(stamp), body)
        assert request.headers["webhook-signature"] == expected
        seen.append((given, json.loads(body)))
        return web.Response(status=204)

    inside = BundledRecord(
        *("opened", "regression", NOW, "W-2026-0008", "critical", "Titel", "r", "tcp/23"),
        *("web02", "Altenbach", 0),
    )
    notices = [
        NoticeRecord("b", "bundle", 1, "webhook", "tickets", "{}", 0, 0, NOW, "", [inside] * 2),
        NoticeRecord("t", "test", 1, "webhook", "tickets", "{}", 0, 0, NOW, "Jana Brenner"),
    ]
    async with listening(handler) as url:
        targets = {"tickets": Target(url, SECRET, allow_private=True)}
        channel = by_webhook(targets, url="https://vw.example", clock=lambda: NOW)
        answers = [await channel(notice) for notice in notices]

    (first, bundle), (second, test) = seen
    assert answers == ["204", "204"]
    assert (first, bundle["type"]) == ("b", "alert.bundle")
    assert [one["alert"] for one in bundle["data"]["events"]] == ["W-2026-0008"] * 2
    assert bundle["data"]["events"][0]["url"] == "https://vw.example/alerts/W-2026-0008"
    assert (second, test["type"]) == ("t", "channel.test")
    assert test["data"]["requested_by"] == "Jana Brenner"


async def test_a_webhook_that_the_settings_do_not_name_is_tried_again() -> None:
    channel = by_webhook({}, url="", clock=lambda: NOW)
    with pytest.raises(DeliveryError, match="not configured") as refused:
        await channel(ROW)

    assert not refused.value.permanent
