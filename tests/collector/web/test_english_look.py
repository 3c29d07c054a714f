"""The switch in a real browser, and every page in English looked at like the German ones."""

import pytest
from playwright.sync_api import Browser, Page
from tests.collector.web.browser import at_alert, complaints, tab_walk, window
from tests.collector.web.stage import DENIED, NEVER, PASSWORD, REAL, SILENT, SOC, STOCK, Served

PATHS = (
    "/",
    "/alerts",
    "/alerts?state=all&severity=medium,low&foo=1",
    "/alerts?q=gibtesnicht",
    "/findings",
    "/hosts",
    f"/hosts/{REAL}",
    f"/hosts/{DENIED}",
    f"/hosts/{SILENT}",
    f"/hosts/{NEVER}",
    "/search",
    "/search?q=ssh",
    "/overlays",
    "/channels",
    "/status",
    "/nirgends",
)
ALERTS = ((REAL, 0), (STOCK, 0), (STOCK, 1), (SILENT, -1))


def log_in_english(page: Page, url: str) -> None:
    """From the German login page to the English overview, as a person would."""
    page.goto(f"{url}/login")
    page.get_by_role("button", name="English").click()
    page.locator("html[lang=en]").wait_for(state="attached")
    page.get_by_label("Login name").fill(SOC)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_person_switches_to_english_before_the_login_and_back_after_it(
    chrome: Browser, served: Served, javascript: bool
) -> None:
    with window(chrome, javascript=javascript) as page:
        log_in_english(page, served.url)
        assert page.get_by_role("heading", level=1).inner_text() == "Overview"
        page.goto(f"{served.url}/hosts?sort=name")
        page.get_by_role("button", name="Deutsch").click()
        page.locator("html[lang=de]").wait_for(state="attached")

        assert page.url == f"{served.url}/hosts?sort=name"
        assert page.get_by_role("heading", level=1).inner_text() == "Server"


def test_every_page_in_english_is_accessible_fits_and_obeys_the_policy(
    chrome: Browser, shared_site: Served, axe_source: str
) -> None:
    found: dict[str, list[str]] = {}
    with window(chrome, width=390) as page:
        log_in_english(page, shared_site.url)
        for path in PATHS:
            page.goto(shared_site.url + path)
            assert page.locator("html").get_attribute("lang") == "en", path
            found[path] = complaints(page, axe_source)
        for agent, index in ALERTS:
            at_alert(agent, index)(page, shared_site)
            found[f"{agent} {index}"] = complaints(page, axe_source)

    assert not any(found.values()), "\n".join(
        f"{name}: {text}" for name, texts in found.items() for text in texts
    )


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_the_header_with_the_switch_fits_and_the_tab_key_passes_it(
    chrome: Browser, shared_site: Served, width: int
) -> None:
    with window(chrome, width=width) as page:
        log_in_english(page, shared_site.url)
        box = page.get_by_role("button", name="Deutsch").bounding_box()
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        stops, wrong = tab_walk(page)

    assert box is not None
    assert box["height"] >= 24
    assert overflow <= 0
    assert stops > 10
    assert wrong == []


def test_live_texts_are_english_too(chrome: Browser, shared_site: Served) -> None:
    with window(chrome) as page:
        log_in_english(page, shared_site.url)

        page.get_by_text("Up to date, as of today").wait_for()
        page.get_by_role("button", name="Hold updates").click()
        page.get_by_text("On hold, as of today").wait_for()
