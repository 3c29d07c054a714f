"""Pictures drawn by the server as SVG: sharp in print, readable by screen readers, no script.

Pure: values in, markup out. Only classes, no colours and no styles, since the policy forbids
them and both themes need their own. A state has a shape of its own beside its colour, and
only `fresh` gets the calm one; whatever is not known is hollow and dashed.
"""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

STEP: Final = 13
"""Distance between two dots, in user units."""
ORDER: Final = ("silent", "late", "never", "fresh")


def dots(codes: Sequence[str], *, ident: str, title: str, desc: str, per_line: int = 24) -> Markup:
    """One shape per host, those that need a person first. ident: unique on the page."""
    rest = [code for code in codes if code not in ORDER]
    drawn = [code for known in ORDER[:3] for code in codes if code == known]
    drawn += [*rest, *(code for code in codes if code == "fresh")]
    places: dict[str, list[tuple[int, int]]] = {}
    for index, code in enumerate(drawn):
        line, column = divmod(index, per_line)
        where = (STEP * column + STEP // 2, STEP * line + STEP // 2)
        places.setdefault(code if code in ORDER else "never", []).append(where)
    width = STEP * max(1, min(len(drawn), per_line))
    height = STEP * max(1, -(-len(drawn) // per_line))
    return _svg(
        Markup("").join(_shapes(code, places[code]) for code in ORDER if code in places),
        size=(width, height),
        ident=ident,
        title=title,
        desc=desc,
    )


def sample(code: str) -> Markup:
    """The shape of one code alone, for a legend whose word stands beside it."""
    body = _shapes(code, [(STEP // 2, STEP // 2)])
    return Markup('<svg class="viz" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>').format(
        STEP, STEP, body
    )


def _svg(body: Markup, *, size: tuple[int, int], ident: str, title: str, desc: str) -> Markup:
    head = Markup(
        '<svg class="viz dots" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img"'
        ' aria-labelledby="{i}-t {i}-d"><title id="{i}-t">{t}</title><desc id="{i}-d">{d}</desc>'
    ).format(w=size[0], h=size[1], i=ident, t=title, d=desc)
    return head + body + Markup("</svg>")


def _shapes(code: str, places: Sequence[tuple[int, int]]) -> Markup:
    """All shapes of one code as one path: 3,700 circles would be most of the page's bytes."""
    if code == "fresh":
        # A line of no length with round ends is a dot.
        return _path("s-ok", [f"M{x} {y}h0" for x, y in places])
    if code == "late":
        return _path("s-late", [f"M{x} {y - 5}l5 5l-5 5l-5 -5z" for x, y in places])
    if code == "silent":
        square = _path("s-sil", [f"M{x - 5} {y - 5}h10v10h-10z" for x, y in places])
        cross = [f"M{x - 2} {y - 2}l4 4m0 -4l-4 4" for x, y in places]
        return square + _path("cross", cross)
    return _path("s-none", [f"M{x - 4} {y}a4 4 0 1 1 8 0a4 4 0 1 1 -8 0" for x, y in places])


def _path(name: str, parts: Sequence[str]) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(name, "".join(parts))
