"""What can go wrong at the collector.

CollectorError
├── CodedError       one of the catalogue's problems, with its values; exit code 2
│   ├── ConfigError      a setting that cannot be used: file, key, value, next step
│   └── StoreError       the database is missing, newer than this program, or refuses
├── NotFound         nothing with this name in the reader's scope; exit code 1
├── Conflict         somebody else was faster; exit code 1
└── Refused          a request that is understood and not granted; exit code 1
"""

from collections.abc import Mapping
from string import Formatter
from typing import Final, Literal, NamedTuple

Lang = Literal["de", "en"]
LANGUAGES: Final[tuple[Lang, ...]] = ("de", "en")


class Words(NamedTuple):
    """A value that is a word itself, so it has two languages, too."""

    de: str
    en: str


class ConfigProblem(NamedTuple):
    """One kind of problem. Texts have {placeholders}, the same in both languages."""

    code: str
    de: str
    en: str
    cure_de: str
    cure_en: str
    warning: bool = False  # it runs as it is, and somebody ought to know

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the values it needs."""
        texts = (self.de, self.en, self.cure_de, self.cure_en)
        return frozenset(
            name for text in texts for _, name, _, _ in Formatter().parse(text) if name
        )

    def message(self, lang: Lang, values: Mapping[str, object]) -> str:
        """What happened, on one line."""
        return _fill(self.en if lang == "en" else self.de, lang, values)

    def cure(self, lang: Lang, values: Mapping[str, object]) -> str:
        """What to do next, on one line."""
        return _fill(self.cure_en if lang == "en" else self.cure_de, lang, values)

    def text(self, lang: Lang, values: Mapping[str, object]) -> str:
        """The one line that every command prints for it."""
        return f"{self.message(lang, values)} {self.cure(lang, values)} [{self.code}]"


def _fill(text: str, lang: Lang, values: Mapping[str, object]) -> str:
    said = {k: getattr(v, lang) if isinstance(v, Words) else str(v) for k, v in values.items()}
    # Keys and values come from a file: nothing in them may move the cursor of a terminal.
    return "".join(char if char.isprintable() else "�" for char in text.format_map(said))


class CollectorError(Exception):
    """Base of all; the message says what happened and what to do next."""

    exit_code = 1

    def text(self, lang: Lang) -> str:  # noqa: ARG002 - only coded ones have two languages
        """What a command prints for it."""
        return str(self)


class CodedError(CollectorError):
    """One problem of the catalogue with its values; there is no way to raise one in free words."""

    exit_code = 2

    def __init__(self, problem: ConfigProblem, /, **values: object) -> None:
        if values.keys() != problem.placeholders:
            raise TypeError(f"{problem.code} needs {sorted(problem.placeholders)}, not {values}")
        super().__init__(problem, values)
        self.problem, self.values = problem, values

    def text(self, lang: Lang) -> str:
        """Message, cure and code on one line, the same wherever it comes up."""
        return self.problem.text(lang, self.values)

    def __str__(self) -> str:
        return self.text("de")


class ConfigError(CodedError):
    """A setting cannot be used."""


class StoreError(CodedError):
    """The database cannot be used."""


class NotFound(CollectorError):  # noqa: N818 - the reader's word for it
    """Nothing with this name that the reader may see."""


class Conflict(CollectorError):  # noqa: N818 - as above
    """The thing changed since it was read."""


class Refused(CollectorError):  # noqa: N818 - as above
    """Understood, and not granted."""
