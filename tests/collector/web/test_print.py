"""On paper: ink on white in either theme, no controls, nothing beside the sheet."""

import base64
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page
from tests.collector.web.browser import at_alert, log_in, window
from tests.collector.web.stage import REAL, SOC, Served

A4: Final = 688
"""CSS pixels between the margins of a sheet: 210 mm less two of 14 mm."""
CONTROLS: Final = ".top, .side, .filter, .chips, .live-bar, .note, .skip, .bar, .out, .tongue"
_LEFT_OVER: Final = """
(selector) => [...document.querySelectorAll(selector)]
  .filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 80))
"""
_PIXELS: Final = """
async (source) => {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const dot = canvas.getContext("2d");
  dot.drawImage(picture, 0, 0);
  const all = dot.getImageData(0, 0, canvas.width, canvas.height).data;
  let white = 0, dark = 0;
  for (let i = 0; i < all.length; i += 4) {
    const sum = all[i] + all[i + 1] + all[i + 2];
    if (sum === 765) white++;
    else if (sum < 240) dark++;
  }
  return { white: (4 * white) / all.length, dark: (4 * dark) / all.length };
}
"""


def on_paper(page: Page) -> None:
    page.set_viewport_size({"width": A4, "height": 980})
    page.emulate_media(media="print")


def shares(page: Page) -> dict[str, float]:
    """How much of the printed page is white, and how much is dark, 0 to 1."""
    shot = base64.b64encode(page.screenshot(full_page=True)).decode()
    # A page of its own: the policy of ours allows no picture from elsewhere.
    blank = page.context.new_page()
    found: dict[str, Any] = blank.evaluate(_PIXELS, f"data:image/png;base64,{shot}")
    blank.close()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_printed_page_is_ink_on_white_without_controls(
    chrome: Browser, shared_site: Served, scheme: str
) -> None:
    found: dict[str, object] = {}
    with window(chrome, scheme=scheme) as page:
        log_in(page, shared_site.url, SOC)
        for name in ("/", "/alerts", "/hosts", f"/hosts/{REAL}", "/findings", "alert"):
            if name == "alert":
                at_alert(REAL)(page, shared_site)
            else:
                page.goto(shared_site.url + name)
            on_paper(page)
            assert page.evaluate(_LEFT_OVER, CONTROLS) == [], name
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, name
            share = shares(page)
            # Boxes and the heatmap have colours; a dark theme on paper would be nearly all ink.
            if not (share["white"] > 0.5 and 0.002 < share["dark"] < 0.25):
                found[name] = share

    assert found == {}


def test_a_page_that_prints_in_the_dark_theme_is_noticed(
    chrome: Browser, shared_site: Served
) -> None:
    with window(chrome, scheme="dark") as page:
        log_in(page, shared_site.url, SOC)
        page.set_viewport_size({"width": A4, "height": 980})

        screen = shares(page)
        left_over = page.evaluate(_LEFT_OVER, CONTROLS)

    assert screen["white"] < 0.5
    assert len(left_over) > 3
