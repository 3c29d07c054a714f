"""Words of the alert life cycle: attestation, fingerprint, settings, and the named reasons."""

import hashlib
import json
from typing import Final, Literal, NamedTuple

State = Literal["new", "taken", "fix_claimed", "resolved", "closed"]
OPEN: Final = ("new", "taken", "fix_claimed")
Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: Final = ("critical", "high", "medium", "low")

REOPEN_WITHIN_MS: Final = 72 * 3600 * 1000
PASSES_TO_RESOLVE: Final = 2
ERRORS_TO_BE_BLIND: Final = 3
STREAK_CAP: Final = 3
EXPIRES_MS: Final = {"critical": 24 * 3600 * 1000}
EXPIRES_DEFAULT_MS: Final = 48 * 3600 * 1000

HOST_SILENT: Final = "system.host-silent"
RULE_BLIND: Final = "system.rule-blind"
MUNICIPALITY_SILENT: Final = "system.municipality-silent"


class Attestation(NamedTuple):
    """One accepted message (or the clock) that says: this is how the host stands."""

    at: int  # Unix ms, when it was received
    evidence: bytes  # entry hash of the message
    interval_ms: int  # how often the host means to report


class Settings(NamedTuple):
    """What an operator decides about alerting."""

    baseline: Literal["plan", "alert"] = "plan"
    """Whether a fail that was there from the beginning is planned or alerted."""


class RuleText(NamedTuple):
    """What an alert needs to know about its rule."""

    title: str
    severity: Severity
    alerting: bool = True  # False for a rule on trial: recorded and shown, no alert


def fingerprint(municipality_id: str, agent: bytes, rule_id: str, subject: str) -> bytes:
    """The identity of a problem: not its severity, value, pack version or time.

    SHA-256 over the canonical JSON (RFC 8785: a list of strings) of version, municipality,
    host, rule and subject. The host is its enrolment id, so renaming changes nothing.
    """
    parts = ["v1", municipality_id, agent.hex(), rule_id, subject]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
