"""A host that no longer reports: an alert, and nothing about it looks good meanwhile."""

import pytest
from tests.collector.alerts.story import SOC, Story, healthy
from tests.collector.fakes import Collector
from tests.collector.rulebook import rule
from tests.fakes import DAY, HOUR, INTERVAL, MINUTE, kernel, listening, system

from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store import read
from verbundwacht_collector.store.views import AlertQuery, Freshness

SILENT = "system.host-silent"


@pytest.fixture
def quiet(story: Story) -> Story:
    """A host that was heard last three intervals and a moment ago, with one failing rule."""
    story.says(kernel=kernel(reboot=True), os=system("13"))
    story.wait(3 * INTERVAL + 1)
    story.collector.tick()
    return story


def outcomes(story: Story) -> set[str]:
    found = read.findings(
        story.collector.store._db, scope=OperatorScope(), now=story.collector.clock()
    )
    return {row.outcome for row in found}


@pytest.mark.parametrize(
    ("quiet_ms", "freshness"),
    [
        (0, "fresh"),
        (2 * INTERVAL, "fresh"),
        (2 * INTERVAL + 1, "late"),
        (3 * INTERVAL, "late"),
        (3 * INTERVAL + 1, "silent"),
        (30 * DAY, "silent"),
    ],
)
def test_a_host_is_late_after_two_and_silent_after_three_intervals(
    story: Story, quiet_ms: int, freshness: Freshness
) -> None:
    story.wait(quiet_ms)

    (host,) = story.collector.seen()
    assert host.freshness == freshness


def test_the_interval_is_the_one_the_host_itself_last_reported(story: Story) -> None:
    story.agent.interval_s = 4 * 3600
    story.beats()
    story.wait(12 * HOUR)
    story.collector.tick()
    before = story.state(SILENT)
    story.wait(1)
    story.collector.tick()

    assert (before, story.state(SILENT)) == ("none", "new")


def test_a_silent_host_is_one_alert_however_long_it_lasts(quiet: Story) -> None:
    for _ in range(10):
        quiet.wait(HOUR)
        quiet.collector.tick()

    assert quiet.collector.events(SILENT) == [("opened", "three_intervals_without_message")]


def test_time_before_the_collector_ran_does_not_count(story: Story) -> None:
    story.wait(DAY)
    started = story.collector.clock()
    story.wait(3 * INTERVAL)
    story.collector.tick(serving_since=started)
    within = story.state(SILENT)
    story.wait(1)
    story.collector.tick(serving_since=started)

    assert (within, story.state(SILENT)) == ("none", "new")


def test_everything_about_a_silent_host_is_stale(quiet: Story) -> None:
    (host,) = quiet.collector.seen()
    query = AlertQuery(state=())
    alerts, _ = read.alerts(
        quiet.collector.store._db, query, scope=SOC, now=quiet.collector.clock()
    )

    assert outcomes(quiet) == {"stale"}
    assert host.outcomes.keys() == {"stale"}
    assert {alert.freshness for alert in alerts} == {"silent"}


def test_a_restart_of_the_collector_makes_no_silent_host_fresh(quiet: Story) -> None:
    now = quiet.collector.clock()
    quiet.collector.act(lambda tx: tx.set_counter("serving_since", now))

    (host,) = quiet.collector.seen()
    assert host.freshness == "silent"
    assert outcomes(quiet) == {"stale"}


def test_nothing_resolves_while_a_host_is_silent(quiet: Story) -> None:
    for version in range(3):
        looser = rule("t.reboot", "true || facts.kernel.reboot_required", needs="kernel")
        quiet.collector.install(looser, rule(f"t.v{version}", "true", needs="os"))
        quiet.collector.judge_anew()
        for _ in range(60):
            quiet.wait(MINUTE)
            quiet.collector.tick()

    assert quiet.state("t.reboot") == "new"
    assert outcomes(quiet) == {"stale"}


def test_the_message_that_ends_the_silence_resolves_the_alert(quiet: Story) -> None:
    quiet.beats()

    assert quiet.last(SILENT) == ("resolved", "message_received")
    assert quiet.collector.seen()[0].freshness == "fresh"
    assert "pass" in outcomes(quiet)


def test_a_report_ends_the_silence_too(quiet: Story) -> None:
    quiet.says(listening=listening(22, 443))

    assert quiet.last(SILENT) == ("resolved", "message_received")


def test_a_message_that_was_held_back_is_no_sign_of_life(story: Story) -> None:
    held = [story.agent.report({"os": system("13")}), story.agent.beat()]
    story.wait(3 * INTERVAL + 1)
    story.collector.tick()
    story.collector.take(*held)

    assert story.state(SILENT) == "new"
    assert story.collector.seen()[0].freshness == "silent"
    assert outcomes(story) == {"stale"}


def test_a_replayed_message_is_no_sign_of_life(story: Story) -> None:
    story.says(os=system("13"))
    last_report, beat = story.agent.report({"kernel": kernel()}), story.agent.beat()
    story.collector.take(last_report, beat)
    story.wait(3 * INTERVAL + 1)
    story.collector.tick()
    story.collector.take(last_report, beat, last_report)

    assert story.state(SILENT) == "new"


def test_an_agent_cannot_ask_for_more_than_a_day_of_silence(story: Story) -> None:
    story.agent.interval_s = 10**9
    story.beats()
    story.wait(3 * DAY + 1)
    story.collector.tick()

    assert story.state(SILENT) == "new"


def test_silent_again_within_72_hours_is_the_same_alert(quiet: Story) -> None:
    quiet.beats()
    quiet.wait(3 * INTERVAL + 1)
    quiet.collector.tick()

    assert quiet.last(SILENT) == ("reopened", "fails_again_within_72_hours")
    assert quiet.alerts_of(SILENT) == ["new"]


def test_silent_again_later_is_a_new_alert_that_names_the_first(quiet: Story) -> None:
    quiet.beats()
    quiet.wait(72 * HOUR + 1)
    quiet.collector.tick()

    assert quiet.last(SILENT) == ("opened", "fails_again")
    assert quiet.collector.rows(
        "SELECT predecessor_id IS NOT NULL FROM alert WHERE rule_id = :r ORDER BY id", r=SILENT
    ) == [(0,), (1,)]


def test_a_silence_alert_closed_by_a_person_is_not_opened_again_by_the_next_minute(
    quiet: Story,
) -> None:
    quiet.closes(SILENT, "host_retired")
    quiet.wait(HOUR)
    quiet.collector.tick()

    assert quiet.alerts_of(SILENT) == ["closed"]
    assert quiet.collector.seen()[0].freshness == "silent"


def test_a_host_that_was_never_heard_has_no_outcome_that_looks_good(
    collector: Collector,
) -> None:
    collector.host()
    collector.clock.advance(DAY)
    collector.tick()

    (host,) = collector.seen()
    assert (host.freshness, host.outcomes) == ("never", {})


def test_the_clock_rules_of_a_silent_host_are_not_judged(story: Story) -> None:
    story.says(kernel=kernel(booted_at=story.collector.clock() - 30 * DAY + 2 * HOUR))
    for _ in range(4 * 60):
        story.wait(MINUTE)
        story.collector.tick()

    assert story.state(SILENT) == "new"
    assert story.state("t.old-boot") == "none"


def test_each_host_is_judged_by_the_clock_once_an_hour(collector: Collector) -> None:
    stories = [Story(collector, collector.host(f"h{i}"), starts=False) for i in range(3)]
    for story in stories:
        story.agent.interval_s = 4 * 3600
        story.says(healthy() | {"kernel": kernel(booted_at=collector.clock() - 30 * DAY + HOUR)})
    for _ in range(2 * 60):
        collector.clock.advance(MINUTE)
        collector.tick()

    assert [state for _, _, state in collector.alerts("t.old-boot")] == ["new"] * 3
