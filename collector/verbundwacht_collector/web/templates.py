"""The Jinja environment: everything escaped, every undefined name an error.

`_("…")`, `ngettext` and `{% trans %}` show texts in the reader's language. Translations count
as markup and values are escaped, so only literal texts may be given to them, never data.
"""

import gettext
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from verbundwacht_collector import i18n
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
        extensions=["jinja2.ext.i18n"],
    )
    _speak(env)
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


def _speak(env: jinja2.Environment) -> None:
    """Texts are looked up at every rendering: one environment serves all languages."""
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=i18n.lookup,
        ngettext=lambda one, many, n: _words().ngettext(one, many, n),
        pgettext=lambda context, text: _words().pgettext(context, text),
        npgettext=lambda context, one, many, n: _words().npgettext(context, one, many, n),
        newstyle=True,
    )
    # Jinja's own writes the bare number into `num`.
    env.globals["ngettext"] = _counted
    # Read now: the first reader of a language should not wait, and a broken file stops the start.
    for language in i18n.LANGUAGES:
        i18n.catalogue(language)


def _words() -> gettext.NullTranslations:
    return i18n.catalogue(i18n.current())


def _counted(one: str, many: str, n: int, /, **values: object) -> Markup:
    return Markup(_words().ngettext(one, many, n)) % {"num": i18n.number(n), **values}  # noqa: S704


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
