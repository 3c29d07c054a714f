"""Login, sessions, CSRF: what lets a person in, and what keeps others out."""

import re
from pathlib import Path

import pytest
from tests.collector.web.client import Visitor, visitor
from tests.collector.web.stage import HOUR, MINUTE, REAL, SOC, TOWN, Stage, numbers, stage
from yarl import URL

from verbundwacht_collector.web import sessions
from verbundwacht_collector.web.throttle import PER_ACCOUNT


def cookie(someone: Visitor) -> str:
    (found,) = [one for one in someone.http.cookie_jar if one.key == "vw"]
    return found.value


async def test_the_cookie_is_hidden_from_scripts_and_bound_to_the_site(site: Stage) -> None:
    async with visitor(site) as jana:
        page = await jana.login(SOC)

    header = page.headers["Set-Cookie"]
    assert page.status == 303
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Path=/" in header


async def test_outside_the_demo_the_cookie_goes_over_tls_only(tmp_path: Path) -> None:
    async with stage(tmp_path / "vw.db", insecure_loopback=False) as site, visitor(site) as jana:
        page = await jana.login(SOC)

    header = page.headers["Set-Cookie"]
    assert header.startswith("__Host-vw=")
    assert "Secure" in header
    assert "Domain" not in header


async def test_the_store_keeps_only_the_hash_of_a_token(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        token = cookie(jana)

    rows = site.act(lambda tx: tx.execute("SELECT token_hash FROM session", {}))
    assert rows == [(sessions.token_hash(token),)]


async def test_wrong_password_unknown_and_disabled_accounts_get_the_same_answer(
    site: Stage,
) -> None:
    site.act(lambda tx: tx.execute("UPDATE person SET disabled = 1 WHERE login = :l", {"l": TOWN}))
    async with visitor(site) as someone:
        wrong = await someone.login(SOC, "falsches Passwort")
        unknown = await someone.login("niemand", "falsches Passwort")
        disabled = await someone.login(TOWN)

    texts = {re.sub(r'value="[^"]*"', "", page.text) for page in (wrong, unknown, disabled)}
    assert {wrong.status, unknown.status, disabled.status} == {400}
    assert len(texts) == 1


@pytest.mark.parametrize("login", [SOC, "gibt-es-nicht"])
async def test_after_five_attempts_an_account_waits_whether_it_exists_or_not(
    site: Stage, login: str
) -> None:
    async with visitor(site) as someone:
        for _ in range(PER_ACCOUNT):
            assert (await someone.login(login, "geraten")).status == 400
        waiting = await someone.login(login)
        site.clock.now += 15 * MINUTE
        later = await someone.login(login)

    assert waiting.status == 429
    assert "Bitte warten Sie noch 15 Minuten" in waiting.text
    assert int(waiting.headers["Retry-After"]) == 900
    assert later.status == (303 if login == SOC else 400)


async def test_a_login_makes_a_new_session_and_ends_the_one_that_came_along(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        first = cookie(jana)
        await jana.login(SOC)
        second = cookie(jana)

    rows = site.act(lambda tx: tx.execute("SELECT token_hash FROM session", {}))
    assert first != second
    assert rows == [(sessions.token_hash(second),)]


async def test_a_planted_token_does_not_become_a_session(site: Stage) -> None:
    async with visitor(site) as jana:
        jana.http.cookie_jar.update_cookies({"vw": "untergeschoben"}, URL(site.url))
        await jana.login(SOC)
        found = cookie(jana)

    assert found != "untergeschoben"


@pytest.mark.parametrize(("step", "alive"), [(59 * MINUTE, True), (60 * MINUTE, False)])
async def test_a_session_ends_after_an_hour_without_use(
    site: Stage, step: int, alive: bool
) -> None:
    async with visitor(site, SOC) as jana:
        site.clock.now += step
        page = await jana.get("/alerts")

    assert page.status == (200 if alive else 303)


async def test_a_session_ends_after_ten_hours_however_busy(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        for _ in range(19):
            site.clock.now += 30 * MINUTE
            assert (await jana.get("/alerts")).status == 200
        site.clock.now += 30 * MINUTE
        page = await jana.get("/alerts")

    assert page.status == 303


async def test_a_disabled_person_is_out_at_the_next_click(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        site.act(lambda tx: tx.execute("UPDATE person SET disabled = 1", {}))
        page = await jana.get("/alerts")

    assert page.status == 303


async def test_after_logout_the_old_cookie_opens_nothing(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        token = cookie(jana)
        page = await jana.post("/logout", {"csrf": await jana.csrf()})
        jana.http.cookie_jar.update_cookies({"vw": token})
        after = await jana.get("/alerts")

    assert page.headers["Location"] == "/login?left"
    assert after.status == 303


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/alerts?state=all", "/alerts?state=all"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nX: y", "/"),
        ("", "/"),
    ],
)
async def test_the_login_leads_only_to_pages_of_this_site(
    site: Stage, wanted: str, target: str
) -> None:
    async with visitor(site) as jana:
        fields = {"login": SOC, "password": "Kirchturm-im-Nebel-47", "next": wanted}
        page = await jana.post("/login", fields)

    assert page.headers["Location"] == target


async def test_a_stranger_comes_back_to_the_page_they_wanted(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.get("/alerts?state=all&q=ssh")

    assert page.headers["Location"] == "/login?next=/alerts%3Fstate%3Dall%26q%3Dssh"


async def test_htmx_is_sent_to_the_login_as_a_whole_page(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.get("/alerts", headers={"HX-Request": "true"})

    assert page.status == 204
    assert page.headers["HX-Redirect"] == "/login?next=/alerts"


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("https://evil.example", {}),
        ("null", {}),
        (None, {}),
        ("own", {"Sec-Fetch-Site": "cross-site"}),
        ("own", {"Sec-Fetch-Site": "same-site"}),
    ],
)
async def test_a_form_from_elsewhere_is_refused_even_with_the_right_token(
    site: Stage, origin: str | None, headers: dict[str, str]
) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])
    async with visitor(site, SOC) as jana:
        fields = {"csrf": await jana.csrf(), "version": "1"}
        page = await jana.post(f"/alerts/{number}/take", fields, origin=origin, headers=headers)

    assert page.status == 403
    assert "Laden Sie die Seite neu" in page.text
    assert site.act(lambda tx: tx.alert_by_number(number)).state == "new"  # type: ignore[union-attr]


@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_a_form_without_the_sessions_token_is_refused(site: Stage, token: str) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])
    async with visitor(site, SOC) as jana:
        page = await jana.post(f"/alerts/{number}/take", {"csrf": token, "version": "1"})

    assert page.status == 403


async def test_one_persons_token_is_no_use_to_another(site: Stage) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])
    async with visitor(site, SOC) as jana, visitor(site, TOWN) as peter:
        page = await peter.post(
            f"/alerts/{number}/take", {"csrf": await jana.csrf(), "version": "1"}
        )

    assert page.status == 403


async def test_the_login_form_from_elsewhere_is_refused(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.post("/login", {"login": SOC}, origin="https://evil.example")

    assert page.status == 403


async def test_old_sessions_are_swept_at_the_next_login(site: Stage) -> None:
    async with visitor(site, SOC):
        site.clock.now += 11 * HOUR
        async with visitor(site, TOWN):
            rows = site.act(lambda tx: tx.execute("SELECT count(*) FROM session", {}))

    assert rows == [(1,)]
