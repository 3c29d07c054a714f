"""Where overlays meet restarts, other overlays, messages on their way and hosts of bad faith."""

from tests.collector.alerts.story import JANA, SOC, Story
from tests.collector.alerts.test_deliveries import send_all, waiting
from tests.collector.alerts.test_overlays import REBOOTS, later, maintain, pause, told
from tests.collector.alerts.test_windows import maintenance, ms
from tests.collector.rulebook import REBOOT
from tests.fakes import DAY, HOUR, MINUTE, kernel, system

from verbundwacht_collector.alerts import planning
from verbundwacht_collector.alerts.absence import MAX_PER_DAY
from verbundwacht_collector.alerts.overlays import Window, windows
from verbundwacht_wire.messages import Absence


def audit(story: Story) -> list[tuple[str, str]]:
    """(action, object) of what the audit log says about overlays, oldest first."""
    return story.collector.rows(
        "SELECT action, object FROM audit WHERE action LIKE 'overlay.%' ORDER BY id"
    )


def test_a_message_that_has_not_left_yet_is_not_sent_into_a_pause(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    pause(story)
    during = waiting(story.collector)
    later(story, 4 * HOUR + MINUTE)

    assert during == []
    assert waiting(story.collector) == [("cover_ended", "soc@example.org")]


def test_an_ending_that_has_not_left_yet_is_not_sent_once_the_problem_is_back(
    story: Story,
) -> None:
    story.says(kernel=kernel(reboot=True))
    send_all(story.collector)
    story.says(kernel=kernel())
    story.beats()
    maintain(story)
    story.says(kernel=kernel(reboot=True), after=MINUTE)

    assert story.last(REBOOTS)[0] == "reopened"
    assert waiting(story.collector) == []


def test_what_is_told_because_it_weighs_more_is_not_told_again_as_the_end_of_the_cover(
    story: Story,
) -> None:
    story.collector.install(REBOOT.replace("critical", "low"))
    story.collector.judge_anew()
    story.says(os=system())
    maintain(story, for_ms=HOUR)
    story.says(kernel=kernel(reboot=True), after=HOUR - MINUTE)
    story.wait(MINUTE)
    story.collector.tick()
    story.collector.install(REBOOT)
    story.collector.judge_anew()
    later(story, 2 * HOUR)

    assert told(story) == ["raised"]


def test_a_maintenance_that_ended_while_nobody_listened_leaves_hosts_time_to_report(
    story: Story,
) -> None:
    maintain(story)
    story.says(kernel=kernel(reboot=True))
    story.wait(6 * HOUR)
    started = story.collector.clock()
    story.collector.tick(serving_since=started)
    at_the_start = told(story)
    story.says(kernel=kernel(), after=MINUTE)
    story.beats()
    story.collector.tick(serving_since=started)

    assert at_the_start == []
    assert story.state(REBOOTS) == "resolved"
    assert told(story) == []


def test_what_still_fails_after_a_start_is_told_soon(story: Story) -> None:
    maintain(story)
    story.says(kernel=kernel(reboot=True))
    story.wait(6 * HOUR)
    started = story.collector.clock()
    for _ in range(4):
        story.beats()
        story.collector.tick(serving_since=started)

    assert told(story) == ["cover_ended"]


def test_a_host_of_rare_messages_under_nightly_maintenance_is_told_of(story: Story) -> None:
    start = story.collector.clock()
    for day in range(7):
        begins = start + day * DAY
        maintain(story, starts_at=begins, ends_at=begins + 10 * HOUR, weekly_until=start + 60 * DAY)
    story.agent.interval_s = 86_400
    story.says(kernel=kernel(reboot=True), after=HOUR)
    for hour in range(4 * 24):
        story.wait(HOUR)
        if hour % 24 == 0:
            story.beats(after=0)
        story.collector.tick()

    assert "cover_ended" in told(story)


def test_every_pause_stands_in_the_audit_log_with_its_end(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    pause(story)
    pause(story, for_ms=HOUR)

    assert audit(story) == [
        ("overlay.created", "overlay 1"),
        ("overlay.ended", "overlay 1"),
        ("overlay.created", "overlay 2"),
    ]


def test_a_host_that_announces_without_end_is_not_believed_any_more_that_day(
    story: Story,
) -> None:
    for _ in range(MAX_PER_DAY + 5):
        now = story.collector.clock()
        story.agent.absence = Absence(from_=now, until=now + 4 * HOUR, reason="Umbau")
        story.beats(after=MINUTE)

    assert len(story.collector.table("overlay")) == MAX_PER_DAY
    assert story.collector.rows("SELECT absent_until FROM host") == [(None,)]
    story.wait(DAY)
    now = story.collector.clock()
    story.agent.absence = Absence(from_=now, until=now + HOUR, reason="Umbau")
    story.beats(after=MINUTE)
    assert len(story.collector.table("overlay")) == MAX_PER_DAY + 1


def test_a_weekly_window_in_the_hour_that_comes_twice_begins_when_it_was_planned() -> None:
    second = ms("2026-10-25T02:30") + HOUR  # 02:30 for the second time that night
    weekly = maintenance(second, second + HOUR, weekly_until=ms("2026-12-01T00:00"))

    assert windows(weekly, second - 1) == (None, Window(second, second + HOUR))
    after = ms("2026-11-01T02:30")
    assert windows(weekly, second)[1] == Window(after, after + HOUR)


def test_a_pause_that_is_ended_while_its_alert_is_resolved_leaves_the_next_one_told(
    story: Story,
) -> None:
    story.says(kernel=kernel(reboot=True))
    send_all(story.collector)
    pause(story)
    story.says(kernel=kernel())
    story.beats()
    send_all(story.collector)
    now = story.collector.clock()
    (overlay_id,) = story.collector.rows("SELECT id FROM overlay")[0]
    story.collector.act(
        lambda tx: planning.end_overlay(tx, scope=SOC, overlay_id=overlay_id, actor=JANA, now=now)
    )
    story.says(kernel=kernel(reboot=True))
    story.collector.tick()

    assert told(story) == ["opened", "resolved", "reopened"]


def test_a_clock_that_jumps_back_loses_nothing_and_tells_nothing_twice(story: Story) -> None:
    maintain(story)
    story.says(kernel=kernel(reboot=True))
    later(story, 3 * HOUR)
    once = told(story)
    story.wait(-2 * HOUR)
    story.collector.tick()
    later(story, 4 * HOUR)

    assert once == ["cover_ended"]
    assert told(story) == ["cover_ended"]


def test_a_reason_keeps_its_words_and_loses_what_is_no_character(story: Story) -> None:
    maintain(story, reason="Umzug\udcff nach\x1b[2J\tNebenan\0 ä")

    assert story.collector.value("SELECT reason FROM overlay") == "Umzug nach[2J Nebenan ä"


def test_the_history_says_how_long_a_pause_lasts_to_the_minute(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))
    pause(story, for_ms=HOUR + HOUR // 2, reason="Rückruf")
    pause(story, for_ms=24 * HOUR, reason="Rückruf")

    sql = "SELECT text FROM alert_event WHERE kind = 'paused' ORDER BY id"
    assert story.collector.rows(sql) == [("1 h 30 min: Rückruf",), ("24 h: Rückruf",)]
