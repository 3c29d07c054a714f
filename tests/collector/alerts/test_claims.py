"""A fix that somebody claimed: only the host's own messages confirm or refute it."""

import pytest
from tests.collector.alerts.story import Story
from tests.fakes import HOUR, INTERVAL, MINUTE, kernel


@pytest.fixture
def failing(story: Story) -> Story:
    """A host with one open alert, of the rule t.reboot."""
    story.says(kernel=kernel(reboot=True))
    return story


class TestAClaimedFix:
    def test_is_confirmed_by_evidence_like_any_other(self, failing: Story) -> None:
        failing.claims("t.reboot")
        failing.says(kernel=kernel())
        failing.beats()

        assert failing.last("t.reboot") == ("resolved", "two_attestations_pass")

    def test_that_still_fails_after_two_intervals_goes_back(self, failing: Story) -> None:
        failing.claims("t.reboot")
        failing.beats()
        failing.beats()
        within = failing.state("t.reboot")
        failing.beats()

        assert within == "fix_claimed"
        assert failing.last("t.reboot") == (
            "fix_not_confirmed",
            "still_failing_after_two_intervals",
        )
        assert failing.collector.rows("SELECT state, assignee_id, claimed_at FROM alert") == [
            ("taken", 1, None)
        ]

    def test_is_not_refuted_without_a_message_that_is_newer(self, story: Story) -> None:
        clock = story.collector.clock
        story.says(kernel=kernel(booted_at=clock() - 40 * 24 * HOUR))
        story.claims("t.old-boot")
        clock.now = clock.now // HOUR * HOUR + 2 * HOUR + MINUTE
        story.collector.act(
            lambda tx: tx.execute("UPDATE host SET last_seen = :n", {"n": clock.now - INTERVAL})
        )
        story.collector.tick()

        assert story.state("t.old-boot") == "fix_claimed"
