"""News on an open page, in a real browser: it shows, it waits, it can be held, nothing moves."""

from playwright.sync_api import Browser, Page
from tests.collector.web.browser import log_in, window
from tests.collector.web.stage import INTERVAL_MS, REAL, SOC, STOCK, Served, host_id, numbers

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.alerts.apply import Alerting
from verbundwacht_collector.alerts.model import Attestation, Settings
from verbundwacht_collector.scope import AllianceScope
from verbundwacht_collector.store.protocol import Transaction

TILE = "#zahlen .tile .v >> nth=0"


def fall_silent(served: Served, agent: str) -> None:
    """One more alert opens."""

    def act(tx: Transaction) -> None:
        host = tx.host_by_id(host_id(tx, agent))
        seen = Attestation(served.stage.clock(), host.chain.head, INTERVAL_MS)
        Alerting(tx, host, seen, Settings(baseline="alert")).silent()

    served.stage.act(act)


def taken(served: Served, agent: str) -> None:
    """A colleague takes the host's first alert."""

    def act(tx: Transaction) -> None:
        actions.take(
            tx, scope=AllianceScope("hochwald"), number=numbers(tx, agent)[0],
            actor=Actor(2, "lenz"), now=served.stage.clock(), version=None,
        )  # fmt: skip

    served.stage.act(act)


def places(page: Page) -> list[object]:
    """Where each row of the list stands, and its text."""
    found = page.evaluate(
        "[...document.querySelectorAll('#treffer > ol > li')]"
        ".map((e) => [e.getBoundingClientRect().top, e.innerText])"
    )
    return list(found)


def test_a_new_alert_waits_behind_a_button_while_the_figures_change(
    chrome: Browser, served: Served
) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.goto(f"{served.url}/alerts")
        before, count = places(page), int(page.locator(TILE).inner_text())
        fall_silent(served, REAL)
        button = page.get_by_role("button", name="1 neue anzeigen")
        button.wait_for()
        page.wait_for_function(
            "(n) => document.querySelector('#zahlen .v').textContent.trim() === n",
            arg=str(count + 1),
        )
        still = places(page)
        button.click()
        page.wait_for_function(
            "(n) => document.querySelectorAll('#treffer > ol > li').length === n",
            arg=len(before) + 1,
        )

        assert still == before
        assert page.evaluate("document.activeElement.closest('#treffer') !== null")
        assert page.get_by_role("button", name="anzeigen", exact=False).count() == 1  # the filter's
        assert page.evaluate("window.violations") == []


def test_a_change_without_a_new_row_waits_too(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.goto(f"{served.url}/alerts")
        before = places(page)
        taken(served, REAL)
        page.get_by_role("button", name="Änderungen anzeigen").click()
        page.wait_for_function(
            "() => document.querySelector('#treffer').innerText.includes('Bearbeitung')"
        )

        assert before != places(page)


def test_a_held_page_stands_still_until_it_is_let_go(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.goto(served.url)
        hold = page.get_by_role("button", name="Aktualisierung anhalten")
        hold.click()
        before = page.locator("#inhalt").inner_text()
        fall_silent(served, STOCK)
        page.wait_for_timeout(1500)
        held, state = page.locator("#inhalt").inner_text(), hold.get_attribute("aria-pressed")
        hold.click()
        page.wait_for_function("() => document.querySelector('#live-new span').textContent !== ''")

    assert "Angehalten" in held
    assert (held, state) == (before, "true")


def test_figures_under_the_cursor_stay_until_it_leaves(chrome: Browser, served: Served) -> None:
    with window(chrome) as page:
        log_in(page, served.url, SOC)
        page.goto(served.url)
        page.locator("#heat td a").first.hover()
        count = page.locator(TILE).inner_text()
        fall_silent(served, STOCK)
        page.wait_for_function("() => document.querySelector('#live-new span').textContent !== ''")

        assert page.locator(TILE).inner_text() == count


def test_two_windows_share_one_stream_and_both_hear(chrome: Browser, served: Served) -> None:
    asked: list[str] = []
    with window(chrome) as page:
        page.context.on("request", lambda r: asked.append(r.url) if "/events" in r.url else None)
        log_in(page, served.url, SOC)
        page.goto(served.url)
        page.wait_for_timeout(300)
        asked.clear()
        other = page.context.new_page()
        other.goto(f"{served.url}/alerts")
        other.wait_for_timeout(500)
        fall_silent(served, REAL)
        other.get_by_role("button", name="1 neue anzeigen").wait_for()
        shared = len(asked)
        page.close()
        other.wait_for_timeout(500)

    assert (shared, len(asked)) == (0, 1)


def test_without_javascript_there_is_no_control_that_does_nothing(
    chrome: Browser, served: Served
) -> None:
    with window(chrome, javascript=False) as page:
        log_in(page, served.url, SOC)
        page.goto(served.url)

        assert not page.locator("#live").is_visible()
        assert page.locator("#heat td a").count() > 20
