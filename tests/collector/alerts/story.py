"""One host and its collector, told as a story: what it says, when, and what comes of it."""

from collections.abc import Mapping

from tests.collector.fakes import Collector
from tests.fakes import INTERVAL, FakeAgent, Said, kernel, listening, services, system

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.pipeline import Taken
from verbundwacht_collector.scope import AllianceScope, Scope
from verbundwacht_collector.store.records import AlertRecord

JANA, TOBIAS = Actor(1, "jana"), Actor(2, "tobias")
SOC = AllianceScope("verbund")


def healthy() -> dict[str, Said]:
    """Four sections to which no rule objects."""
    return {
        "kernel": kernel(),
        "os": system(),
        "services": services(),
        "listening": listening(22),
    }


class Story:
    """Each call is one more message or one more act, an interval later."""

    def __init__(self, collector: Collector, agent: FakeAgent, *, starts: bool = True) -> None:
        self.collector, self.agent = collector, agent
        if starts:
            self.says(healthy())

    def wait(self, ms: int = INTERVAL) -> None:
        self.collector.clock.advance(ms)

    def says(
        self, many: Mapping[str, Said] | None = None, /, *, after: int = INTERVAL, **sections: Said
    ) -> Taken:
        """The host reports that these sections changed."""
        self.wait(after)
        return self.collector.one(self.agent.report({**(many or {}), **sections}))

    def beats(self, *, after: int = INTERVAL) -> Taken:
        """The host attests that nothing changed."""
        self.wait(after)
        return self.collector.one(self.agent.beat())

    def number(self, rule_id: str) -> str:
        """The number of the newest alert of a rule."""
        sql = "SELECT number FROM alert WHERE rule_id = :rule ORDER BY id DESC LIMIT 1"
        return str(self.collector.value(sql, rule=rule_id))

    def takes(self, rule_id: str, actor: Actor = JANA) -> AlertRecord:
        number, now = self.number(rule_id), self.collector.clock()
        return self.collector.act(
            lambda tx: actions.take(
                tx, scope=SOC, number=number, actor=actor, now=now, version=None
            )
        )

    def claims(self, rule_id: str, actor: Actor = JANA) -> AlertRecord:
        number, now = self.number(rule_id), self.collector.clock()
        return self.collector.act(
            lambda tx: actions.claim_fix(
                tx, scope=SOC, number=number, actor=actor, now=now, version=None
            )
        )

    def closes(
        self, rule_id: str, reason: str = "rule_wrong", *, scope: Scope = SOC
    ) -> AlertRecord:
        number, now = self.number(rule_id), self.collector.clock()
        return self.collector.act(
            lambda tx: actions.close(
                tx,
                scope=scope,
                number=number,
                actor=JANA,
                now=now,
                reason=reason,
                text="",
                version=None,
            )
        )

    def comments(self, rule_id: str, text: str = "Gesehen.") -> AlertRecord:
        number, now = self.number(rule_id), self.collector.clock()
        return self.collector.act(
            lambda tx: actions.comment(tx, scope=SOC, number=number, actor=JANA, now=now, text=text)
        )

    def alerts_of(self, rule_id: str) -> list[str]:
        """The states of all alerts of a rule, oldest first."""
        return [state for _, _, state in self.collector.alerts(rule_id)]

    def state(self, rule_id: str) -> str:
        """The state of the newest alert of a rule; "none" if there is none."""
        found = self.collector.alerts(rule_id)
        return found[-1][2] if found else "none"

    def last(self, rule_id: str) -> tuple[str, str]:
        """(kind, reason) of what happened last to the alerts of a rule."""
        return self.collector.events(rule_id)[-1]
