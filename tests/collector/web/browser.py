"""Debian's Chromium, driven by Playwright, and what is looked at on every page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.collector.web.stage import PASSWORD, Served, numbers

FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE_TAGS: Final = [
    *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"),
    *("best-practice", "EN-301-549"),
]
_LISTEN: Final = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
_SMALL_TARGETS: Final = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
  .filter((e) => e.checkVisibility() && !e.closest(".sr, .skip") && !e.matches(".sr, .skip"))
  .filter((e) => !e.closest("p, .crumb, .lead, .finds") || e.matches("button, input, select"))
  .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
  .filter(([, box]) => box.height < 24 || box.width < 24)
  .map(([text, box]) => `${text} ${box.width}x${box.height}`)
"""

_NAMELESS_PICTURES: Final = """
() => [...document.querySelectorAll("svg[role=img]")]
  .filter((e) => !e.querySelector("title") || !e.querySelector("desc"))
  .map((e) => e.outerHTML.slice(0, 90))
"""
# A constructed sheet: the page's policy forbids an inline one, as it should.
_SPACED_OUT: Final = """
() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
    word-spacing: .16em !important; } p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets.push(sheet);
}
"""
_CUT_TEXT: Final = """
() => [...document.querySelectorAll("body *")]
  .filter((e) => e.checkVisibility() && !e.closest(".sr, .skip, svg, select, .scope"))
  .filter((e) => !e.matches(".scroll"))
  .filter((e) => ["hidden", "clip"].includes(getComputedStyle(e).overflowY))
  .filter((e) => e.textContent.trim() && getComputedStyle(e).position !== "absolute")
  .filter((e) => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.outerHTML.slice(0, 90))
"""
_STOP: Final = """
async () => {
  // Scrolling to the focus takes some frames; what counts is where it ends.
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  for (let still = 0, y = -1; still < 3; y = scrollY, await frame())
    still = y === scrollY ? still + 1 : 0;
  const e = document.activeElement, box = e.getBoundingClientRect();
  const ring = [getComputedStyle(e), getComputedStyle(e, "::after")];
  const bar = document.querySelector(".top"), below = bar ? bar.getBoundingClientRect().bottom : 0;
  const sticky = bar && getComputedStyle(bar).position === "sticky";
  const under = sticky && !bar.contains(e) && !e.matches(".skip") && box.top < below - 1;
  return {
    name: e === document.body ? "" : e.outerHTML.slice(0, 90),
    ring: ring.some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2),
    hidden: Boolean(under) || box.bottom < 0 || box.top > innerHeight,
  };
}
"""


@contextmanager
def browser(executable: Path) -> Iterator[Browser]:
    """One Chromium for many tests."""
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=str(executable), args=FLAGS)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def window(
    running: Browser,
    *,
    width: int = 1440,
    scheme: str = "light",
    javascript: bool = True,
    forced_colors: bool = False,
) -> Iterator[Page]:
    """A fresh window that listens for violations of the policy and forgets everything after."""
    context: BrowserContext = running.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=javascript,
        forced_colors="active" if forced_colors else "none",
        locale="de-DE",
    )
    context.set_default_timeout(10_000)
    context.add_init_script(_LISTEN)
    try:
        yield context.new_page()
    finally:
        context.close()


def log_in(page: Page, url: str, login: str) -> None:
    """The person is on the list of alerts."""
    page.goto(f"{url}/login")
    page.get_by_label("Anmeldename").fill(login)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/alerts")


def at_alert(agent: str, index: int = 0) -> Callable[[Page, Served], object]:
    """Goes to the host's alert of this index, in the order in which they were opened."""
    return lambda page, served: page.goto(
        f"{served.url}/alerts/{served.stage.act(lambda tx: numbers(tx, agent)[index])}"
    )


def complaints(page: Page, axe: str) -> list[str]:
    """Everything that is wrong with the page as it stands: policy, width, targets, axe."""
    found = [f"policy: {text}" for text in page.evaluate("window.violations")]
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if overflow > 0:
        found.append(f"{overflow} px sideways overflow")
    found += [f"small target: {text}" for text in page.evaluate(_SMALL_TARGETS)]
    found += [f"picture without words: {text}" for text in page.evaluate(_NAMELESS_PICTURES)]
    page.evaluate(axe)
    options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
    result: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    for violation in result["violations"]:
        places = [node["html"][:160] for node in violation["nodes"][:3]]
        found.append(f"axe {violation['id']}: {places}")
    assert result["passes"], "axe looked at nothing"
    return found


def spaced_out(page: Page) -> list[str]:
    """What no longer fits when somebody sets wider text (WCAG 1.4.12)."""
    page.evaluate(_SPACED_OUT)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    found = [f"{overflow} px sideways overflow with wide text"] if overflow > 0 else []
    return found + [f"cut off with wide text: {text}" for text in page.evaluate(_CUT_TEXT)]


def tab_walk(page: Page) -> tuple[int, list[str]]:
    """(number of stops, those without a visible ring or under the bar) from the top to the end."""
    found: list[str] = []
    for stops in range(300):
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        if not stop["name"]:
            return stops, found
        if not stop["ring"]:
            found.append(f"no ring: {stop['name']}")
        if stop["hidden"]:
            found.append(f"out of sight: {stop['name']}")
    return 300, [*found, "no end after 300 stops"]
