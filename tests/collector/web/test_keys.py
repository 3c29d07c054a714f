"""Keys: what they do, that they never act on somebody who types, and that they can be off."""

import pytest
from playwright.sync_api import Browser
from tests.collector.web.browser import at_alert, log_in, window
from tests.collector.web.stage import REAL, SOC, TOWN, Served

FOCUS = "document.activeElement.innerText || document.activeElement.id"


def test_letters_move_open_go_and_take(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        links = page.locator(".todo > li > a").all_inner_texts()
        seen = []
        for key in ("j", "j", "k"):
            page.keyboard.press(key)
            seen.append(page.evaluate(FOCUS))
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts/W-*")
        page.keyboard.press("c")
        commenting = page.evaluate(FOCUS)
        page.keyboard.type("agl?/")
        typed = page.locator("#comment").input_value()
        page.keyboard.press("Escape")
        page.locator("#inhalt").focus()
        page.keyboard.press("a")
        page.get_by_text("Sie haben die Warnung übernommen.").wait_for()
        page.keyboard.press("g")
        page.keyboard.press("l")
        page.wait_for_url(f"{served.url}/")
        page.keyboard.press("g")
        page.keyboard.press("w")
        page.wait_for_url("**/alerts")

    assert seen == [links[0], links[1], links[0]]
    assert (commenting, typed) == ("comment", "agl?/")


@pytest.mark.parametrize(("login", "arrives"), [(SOC, "/status"), (TOWN, "/alerts")])
def test_the_key_to_the_system_status_works_for_whoever_may_see_it(
    chrome: Browser, served: Served, login: str, arrives: str
) -> None:
    with window(chrome) as page:
        log_in(page, served.url, login)
        page.keyboard.press("g")
        page.keyboard.press("z")
        page.wait_for_url(f"**{arrives}")
        helped = "zum Systemzustand" in page.content()

    assert helped == (login == SOC)


def test_the_help_opens_by_key_and_single_keys_can_be_switched_off(
    chrome: Browser, served: Served
) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        page.get_by_label("Einzeltasten ausschalten").check()
        page.keyboard.press("Escape")
        page.goto(f"{served.url}/alerts")
        before = page.evaluate("document.activeElement.tagName")
        for key in ("j", "/", "?"):
            page.keyboard.press(key)
        after = page.evaluate("document.activeElement.tagName")
        opened = page.get_by_role("dialog").count()
        page.get_by_role("button", name="Tastenkürzel").click()
        page.get_by_label("Einzeltasten ausschalten").uncheck()
        page.keyboard.press("Escape")
        page.locator("#inhalt").focus()
        page.keyboard.press("/")

        assert (before, after, opened) == ("BODY", "BODY", 0)
        assert page.evaluate("document.activeElement.id") == "q"


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_a_key_with_a_modifier_belongs_to_the_browser(
    chrome: Browser, served: Served, modifier: str
) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        at_alert(REAL)(page, served)
        page.keyboard.press(f"{modifier}+c")

        assert page.evaluate("document.activeElement.id") != "comment"


def test_the_heatmap_is_one_stop_and_the_arrows_move_in_it(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.goto(served.url)
        page.locator("#heat tbody a").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        where = page.evaluate(
            "[...document.querySelectorAll('#heat tbody a')].indexOf(document.activeElement)"
        )
        stops = page.locator("#heat tbody a:not([tabindex='-1'])").count()
        page.keyboard.press("Tab")
        left = page.evaluate("document.activeElement.closest('#heat') === null")
        page.keyboard.press("Shift+Tab")
        back = page.evaluate(
            "[...document.querySelectorAll('#heat tbody a')].indexOf(document.activeElement)"
        )

    assert (where, stops, left, back) == (1, 1, True, 1)


def test_without_javascript_every_field_of_the_heatmap_is_a_stop_and_no_key_is_promised(
    chrome: Browser, served: Served
) -> None:
    with window(chrome, javascript=False) as page:
        log_in(page, served.url, SOC)
        page.goto(served.url)

        assert page.locator("#heat tbody a[tabindex]").count() == 0
        assert not page.locator("#keys-open").is_visible()
        page.locator("#q").fill("dms01")
        page.locator("#q").press("Enter")
        page.wait_for_url("**/search?q=dms01")
        assert page.get_by_role("link", name="vg-al-dms01").count() >= 1
