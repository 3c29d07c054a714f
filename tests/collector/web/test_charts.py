"""Pictures: the same values give the same bytes, and only what reports looks calm.

A golden file changes only on purpose: look at the picture, then write the new text into it.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.web import charts

GOLDEN = Path(__file__).parent / "golden"
TITLE, DESC = "Server in Altenbach", "viele"
CASES = {
    "dots-none": [],
    "dots-one-of-each": ["fresh", "never", "late", "silent"],
    "dots-two-lines": ["fresh"] * 30 + ["late", "silent"],
}


@pytest.mark.parametrize("name", CASES)
def test_a_picture_is_drawn_exactly_as_in_its_golden_file(name: str) -> None:
    drawn = charts.dots(CASES[name], ident="d", title=TITLE, desc=DESC)

    assert drawn + "\n" == (GOLDEN / f"{name}.svg").read_text()


@given(st.lists(st.sampled_from(["fresh", "late", "silent", "never", "of-tomorrow"])))
def test_every_host_is_one_shape_and_only_a_fresh_one_is_a_calm_dot(codes: list[str]) -> None:
    svg = ElementTree.fromstring(charts.dots(codes, ident="d", title=TITLE, desc=DESC))

    shapes = {part.get("class"): part.get("d", "").count("M") for part in svg.iter("path")}
    assert shapes.get("s-ok", 0) == codes.count("fresh")
    known = sum(shapes.get(name, 0) for name in ("s-ok", "s-late", "s-sil", "s-none"))
    assert known == len(codes)


def test_a_picture_has_title_and_description_and_no_style_of_its_own() -> None:
    drawn = charts.dots(["silent"], ident="d7", title="<Server>", desc='1 "schweigt"')

    svg = ElementTree.fromstring(drawn)
    assert (svg.get("role"), svg.get("aria-labelledby")) == ("img", "d7-t d7-d")
    assert [svg.findtext("title"), svg.findtext("desc")] == ["<Server>", '1 "schweigt"']
    assert not re.search(r"style=|fill=|stroke=", drawn)
