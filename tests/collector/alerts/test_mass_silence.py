"""Many hosts that fall silent together are one alert, and each alone again when it is over."""

import random
from typing import Any

import pytest
from tests.collector.alerts.story import JANA, SOC
from tests.collector.alerts.test_deliveries import send_all
from tests.collector.fakes import Collector
from tests.fakes import HOUR, INTERVAL, MINUTE, NEIGHBOUR, FakeAgent, kernel

from verbundwacht_collector.alerts import actions, planning
from verbundwacht_collector.alerts.silence import breaks_off
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store import read
from verbundwacht_collector.store.records import HeardRecord
from verbundwacht_collector.store.views import AlertQuery
from verbundwacht_wire.messages import Absence

MASS, SILENT = "system.municipality-silent", "system.host-silent"


@pytest.fixture
def town(collector: Collector) -> list[FakeAgent]:
    """Six hosts that report in different minutes of their interval."""
    agents = [collector.host(f"srv{n}") for n in range(6)]
    for agent in agents:
        collector.one(agent.report({"kernel": kernel()}))
    live(collector, agents, HOUR)
    return agents


def live(collector: Collector, agents: list[FakeAgent], ms: int, *, serving_since: int = 0) -> None:
    """Minute by minute: each agent speaks once an interval, at a minute of its own."""
    minutes = INTERVAL // MINUTE
    for _ in range(ms // MINUTE):
        collector.clock.advance(MINUTE)
        for agent in agents:
            own = int(agent.name[-1]) * 2
            if collector.clock() // MINUTE % minutes == own % minutes:
                collector.one(agent.beat())
        collector.tick(serving_since=serving_since)


def told(collector: Collector) -> list[tuple[str, str]]:
    """(rule, kind of event) of all that ever waited to be sent."""
    return [
        (rule, kind)
        for rule, kind in collector.rows(
            "SELECT a.rule_id, e.kind FROM delivery d JOIN alert_event e ON e.id = d.event_id"
            " JOIN alert a ON a.id = e.alert_id ORDER BY e.id"
        )
    ]


def test_a_broken_line_is_one_message_however_many_servers_hang_on_it(
    collector: Collector, town: list[FakeAgent]
) -> None:
    live(collector, [], 2 * HOUR)

    assert told(collector) == [(MASS, "opened")]
    assert len(collector.alerts(SILENT)) == len(town), "each silence is an alert, held back"


def test_the_line_that_is_back_resolves_its_alert_and_the_children(
    collector: Collector, town: list[FakeAgent]
) -> None:
    live(collector, [], 2 * HOUR)
    send_all(collector)
    live(collector, town, HOUR)

    assert {state for _, _, state in collector.alerts()} == {"resolved"}
    assert told(collector) == [(MASS, "opened"), (MASS, "resolved")]


def test_who_stays_silent_when_the_line_is_back_is_told_alone(
    collector: Collector, town: list[FakeAgent]
) -> None:
    live(collector, [], 2 * HOUR)
    send_all(collector)
    live(collector, town[1:], HOUR)

    assert told(collector)[1:] == [(MASS, "resolved"), (SILENT, "cover_ended")]


def test_two_of_six_are_two_alerts(collector: Collector, town: list[FakeAgent]) -> None:
    live(collector, town[2:], 2 * HOUR)

    assert told(collector) == [(SILENT, "opened")] * 2


def test_hosts_that_fall_silent_one_after_the_other_are_no_broken_line(
    collector: Collector, town: list[FakeAgent]
) -> None:
    for n in range(1, 5):
        live(collector, town[n:], 2 * HOUR)

    assert {rule for rule, _ in told(collector)} == {SILENT}


def test_a_neighbour_is_not_drawn_in(collector: Collector, town: list[FakeAgent]) -> None:
    neighbour = collector.host("nah6", municipality=NEIGHBOUR)
    collector.one(neighbour.report({"kernel": kernel()}))
    live(collector, town, HOUR)
    live(collector, [], 2 * HOUR)

    assert sorted(told(collector)) == [(SILENT, "opened"), (MASS, "opened")]


def test_a_town_whose_hosts_all_announced_their_absence_is_no_broken_line(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    for agent in town:
        agent.absence = Absence(from_=now, until=now + 3 * HOUR, reason="Stromabschaltung")
        collector.one(agent.beat())
    live(collector, [], 2 * HOUR)

    assert told(collector) == []


def test_a_broken_line_while_the_collector_was_down_is_seen_after_its_start(
    collector: Collector, town: list[FakeAgent]
) -> None:
    collector.clock.advance(5 * HOUR)
    started = collector.clock()
    collector.act(lambda tx: tx.set_counter("serving_since", started))
    for _ in range(60):
        collector.clock.advance(MINUTE)
        collector.tick(serving_since=started)

    assert told(collector) == [(MASS, "opened")]


def test_the_alert_about_a_town_is_listed_searched_and_shown_without_a_host(
    collector: Collector, town: list[FakeAgent]
) -> None:
    live(collector, [], 2 * HOUR)
    db, now = collector.store._db, collector.clock()
    rows, total = read.alerts(db, AlertQuery(q="unterbrochen"), scope=OperatorScope(), now=now)
    detail = read.alert(db, rows[0].number, scope=OperatorScope(), now=now)

    assert (total, rows[0].host, rows[0].municipality) == (1, "", "Musterdorf")
    assert detail.host is None
    assert sorted(child.host for child in detail.children) == [a.name for a in town]


def test_half_and_three_are_enough_and_less_is_not() -> None:
    def hosts(quiet: int, loud: int) -> list[HeardRecord]:
        now = 100 * INTERVAL
        return [
            *(HeardRecord(n, now - 2 * INTERVAL - 1, INTERVAL, None, None) for n in range(quiet)),
            *(HeardRecord(99 + n, now, INTERVAL, None, None) for n in range(loud)),
        ]

    def breaks(quiet: int, loud: int) -> bool:
        mixed = hosts(quiet, loud)
        random.Random(quiet).shuffle(mixed)
        return breaks_off(mixed, 100 * INTERVAL, 0)

    assert [breaks(3, 3), breaks(3, 4), breaks(2, 0), breaks(3, 0)] == [True, False, False, True]


def plan(collector: Collector, **when: Any) -> None:
    """A maintenance of Musterdorf, or of one server there."""
    asked: dict[str, Any] = {"scope": SOC, "municipality_id": "musterdorf", "actor": JANA}
    asked |= {"now": collector.clock(), "weekly_until": None, "reason": "Stromabschaltung"}
    collector.act(lambda tx: planning.plan_maintenance(tx, **asked, **when))


def half_is_gone(collector: Collector, town: list[FakeAgent]) -> str:
    """Three of six have been silent for two hours; the number of the alert about the town."""
    live(collector, town[3:], 2 * HOUR)
    send_all(collector)
    assert told(collector) == [(MASS, "opened")]
    return str(collector.value("SELECT number FROM alert WHERE rule_id = :r", r=MASS))


def test_who_takes_and_comments_the_alert_about_a_line_does_not_end_it(
    collector: Collector, town: list[FakeAgent]
) -> None:
    number = half_is_gone(collector, town)
    now = collector.clock()
    collector.act(
        lambda tx: actions.take(tx, scope=SOC, number=number, actor=JANA, now=now, version=None)
    )
    live(collector, town[3:], HOUR)

    assert collector.alerts(MASS)[0][2] == "taken"
    assert told(collector) == [(MASS, "opened")]


def test_a_restart_of_the_collector_does_not_end_a_broken_line(
    collector: Collector, town: list[FakeAgent]
) -> None:
    half_is_gone(collector, town)
    started = collector.clock()
    for _ in range(2 * HOUR // MINUTE):
        live(collector, town[3:], MINUTE, serving_since=started)

    assert collector.alerts(MASS)[0][2] == "new"
    assert told(collector) == [(MASS, "opened")]


def test_a_line_that_broke_again_is_ended_by_a_newer_message_only(
    collector: Collector, town: list[FakeAgent]
) -> None:
    live(collector, [], 2 * HOUR)
    send_all(collector)
    live(collector, town, HOUR)
    send_all(collector)
    live(collector, [], 2 * HOUR)
    began = collector.value(
        "SELECT max(e.at) FROM alert_event e JOIN alert a ON a.id = e.alert_id"
        " WHERE a.rule_id = :r AND e.kind = 'reopened'",
        r=MASS,
    )
    with_all_off = "UPDATE host SET state = 'retired'"
    collector.act(lambda tx: tx.execute(with_all_off, {}))
    collector.tick()

    assert began > 0
    assert collector.alerts(MASS)[0][2] == "new"


def test_a_line_that_is_still_broken_when_its_maintenance_ends_has_time_to_come_back(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    plan(collector, host_id="", starts_at=now, ends_at=now + 2 * HOUR)
    live(collector, [], 2 * HOUR)
    live(collector, town, HOUR)

    assert told(collector) == []
    assert {state for _, _, state in collector.alerts()} == {"resolved"}


def test_an_absence_that_is_announced_for_tomorrow_hides_no_broken_line_today(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    for agent in town[:3]:
        agent.absence = Absence(from_=now + 20 * HOUR, until=now + 23 * HOUR, reason="Umbau")
        collector.one(agent.beat())
    live(collector, town[3:], 2 * HOUR)

    assert told(collector) == [(MASS, "opened")]


def test_one_host_that_comes_and_goes_does_not_open_and_end_the_alert_each_time(
    collector: Collector, town: list[FakeAgent]
) -> None:
    half_is_gone(collector, town)
    for _ in range(6):
        live(collector, town[2:], HOUR)
        send_all(collector)
        live(collector, town[3:], 2 * HOUR)
        send_all(collector)

    assert told(collector).count((MASS, "reopened")) == 0
    assert told(collector).count((MASS, "resolved")) == 1


def test_a_town_that_does_not_come_back_from_its_announced_absence_is_one_message(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    for agent in town:
        agent.absence = Absence(from_=now, until=now + 2 * HOUR, reason="Stromabschaltung")
        collector.one(agent.beat())
    live(collector, [], 4 * HOUR)

    assert told(collector) == [(MASS, "opened")]


def test_a_town_that_comes_back_from_its_announced_absence_says_nothing(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    for agent in town:
        agent.absence = Absence(from_=now, until=now + 2 * HOUR, reason="Stromabschaltung")
        collector.one(agent.beat())
    live(collector, [], 2 * HOUR + MINUTE)
    for agent in town:
        agent.absence = None
    live(collector, town, HOUR)

    assert told(collector) == []


def test_the_half_that_does_not_come_back_from_its_absence_stays_one_message(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    for agent in town[:3]:
        agent.absence = Absence(from_=now, until=now + 2 * HOUR, reason="Stromabschaltung")
        collector.one(agent.beat())
    live(collector, town[3:], 6 * HOUR)

    assert told(collector) == [(MASS, "opened")]


def test_servers_that_are_each_in_maintenance_are_no_broken_line_until_it_is_over(
    collector: Collector, town: list[FakeAgent]
) -> None:
    now = collector.clock()
    for agent in town:
        plan(collector, host_id=agent.agent.hex(), starts_at=now, ends_at=now + 5 * HOUR)
    live(collector, [], 5 * HOUR)
    during = told(collector)
    live(collector, [], 2 * HOUR)

    assert during == []
    assert told(collector) == [(MASS, "opened")]


def close(collector: Collector, number: str) -> None:
    now, why = collector.clock(), "duplicate"
    asked: dict[str, Any] = {"scope": SOC, "number": number, "actor": JANA, "now": now}
    collector.act(lambda tx: actions.close(tx, **asked, version=None, reason=why, text=""))


def test_who_closes_the_alert_about_a_town_is_told_of_each_server_that_is_still_silent(
    collector: Collector, town: list[FakeAgent]
) -> None:
    close(collector, half_is_gone(collector, town))
    live(collector, town[3:], 2 * HOUR)

    assert told(collector)[1:] == [(MASS, "closed"), *[(SILENT, "cover_ended")] * 3]


def test_a_pause_of_the_alert_about_a_town_tells_of_no_server_meanwhile(
    collector: Collector, town: list[FakeAgent]
) -> None:
    number, now = half_is_gone(collector, town), collector.clock()
    asked: dict[str, Any] = {"scope": SOC, "number": number, "actor": JANA, "now": now}
    collector.act(
        lambda tx: planning.pause(tx, **asked, version=None, for_ms=4 * HOUR, reason="Bagger")
    )
    live(collector, town[3:], 4 * HOUR - MINUTE)
    during = told(collector)
    live(collector, town[3:], 2 * MINUTE)

    assert during == [(MASS, "opened")]
    assert told(collector)[1:] == [(MASS, "cover_ended")]


def test_children_that_somebody_closed_do_not_end_the_line_at_the_next_start(
    collector: Collector, town: list[FakeAgent]
) -> None:
    half_is_gone(collector, town)
    for (number,) in collector.rows("SELECT number FROM alert WHERE rule_id = :r", r=SILENT):
        close(collector, number)
    live(collector, town[3:], HOUR, serving_since=collector.clock())

    assert collector.alerts(MASS)[0][2] == "new"
    assert told(collector) == [(MASS, "opened")]
