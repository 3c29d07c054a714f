"""What opens an alert, under which name, and what does not."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.collector.alerts.story import Story, healthy
from tests.collector.fakes import PLANNING, Collector
from tests.collector.rulebook import CANARY, REBOOT, RELEASE, RULES, rule
from tests.fakes import DAY, HOUR, Not, Said, kernel, listening, services, system

FOUR_HOURS = 4 * HOUR
BROKEN: Mapping[str, Said] = {
    "kernel": kernel(reboot=True),
    "os": system("9"),
    "services": services("cron.service"),
    "listening": listening(22, 3389),
}


def test_a_pass_that_becomes_a_fail_is_a_regression(story: Story) -> None:
    story.says(kernel=kernel(reboot=True))

    assert story.collector.events("t.reboot") == [("opened", "regression")]
    assert story.collector.alerts() == [("t.reboot", "", "new")]


def test_a_rule_that_begins_to_apply_and_fails_alerts(story: Story) -> None:
    story.says(services=Not("absent", "no_systemd"))
    story.says(services=services("cron.service"))

    assert story.collector.events("t.failed") == [("opened", "became_applicable")]


def test_a_fail_after_an_error_alerts_if_a_value_was_known_before(story: Story) -> None:
    story.says(services=Not("failed", "exit_code"))
    story.says(services=services("cron.service"))

    assert story.collector.events("t.failed") == [("opened", "readable_again")]


def test_a_new_subject_of_a_known_rule_alerts_at_once(story: Story) -> None:
    story.says(listening=listening(22, 3389, 5432))

    assert story.collector.alerts("t.ports") == [
        ("t.ports", "tcp/3389", "new"),
        ("t.ports", "tcp/5432", "new"),
    ]
    assert story.collector.events("t.ports") == [("opened", "new_subject")] * 2


def test_the_passing_of_time_alone_opens_an_alert(story: Story) -> None:
    for _ in range(3 * 365):
        if story.state("t.old-boot") != "none":
            break
        story.beats(after=FOUR_HOURS)
        story.collector.clock.now = story.collector.clock.now // HOUR * HOUR + 60_000  # its minute
        story.collector.tick()

    assert story.collector.events("t.old-boot") == [("opened", "regression")]
    assert story.collector.clock() - story.collector.value(
        "SELECT created_at FROM host"
    ) == pytest.approx(30 * DAY, abs=2 * FOUR_HOURS)


def test_what_fails_from_the_first_report_on_alerts_if_the_operator_wants_that(
    collector: Collector,
) -> None:
    story = Story(collector, collector.host(), starts=False)

    story.says(BROKEN)

    assert {rule_id for rule_id, _, _ in collector.alerts()} == {
        "t.reboot",
        "t.release",
        "t.failed",
        "t.ports",
    }
    assert collector.events("t.reboot") == [("opened", "first_value")]


def test_a_rule_on_trial_never_alerts_and_its_finding_is_kept(story: Story) -> None:
    story.says(os=system("13"))
    story.says(os=system("12"))

    assert story.collector.outcome("t.canary") == "fail"
    assert story.collector.alerts("t.canary") == []


@pytest.mark.parametrize("status", ["denied", "timeout", "failed"])
def test_an_error_neither_opens_nor_resolves(story: Story, status: str) -> None:
    story.says(kernel=kernel(reboot=True))
    for _ in range(4):
        story.says(kernel=Not(status, "read_denied"), services=services())  # type: ignore[arg-type]
        story.beats()

    assert story.collector.outcome("t.reboot") == "error"
    assert story.collector.alerts("t.reboot") == [("t.reboot", "", "new")]


@pytest.mark.parametrize("status", ["denied", "timeout", "failed"])
def test_an_error_from_the_beginning_is_no_alert(collector: Collector, status: str) -> None:
    story = Story(collector, collector.host(), starts=False)
    story.says(kernel=Not(status, "read_denied"))  # type: ignore[arg-type]
    for _ in range(5):
        story.beats()

    assert collector.alerts() == []


class TestWhatWasThereFromTheBeginning:
    """With the setting `plan`."""

    @pytest.fixture
    def planning(self, tmp_path: Path) -> Collector:
        return Collector(tmp_path, settings=PLANNING)

    def test_is_planned_work_and_no_alert(self, planning: Collector) -> None:
        with planning as collector:
            Story(collector, collector.host(), starts=False).says(BROKEN)

            planned = collector.rows("SELECT rule_id FROM finding WHERE baseline = 1")
            assert collector.alerts() == []
            assert {rule_id for (rule_id,) in planned} == {
                "t.reboot",
                "t.release",
                "t.failed",
                "t.ports",
                "t.canary",
            }

    def test_stays_planned_while_it_fails_and_alerts_after_it_was_right_once(
        self, planning: Collector
    ) -> None:
        with planning as collector:
            story = Story(collector, collector.host(), starts=False)
            story.says(BROKEN)
            story.says(kernel=kernel(reboot=True, running="6.2"))
            still = collector.alerts("t.reboot")
            story.says(kernel=kernel())
            story.says(kernel=kernel(reboot=True))

            assert still == []
            assert collector.events("t.reboot") == [("opened", "regression")]
            assert collector.value("SELECT baseline FROM finding WHERE rule_id='t.reboot'") == 0

    def test_a_section_readable_for_the_first_time_is_planned_too(
        self, planning: Collector
    ) -> None:
        with planning as collector:
            story = Story(collector, collector.host(), starts=False)
            story.says(healthy() | {"kernel": Not("denied", "read_denied")})
            story.says(kernel=kernel(reboot=True))

            assert collector.alerts() == []
            assert collector.value("SELECT baseline FROM finding WHERE rule_id='t.reboot'") == 1

    def test_a_section_an_older_agent_did_not_send_is_planned_too(
        self, planning: Collector
    ) -> None:
        with planning as collector:
            story = Story(collector, collector.host(), starts=False)
            story.says(os=system())
            story.says(kernel=kernel(reboot=True))

            assert collector.alerts() == []

    def test_a_new_rule_is_planned_on_all_hosts(self, planning: Collector) -> None:
        with planning as collector:
            story = Story(collector, collector.host(), starts=False)
            story.says(BROKEN)
            collector.install(*RULES, rule("t.new", "facts.os.version == '14'", needs="os"))
            collector.judge_anew()

            assert collector.outcome("t.new") == "fail"
            assert collector.alerts() == []

    def test_another_outcome_of_a_known_rule_alerts(self, planning: Collector) -> None:
        with planning as collector:
            story = Story(collector, collector.host())
            story.says(services=Not("absent", "no_systemd"), listening=listening(22, 23))
            story.says(services=services("x.service"), kernel=kernel(reboot=True))

            assert {r for r, _, _ in collector.alerts()} == {"t.ports", "t.failed", "t.reboot"}

    def test_a_subject_that_is_planned_does_not_plan_the_next_one(
        self, planning: Collector
    ) -> None:
        with planning as collector:
            story = Story(collector, collector.host(), starts=False)
            story.says(BROKEN)
            story.says(listening=listening(22, 3389, 5900))

            assert collector.alerts("t.ports") == [("t.ports", "tcp/5900", "new")]


def test_a_new_rule_pack_alerts_where_the_operator_wants_everything(story: Story) -> None:
    story.collector.install(REBOOT, rule("t.new", "facts.os.version == '14'", needs="os"))
    story.collector.judge_anew()

    assert story.collector.events("t.new") == [("opened", "first_value")]


def test_a_stricter_rule_of_the_same_name_is_a_regression(story: Story) -> None:
    stricter = RELEASE.replace('[\\"12\\", \\"13\\"]', '[\\"13\\"]')
    assert stricter != RELEASE
    story.collector.install(REBOOT, stricter, CANARY)
    story.collector.judge_anew()

    assert story.collector.events("t.release") == [("opened", "regression")]
