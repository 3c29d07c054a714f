"""What can go wrong on the agent's side.

AgentError
├── ConfigError          a setting that cannot be used; exit code 2
├── EnrolmentError       request, receipt or key that does not fit; exit code 2
├── StateError           a file of the agent's own state is missing, damaged or too open
├── AbsenceError         a planned absence that cannot be announced like this; exit code 2
├── Busy                 another run works in the same folder; exit code 75
└── Unavailable          one section could not be collected; becomes part of the manifest
"""

from typing import Literal

NotOk = Literal["absent", "denied", "timeout", "failed"]


class AgentError(Exception):
    """Base of all; the message says what happened and what to do next."""


class ConfigError(AgentError):
    """A setting cannot be used; the message names file, key and value."""


class EnrolmentError(AgentError):
    """A request, receipt or key does not fit."""


class StateError(AgentError):
    """A file of the agent's own state is missing, damaged or readable by others."""


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
