"""What people do, in a real browser: with and without JavaScript, and by keyboard alone."""

import pytest
from playwright.sync_api import Browser
from tests.collector.web.browser import at_alert, log_in, window
from tests.collector.web.stage import REAL, SOC, TOWN, Served


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("login", [SOC, TOWN])
def test_from_login_to_a_closed_alert(
    chrome: Browser, served: Served, javascript: bool, login: str
) -> None:
    with window(chrome, javascript=javascript) as page:
        log_in(page, served.url, login)
        page.get_by_role("link", name="Warnungen").first.click()
        page.wait_for_url("**/alerts")
        numbers_before = page.locator(".todo > li").count()
        page.locator(".todo > li", has_text="Neu").get_by_role("link").first.click()
        page.get_by_role("button", name="Übernehmen").click()
        page.get_by_text("Sie haben die Warnung übernommen.").wait_for()
        page.get_by_label("Kommentar").fill("Ich sehe nach.")
        page.get_by_role("button", name="Kommentar speichern").click()
        page.get_by_text("Ihr Kommentar ist gespeichert.").wait_for()
        page.get_by_label("Der Server ist außer Betrieb").check()
        page.get_by_label("Begründung").fill("Wird morgen abgebaut.")
        page.get_by_role("button", name="Warnung schließen").click()
        page.get_by_text("Die Warnung ist geschlossen.").wait_for()
        history = page.locator(".flow").inner_text()
        page.get_by_role("link", name="Warnungen").first.click()
        page.wait_for_url("**/alerts")
        numbers_left = page.locator(".todo > li").count()
        page.get_by_role("button", name="Abmelden").click()
        page.get_by_text("Sie sind abgemeldet.").wait_for()

    for part in ("hat übernommen", "Ich sehe nach.", "hat geschlossen", "Wird morgen abgebaut."):
        assert part in history
    assert numbers_left == numbers_before - 1


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("login", [SOC, TOWN])
def test_from_a_field_of_the_heatmap_to_the_server_behind_it(
    chrome: Browser, served: Served, javascript: bool, login: str
) -> None:
    with window(chrome, javascript=javascript) as page:
        log_in(page, served.url, login)
        page.get_by_role("link", name="Lage").click()
        page.wait_for_url(f"{served.url}/")
        field = page.locator("#heat td.h1 a").first
        share = field.inner_text().split()[0]
        field.click()
        page.wait_for_url("**/findings?outcome=fail,pass&**")
        said = page.locator("#urteil").inner_text()
        page.get_by_label("Ergebnis").select_option("fail")
        page.get_by_role("button", name="Anzeigen").click()
        page.wait_for_url("**/findings?outcome=fail&**")
        page.locator(".rows .mk.pass").first.wait_for(state="detached")
        shown = set(page.locator(".rows .mk.fail").all_inner_texts())
        page.locator(".rows .id a").first.click()
        page.get_by_role("heading", name="Befunde").wait_for()

    assert f"({share} Prozent)" in said
    assert shown == {"nicht erfüllt"}


def test_with_javascript_an_action_needs_no_reload_and_moves_the_focus_to_the_message(
    chrome: Browser, served: Served
) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        at_alert(REAL)(page, served)
        page.evaluate("window.sameDocument = true")
        page.get_by_role("button", name="Übernehmen").click()
        page.get_by_text("Sie haben die Warnung übernommen.").wait_for()
        page.wait_for_function("document.activeElement.id === 'meldung'")

        assert page.evaluate("window.sameDocument")
        assert page.evaluate("window.violations") == []
        assert page.locator("h1").count() == 1


@pytest.mark.parametrize("javascript", [True, False])
def test_a_filter_is_an_address_that_can_be_passed_on(
    chrome: Browser, served: Served, javascript: bool
) -> None:
    with window(chrome, javascript=javascript) as page:
        log_in(page, served.url, SOC)
        page.get_by_label("Schweregrad").select_option("low")
        page.get_by_label("Text", exact=True).fill("ssh")
        page.get_by_role("button", name="Anzeigen").click()
        page.wait_for_url("**/alerts?severity=low&q=ssh")
        shown = page.locator(".todo > li").count()
        page.reload()

        assert shown == page.locator(".todo > li").count() == 2
        page.get_by_role("link", name="Text: ssh").click()
        page.wait_for_url("**/alerts?severity=low")


def test_what_is_being_typed_survives_the_answer_to_an_earlier_choice(
    chrome: Browser, served: Served
) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.get_by_label("Text", exact=True).focus()
        page.keyboard.type("ss")
        page.evaluate("htmx.trigger(document.querySelector('.filter'), 'change')")
        page.wait_for_url("**/alerts?q=ss")
        page.get_by_role("link", name="Text: ss").wait_for()
        page.keyboard.type("h")

        assert page.get_by_label("Text", exact=True).input_value() == "ssh"
        assert page.evaluate("document.activeElement.id") == "f-q"


def test_the_keyboard_alone_reaches_and_takes_an_alert(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.className")
        page.keyboard.press("Enter")
        page.keyboard.press("/")
        page.keyboard.type("dms01")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=dms01")
        page.keyboard.press("Tab")
        page.locator("#inhalt").focus()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Übernehmen").focus()
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        page.keyboard.press("Enter")
        page.get_by_text("Sie haben die Warnung übernommen.").wait_for()

    assert first == "skip"
    assert ring == "solid"


def test_nothing_is_loaded_from_anywhere_else(chrome: Browser, served: Served) -> None:
    asked: list[str] = []
    with window(chrome) as page:
        page.on("request", lambda request: asked.append(request.url))
        log_in(page, served.url, SOC)
        page.goto(f"{served.url}/hosts/{REAL}")
        fonts = page.evaluate(
            "document.fonts.ready.then((set) => [...set].filter((f) => f.status === 'loaded')"
            ".map((f) => `${f.family} ${f.weight}`))"
        )

    assert {url for url in asked if not url.startswith((served.url, "data:"))} == set()
    assert {'"Fira Sans" 400', '"Fira Sans" 600'} <= set(fonts) or {
        "Fira Sans 400",
        "Fira Sans 600",
    } <= set(fonts)
