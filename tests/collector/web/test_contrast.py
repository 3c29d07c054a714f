"""The colours of token.css as a browser mixes them: every pair in use differs enough, twice.

axe cannot judge text in pictures, and judges only what happens to stand on a page. The pairs
are those of the style sheets; WCAG 2.2, 1.4.3 and 1.4.11, relative luminance as defined there.
"""

from collections.abc import Mapping
from typing import Final

import pytest
from playwright.sync_api import Browser, Page
from tests.collector.web.browser import window
from tests.collector.web.stage import Served

TEXT: Final = (
    *(("ink", back) for back in ("page", "card", "sunk", "low-soft", "h5", "h4", "h3", "h2")),
    *(("ink-2", back) for back in ("page", "card", "sunk")),
    *(("act", back) for back in ("page", "card", "sunk", "act-soft")),
    *(("crit", back) for back in ("card", "crit-soft")),
    *(("high", back) for back in ("card", "high-soft")),
    *(("ok", back) for back in ("card", "ok-soft")),
    *(("low", back) for back in ("card", "low-soft")),
    ("med", "med-soft"),
    ("#fff", "crit-fill"),
    ("#fff", "bar"),
    ("h1-ink", "h1"),
)
GRAPHICS: Final = (
    *(("line-strong", back) for back in ("page", "card", "sunk")),
    *(("focus", back) for back in ("page", "card")),
    *((front, "card") for front in ("ok-fill", "crit-viz", "high", "act")),
    ("on-viz", "crit-viz"),
)
_COLOURS: Final = """
(names) => {
  const dot = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const probe = document.body.appendChild(document.createElement("i"));
  return Object.fromEntries(names.map((name) => {
    probe.style.color = name.startsWith("#") ? name : `var(--${name})`;
    dot.fillStyle = getComputedStyle(probe).color;
    dot.fillRect(0, 0, 1, 1);
    return [name, [...dot.getImageData(0, 0, 1, 1).data].slice(0, 3)];
  }));
}
"""


def luminance(colour: list[int]) -> float:
    """Relative luminance, 0 to 1."""
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(front: list[int], back: list[int]) -> float:
    """Contrast ratio, 1 to 21."""
    light, dark = sorted((luminance(front), luminance(back)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colours(page: Page) -> Mapping[str, list[int]]:
    """Every token of the tables as sRGB bytes, in the page's scheme."""
    names = sorted({name for pair in (*TEXT, *GRAPHICS) for name in pair})
    found: dict[str, list[int]] = page.evaluate(_COLOURS, names)
    return found


def too_weak(found: Mapping[str, list[int]]) -> list[str]:
    """The pairs that differ too little: `ink on card 3.91 < 4.5`."""
    return [
        f"{front} on {back}: {got:.2f} < {least}"
        for pairs, least in ((TEXT, 4.5), (GRAPHICS, 3.0))
        for front, back in pairs
        if (got := ratio(found[front], found[back])) < least
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_pair_of_colours_differs_enough(
    chrome: Browser, shared_site: Served, scheme: str
) -> None:
    with window(chrome, scheme=scheme) as page:
        page.goto(f"{shared_site.url}/login")
        found = colours(page)

    assert len(TEXT) + len(GRAPHICS) >= 28
    assert len({tuple(colour) for colour in found.values()}) > 15, "the tokens are not there"
    assert too_weak(found) == []


def test_both_themes_are_looked_at(chrome: Browser, shared_site: Served) -> None:
    found = {}
    for scheme in ("light", "dark"):
        with window(chrome, scheme=scheme) as page:
            page.goto(f"{shared_site.url}/login")
            found[scheme] = luminance(colours(page)["card"])

    assert found["light"] > 0.9
    assert found["dark"] < 0.1


def test_a_token_that_turns_pale_is_noticed(chrome: Browser, shared_site: Served) -> None:
    with window(chrome) as page:
        page.goto(f"{shared_site.url}/login")
        page.evaluate("document.documentElement.style.setProperty('--ink-2', '#999')")

        said = too_weak(colours(page))

    assert [one.split(":")[0] for one in said] == [
        f"ink-2 on {b}" for b in ("page", "card", "sunk")
    ]
    assert round(ratio([0, 0, 0], [255, 255, 255]), 2) == 21
