"""Who is told of what. Rows only; sending them is `notify`'s."""

import pytest
from tests.collector.alerts.story import JANA, Story
from tests.collector.fakes import Collector
from tests.fakes import FAR, HOUR, INTERVAL, NEIGHBOUR, kernel, listening

from verbundwacht_collector.app import add_channel, sync_channels
from verbundwacht_collector.config import Config, Mail, Public
from verbundwacht_collector.store.protocol import Transaction

SOC = "soc@example.org"


def waiting(collector: Collector, state: str = "waiting") -> list[tuple[str, str]]:
    """(kind of event, recipient) of the deliveries in a state."""
    return [
        (kind, recipient)
        for kind, recipient in collector.rows(
            "SELECT e.kind, d.recipient FROM delivery d JOIN alert_event e ON e.id = d.event_id"
            " WHERE d.state = :state ORDER BY e.id, d.recipient",
            state=state,
        )
    ]


def send_all(collector: Collector, state: str = "delivered") -> None:
    """What waits has been tried once, with this result."""
    collector.act(
        lambda tx: tx.execute(
            "UPDATE delivery SET state = :state, attempts = 1 WHERE state = 'waiting'",
            {"state": state},
        )
    )


@pytest.fixture
def failing(story: Story) -> Story:
    story.says(kernel=kernel(reboot=True))
    return story


def test_the_soc_and_the_own_municipality_are_told_and_nobody_else(story: Story) -> None:
    def channels(tx: Transaction) -> None:
        add_channel(tx, "mail", "it@musterdorf.example", municipality_id="musterdorf")
        add_channel(tx, "mail", "it@nebenan.example", municipality_id=NEIGHBOUR)
        add_channel(tx, "mail", "soc@anderswo.example", alliance_id="anderswo")

    story.collector.act(channels)
    story.says(kernel=kernel(reboot=True))

    assert waiting(story.collector) == [("opened", "it@musterdorf.example"), ("opened", SOC)]


def test_a_foreign_alliance_hears_nothing(collector: Collector) -> None:
    story = Story(collector, collector.host(municipality=FAR))
    story.says(kernel=kernel(reboot=True))

    assert collector.alerts() == [("t.reboot", "", "new")]
    assert waiting(collector) == []


def test_an_address_that_was_taken_out_of_the_settings_hears_nothing(story: Story) -> None:
    mail = Mail(host="mail.example", sender="vw@example.org", recipients=["neu@example.org"])
    public = Public(mqtt="localhost:8883", https="localhost:8884")
    other = Config(alliance="Verbund", public=public, mail=mail)
    story.collector.act(lambda tx: sync_channels(tx, other))
    story.says(kernel=kernel(reboot=True))

    assert waiting(story.collector) == [("opened", "neu@example.org")]


def test_new_and_resolved_both_unsent_means_that_nobody_is_bothered(failing: Story) -> None:
    failing.says(kernel=kernel())
    failing.beats()

    assert failing.state("t.reboot") == "resolved"
    assert waiting(failing.collector, "superseded") == [("opened", SOC)]
    assert waiting(failing.collector) == []


def test_who_was_told_of_the_beginning_is_told_of_the_end(failing: Story) -> None:
    send_all(failing.collector)
    failing.says(kernel=kernel())
    failing.beats()

    assert waiting(failing.collector) == [("resolved", SOC)]


@pytest.mark.parametrize("state", ["failed", "expired", "superseded"])
def test_who_never_got_the_first_message_does_not_get_the_second(
    failing: Story, state: str
) -> None:
    send_all(failing.collector, state)
    failing.says(kernel=kernel())
    failing.beats()

    assert waiting(failing.collector) == []


def test_being_told_of_an_earlier_time_does_not_count_for_this_one(failing: Story) -> None:
    send_all(failing.collector)
    failing.says(kernel=kernel())
    failing.beats()
    send_all(failing.collector)
    failing.says(kernel=kernel(reboot=True))
    failing.says(kernel=kernel())
    failing.beats()

    assert [kind for kind, _ in failing.collector.events("t.reboot")] == [
        "opened",
        "resolved",
        "reopened",
        "resolved",
    ]
    assert waiting(failing.collector) == []
    assert waiting(failing.collector, "delivered") == [("opened", SOC), ("resolved", SOC)]


def test_a_problem_that_is_back_is_told_again(failing: Story) -> None:
    send_all(failing.collector)
    failing.says(kernel=kernel())
    failing.beats()
    failing.says(kernel=kernel(reboot=True))

    assert ("reopened", SOC) in waiting(failing.collector)


def test_closing_by_a_person_is_told_to_those_who_know(failing: Story) -> None:
    send_all(failing.collector)
    failing.closes("t.reboot")

    assert waiting(failing.collector) == [("closed", SOC)]


def test_what_people_do_in_between_is_told_to_nobody(failing: Story) -> None:
    send_all(failing.collector)
    failing.takes("t.reboot", JANA)
    failing.comments("t.reboot")
    failing.claims("t.reboot")
    failing.beats(after=3 * INTERVAL)

    assert failing.last("t.reboot")[0] == "fix_not_confirmed"
    assert waiting(failing.collector) == []


def test_a_critical_message_expires_after_a_day_and_others_after_two(story: Story) -> None:
    story.says(kernel=kernel(reboot=True), listening=listening(22, 23))

    lives = story.collector.rows(
        "SELECT a.severity, d.expires_at - d.created_at FROM delivery d"
        " JOIN alert_event e ON e.id = d.event_id JOIN alert a ON a.id = e.alert_id"
    )
    assert dict(lives) == {"critical": 24 * HOUR, "high": 48 * HOUR}
