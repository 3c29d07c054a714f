"""What every answer carries, and which requests are refused before anything reads them."""

import re
import ssl
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from tests.collector.web.client import visitor
from tests.collector.web.stage import SOC, Stage

from verbundwacht_collector.web.app import ROUTES
from verbundwacht_collector.web.headers import CONTENT_SECURITY_POLICY, MAX_BODY, add_headers

ADDRESSES = ("/login", "/nirgends", "/alerts", "/static/0000000000000000/logo.svg")


@pytest.mark.parametrize("path", ADDRESSES)
async def test_every_answer_carries_the_strict_policy(site: Stage, path: str) -> None:
    async with visitor(site) as someone:
        page = await someone.get(path)

    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "aiohttp" not in page.headers["Server"]


async def test_plain_http_promises_no_transport_security(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.get("/login")

    assert "Strict-Transport-Security" not in page.headers


async def test_over_tls_every_answer_promises_transport_security() -> None:
    request = make_mocked_request("GET", "/", sslcontext=ssl.create_default_context())
    response = web.Response()

    await add_headers(request, response)

    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_pages_are_not_kept_by_browsers_and_hashed_files_are(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.get("/login")
        (address,) = re.findall(r'href="(/static/[^"]+style\.css)"', page.text)
        style = await someone.get(address)
        old = await someone.get(re.sub(r"/static/\w+/", "/static/0123456789abcdef/", address))

    assert page.headers["Cache-Control"] == "no-store"
    assert "immutable" in style.headers["Cache-Control"]
    assert old.headers["Cache-Control"] == "no-cache"


async def test_a_compressed_body_is_refused_before_it_is_read(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.post("/login", {"a": "b"}, headers={"Content-Encoding": "gzip"})

    assert page.status == 415


async def test_a_body_that_is_no_form_is_refused(site: Stage) -> None:
    async with (
        visitor(site) as someone,
        someone.http.post(f"{site.url}/login", json={}, headers={"Origin": site.url}) as got,
    ):
        status = got.status

    assert status == 415


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused_whether_or_not_it_names_its_size(
    site: Stage, chunked: bool
) -> None:
    body = b"login=" + b"x" * (MAX_BODY + 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    headers = {"Origin": site.url, "Content-Type": "application/x-www-form-urlencoded"}
    async with (
        visitor(site) as someone,
        someone.http.post(
            f"{site.url}/login", data=pieces() if chunked else body, headers=headers
        ) as got,
    ):
        status, text = got.status, await got.text()

    assert status == 413
    assert "Kürzen Sie Ihren Text" in text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/nirgends", 404, "Diese Seite gibt es nicht"),
        ("/logout", 405, "So geht es hier nicht"),
    ],
)
async def test_error_pages_say_in_german_what_to_do(
    site: Stage, path: str, status: int, sentence: str
) -> None:
    async with visitor(site, SOC) as jana:
        page = await jana.get(path)

    assert page.status == status
    assert sentence in page.text
    assert "Zu den Warnungen" in page.text


async def test_our_own_fault_shows_an_incident_and_no_detail(
    site: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("geheime Einzelheit")

    async with visitor(site, SOC) as jana:
        monkeypatch.setattr("verbundwacht_collector.store.read.alerts", broken)
        page = await jana.get("/alerts")

    assert page.status == 500
    assert "Hier ist ein Fehler passiert" in page.text
    assert "geheime" not in page.text


def test_no_template_and_no_script_uses_inline_code() -> None:
    from tests.collector.web.stage import ROOT

    web = ROOT / "collector" / "verbundwacht_collector" / "web"
    texts = {path.name: path.read_text() for path in (web / "templates").glob("*.html")}

    found = [
        name
        for name, text in texts.items()
        if re.search(r"\sstyle=|\son\w+=|<script>|<style|hx-on|javascript:", text)
    ]

    assert texts
    assert found == []


def test_every_route_is_in_the_table_once() -> None:
    keys = [(route.method, route.path) for route in ROUTES]

    assert len(set(keys)) == len(keys)
