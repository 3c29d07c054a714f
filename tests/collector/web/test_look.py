"""Every page in a real browser: accessible, no sideways scrolling, nothing the policy stops."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page
from tests.collector.web.browser import at_alert, complaints, log_in, spaced_out, tab_walk, window
from tests.collector.web.stage import (
    DAY,
    DENIED,
    HOUR,
    NEVER,
    REAL,
    SILENT,
    SOC,
    STOCK,
    Served,
    numbers,
)

from verbundwacht_collector.alerts import actions, planning
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.scope import AllianceScope

SIZES = [
    *((width, scheme) for width in (1440, 1024, 390) for scheme in ("light", "dark")),
    (320, "light"),
]
PATHS = (
    *("/", "/alerts", "/findings", "/hosts", "/search?q=ssh", f"/hosts/{REAL}"),
    *("/channels", "/status"),
)


class Sight(NamedTuple):
    """A page by name: how to get there once logged in, and a text that proves it."""

    go: Callable[[Page, Served], object]
    proof: str


def at(path: str) -> Callable[[Page, Served], object]:
    return lambda page, served: page.goto(served.url + path)


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


def muted(page: Page, served: Served) -> None:
    """A pause, a weekly maintenance that lasts, one to come, one that was ended."""
    stage, now = served.stage, served.stage.clock()
    actor, scope = Actor(1, "brenner"), AllianceScope("hochwald")
    common: dict[str, Any] = {"scope": scope, "municipality_id": "altenbach", "actor": actor}
    common |= {"now": now, "reason": "Umzug des Serverraums in den Altbau"}
    for start, weekly in ((now - HOUR, now + 60 * DAY), (now + DAY, None), (now - HOUR, None)):
        times = {"starts_at": start, "ends_at": start + 2 * HOUR, "weekly_until": weekly}
        asked = common | times | {"host_id": STOCK if weekly else ""}
        planned = stage.act(partial(planning.plan_maintenance, **asked))
    stage.act(
        lambda tx: planning.end_overlay(tx, scope=scope, overlay_id=planned, actor=actor, now=now)
    )
    stage.act(
        lambda tx: planning.pause(
            tx,
            scope=scope,
            number=numbers(tx, REAL)[0],
            actor=actor,
            now=now,
            for_ms=4 * HOUR,
            reason="Hersteller liefert",
            version=None,
        )
    )
    page.goto(served.url + "/overlays")


def refused_plan(page: Page, served: Served) -> None:
    page.goto(served.url + f"/overlays?host={REAL}")
    for part, day in (("start", "2026-12-24"), ("end", "2026-12-23")):
        page.locator(f"#o-{part}-day").fill(day)
        page.locator(f"#o-{part}-clock").fill("20:00")
    page.locator("#o-reason").fill("Umbau")
    page.locator("main").get_by_role("button", name="Wartung planen").click()
    page.get_by_role("alert").wait_for()


def keys_open(page: Page, served: Served) -> None:
    page.goto(served.url)
    page.get_by_role("button", name="Tastenkürzel").click()
    page.get_by_role("dialog").wait_for()


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
    "overview": Sight(at("/"), "Als Nächstes"),
    "findings": Sight(at("/findings"), "Alle Befunde"),
    "findings, chosen": Sight(at("/findings?outcome=fail,pass&group=ssh&foo=1"), "gibt es nicht"),
    "findings, nothing found": Sight(at("/findings?q=gibtesnicht"), "Kein Befund passt"),
    "search": Sight(at("/search?q=ssh"), "Treffer für"),
    "search, packages": Sight(at("/search?q=paket-1"), "paket-119"),
    "search, nothing found": Sight(at("/search?q=gibtesnicht"), "Nichts gefunden."),
    "search, no text": Sight(at("/search"), "Geben Sie oben"),
    "overlays": Sight(muted, "In den letzten sieben Tagen beendet"),
    "overlays, refused": Sight(refused_plan, "Das Ende liegt nicht nach dem Beginn."),
    "host, maintained": Sight(at(f"/hosts/{STOCK}"), "Umzug des Serverraums"),
    "alert, muted": Sight(at_alert(REAL), "Diese Warnung ist stumm"),
    "channels": Sight(at("/channels"), "Wohin Nachrichten gehen"),
    "status": Sight(at("/status"), "Was geprüft wird"),
    "keys, help open": Sight(keys_open, "Einzeltasten ausschalten"),
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


@pytest.mark.parametrize("width", [1440, 320])
def test_wider_text_still_fits_on_every_page(
    chrome: Browser, shared_site: Served, width: int
) -> None:
    found: dict[str, list[str]] = {}
    with window(chrome, width=width) as page:
        log_in(page, shared_site.url, SOC)
        for path in PATHS:
            page.goto(shared_site.url + path)
            found[path] = spaced_out(page)

    assert not any(found.values()), listed(found)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_tab_key_reaches_the_end_and_every_stop_is_seen(
    chrome: Browser, shared_site: Served, width: int
) -> None:
    found: dict[str, list[str]] = {}
    with window(chrome, width=width) as page:
        log_in(page, shared_site.url, SOC)
        for path in PATHS:
            page.goto(shared_site.url + path)
            stops, found[path] = tab_walk(page)
            assert stops > 10, path

    assert not any(found.values()), listed(found)


def test_with_forced_colours_states_still_differ_in_shape(
    chrome: Browser, shared_site: Served, axe_source: str
) -> None:
    with window(chrome, forced_colors=True) as page:
        log_in(page, shared_site.url, SOC)
        page.goto(shared_site.url)
        hatched, plain = (
            page.locator(f"#heat td.{name}").first.evaluate(
                "(e) => getComputedStyle(e).backgroundImage"
            )
            for name in ("h0", "h5")
        )
        colours = [
            page.locator(f".dots .{name}").first.evaluate(
                "(e) => ((s) => s.fill + s.stroke + s.strokeDasharray)(getComputedStyle(e))"
            )
            for name in ("s-ok", "s-sil", "s-none")
        ]
        found = complaints(page, axe_source)

    assert hatched.startswith("repeating-linear-gradient")
    assert plain == "none"
    assert len(set(colours)) == 3
    assert found == []


def test_the_look_itself_notices_each_kind_of_fault(
    chrome: Browser, served: Served, axe_source: str
) -> None:
    with window(chrome, width=390) as page:
        page.goto(f"{served.url}/login")
        page.evaluate(
            """() => {
              document.body.setAttribute("style", "color: red");
              document.querySelector("label").remove();
              document.querySelector(".card svg, .brand svg").setAttribute("role", "img");
              const wide = document.createElement("p");
              wide.textContent = "x".repeat(200);
              wide.className = "nowrap";
              document.querySelector("footer").append(wide);
              document.querySelector("button").replaceWith(document.createElement("button"));
            }"""
        )
        found = "\n".join(complaints(page, axe_source))

    for kind in (
        "policy: style-src",
        "sideways overflow",
        "small target",
        "axe label",
        "without words",
    ):
        assert kind in found
