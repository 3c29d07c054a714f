"""Which language a person reads: what they chose, else their browser, else German."""

import asyncio
from urllib.parse import quote_plus

import pytest
from tests.collector.web.client import visitor
from tests.collector.web.stage import SOC, TOWN, Stage, pack

from verbundwacht_collector import i18n
from verbundwacht_collector.web.speech import accepted

ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", None),
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en", "en"),
        ("fr, en;q=0.7, de;q=0.6", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("en;q=0.5, de;q=0.5", "en"),
        ("DE-at", "de"),
        ("fr, *;q=0.5", None),
        ("en;q=viel, de;q=0.1", "de"),
        (";;;,,=,q", None),
    ],
)
def test_the_best_language_of_a_browser_is_ours_with_the_highest_weight(
    header: str, language: str | None
) -> None:
    assert accepted(header) == language


async def test_a_browser_without_a_wish_reads_german_and_an_english_one_english(
    site: Stage,
) -> None:
    async with visitor(site) as someone:
        german = await someone.get("/login")
        english = await someone.get("/login", headers=ENGLISH)

    assert '<html lang="de">' in german.text
    assert german.headers["Content-Language"] == "de"
    assert '<html lang="en">' in english.text
    assert english.headers["Content-Language"] == "en"


async def test_the_switch_works_before_the_login_and_leads_back_to_the_page(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.get("/login?next=/hosts")
        done = await someone.post("/language", {"language": "en", "next": "/login?next=/hosts"})
        after = await someone.get("/login", headers={"Accept-Language": "de"})

    assert 'name="next" value="/login?next=/hosts"' in page.text
    assert (
        '<button type="submit" name="language" value="en" lang="en">English</button>' in page.text
    )
    assert (done.status, done.headers["Location"]) == (303, "/login?next=/hosts")
    assert "SameSite=Lax" in done.headers["Set-Cookie"]
    assert "HttpOnly" in done.headers["Set-Cookie"]
    assert '<html lang="en">' in after.text


async def test_what_a_person_chose_follows_them_into_another_browser(site: Stage) -> None:
    async with visitor(site, SOC) as first:
        await first.post("/language", {"language": "en", "next": "/"})
    async with visitor(site, SOC) as second:
        english = await second.get("/hosts", headers={"Accept-Language": "de"})
        await second.post("/language", {"language": "de", "next": "/"})
        german = await second.get("/hosts", headers=ENGLISH)

    assert '<html lang="en">' in english.text
    assert '<html lang="de">' in german.text


async def test_who_chose_nothing_reads_the_language_of_the_browser_after_the_login_too(
    site: Stage,
) -> None:
    async with visitor(site) as someone:
        await someone.post("/language", {"language": "en", "next": "/login"})
        await someone.login(TOWN)
        page = await someone.get("/hosts")

    assert '<html lang="en">' in page.text


async def test_the_switch_refuses_other_sites_other_languages_and_other_targets(
    site: Stage,
) -> None:
    async with visitor(site) as someone:
        foreign = await someone.post(
            "/language", {"language": "en", "next": "/"}, origin="https://boese.example"
        )
        unknown = await someone.post("/language", {"language": "fr", "next": "/"})
        away = await someone.post("/language", {"language": "en", "next": "//boese.example"})

    assert foreign.status == 403
    assert unknown.status == 400
    assert away.headers["Location"] == "/"


async def test_an_error_after_a_form_leads_back_to_the_page_of_the_form(site: Stage) -> None:
    async with visitor(site) as someone:
        page = await someone.post(
            "/login",
            {"login": "x", "password": "y", "next": "/"},
            headers={"Referer": f"{site.url}/login?next=/alerts"},
        )

    assert page.status == 400
    assert 'name="next" value="/login?next=/alerts"' in page.text


async def test_requests_at_the_same_time_keep_their_own_languages(site: Stage) -> None:
    async with visitor(site, SOC) as someone:
        pages = await asyncio.gather(
            *(
                someone.get("/", headers={"Accept-Language": language})
                for _ in range(10)
                for language in ("de", "en")
            )
        )

    assert [page.headers["Content-Language"] for page in pages] == ["de", "en"] * 10


def test_a_block_in_a_language_ends_with_the_one_before() -> None:
    with i18n.use("en"):
        with i18n.use("de"):
            assert i18n.current() == "de"
        assert i18n.current() == "en"
        with pytest.raises(ValueError, match="'fr' is none of de, en"):
            i18n.speak("fr")
    assert i18n.current() == "de"
    assert i18n.lookup("") == ""


async def test_an_alert_is_found_by_what_the_page_calls_it_in_either_language(site: Stage) -> None:
    rule = next(rule for rule in pack().rules if rule.id == "linux.ssh.password-login")
    found = {}
    async with visitor(site, SOC) as someone:
        for language in ("de", "en"):
            await someone.post("/language", {"language": language, "next": "/"})
            asked = quote_plus(rule.problem[language].rpartition(": ")[2][:15].strip())
            found[language] = (await someone.get(f"/alerts?q={asked}")).text

    for language, text in found.items():
        assert rule.problem[language] in text
    assert rule.problem["en"] != rule.problem["de"]
