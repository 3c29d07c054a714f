"""What ends an alert: evidence, or a reason with a name. Nothing else."""

import pytest
from tests.collector.alerts.story import Story
from tests.collector.rulebook import (
    CANARY,
    FAILED,
    OLD_BOOT,
    PORTS,
    REBOOT,
    RELEASE,
    RULES,
    rule,
)
from tests.fakes import HOUR, INTERVAL, MINUTE, Not, kernel, listening, services, system

from verbundwacht_wire.frame import read_frame

LIMIT = 72 * HOUR


@pytest.fixture
def failing(story: Story) -> Story:
    """A host with one open alert, of the rule t.reboot."""
    story.says(kernel=kernel(reboot=True))
    return story


def test_two_attestations_resolve_and_one_does_not(failing: Story) -> None:
    failing.says(kernel=kernel())
    after_one = failing.state("t.reboot")
    failing.says(os=system("13"))

    assert after_one == "new"
    assert failing.last("t.reboot") == ("resolved", "two_attestations_pass")


def test_a_beat_is_an_attestation(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.beats()

    assert failing.state("t.reboot") == "resolved"


def test_a_beat_without_a_repair_resolves_nothing(failing: Story) -> None:
    for _ in range(5):
        failing.beats()

    assert failing.state("t.reboot") == "new"


def test_the_same_beat_twice_is_one_attestation(failing: Story) -> None:
    late = failing.agent.report({"kernel": kernel()})
    failing.wait(3 * INTERVAL)
    failing.collector.one(late)  # too late to count
    beat = failing.agent.beat()
    failing.collector.take(beat, beat)
    failing.collector.take(beat)

    assert failing.state("t.reboot") == "new"


def test_the_evidence_that_resolved_is_stored_and_newer_than_what_opened(failing: Story) -> None:
    failing.says(kernel=kernel())
    beat = failing.agent.beat()
    failing.collector.one(beat)

    opened, resolved = failing.collector.rows(
        "SELECT evidence, resolved_by FROM alert WHERE rule_id = 't.reboot'"
    )[0]
    assert resolved == read_frame(beat).entry_hash
    assert opened == failing.collector.value("SELECT hash FROM envelope WHERE seq = 2")


def test_an_error_in_between_starts_the_count_again(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.says(kernel=Not("timeout", "command_timeout"))
    failing.says(kernel=kernel())
    state = failing.state("t.reboot")
    failing.beats()

    assert state == "new"
    assert failing.state("t.reboot") == "resolved"


def test_the_clock_is_no_attestation(failing: Story) -> None:
    failing.says(kernel=kernel())
    for _ in range(180):
        failing.wait(MINUTE // 6)
        failing.collector.tick()
    failing.collector.clock.now = failing.collector.clock.now // HOUR * HOUR + HOUR + MINUTE
    failing.collector.tick()

    assert failing.state("t.reboot") == "new"


def test_a_new_pack_is_no_attestation(failing: Story) -> None:
    failing.says(kernel=kernel())
    for version in range(3):
        failing.collector.install(*RULES, rule(f"t.v{version}", "true", needs="os"))
        failing.collector.judge_anew()

    assert failing.state("t.reboot") == "new"


def test_a_pack_that_asks_for_less_resolves_only_after_two_messages(failing: Story) -> None:
    looser = rule("t.reboot", "true || facts.kernel.reboot_required", needs="kernel")
    failing.collector.install(looser)
    failing.collector.judge_anew()
    by_pack = failing.state("t.reboot")
    failing.beats()
    by_one = failing.state("t.reboot")
    failing.beats()

    assert (by_pack, by_one) == ("new", "new")
    assert failing.last("t.reboot") == ("resolved", "two_attestations_pass")


def test_a_beat_about_an_older_report_attests_nothing(failing: Story) -> None:
    failing.says(kernel=kernel())
    older = failing.agent.beat()
    failing.says(kernel=kernel(reboot=True))
    failing.says(kernel=kernel())
    failing.collector.one(older)

    assert failing.state("t.reboot") == "new"


@pytest.mark.parametrize("late_by", [2 * INTERVAL + 1, 5 * HOUR])
def test_a_report_that_somebody_held_back_repairs_nothing_yet(failing: Story, late_by: int) -> None:
    agent, clock = failing.agent, failing.collector.clock
    repaired = agent.report({"kernel": kernel()})
    again = agent.report({"os": system("13")})
    clock.advance(late_by)
    failing.collector.take(repaired, again)
    held = failing.state("t.reboot")
    failing.beats()
    one = failing.state("t.reboot")
    failing.beats()

    assert (held, one) == ("new", "new")
    assert failing.state("t.reboot") == "resolved"


def test_a_beat_that_somebody_held_back_attests_nothing(failing: Story) -> None:
    failing.says(kernel=kernel())
    beat = failing.agent.beat()
    failing.wait(2 * INTERVAL + 1)
    failing.collector.one(beat)

    assert failing.state("t.reboot") == "new"


def test_a_late_older_report_attests_nothing(failing: Story) -> None:
    older = failing.agent.report({"os": system("13")})
    repaired = failing.agent.report({"kernel": kernel()}, full=True)
    failing.collector.take(repaired, older)

    assert failing.state("t.reboot") == "new"


def test_a_rule_that_no_longer_applies_closes_its_alert_the_second_time(story: Story) -> None:
    story.says(services=services("cron.service"))
    story.says(services=Not("absent", "no_systemd"))
    once = story.state("t.failed")
    story.beats()

    assert once == "new"
    assert story.last("t.failed") == ("closed", "no_longer_applicable")


def test_a_section_that_is_simply_left_out_closes_nothing(failing: Story) -> None:
    failing.says(kernel=None)
    for _ in range(4):
        failing.beats()

    assert failing.collector.outcome("t.reboot") == "not_applicable"
    assert failing.state("t.reboot") == "new"


def test_a_subject_that_is_gone_while_its_section_was_read_passes(story: Story) -> None:
    story.says(listening=listening(22, 3389))
    story.says(listening=listening(22))
    once = story.state("t.ports")
    story.beats()

    assert once == "new"
    assert story.last("t.ports") == ("resolved", "two_attestations_pass")


def test_the_last_subject_that_is_gone_passes_too(story: Story) -> None:
    story.says(listening=listening(3389))
    story.says(listening=listening())
    story.beats()

    assert story.alerts_of("t.ports") == ["resolved"]


@pytest.mark.parametrize("between", ["clock", "pack"])
def test_a_gone_subject_is_not_forgotten_before_its_alert_has_ended(
    story: Story, between: str
) -> None:
    timed = rule(
        "t.timed",
        "!p.exposed || p.port == 22 || facts.kernel.booted > now",
        needs="listening, kernel",
        more="each: facts.listening.sockets\nas: p\nsubject: [p.proto, p.port]",
    )
    story.collector.install(*RULES, timed)
    story.says(listening=listening(22, 3389))
    story.says(listening=listening(22))
    if between == "clock":
        clock = story.collector.clock
        clock.now = clock.now // HOUR * HOUR + MINUTE + (HOUR if clock.now % HOUR > MINUTE else 0)
        story.collector.tick()
        story.collector.tick()
    else:
        for others in (RULES[:-1], RULES):
            story.collector.install(*others, timed)
            story.collector.judge_anew()
    story.beats()
    story.beats()

    assert story.alerts_of("t.timed") == ["resolved"]


def test_a_subject_that_was_gone_too_early_to_count_still_ends_its_alert(story: Story) -> None:
    story.says(listening=listening(22, 3389))
    held_back = story.agent.report({"listening": listening(22)})
    story.wait(2 * INTERVAL + 1)
    story.collector.one(held_back)
    story.says(listening=listening(22, 443))
    story.beats()

    assert story.alerts_of("t.ports") == ["resolved"]


def test_a_subject_gone_from_an_unreadable_section_stays(story: Story) -> None:
    story.says(listening=listening(22, 3389))
    story.says(listening=Not("denied", "read_denied"))
    for _ in range(4):
        story.beats()

    assert story.collector.outcome("t.ports", "tcp/3389") == "error"
    assert story.state("t.ports") == "new"


def test_a_gone_subject_leaves_no_row_behind_for_ever(story: Story) -> None:
    story.says(listening=listening(22, 3389))
    story.says(listening=listening(22))
    story.beats()
    story.says(listening=listening(22, 443))

    assert story.collector.outcome("t.ports", "tcp/3389") is None


def test_a_subject_that_comes_back_is_the_same_alert_again(story: Story) -> None:
    story.says(listening=listening(22, 3389))
    story.says(listening=listening(22))
    story.beats()
    story.says(listening=listening(22, 443))
    story.says(listening=listening(22, 3389))

    assert story.last("t.ports") == ("reopened", "fails_again_within_72_hours")


def test_a_removed_rule_closes_its_alerts_and_forgets_its_findings(failing: Story) -> None:
    failing.collector.install(OLD_BOOT, RELEASE, FAILED, PORTS, CANARY)
    failing.collector.judge_anew()

    assert failing.last("t.reboot") == ("closed", "rule_removed")
    assert failing.collector.outcome("t.reboot") is None


def test_a_rule_that_became_a_draft_counts_as_removed(failing: Story) -> None:
    failing.collector.install(REBOOT.replace("stable", "draft"), RELEASE)
    failing.collector.judge_anew()

    assert failing.last("t.reboot") == ("closed", "rule_removed")


def test_a_rule_that_goes_on_trial_still_ends_the_alert_it_opened(failing: Story) -> None:
    failing.collector.install(REBOOT.replace("stable", "canary"))
    failing.collector.judge_anew()
    failing.says(kernel=kernel())
    failing.beats()

    assert failing.last("t.reboot") == ("resolved", "two_attestations_pass")


def test_failing_again_within_72_hours_is_the_same_alert(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.beats()
    failing.says(kernel=kernel(reboot=True), after=LIMIT)

    assert failing.collector.events("t.reboot")[-1] == ("reopened", "fails_again_within_72_hours")
    assert failing.collector.rows("SELECT state, repeated, assignee_id FROM alert") == [
        ("new", 1, None)
    ]


def test_failing_again_later_is_a_new_alert_that_names_its_predecessor(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.beats()
    failing.says(kernel=kernel(reboot=True), after=LIMIT + 1)

    assert failing.last("t.reboot") == ("opened", "fails_again")
    assert failing.collector.rows("SELECT state, predecessor_id FROM alert ORDER BY id") == [
        ("resolved", None),
        ("new", 1),
    ]


def test_a_comment_on_an_ended_alert_does_not_prolong_the_72_hours(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.beats()
    failing.wait(LIMIT)
    failing.comments("t.reboot")
    failing.says(kernel=kernel(reboot=True))

    assert failing.last("t.reboot") == ("opened", "fails_again")


@pytest.mark.parametrize("reason", ["rule_wrong", "host_retired", "duplicate"])
def test_an_alert_closed_by_a_person_stays_closed_while_nothing_changes(
    failing: Story, reason: str
) -> None:
    failing.closes("t.reboot", reason)
    for _ in range(3):
        failing.beats()
    failing.says(kernel=kernel(reboot=True, running="6.2"))

    assert failing.collector.events("t.reboot") == [("opened", "regression"), ("closed", reason)]


def test_a_new_failure_after_closing_is_a_new_alert(failing: Story) -> None:
    failing.closes("t.reboot")
    failing.says(kernel=kernel())
    failing.says(kernel=kernel(reboot=True))

    assert failing.last("t.reboot") == ("opened", "regression")
    assert failing.alerts_of("t.reboot") == ["closed", "new"]
