"""Reads the tests of a rule: invented facts, and what the rule must say about them. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from verbundwacht_collector.rules.errors import EvaluationError
from verbundwacht_collector.rules.language.types import Type
from verbundwacht_collector.rules.language.values import timestamp
from verbundwacht_collector.rules.model import OUTCOMES, Outcome, Parameter, Test
from verbundwacht_collector.rules.pack.document import Part
from verbundwacht_collector.rules.pack.facts import merge, read_facts
from verbundwacht_collector.rules.pack.parameters import read_values
from verbundwacht_collector.rules.pack.reader import Reader

OPTIONAL: Final = ("use", "with", "now", "params", "collect", "without", "why", "subjects")
NOT_OK: Final = ("absent", "denied", "timeout", "failed")


class TestReader:
    """Reads the tests of one file."""

    def __init__(
        self,
        reader: Reader,
        facts: Type,
        fixtures: Mapping[str, Mapping[str, Any]],
        parameters: Mapping[str, Parameter],
    ) -> None:
        self.reader, self.facts = reader, facts
        self.fixtures, self.parameters = fixtures, parameters

    def test(self, part: Part, rule_id: str, index: int) -> Test:
        """One test; mistakes are noted."""
        reader = self.reader
        found = reader.record(part, "the test", ("expect",), OPTIONAL)
        use = reader.word(found.get("use"), "fixture", self.fixtures)
        facts = merge(self.fixtures.get(use, {}), read_facts(reader, found.get("with"), self.facts))
        sections = self.facts.fields
        for item in reader.items(found.get("without"), "without"):
            # After the merge: `without` wins over the fixture and over `with`.
            facts.pop(reader.word(item, "section", sections), None)
        return Test(
            rule_id=rule_id,
            index=index,
            file=reader.document.file,
            line=reader.document.place(part.start)[0],
            facts=facts,
            collect=self._words(found.get("collect"), "collect", "state of a section", NOT_OK),
            now=self._now(found.get("now")),
            params=read_values(reader, found.get("params"), self.parameters),
            expect=self._outcome(found.get("expect")),
            why=reader.text(found.get("why"), "why"),
            subjects={
                name: self._outcome(value)
                for name, (_, value) in reader.named(found.get("subjects"), "subjects").items()
            },
        )

    def _outcome(self, part: Part | None) -> Outcome:
        value: Any = self.reader.word(part, "outcome", OUTCOMES)
        return value or "pass"

    def _words(
        self, part: Part | None, what: str, value_is: str, allowed: tuple[str, ...]
    ) -> dict[str, str]:
        found = {}
        for name, (key, value) in self.reader.named(part, what).items():
            self.reader.word(key, "section", self.facts.fields)
            found[name] = self.reader.word(value, value_is, allowed)
        return found

    def _now(self, part: Part | None) -> datetime | None:
        text = self.reader.text(part, "now")
        if part is None or not text:
            return None
        try:
            return timestamp(text)
        except EvaluationError:
            self.reader.error(part, "now must be a date such as 2026-11-22T12:00:00Z")
            return None
