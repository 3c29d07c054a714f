"""The page of channels, its button, the banner of a broken one, and what an alert says was told."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.collector.web.browser import complaints, log_in, window
from tests.collector.web.client import Page, visitor
from tests.collector.web.stage import (
    FOREIGN,
    HOUR,
    MINUTE,
    OTHER_TOWN,
    REAL,
    SOC,
    TOWN,
    Served,
    Stage,
    numbers,
)

from verbundwacht_collector.app import add_channel
from verbundwacht_collector.store.views import DeliveryRow
from verbundwacht_collector.web.views.deliveries import advice, delivery_line

ADDRESS, TOWNS_ADDRESS = "soc@hochwald.example", "it@altenbach.example"


def channel(site: Stage, recipient: str = ADDRESS) -> int:
    """The id of a channel."""
    sql = "SELECT id FROM channel WHERE recipient = :r"
    return int(site.act(lambda tx: tx.execute(sql, {"r": recipient}))[0][0])


def give_the_town_a_channel(site: Stage) -> None:
    site.act(lambda tx: add_channel(tx, "mail", TOWNS_ADDRESS, municipality_id="altenbach"))


def tried(site: Stage, state: str, response: str, **values: Any) -> None:
    """Everything in the outbox was tried, with this result."""
    now = site.clock()
    asked = {"attempts": 1, "next_at": now + MINUTE, "held": 0} | values
    ended = state not in ("waiting", "sending")
    site.act(
        lambda tx: tx.execute(
            "UPDATE delivery SET state = :state, response = :response, tried_at = :now,"
            " attempts = :attempts, next_at = :next_at, held = :held, done_at = :done_at",
            asked
            | {"state": state, "response": response, "now": now, "done_at": now if ended else None},
        )
    )


def has_result(site: Stage, state: str, response: str) -> None:
    """The outbox has sent the test message."""
    site.act(
        lambda tx: tx.execute(
            "UPDATE notice SET state = :state, response = :response, tried_at = :now,"
            " done_at = :now, attempts = 1 WHERE kind = 'test'",
            {"state": state, "response": response, "now": site.clock()},
        )
    )


async def press(site: Stage, login: str, number: int) -> Page:
    """The button of this channel."""
    async with visitor(site, login) as someone:
        fields = {"csrf": await someone.csrf()}
        return await someone.post(f"/channels/{number}/test", fields)


@pytest.mark.parametrize(
    ("login", "sees", "misses"),
    [(SOC, ADDRESS, TOWNS_ADDRESS), (TOWN, TOWNS_ADDRESS, ADDRESS)],
)
async def test_each_sees_the_own_channels(site: Stage, login: str, sees: str, misses: str) -> None:
    give_the_town_a_channel(site)
    async with visitor(site, login) as someone:
        page = await someone.get("/channels")

    assert sees in page.text
    assert misses not in page.text


@pytest.mark.parametrize("login", [OTHER_TOWN, FOREIGN])
async def test_others_see_neither(site: Stage, login: str) -> None:
    give_the_town_a_channel(site)
    async with visitor(site, login) as someone:
        page = await someone.get("/channels")

    assert page.status == 200
    assert ADDRESS not in page.text
    assert TOWNS_ADDRESS not in page.text
    assert "Noch ist kein Kanal eingerichtet" in page.text


@pytest.mark.parametrize(
    ("login", "recipient"),
    [
        (TOWN, ADDRESS),
        (OTHER_TOWN, ADDRESS),
        (OTHER_TOWN, TOWNS_ADDRESS),
        (FOREIGN, ADDRESS),
        (SOC, TOWNS_ADDRESS),
    ],
)
async def test_a_foreign_channel_is_not_found_and_gets_nothing(
    site: Stage, login: str, recipient: str
) -> None:
    give_the_town_a_channel(site)
    foreign = await press(site, login, channel(site, recipient))
    missing = await press(site, login, 999)

    assert (foreign.status, missing.status) == (404, 404)
    assert site.act(lambda tx: tx.execute("SELECT count(*) FROM notice", {})) == [(0,)]


@pytest.mark.parametrize(("login", "recipient"), [(SOC, ADDRESS), (TOWN, TOWNS_ADDRESS)])
async def test_the_button_writes_one_test_message(site: Stage, login: str, recipient: str) -> None:
    give_the_town_a_channel(site)
    number = channel(site, recipient)
    first = await press(site, login, number)
    second = await press(site, login, number)

    assert (first.status, first.headers["Location"]) == (303, "/channels")
    assert second.status == 400
    assert "schon unterwegs" in second.text
    assert site.act(lambda tx: tx.execute("SELECT channel_id, kind, state FROM notice", {})) == [
        (number, "test", "waiting")
    ]


async def test_without_the_token_of_the_form_nothing_is_sent(site: Stage) -> None:
    async with visitor(site, SOC) as someone:
        page = await someone.post(f"/channels/{channel(site)}/test", {"csrf": "0" * 64})

    assert page.status == 403
    assert site.act(lambda tx: tx.execute("SELECT count(*) FROM notice", {})) == [(0,)]


@pytest.mark.parametrize(
    ("state", "response", "says"),
    [
        ("delivered", "250 taken", ["Testnachricht angenommen", "250 taken"]),
        ("failed", "550 no such user", ["Testnachricht fehlgeschlagen", "550", "Der Mailserver"]),
    ],
)
async def test_the_result_stands_on_the_page(
    site: Stage, state: str, response: str, says: list[str]
) -> None:
    await press(site, SOC, channel(site))
    async with visitor(site, SOC) as someone:
        before = await someone.get("/channels")
        has_result(site, state, response)
        after = await someone.get("/channels")

    assert "Testnachricht ist unterwegs" in before.text
    assert "load delay:2s" in before.text
    assert "load delay:2s" not in after.text
    assert [text for text in says if text not in after.text] == []


async def test_a_test_that_nobody_sends_is_said_to_be_unsent(site: Stage) -> None:
    await press(site, SOC, channel(site))
    site.clock.now += 11 * MINUTE
    async with visitor(site, SOC) as someone:
        page = await someone.get("/channels")

    assert "Läuft der Sammler?" in page.text
    assert "load delay:2s" not in page.text


class TestBanner:
    PAGES = ("/", "/alerts", "/hosts", "/findings")

    @pytest.mark.parametrize("path", PAGES)
    async def test_a_broken_channel_stands_on_every_page(self, site: Stage, path: str) -> None:
        tried(site, "waiting", "451 busy", attempts=6)
        async with visitor(site, SOC) as someone:
            page = await someone.get(path)

        assert f"Kanal gestört: E-Mail an {ADDRESS}." in page.text
        assert "Der Mailserver nimmt zurzeit nicht an." in page.text
        assert 'href="/channels"' in page.text

    async def test_the_next_success_takes_it_away(self, site: Stage) -> None:
        tried(site, "waiting", "451 busy", attempts=6)
        site.clock.now += MINUTE
        tried(site, "delivered", "250 ok", attempts=7)
        async with visitor(site, SOC) as someone:
            page = await someone.get("/")

        assert "Kanal gestört" not in page.text

    @pytest.mark.parametrize("login", [TOWN, OTHER_TOWN, FOREIGN])
    async def test_others_are_not_told(self, site: Stage, login: str) -> None:
        tried(site, "waiting", "451 busy", attempts=6)
        async with visitor(site, login) as someone:
            pages = [(await someone.get(path)).text for path in self.PAGES]

        own = ADDRESS.replace("hochwald", "nahetal")
        assert not [page for page in pages if ADDRESS in page or own in page]


class TestPanel:
    async def panel(self, site: Stage, login: str = SOC) -> str:
        number = site.act(lambda tx: numbers(tx, REAL)[0])
        async with visitor(site, login) as someone:
            page = await someone.get(f"/alerts/{number}")
        (found,) = re.findall(r'<ul class="sent">(.*?)</ul>', page.text, re.DOTALL)
        return " ".join(re.sub(r"<[^>]*>", " ", found).split())

    async def test_what_was_delivered_names_the_answer_and_the_time(self, site: Stage) -> None:
        tried(site, "delivered", "250 taken")

        panel = await self.panel(site)
        assert f"E-Mail an {ADDRESS}" in panel
        assert "neue Warnung: vom Empfangsserver angenommen , heute, 14:32 Uhr" in panel
        assert "Antwort: 250 taken" in panel

    async def test_what_is_tried_again_names_the_next_time(self, site: Stage) -> None:
        at = site.clock() + HOUR
        tried(site, "waiting", "451 busy", attempts=3, next_at=at)

        panel = await self.panel(site)
        assert "nächster Versuch heute, 15:32 Uhr" in panel
        assert "3 Versuche, zuletzt heute, 14:32 Uhr" in panel
        assert "Der Mailserver nimmt zurzeit nicht an." in panel

    async def test_what_waits_for_a_bundle_says_so(self, site: Stage) -> None:
        tried(site, "waiting", "", attempts=0, held=1, next_at=site.clock() + HOUR)

        assert "wartet , gesammelt mit anderen spätestens heute, 15:32" in await self.panel(site)

    async def test_what_failed_names_the_reason_and_what_to_do(self, site: Stage) -> None:
        tried(site, "failed", "550 no such user")

        panel = await self.panel(site)
        assert "fehlgeschlagen" in panel
        assert "Antwort: 550 no such user" in panel
        assert "Kanal prüfen" in panel

    async def test_the_town_sees_that_others_were_told_and_not_whom(self, site: Stage) -> None:
        tried(site, "failed", "550 no such user")

        panel = await self.panel(site, TOWN)
        assert "E-Mail an andere im Verbund neue Warnung: fehlgeschlagen" in panel
        assert ADDRESS not in panel
        assert "550" not in panel


@pytest.mark.parametrize(
    ("kind", "answer", "says"),
    [
        ("mail", "550 no such user", "Adresse"),
        ("mail", "535 bad credentials", "Passwort"),
        ("mail", "451 busy", "nimmt zurzeit nicht an"),
        ("mail", "mail.example:587: Connection refused", "Mailserver und Netz"),
        ("mail", "channel mail is not set up", "collector.toml"),
        ("webhook", "webhook x is not configured", "collector.toml"),
        ("mail", "internal: ValueError('x')", "Verbundwacht selbst"),
        ("webhook", "401 Unauthorized", "Geheimnis"),
        ("webhook", "301 Moved", "Weiterleitungen"),
        ("webhook", "410 Gone", "will nichts mehr"),
        ("webhook", "500 Oops", "Betreiber"),
        ("webhook", "x is 10.0.0.1, inside a private network; allow_private", "allow_private"),
        ("webhook", "ClientConnectorError: refused", "Läuft der Empfänger"),
    ],
)
def test_every_failure_has_something_to_do(kind: str, answer: str, says: str) -> None:
    assert says in advice(kind, answer)


def test_an_unknown_state_is_shown_as_it_is() -> None:
    row = DeliveryRow("pager", "x", "lost", 1, 0, None, "", "odd", None, None, bundled=False)
    line = delivery_line(row)

    assert (line.channel, line.state.text, line.about) == ("pager", "lost", "odd")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_test_message_in_a_browser(
    chrome: Browser, served: Served, axe_source: str, javascript: bool
) -> None:
    with window(chrome, javascript=javascript) as page:
        log_in(page, served.url, SOC)
        page.get_by_role("link", name="Kanäle").click()
        page.get_by_role("button", name=f"Testnachricht senden an {ADDRESS}").click()
        page.get_by_text("Die Testnachricht ist unterwegs.").wait_for()
        has_result(served.stage, "delivered", "250 taken")
        if not javascript:
            page.get_by_role("link", name="Ergebnis ansehen").click()
        page.get_by_text("Testnachricht angenommen").wait_for()
        found = complaints(page, axe_source) if javascript else []

    assert found == []
