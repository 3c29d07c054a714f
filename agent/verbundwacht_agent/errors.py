"""What can go wrong on the agent's side.

AgentError
├── CodedError           one entry of config_problems with its values; exit code 2
│   ├── ConfigError          a setting that cannot be used
│   └── KeyFileError         a key that is missing, damaged or too open; a StateError, too
├── EnrolmentError       request, receipt or key that does not fit; exit code 2
├── StateError           a file of the agent's own state is missing, damaged or too open
├── AbsenceError         a planned absence that cannot be announced like this; exit code 2
├── Busy                 another run works in the same folder; exit code 75
└── Unavailable          one section could not be collected; becomes part of the manifest
"""

import re
from typing import Final, Literal, NamedTuple

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
NotOk = Literal["absent", "denied", "timeout", "failed"]


class AgentError(Exception):
    """Base of all; the message says what happened and what to do next."""


class ConfigProblem(NamedTuple):
    """One kind of problem. Texts have {placeholders}, the same in both languages."""

    code: str
    de: str
    en: str
    cure_de: str
    cure_en: str

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the values it needs."""
        texts = (self.de, self.en, self.cure_de, self.cure_en)
        return frozenset(name for text in texts for name in _PLACEHOLDER.findall(text))


class CodedError(AgentError):
    """One problem of the catalogue with its values; there is no way to raise one in free words."""

    def __init__(self, problem: ConfigProblem, /, **values: object) -> None:
        if values.keys() != problem.placeholders:
            raise TypeError(f"{problem.code} needs {sorted(problem.placeholders)}, not {values}")
        super().__init__(problem, values)
        self.problem = problem
        self.what, self.do = (_line(text, values) for text in (problem.de, problem.cure_de))

    def __str__(self) -> str:
        return f"{self.what} {self.do} [{self.problem.code}]"


def _line(template: str, values: dict[str, object]) -> str:
    # Values come out of files: nothing in them may move the cursor of a terminal.
    text = template.format_map(values)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


class ConfigError(CodedError):
    """A setting cannot be used; the message names file, key and value."""


class EnrolmentError(AgentError):
    """A request, receipt or key does not fit."""


class StateError(AgentError):
    """A file of the agent's own state is missing, damaged or readable by others."""


class KeyFileError(CodedError, StateError):
    """A key of this host cannot be used."""


class AbsenceError(AgentError):
    """An absence that cannot be announced: its duration or its reason."""


class Busy(AgentError):  # noqa: N818 - nothing is wrong, it is only not the time
    """Another run works in the same folder; a moment later there is none."""


class Unavailable(AgentError):  # noqa: N818 - it is a finding about the host, not a fault of ours
    """A section that could not be collected, with the status and reason the manifest carries.

    reason: one short fixed phrase in English (`no_host_keys`, `lists_missing`, …), never a
    value read from the host, because it is hashed, translated and shown.
    """

    def __init__(self, status: NotOk, reason: str, hint: str = "") -> None:
        super().__init__(f"{status}: {reason}. {hint}".rstrip())
        self.status: NotOk = status
        self.reason = reason
        self.hint = hint
