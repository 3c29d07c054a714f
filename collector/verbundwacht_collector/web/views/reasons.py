"""Why a finding has no plain yes or no, in the reader's language.

The rules explain themselves in fixed English sentences, which are stored and hashed; here
they become sentences for users. One that is not known is shown as it is.
"""

import re
from collections.abc import Callable
from typing import Final

from verbundwacht_collector.i18n import _
from verbundwacht_collector.web import words

_PATTERNS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (
        re.compile(r"(\w+) is absent(?: \((\w+)\))?"),
        lambda m: _join(
            _("„%(section)s“ gibt es auf diesem Server nicht.", section=words.section(m[1])), m[2]
        ),
    ),
    (
        re.compile(r"(\w+) is not sent by this agent"),
        lambda m: _(
            "Dieser Agent schickt den Abschnitt „%(section)s“ nicht.", section=words.section(m[1])
        ),
    ),
    (
        re.compile(r"(\w+) was not collected: (\w+)(?: \((\w+)\))?"),
        lambda m: _join(
            _(
                "„%(section)s“ wurde nicht gelesen: %(status)s.",
                section=words.section(m[1]),
                status=words.section_status(m[2]).text,
            ),
            m[3],
        ),
    ),
    (
        re.compile(r"the content of (\w+) is not known here"),
        lambda m: _(
            "Der Inhalt von „%(section)s“ liegt noch nicht vor.", section=words.section(m[1])
        ),
    ),
    (
        re.compile(r"the condition `when` is not met"),
        lambda _m: _("Die Voraussetzung der Regel ist nicht gegeben."),
    ),
    (
        re.compile(r"subject is gone while its section was read"),
        lambda _m: _("Gibt es nicht mehr."),
    ),
)


def finding_reason(reason: str) -> str:
    """The sentence for a finding's reason; "" stays ""."""
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(reason):
            return sentence(found)
    return reason


def section_reason(code: str) -> str:
    """The sentence for a section's reason, or the code itself where we know none."""
    return words.reason(code) or _("Grund: %(code)s", code=code)


def _join(sentence: str, code: str | None) -> str:
    return f"{sentence} {section_reason(code)}" if code else sentence
