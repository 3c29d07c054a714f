"""What people do with an alert, and what the page says when it does not work."""

import pytest
from tests.collector.web.client import Visitor, version_of, visitor
from tests.collector.web.stage import (
    COLLEAGUE,
    NOW,
    REAL,
    SILENT,
    SOC,
    STOCK,
    TOWN,
    Stage,
    numbers,
)

from verbundwacht_collector.alerts.actions import MAX_COMMENT
from verbundwacht_collector.store.records import AlertRecord


def stored(site: Stage, number: str) -> AlertRecord:
    found = site.act(lambda tx: tx.alert_by_number(number))
    assert found is not None
    return found


def first(site: Stage, agent: str = REAL) -> str:
    return site.act(lambda tx: numbers(tx, agent)[0])


async def send(someone: Visitor, number: str, act: str, **fields: str) -> tuple[int, str]:
    page = await someone.get(f"/alerts/{number}")
    form = {"csrf": await someone.csrf(), "version": version_of(page), **fields}
    answer = await someone.post(f"/alerts/{number}/{act}", form)
    return answer.status, answer.text


async def test_taking_names_the_person_and_says_so_once(site: Stage) -> None:
    number = first(site)
    async with visitor(site, SOC) as jana:
        status, _ = await send(jana, number, "take")
        after = await jana.get(f"/alerts/{number}")
        again = await jana.get(f"/alerts/{number}")

    assert status == 303
    assert stored(site, number).state == "taken"
    assert "Sie haben die Warnung übernommen." in after.text
    assert "das sind Sie" in after.text
    assert "Sie haben die Warnung übernommen." not in again.text


async def test_claiming_a_fix_does_not_resolve(site: Stage) -> None:
    number = first(site)
    async with visitor(site, TOWN) as peter:
        await send(peter, number, "fix-claimed")
        page = await peter.get(f"/alerts/{number}")

    assert stored(site, number).state == "fix_claimed"
    assert "Nachweis offen" in page.text
    assert "Jetzt zählen die nächsten Meldungen des Servers." in page.text


async def test_a_comment_is_shown_as_text_whatever_it_contains(site: Stage) -> None:
    number = first(site)
    async with visitor(site, SOC) as jana:
        await send(jana, number, "comment", comment='<script>alert("1")</script>\r\nZeile 2')
        page = await jana.get(f"/alerts/{number}")

    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;\nZeile 2" in page.text
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("text", "message"),
    [(" \r\n ", "Bitte schreiben Sie einen Text."), ("x" * (MAX_COMMENT + 1), "höchstens 4000")],
)
async def test_an_unusable_comment_is_named_at_its_field_and_kept(
    site: Stage, text: str, message: str
) -> None:
    number = first(site)
    async with visitor(site, SOC) as jana:
        status, page = await send(jana, number, "comment", comment=text)

    assert status == 400
    assert message in page
    assert 'aria-describedby="comment-error"' in page
    assert text.strip() in page


async def test_closing_needs_a_reason_and_keeps_the_text_that_was_typed(site: Stage) -> None:
    number = first(site)
    async with visitor(site, SOC) as jana:
        status, page = await send(jana, number, "close", **{"close-text": "Mein langer Text"})

    assert status == 400
    assert "Bitte wählen Sie einen Grund aus." in page
    assert "Mein langer Text</textarea>" in page
    assert stored(site, number).state == "new"


async def test_closing_ends_the_alert_with_its_reason_in_the_history(site: Stage) -> None:
    number = first(site)
    async with visitor(site, SOC) as jana:
        await send(jana, number, "close", reason="host_retired", **{"close-text": "Abgebaut."})
        page = await jana.get(f"/alerts/{number}")

    assert stored(site, number).state == "closed"
    assert "Der Server ist außer Betrieb" in page.text
    assert "Abgebaut." in page.text
    assert "Ohne Nachweis schließen" not in page.text


async def test_who_comes_second_is_told_who_was_faster_and_keeps_the_text(site: Stage) -> None:
    number = first(site)
    async with visitor(site, SOC) as jana, visitor(site, COLLEAGUE) as tobias:
        before = version_of(await jana.get(f"/alerts/{number}"))
        await send(tobias, number, "take")
        form = {
            "csrf": await jana.csrf(),
            "version": before,
            "reason": "rule_wrong",
            "close-text": "Getippt",
        }
        page = await jana.post(f"/alerts/{number}/close", form)

    assert page.status == 409
    assert "Jemand war schneller" in page.text
    assert "Tobias Lenz hat übernommen" in page.text
    assert "heute, 14:32 Uhr" in page.text
    assert "Getippt" in page.text
    assert stored(site, number).state == "taken"


async def test_an_action_on_an_ended_alert_says_that_nothing_is_left_to_do(site: Stage) -> None:
    number = site.act(lambda tx: numbers(tx, STOCK)[1])
    form = {"version": str(stored(site, number).version)}
    async with visitor(site, SOC) as jana:
        page = await jana.post(f"/alerts/{number}/take", {**form, "csrf": await jana.csrf()})

    assert page.status == 400
    assert "Es ist nichts mehr zu tun." in page.text


@pytest.mark.parametrize("version", ["", "x", "-1", "²", "9" * 30])
async def test_a_broken_version_is_a_bad_request(site: Stage, version: str) -> None:
    async with visitor(site, SOC) as jana:
        form = {"csrf": await jana.csrf(), "version": version}
        page = await jana.post(f"/alerts/{first(site)}/take", form)

    assert page.status == 400


async def test_the_page_says_what_to_do_what_was_read_and_who_signed_it(site: Stage) -> None:
    sql = "SELECT number FROM alert WHERE rule_id = 'linux.ssh.password-login'"
    number = site.act(lambda tx: tx.execute(sql, {})[0][0])
    async with visitor(site, SOC) as jana:
        page = await jana.get(f"/alerts/{number}")

    for part in (
        "So beheben Sie es",
        "SSH-Server: PasswordAuthentication",
        "facts.sshd.passwordauthentication",
        "Vom Server selbst unterschrieben",
        "linux-basis",
        "IT-Grundschutz 2023",
        "E-Mail an soc@hochwald.example",
        "nicht erfüllt",
    ):
        assert part in page.text, part


async def test_silence_is_an_alert_that_no_value_of_the_host_explains(site: Stage) -> None:
    number = site.act(lambda tx: numbers(tx, SILENT)[-1])
    async with visitor(site, SOC) as jana:
        page = await jana.get(f"/alerts/{number}")

    assert "Server meldet sich nicht mehr" in page.text
    assert "beruht darauf, dass keine Meldung mehr kam" in page.text
    assert "Der Stand ist veraltet" not in page.text


async def test_a_silent_hosts_open_alert_is_marked_as_stale(site: Stage) -> None:
    number = first(site)
    site.clock.now = NOW + 24 * 3_600_000
    async with visitor(site, SOC) as jana:
        page = await jana.get(f"/alerts/{number}")
        listed = await jana.get("/alerts")

    assert "Der Stand ist veraltet." in page.text
    assert "veraltet" in listed.text
