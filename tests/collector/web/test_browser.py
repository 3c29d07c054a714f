"""Every page in a real browser: accessible, no sideways scrolling, nothing the policy stops."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page
from tests.collector.web.browser import browser, complaints, log_in, window
from tests.collector.web.conftest import Served
from tests.collector.web.stage import (
    DENIED,
    NEVER,
    REAL,
    SILENT,
    SOC,
    STOCK,
    TOWN,
    numbers,
)

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.scope import AllianceScope

SIZES = [(1440, "light"), (390, "light"), (1440, "dark"), (390, "dark"), (320, "light")]


class Sight(NamedTuple):
    """A page by name: how to get there once logged in, and a text that proves it."""

    go: Callable[[Page, Served], object]
    proof: str


def at(path: str) -> Callable[[Page, Served], object]:
    return lambda page, served: page.goto(served.url + path)


def at_alert(agent: str, index: int = 0) -> Callable[[Page, Served], object]:
    return lambda page, served: page.goto(
        f"{served.url}/alerts/{served.stage.act(lambda tx: numbers(tx, agent)[index])}"
    )


def empty_comment(page: Page, served: Served) -> None:
    at_alert(REAL)(page, served)
    page.locator("#comment").fill("   ")
    page.get_by_role("button", name="Kommentar speichern").click()
    page.locator("#comment-error").wait_for()


def too_late(page: Page, served: Served) -> None:
    """Somebody comments while the page is open; then this reader wants to close."""
    at_alert(REAL, 1)(page, served)
    number = served.stage.act(lambda tx: numbers(tx, REAL)[1])
    served.stage.act(
        lambda tx: actions.comment(
            tx,
            scope=AllianceScope("hochwald"),
            number=number,
            actor=Actor(2, "lenz"),
            now=served.stage.clock(),
            text="Ich bin dran.",
        )
    )
    page.get_by_label("Die Regel ist hier falsch").check()
    page.get_by_label("Begründung").fill("Getippt")
    page.get_by_role("button", name="Warnung schließen").click()
    page.get_by_text("Jemand war schneller").wait_for()


SIGHTS = {
    "alerts": Sight(at("/alerts"), "Alle offenen Warnungen"),
    "alerts, all, filtered": Sight(
        at("/alerts?state=all&severity=medium,low&q=ssh&foo=1"), "Den Filter „foo“ gibt es nicht"
    ),
    "alerts, nothing found": Sight(at("/alerts?q=gibtesnicht"), "Keine Warnung passt"),
    "alerts, past the end": Sight(at("/alerts?page=99"), "Keine Warnung passt"),
    "alert, new": Sight(at_alert(REAL), "So beheben Sie es"),
    "alert, claimed": Sight(at_alert(STOCK), "Jetzt zählen die nächsten Meldungen"),
    "alert, closed": Sight(at_alert(STOCK, 1), "Gilt hier nicht."),
    "alert, silence": Sight(at_alert(SILENT, -1), "keine Meldung mehr kam"),
    "alert, comment refused": Sight(empty_comment, "Bitte schreiben Sie einen Text."),
    "alert, conflict": Sight(too_late, "Tobias Lenz hat kommentiert"),
    "hosts": Sight(at("/hosts"), "Alle Server"),
    "hosts, filtered": Sight(at("/hosts?freshness=silent&q=vg"), "Ausgewählte Server"),
    "hosts, nothing found": Sight(at("/hosts?q=gibtesnicht"), "Kein Server passt"),
    "host, everything there": Sight(at(f"/hosts/{REAL}"), "Kette und Schlüssel"),
    "host, all packages": Sight(at(f"/hosts/{REAL}?all=packages"), "paket-119"),
    "host, sections missing": Sight(at(f"/hosts/{DENIED}"), "2 Abschnitte fehlen."),
    "host, silent": Sight(at(f"/hosts/{SILENT}"), "Dieser Server meldet sich nicht."),
    "host, never heard of": Sight(at(f"/hosts/{NEVER}"), "hat sich noch nie gemeldet"),
    "not found": Sight(at("/nirgends"), "Diese Seite gibt es nicht"),
    "not allowed": Sight(at("/logout"), "So geht es hier nicht"),
}


def listed(found: dict[str, list[str]]) -> str:
    """One line per complaint."""
    return "\n".join(f"{name}: {text}" for name, texts in found.items() for text in texts)


@pytest.fixture(scope="module")
def chrome(chromium: Path) -> Iterator[Browser]:
    with browser(chromium) as running:
        yield running


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_is_accessible_fits_and_obeys_the_policy(
    chrome: Browser, shared_site: Served, axe_source: str, width: int, scheme: str
) -> None:
    found: dict[str, list[str]] = {}
    with window(chrome, width=width, scheme=scheme) as page:
        log_in(page, shared_site.url, SOC)
        for name, sight in SIGHTS.items():
            sight.go(page, shared_site)
            assert sight.proof in page.content(), name
            found[name] = complaints(page, axe_source)

    assert not any(found.values()), listed(found)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_before_the_login_is_accessible_fits_and_obeys_the_policy(
    chrome: Browser, served: Served, axe_source: str, width: int, scheme: str
) -> None:
    found: dict[str, list[str]] = {}
    with window(chrome, width=width, scheme=scheme) as page:
        for name, path in (("login", "/login"), ("left", "/login?left"), ("missing", "/nirgends")):
            page.goto(served.url + path)
            found[name] = complaints(page, axe_source)
        for name, proof in (("wrong", "stimmen nicht"), ("waiting", "Zu viele Anmeldeversuche")):
            for _ in range(5 if name == "waiting" else 1):
                page.goto(f"{served.url}/login")
                page.get_by_label("Anmeldename").fill("niemand")
                page.get_by_label("Passwort").fill("geraten")
                page.get_by_role("button", name="Anmelden").click()
                page.get_by_role("alert").wait_for()
            assert proof in page.content()
            found[name] = complaints(page, axe_source)

    assert not any(found.values()), listed(found)


def test_our_own_fault_is_an_accessible_page_too(
    chrome: Browser, served: Served, axe_source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    with window(chrome, width=390) as page:
        log_in(page, served.url, SOC)
        monkeypatch.setattr("verbundwacht_collector.store.read.alerts", broken)
        page.goto(f"{served.url}/alerts")

        assert "Hier ist ein Fehler passiert" in page.content()
        assert complaints(page, axe_source) == []


def test_the_look_itself_notices_each_kind_of_fault(
    chrome: Browser, served: Served, axe_source: str
) -> None:
    with window(chrome, width=390) as page:
        page.goto(f"{served.url}/login")
        page.evaluate(
            """() => {
              document.body.setAttribute("style", "color: red");
              document.querySelector("label").remove();
              const wide = document.createElement("p");
              wide.textContent = "x".repeat(200);
              wide.className = "nowrap";
              document.querySelector("footer").append(wide);
              document.querySelector("button").replaceWith(document.createElement("button"));
            }"""
        )
        found = "\n".join(complaints(page, axe_source))

    for kind in ("policy: style-src", "sideways overflow", "small target", "axe label"):
        assert kind in found


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("login", [SOC, TOWN])
def test_from_login_to_a_closed_alert(
    chrome: Browser, served: Served, javascript: bool, login: str
) -> None:
    with window(chrome, javascript=javascript) as page:
        log_in(page, served.url, login)
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
    assert numbers_left == (7 if login == SOC else 6)


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


def test_the_keyboard_alone_reaches_and_takes_an_alert(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.className")
        page.keyboard.press("Enter")
        page.keyboard.press("/")
        page.keyboard.type("dms01")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts?state=all&q=dms01")
        page.locator(".todo a").first.focus()
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
