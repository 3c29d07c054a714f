"""What a pack, a rule and a verdict are. Pure data, no behaviour but small conveniences.

A verdict is about one rule on one host, or about one subject of that rule where it names
subjects. A verdict `error` or `not_applicable` with the subject "" speaks for all subjects of
the rule: nothing may be concluded about any of them, least of all that it went away.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from msgspec import Struct, field

from verbundwacht_collector.rules.language.compile import Expression

Outcome = Literal["pass", "fail", "not_applicable", "error"]
Severity = Literal["critical", "high", "medium", "low"]
Status = Literal["draft", "canary", "stable", "deprecated"]
OnMissing = Literal["fail", "error", "not_applicable"]

OUTCOMES: Final[tuple[Outcome, ...]] = ("pass", "fail", "not_applicable", "error")
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")
STATUSES: Final[tuple[Status, ...]] = ("draft", "canary", "stable", "deprecated")
ON_MISSING: Final[tuple[OnMissing, ...]] = ("fail", "error", "not_applicable")


class SectionState(Struct, frozen=True):
    """What a host's manifest says about one section. facts: decoded body, only if `ok`."""

    status: str
    reason: str | None = None
    facts: Any | None = None


Snapshot = Mapping[str, SectionState]
"""Section name -> state; only sections that the host's manifest names."""


class Reading(Struct, frozen=True):
    """One value that decided. path: where it lies, as in `facts.accounts.privileged[2]`.

    value: as JSON writes it; for an object the fields that matter, `name="docker" gid=999`.
    """

    path: str
    value: str

    def __str__(self) -> str:
        # An object's value already says `name=…`; a second equals sign would read badly.
        is_object = self.value[:1].isalpha() and "=" in self.value
        return f"{self.path} {self.value}" if is_object else f"{self.path} = {self.value}"


class Verdict(Struct, frozen=True):
    """What one rule says about a host (subject "") or about one subject on it.

    reason: why it is an error or not applicable, or which field is missing; else "".
    readings: what was read; of a fail the failing elements, the first five.
    """

    rule_id: str
    subject: str
    outcome: Outcome
    reason: str = ""
    readings: tuple[Reading, ...] = ()

    @property
    def explanation(self) -> str:
        """Reason and readings, one per line."""
        return "\n".join(filter(None, (self.reason, *map(str, self.readings))))


class Parameter(Struct, frozen=True, kw_only=True):
    """A value that a municipality or team may set, within the limits of the pack."""

    name: str
    type: Literal["int", "string", "bool", "list<string>", "list<int>", "map<string,string>"]
    default: Any
    one_of: tuple[Any, ...] = ()
    min: int | None = None
    max: int | None = None
    unit: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of a pack, ready to be evaluated. Texts are by language, `de` and `en`."""

    id: str
    title: Mapping[str, str]
    """What must be true, as a finding is listed: „Alle Sicherheitsupdates sind eingespielt“."""
    problem: Mapping[str, str]
    """What an alert about it says: „Sicherheitsupdates fehlen“; the title where a pack has none."""
    severity: Severity
    status: Status
    group: str
    rationale: Mapping[str, str]
    expected: Mapping[str, str]
    remediation: Mapping[str, str]
    needs: tuple[str, ...]
    sections: frozenset[str]
    """Sections that the expressions read; a part of `needs`."""
    reads_now: bool
    """True if the verdict may change although no section did."""
    parameters: frozenset[str]
    maps: Mapping[str, tuple[Mapping[str, str], ...]]
    on_missing: OnMissing | None
    when: Expression | None
    each: Expression | None
    variable: str
    """Name of the element of `each` (key `as`); "" without `each`."""
    subject: tuple[Expression, ...]
    assertion: Expression
    defaults: Mapping[str, Any]
    """Defaults of the pack's parameters."""
    slots: int
    """How many variables its expressions use at the same time."""
    file: str
    line: int


class Test(Struct, frozen=True, kw_only=True):
    """One test of a rule, from its pack. facts: the fixture with the test's own merged in."""

    __test__: ClassVar[bool] = False  # pytest collects by name, and this is no test of ours
    rule_id: str
    index: int
    file: str
    line: int
    facts: Mapping[str, Any]
    collect: Mapping[str, str]
    now: datetime | None
    params: Mapping[str, Any]
    expect: Outcome
    why: str
    subjects: Mapping[str, Outcome]


class Pack(Struct, frozen=True, kw_only=True):
    """A rule pack. digest: SHA-256 (hex) of its bytes; see `load.digest`."""

    name: str
    version: str
    digest: str
    groups: Mapping[str, Mapping[str, str]]
    parameters: Mapping[str, Parameter]
    rules: tuple[Rule, ...]
    fixtures: Mapping[str, Mapping[str, Any]]
    tests: tuple[Test, ...]
    catalogues: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
