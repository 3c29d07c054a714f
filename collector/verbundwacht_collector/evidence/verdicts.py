"""What the collector concluded, concluded again from the facts and rules in the file. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from verbundwacht_collector.evidence.links import Chain
from verbundwacht_collector.evidence.replay import Body, Replay, content_of
from verbundwacht_collector.evidence.report import Findings
from verbundwacht_collector.evidence.rows import PackRow, TransitionRow
from verbundwacht_collector.i18n import _
from verbundwacht_collector.rules.errors import PackError
from verbundwacht_collector.rules.evaluate import evaluate
from verbundwacht_collector.rules.load import digest, load_pack_bytes
from verbundwacht_collector.rules.model import Rule, SectionState, Verdict
from verbundwacht_wire.frame import Frame

Bodies = Mapping[Body, bytes]


class Rejudge:
    """The packs and facts of one file."""

    def __init__(
        self, packs: Sequence[tuple[int, PackRow]], replay: Replay, chain: Chain, elsewhere: Bodies
    ) -> None:
        self._packs, self._replay, self._chain = packs, replay, chain
        self._elsewhere = elsewhere
        self._rules: dict[str, dict[str, Rule]] = {}
        self._frames: dict[Body, Frame] = {}
        for one in chain.arrivals:
            for body in one.bodies:
                self._frames.setdefault(body, one.frame)
        # Small: a hostile report can have thousands of subjects. Transitions come rule by rule.
        self._facts = lru_cache(maxsize=32)(self._decode)
        self._verdicts = lru_cache(maxsize=8)(self._evaluate)

    def check_packs(self, found: Findings) -> None:
        """Every pack has the digest under which it is cited, and loads."""
        before = ""
        for number, row in self._packs:
            if row.digest <= before:
                found.add("verdicts", _("Das Regelpaket steht nicht an seinem Platz."), number)
            before = row.digest
            if digest(row.files) != row.digest:
                what = _("Das Regelpaket hat nicht die Prüfsumme, unter der es zitiert wird.")
                found.add("verdicts", what, number)
                continue
            try:
                rules = load_pack_bytes(row.files).rules
            except (PackError, RecursionError, ValueError, KeyError) as problem:
                what = _("Das Regelpaket lädt nicht (%(problem)s).", problem=repr(problem)[:200])
                found.add("verdicts", what, number)
                continue
            self._rules[row.digest] = {rule.id: rule for rule in rules if rule.status != "draft"}

    def check(
        self, number: int, step: TransitionRow, before: TransitionRow | None, found: Findings
    ) -> None:
        """The transition follows on the one before, and its outcome from the facts it cites."""
        seq = self._chain.entries.get(bytes.fromhex(step.evidence))
        if seq is None:
            return  # named already
        if step.old is not None and (before is None or before.new != step.old):
            what = _(
                "Der Wechsel von %(old)s zu %(new)s schließt an keinen früheren an.",
                old=step.old[:20],
                new=step.new[:20],
            )
            found.add("verdicts", what, number, seq)
        if before is not None and step.at < before.at:
            found.add("verdicts", _("Der Wechsel liegt vor dem vorigen."), number, seq)
        rules = self._rules.get(step.pack_digest)
        rule = None if rules is None else rules.get(step.rule_id)
        if rule is None:
            what = _(
                "%(rule)s ist nicht nachrechenbar: das Regelpaket %(digest)s… liegt nicht bei oder "
                "kennt sie nicht.",
                rule=step.rule_id[:80],
                digest=step.pack_digest[:12],
            )
            found.add("verdicts", what, number, seq)
            return
        self._check_outcome(number, step, rule, seq, found)

    def _check_outcome(
        self, number: int, step: TransitionRow, rule: Rule, seq: int, found: Findings
    ) -> None:
        first = self._chain.places.get(seq)
        states = [] if first is None else self._replay.between(first, step.at)
        outcomes = {
            outcome_of(self._verdicts(step.pack_digest, rule.id, state, step.at), step.subject)
            for state in states
            if state
        }
        if step.new not in outcomes:
            what = _(
                "%(rule)s: behauptet ist %(claimed)s, die Fakten ergeben %(computed)s.",
                rule=rule.id,
                claimed=step.new[:20],
                computed=", ".join(sorted(outcomes)) or _("nichts"),
            )
            found.add("verdicts", what, number, seq)

    def _evaluate(self, pack: str, rule_id: str, state: int, at: int) -> tuple[Verdict, ...]:
        rule = self._rules[pack][rule_id]
        report = self._chain.arrivals[self._chain.places[state]]
        assert report.manifest is not None
        snapshot = {
            name: SectionState(
                entry.status,
                entry.reason,
                self._facts((name, entry.hash)) if name in rule.needs else None,
            )
            for name, entry in report.manifest.items()
        }
        now = datetime.fromtimestamp(at / 1000, UTC)
        return evaluate(rule, snapshot, rule.defaults, now)

    def _decode(self, body: Body) -> Any:
        raw = self._elsewhere.get(body)
        if raw is None and body in self._frames:
            content = content_of(self._frames[body])
            raw = content.bodies[body[0]][1] if content is not None else None
        try:
            return None if raw is None else msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


def outcome_of(verdicts: Sequence[Verdict], subject: str) -> str:
    """What a rule says about a subject: a subject without a verdict of its own passes."""
    for verdict in verdicts:
        if verdict.subject == subject:
            return verdict.outcome
    if len(verdicts) == 1 and not verdicts[0].subject:
        blanket = verdicts[0].outcome
        if blanket in ("error", "not_applicable"):
            return blanket
    return "pass"
