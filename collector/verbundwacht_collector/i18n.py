"""In which language a text is read: German stands in the source, other languages in catalogues.

A text is marked where it stands (`_`, `ngettext`; `N_` in tables) and translated when it is
shown, in the language of whoever asked: that is a context variable, so work that is handed to
a thread must run in a copy of the context. Placeholders are `%(name)s`, a percent sign is `%%`.
"""

import gettext as stdlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from babel import Locale

LANGUAGES: Final = {"de": "Deutsch", "en": "English"}
"""Code -> the language's own name, as the switch shows it."""
SOURCE: Final = "de"
CATALOGUES: Final = Path(__file__).parent / "locale"
_REGIONS: Final = {"de": "de_DE", "en": "en_GB"}
_current: ContextVar[str] = ContextVar("language", default=SOURCE)


def current() -> str:
    """The language of the reader in this context, `de` or `en`."""
    return _current.get()


def speak(language: str) -> None:
    """From here on, texts in this context are in `language`; ValueError if there is none."""
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is none of {', '.join(LANGUAGES)}")
    _current.set(language)


@contextmanager
def use(language: str) -> Iterator[None]:
    """Texts inside the block are in `language`; afterwards as before."""
    before = _current.set(_current.get())
    try:
        speak(language)
        yield
    finally:
        _current.reset(before)


@cache
def catalogue(language: str) -> stdlib.NullTranslations:
    """The translations into `language`; German is the source and needs none."""
    if language == SOURCE:
        return stdlib.NullTranslations()
    # Imported here: most commands and every agent-facing door never need a translation.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = CATALOGUES / language / "LC_MESSAGES" / "verbundwacht.po"
    packed = io.BytesIO()
    with path.open("rb") as text:
        write_mo(packed, read_po(text, locale=language))
    packed.seek(0)
    return stdlib.GNUTranslations(packed)


def locale() -> "Locale":
    """How numbers and dates are written in the reader's language."""
    return _locale(current())


@cache
def _locale(language: str) -> "Locale":
    from babel import Locale

    return Locale.parse(_REGIONS[language])


def number(value: float) -> str:
    """48213 as „48.213“ or “48,213”."""
    if isinstance(value, int) and abs(value) < 1000:
        return str(value)
    from babel.numbers import format_decimal

    return format_decimal(value, locale=locale())


def N_(message: str) -> str:  # noqa: N802 - the name that gettext has for it
    """The same text, marked for translation: for tables that are filled at import."""
    return message


def lookup(text: str, context: str | None = None) -> str:
    """A table's text in the reader's language; what no catalogue knows stays as it is."""
    # The empty message is the catalogue's own header.
    if not text:
        return ""
    words = catalogue(current())
    return words.gettext(text) if context is None else words.pgettext(context, text)


def _(message: str, /, **values: object) -> str:
    """The text in the reader's language, its placeholders filled."""
    return catalogue(current()).gettext(message) % values


def pgettext(context: str, message: str, /, **values: object) -> str:
    """The same for a word that has another meaning elsewhere."""
    return catalogue(current()).pgettext(context, message) % values


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """The form for `n`; `%(num)s` is `n` as the language writes it."""
    return catalogue(current()).ngettext(one, many, n) % {"num": number(n), **values}
