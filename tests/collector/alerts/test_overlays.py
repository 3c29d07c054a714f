"""What overlays hold back, what they leave alone, and what is told when they end."""

from typing import Any

import pytest
from tests.collector.alerts.story import JANA, SOC, Story
from tests.collector.alerts.test_deliveries import send_all, waiting
from tests.collector.rulebook import REBOOT
from tests.fakes import DAY, FAR, HOUR, INTERVAL, MINUTE, NEIGHBOUR, kernel, system

from verbundwacht_collector.alerts import planning
from verbundwacht_collector.errors import Conflict, NotFound, Refused
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope
from verbundwacht_wire.messages import Absence

REBOOTS, SILENT = "t.reboot", "system.host-silent"


def pause(story: Story, rule_id: str = REBOOTS, **changes: Any) -> None:
    number, now = story.number(rule_id), story.collector.clock()
    asked: dict[str, Any] = {"scope": SOC, "actor": JANA, "for_ms": 4 * HOUR, "version": None}
    asked |= {"reason": "Der Hersteller ist dran"} | changes
    story.collector.act(lambda tx: planning.pause(tx, number=number, now=now, **asked))


def maintain(story: Story, for_ms: int = 2 * HOUR, **changes: Any) -> int:
    now = story.collector.clock()
    asked: dict[str, Any] = {"scope": SOC, "municipality_id": "musterdorf", "host_id": ""}
    asked |= {"actor": JANA, "now": now, "starts_at": now, "ends_at": now + for_ms}
    asked |= {"weekly_until": None, "reason": "Umzug"} | changes
    return story.collector.act(lambda tx: planning.plan_maintenance(tx, **asked))


def later(story: Story, ms: int) -> None:
    """Time passes, the host attests each interval, the minute's work is done."""
    until = story.collector.clock() + ms
    while story.collector.clock() < until:
        story.wait(min(INTERVAL, until - story.collector.clock()))
        story.collector.one(story.agent.beat())
        story.collector.tick()


def told(story: Story) -> list[str]:
    """The kinds of event of all that ever waited to be sent, oldest first."""
    rows = story.collector.rows(
        "SELECT e.kind FROM delivery d JOIN alert_event e ON e.id = d.event_id ORDER BY e.id"
    )
    return [kind for (kind,) in rows]


def test_a_pause_says_nothing_while_it_lasts_and_reminds_when_it_ends(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    send_all(story.collector)
    pause(story)
    later(story, 4 * HOUR - MINUTE)
    during = (story.state(REBOOTS), told(story))
    later(story, 2 * MINUTE)

    assert during == ("new", ["opened"])
    assert story.last(REBOOTS) == ("cover_ended", "pause_ended")
    assert waiting(story.collector) == [("cover_ended", "soc@example.org")]


def test_a_pause_survives_that_the_alert_resolves_and_comes_back(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    send_all(story.collector)
    pause(story)
    story.says(kernel=kernel())
    story.beats()
    send_all(story.collector)
    story.says(kernel=kernel(reboot=True))

    assert story.last(REBOOTS)[0] == "reopened"
    assert told(story) == ["opened", "resolved"]


def test_what_resolved_during_a_pause_is_not_told_at_its_end(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    send_all(story.collector)
    pause(story)
    story.says(kernel=kernel())
    story.beats()
    later(story, 5 * HOUR)

    assert story.state(REBOOTS) == "resolved"
    assert told(story) == ["opened", "resolved"]


def test_who_ends_a_pause_early_has_the_rest_told_within_a_minute(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    send_all(story.collector)
    pause(story)
    now = story.collector.clock()
    (overlay_id,) = story.collector.rows("SELECT id FROM overlay")[0]
    story.collector.act(
        lambda tx: planning.end_overlay(tx, scope=SOC, overlay_id=overlay_id, actor=JANA, now=now)
    )
    story.wait(MINUTE)
    story.collector.tick()

    assert told(story) == ["opened", "cover_ended"]


def test_a_second_pause_takes_the_place_of_the_first(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    pause(story, for_ms=72 * HOUR)
    story.wait(HOUR)
    pause(story, for_ms=HOUR)
    later(story, HOUR + MINUTE)

    assert story.last(REBOOTS) == ("cover_ended", "pause_ended")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"for_ms": 73 * HOUR}, Refused),
        ({"for_ms": MINUTE}, Refused),
        ({"reason": "  \n "}, Refused),
        ({"reason": "x" * 501}, Refused),
        ({"reason": "\udcff\x1b\0"}, Refused),
        ({"scope": MunicipalityScope(NEIGHBOUR)}, NotFound),
        ({"scope": AllianceScope("anderswo")}, NotFound),
        ({"version": 99}, Conflict),
    ],
)
def test_a_pause_without_reason_end_or_right_is_refused_and_nothing_is_written(
    story: Story, changes: dict[str, Any], error: type[Exception]
) -> None:
    story.says(kernel=kernel(reboot=True))

    with pytest.raises(error):
        pause(story, **changes)
    assert story.collector.table("overlay") == []


def test_alerts_of_a_maintenance_open_and_wait_until_two_reports_after_it(story: Story) -> None:
    maintain(story)
    story.says(kernel=kernel(reboot=True))
    during = (story.state(REBOOTS), told(story))
    later(story, 2 * HOUR - INTERVAL)
    story.collector.tick()
    at_the_end = told(story)
    later(story, 2 * INTERVAL)

    assert during == ("new", [])
    assert at_the_end == []
    assert story.last(REBOOTS) == ("cover_ended", "maintenance_ended")
    assert told(story) == ["cover_ended"]


def test_what_a_maintenance_broke_and_mended_is_never_told(story: Story) -> None:
    maintain(story)
    story.says(kernel=kernel(reboot=True))
    story.says(kernel=kernel())
    story.beats()
    later(story, 4 * HOUR)

    assert story.state(REBOOTS) == "resolved"
    assert told(story) == []


def test_a_host_that_does_not_come_back_from_its_maintenance_is_told_of(story: Story) -> None:
    maintain(story)
    for _ in range(40):
        story.wait(5 * MINUTE)
        story.collector.tick()

    assert [kind for kind, _ in story.collector.events(SILENT)] == ["opened", "cover_ended"]
    assert told(story) == ["cover_ended"]


def test_a_maintenance_of_one_host_covers_no_other(story: Story) -> None:
    maintain(story, host_id=story.agent.agent.hex())
    other = Story(story.collector, story.collector.host("db01"))
    other.says(kernel=kernel(reboot=True))

    assert told(story) == ["opened"]


def test_a_weekly_maintenance_covers_every_week_and_tells_in_between(story: Story) -> None:
    start = story.collector.clock()
    maintain(story, weekly_until=start + 30 * DAY)
    story.wait(7 * DAY)
    story.says(kernel=kernel(reboot=True), after=HOUR)
    within = told(story)
    later(story, DAY)

    assert within == []
    assert told(story) == ["cover_ended"]


@pytest.mark.parametrize(
    "changes",
    [
        {"for_ms": 73 * HOUR},
        {"for_ms": 0},
        {"starts_at": 0, "ends_at": HOUR},
        {"weekly_until": 1},
        {"reason": ""},
    ],
)
def test_a_maintenance_that_cannot_be_is_refused(story: Story, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        maintain(story, **changes)


@pytest.mark.parametrize("municipality", [NEIGHBOUR, FAR, "unbekannt"])
def test_nobody_plans_maintenance_for_a_foreign_municipality(
    story: Story, municipality: str
) -> None:
    with pytest.raises(NotFound):
        maintain(story, scope=MunicipalityScope("musterdorf"), municipality_id=municipality)


def test_an_announced_absence_holds_back_the_silence_and_nothing_else(story: Story) -> None:
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now, until=now + 3 * HOUR, reason="Kernel-Update")
    story.says(kernel=kernel(reboot=True), after=MINUTE)
    send_all(story.collector)
    for _ in range(11):
        story.wait(15 * MINUTE)
        story.collector.tick()

    assert story.state(SILENT) == "new", "the silence is an alert as always"
    assert told(story) == ["opened"], "of the fault, not of the silence"


def test_who_stays_away_longer_than_announced_is_told_of(story: Story) -> None:
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now, until=now + HOUR, reason="Umbau")
    story.beats(after=MINUTE)
    for _ in range(20):
        story.wait(6 * MINUTE)
        story.collector.tick()

    assert story.collector.events(SILENT)[-1] == ("cover_ended", "absence_ended")
    assert told(story) == ["cover_ended"]


def test_a_host_that_is_back_takes_its_absence_back(story: Story) -> None:
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now, until=now + 4 * HOUR, reason="Umbau")
    story.beats(after=MINUTE)
    story.agent.absence = None
    story.beats()
    story.wait(3 * INTERVAL + 1)
    story.collector.tick()

    assert told(story) == ["opened"]
    assert story.collector.value("SELECT ended_at FROM overlay") is not None


def test_the_same_announcement_in_every_message_is_one_overlay(story: Story) -> None:
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now, until=now + 4 * HOUR, reason="Umbau")
    for _ in range(4):
        story.beats()

    assert len(story.collector.table("overlay")) == 1
    kinds = [row[3] for row in story.collector.table("audit")]
    assert kinds.count("overlay.created") == 1


def test_an_absence_far_in_the_future_is_not_believed(story: Story) -> None:
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now + 30 * DAY, until=now + 30 * DAY + HOUR, reason="?")
    story.beats()

    assert story.collector.table("overlay") == []


def test_a_host_cannot_be_ended_by_people_what_it_announced_itself(story: Story) -> None:
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now, until=now + HOUR, reason="Umbau")
    story.beats()
    (overlay_id,) = story.collector.rows("SELECT id FROM overlay")[0]

    with pytest.raises(Refused, match="announce --end"):
        story.collector.act(
            lambda tx: planning.end_overlay(
                tx, scope=SOC, overlay_id=overlay_id, actor=JANA, now=now
            )
        )


def test_a_rule_that_weighs_more_now_is_told_anew_and_one_that_weighs_less_is_not(
    story: Story,
) -> None:
    lower, higher = REBOOT.replace("critical", "low"), REBOOT
    story.collector.install(lower)
    story.collector.judge_anew()
    story.says(kernel=kernel(reboot=True), os=system())
    first = story.collector.value("SELECT severity FROM alert WHERE rule_id = :r", r=REBOOTS)
    story.collector.install(higher)
    story.collector.judge_anew()
    raised = story.last(REBOOTS)
    story.collector.install(lower)
    story.collector.judge_anew()

    assert (first, raised[0], story.last(REBOOTS)[0]) == ("low", "raised", "lowered")
    assert told(story) == ["opened", "raised"]
    assert story.collector.value("SELECT severity FROM alert") == "low"


def test_a_host_that_never_reported_is_an_alert_after_a_day(story: Story) -> None:
    story.collector.host("neu01")
    story.wait(DAY + 3 * INTERVAL - 2 * MINUTE)
    story.beats(after=0)
    story.collector.tick()
    within = story.state(SILENT)
    story.wait(3 * MINUTE)
    story.collector.tick()

    assert (within, story.state(SILENT)) == ("none", "new")
