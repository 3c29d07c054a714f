"""A rule that no longer sees anything on a host where it once had a value."""

import pytest
from tests.collector.alerts.story import Story, healthy
from tests.collector.fakes import Collector
from tests.collector.rulebook import RELEASE, rule
from tests.fakes import Not, body, kernel, system


class TestARuleThatSeesNothing:
    BLIND = "system.rule-blind"

    @pytest.fixture
    def blind(self, story: Story) -> Story:
        for _ in range(2):
            story.says(kernel=Not("denied", "read_denied"))
            story.beats()
        return story

    def test_alerts_after_three_errors_in_a_row(self, story: Story) -> None:
        story.says(kernel=Not("denied", "read_denied"))
        story.beats()
        two = story.alerts_of(self.BLIND)
        story.beats()

        assert two == []
        assert story.collector.events(self.BLIND) == [
            ("opened", "three_errors_in_a_row"),
            ("opened", "three_errors_in_a_row"),
        ]  # t.reboot and t.old-boot

    def test_is_one_alert_however_long_it_lasts(self, blind: Story) -> None:
        for _ in range(5):
            blind.beats()
            blind.says(os=system("13"))

        assert blind.alerts_of(self.BLIND) == ["new", "new"]

    def test_is_resolved_by_two_values(self, blind: Story) -> None:
        blind.says(kernel=kernel())
        blind.beats()

        assert blind.last(self.BLIND) == ("resolved", "sees_again")

    def test_that_never_had_a_value_is_no_alert(self, collector: Collector) -> None:
        story = Story(collector, collector.host(), starts=False)
        story.says(healthy() | {"kernel": Not("denied", "read_denied")})
        for _ in range(5):
            story.beats()

        assert story.alerts_of(self.BLIND) == []

    def test_that_is_removed_takes_its_alert_along(self, blind: Story) -> None:
        blind.collector.install(RELEASE)
        blind.collector.judge_anew()

        assert blind.alerts_of(self.BLIND) == ["closed", "closed"]
        assert blind.last(self.BLIND) == ("closed", "rule_removed")

    def test_about_one_of_two_subjects_does_not_open_and_end_by_turns(self, story: Story) -> None:
        partly = rule(
            "t.partly",
            "p.program == 'sshd'",
            needs="listening",
            more="each: facts.listening.sockets\nas: p\nsubject: [p.proto, p.port]\n"
            "on_missing: error",
        )
        story.collector.install(partly)

        def sockets(extra: int, *, second: bool) -> bytes:
            named = [
                {"proto": "tcp", "port": port, "address": "0.0.0.0", "exposed": True}
                for port in (22, 80, extra)
            ]
            named[0]["program"] = named[2]["program"] = "sshd"
            if second:
                named[1]["program"] = "sshd"
            return body(sockets=named)

        story.says(listening=sockets(1000, second=True))
        for port in range(1001, 1010):
            story.says(listening=sockets(port, second=False))

        assert story.collector.events(self.BLIND) == [("opened", "three_errors_in_a_row")]
