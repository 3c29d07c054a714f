"""What people do with an alert: what is allowed, who was faster, what stays on record."""

from typing import Any

import pytest
from tests.collector.alerts.story import JANA, SOC, TOBIAS, Story
from tests.fakes import FAR, HOME, NEIGHBOUR, kernel

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.errors import Conflict, NotFound, Refused
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, OperatorScope, Scope
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import AlertRecord


@pytest.fixture
def failing(story: Story) -> Story:
    story.says(kernel=kernel(reboot=True))
    return story


def act(
    story: Story,
    kind: str,
    *,
    scope: Scope = SOC,
    actor: actions.Actor = JANA,
    version: int | None = None,
    number: str = "",
    text: str = "Gesehen.",
    reason: str = "rule_wrong",
) -> AlertRecord:
    """One of the four actions, by name."""
    number, now = number or story.number("t.reboot"), story.collector.clock()

    def work(tx: Transaction) -> AlertRecord:
        common: dict[str, Any] = {"scope": scope, "number": number, "actor": actor, "now": now}
        if kind == "comment":
            return actions.comment(tx, **common, text=text)
        if kind == "close":
            return actions.close(tx, **common, version=version, reason=reason, text=text)
        do = actions.take if kind == "take" else actions.claim_fix
        return do(tx, **common, version=version)

    return story.collector.act(work)


ALL = ("take", "claim", "comment", "close")


def test_taking_names_who_and_when(failing: Story) -> None:
    act(failing, "take")

    assert failing.collector.rows("SELECT state, assignee_id FROM alert") == [("taken", 1)]
    assert failing.last("t.reboot") == ("taken", "taken_by_person")


def test_taking_twice_is_once(failing: Story) -> None:
    act(failing, "take")
    act(failing, "take")

    assert len(failing.collector.events("t.reboot")) == 2


def test_a_colleague_can_take_over(failing: Story) -> None:
    act(failing, "take")
    act(failing, "take", actor=TOBIAS)

    assert failing.collector.value("SELECT assignee_id FROM alert") == 2


def test_no_action_of_a_person_resolves(failing: Story) -> None:
    for kind in ("take", "comment", "claim", "take"):
        act(failing, kind)
        failing.beats()

    assert failing.state("t.reboot") in ("taken", "fix_claimed")


@pytest.mark.parametrize("kind", ["take", "claim", "close"])
def test_who_comes_second_is_told_who_was_first(failing: Story, kind: str) -> None:
    seen = failing.collector.value("SELECT version FROM alert")
    act(failing, "take", version=seen)

    with pytest.raises(Conflict, match=r"Jana Brenner \(taken\)"):
        act(failing, kind, actor=TOBIAS, version=seen)


def test_the_collector_may_be_the_one_who_was_faster(failing: Story) -> None:
    seen = failing.collector.value("SELECT version FROM alert")
    failing.says(kernel=kernel())
    failing.beats()

    with pytest.raises(Conflict, match=r"Verbundwacht \(resolved\)"):
        act(failing, "take", version=seen)


@pytest.mark.parametrize("kind", ["take", "claim", "close"])
def test_an_ended_alert_takes_no_more_actions_but_comments(failing: Story, kind: str) -> None:
    act(failing, "close")

    with pytest.raises(Refused, match="schon beendet"):
        act(failing, kind)
    assert act(failing, "comment").state == "closed"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "scope",
    [MunicipalityScope(NEIGHBOUR), MunicipalityScope(FAR), AllianceScope("anderswo")],
)
def test_a_foreign_alert_is_not_found_and_nothing_changes(
    failing: Story, kind: str, scope: Scope
) -> None:
    before = failing.collector.dump("alert", "alert_event", "audit", "delivery")

    with pytest.raises(NotFound):
        act(failing, kind, scope=scope)
    assert failing.collector.dump("alert", "alert_event", "audit", "delivery") == before


@pytest.mark.parametrize("scope", [MunicipalityScope(HOME), SOC, OperatorScope()])
def test_the_own_people_may_act(failing: Story, scope: Scope) -> None:
    assert act(failing, "take", scope=scope).state == "taken"


@pytest.mark.parametrize("kind", ALL)
def test_a_number_that_does_not_exist_is_not_found(failing: Story, kind: str) -> None:
    with pytest.raises(NotFound, match="W-2026-9999"):
        act(failing, kind, number="W-2026-9999")


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 4001])
def test_an_empty_or_endless_comment_is_refused(failing: Story, text: str) -> None:
    with pytest.raises(Refused):
        act(failing, "comment", text=text)


def test_closing_needs_one_of_the_reasons(failing: Story) -> None:
    with pytest.raises(Refused, match="rule_wrong, host_retired, duplicate"):
        act(failing, "close", reason="weil")


def test_closing_leaves_the_finding_as_it_is(failing: Story) -> None:
    act(failing, "close")

    assert failing.collector.outcome("t.reboot") == "fail"


def test_a_comment_keeps_its_text_and_its_author(failing: Story) -> None:
    act(failing, "comment", text="  Neustart am Freitag, 18 Uhr.\n")

    assert failing.collector.rows(
        "SELECT text, actor_id FROM alert_event WHERE kind = 'commented'"
    ) == [("Neustart am Freitag, 18 Uhr.", 1)]


def test_a_claimed_fix_makes_the_next_beat_count(failing: Story) -> None:
    failing.beats()
    before = failing.collector.value("SELECT awaiting FROM host")
    act(failing, "claim")

    assert (before, failing.collector.value("SELECT awaiting FROM host")) == (0, 1)
