"""What the pages say about rules: texts, severity, group and pack by rule id.

The texts are the pack's own, in the reader's language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.i18n import N_, _, current, lookup
from verbundwacht_collector.rules.model import Pack

OWN_GROUP: Final = ("collector", N_("Verbindung und Messung"))
UNKNOWN_GROUP: Final = ("", N_("Andere Regeln"))


@dataclass(frozen=True)
class RuleTexts:
    """One rule. `pack` is „name version“, empty for the collector's own rules."""

    id: str
    title: str
    severity: str
    group: str
    problem: str = ""
    rationale: str = ""
    expected: str = ""
    remediation: str = ""
    maps: Mapping[str, Sequence[Any]] | None = None
    pack: str = ""
    pack_digest: str = ""


@dataclass(frozen=True)
class RuleBook:
    """All rules in force, and the groups with their titles in the packs' order."""

    rules: Mapping[str, RuleTexts]
    groups: Mapping[str, str]

    def texts(self, rule_id: str) -> RuleTexts:
        """The texts of a rule; one that is no longer in force keeps its id as the title."""
        return self.rules.get(rule_id) or RuleTexts(rule_id, rule_id, "low", UNKNOWN_GROUP[0])

    def problem(self, rule_id: str, stored: str) -> str:
        """What is wrong, by a rule in force; else the title that was stored with an alert."""
        found = self.rules.get(rule_id)
        return stored if found is None else found.problem

    def saying(self, text: str) -> tuple[str, ...]:
        """The ids of rules that the pages call by something with this text; "" is in none."""
        wanted = text.casefold()
        return tuple(
            rule.id
            for rule in self.rules.values()
            if wanted and wanted in f"{rule.title} {rule.problem}".casefold()
        )

    def of_group(self, group: str) -> tuple[str, ...]:
        """The ids of a group's rules."""
        return tuple(rule.id for rule in self.rules.values() if rule.group == group)


def _problem(title: str, problem: str) -> str:
    """What is wrong. A title alone says what ought to be, and would read like good news."""
    return problem if problem != title else _("nicht erfüllt: %(title)s", title=title)


def titles(packs: Sequence[Pack], rule_id: str) -> Mapping[str, str]:
    """The titles of a rule in force by language; empty for any other."""
    if rule_id in SYSTEM_RULES:
        return SYSTEM_RULES[rule_id].title
    found = (rule.title for pack in packs for rule in pack.rules if rule.id == rule_id)
    return next(found, {})


def rule_book(packs: Sequence[Pack]) -> RuleBook:
    """The rules of all packs, and the collector's own, in the reader's language."""
    language = current()
    rules: dict[str, RuleTexts] = {}
    groups: dict[str, str] = {}
    for pack in packs:
        groups |= {code: title[language] for code, title in pack.groups.items()}
        for rule in pack.rules:
            rules[rule.id] = RuleTexts(
                id=rule.id,
                title=rule.title[language],
                problem=_problem(rule.title[language], rule.problem[language]),
                severity=rule.severity,
                group=rule.group,
                rationale=rule.rationale[language],
                expected=rule.expected[language],
                remediation=rule.remediation[language],
                maps=rule.maps,
                pack=f"{pack.name} {pack.version}",
                pack_digest=pack.digest,
            )
    for own in SYSTEM_RULES.values():
        rules[own.id] = RuleTexts(
            id=own.id,
            title=own.title[language],
            problem=own.title[language],
            severity=own.severity,
            group=OWN_GROUP[0],
            rationale=own.rationale[language],
            expected=own.expected[language],
            remediation=own.remediation[language],
        )
    # Last, and under a code of its own: packs have a group `system`, too.
    groups.setdefault(OWN_GROUP[0], lookup(OWN_GROUP[1]))
    return RuleBook(rules, groups)
