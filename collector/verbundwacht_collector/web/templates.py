"""The Jinja environment: everything escaped, every undefined name an error, German formats."""

from pathlib import Path
from typing import Any

import jinja2
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.assets import Assets

TEMPLATES = Path(__file__).parent / "templates"


def environment(assets: Assets, version: str) -> jinja2.Environment:
    """The environment of all pages; templates are compiled once and kept."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        # For every template, whatever its ending.
        autoescape=True,
        # A forgotten value must break a test, not leave a hole in a page.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals.update(asset=assets.url, words=words, version=version)
    env.filters.update(
        moment=moment,
        day=day,
        second=second,
        iso=dates.iso,
        number=dates.number,
        initials=initials,
    )
    return env


@pass_context
def moment(context: Context, ms: int) -> Markup:
    """`<time>` with „heute, 13:41 Uhr“; needs `now` in the context."""
    return _time(ms, dates.moment(ms, _now(context)))


@pass_context
def day(context: Context, ms: int) -> Markup:
    """`<time>` with the day alone."""
    return _time(ms, dates.day(ms, _now(context)))


def second(ms: int) -> Markup:
    """`<time>` to the second."""
    return _time(ms, dates.to_the_second(ms))


def initials(name: str) -> str:
    """„JB“ for Jana Brenner; one letter for a single name."""
    parts = [part for part in name.split() if part[0].isalpha()]
    return "".join(part[0] for part in [*parts[:1], *parts[1:][-1:]]).upper()


def _time(ms: int, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(dates.iso(ms), text)


def _now(context: Context) -> int:
    now: Any = context["now"]
    if not isinstance(now, int):
        raise TypeError("a page that shows times must be rendered with `now` in Unix ms")
    return now
