"""Channels, messages and digests are seen by those whose they are, and how a channel stands."""

from collections.abc import Callable

import pytest
from tests.collector.alerts.story import Story
from tests.collector.fakes import Collector
from tests.fakes import FAR, HOME, HOUR, MINUTE, NEIGHBOUR, kernel

from verbundwacht_collector.app import add_channel
from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, OperatorScope, Scope
from verbundwacht_collector.store import channels, read
from verbundwacht_collector.store.digest import digest
from verbundwacht_collector.store.protocol import Transaction

JANA = (1, "jana")
SOC, HERE, THERE, AWAY = (
    "soc@example.org",
    "it@musterdorf.example",
    "it@nebenan.example",
    "soc@fern.example",
)
EVERYBODY = {SOC, HERE, THERE, AWAY}
OWN: dict[Scope, set[str]] = {
    MunicipalityScope(HOME): {HERE},
    MunicipalityScope(NEIGHBOUR): {THERE},
    MunicipalityScope(FAR): set(),
    MunicipalityScope("verbund"): set(),
    MunicipalityScope("' OR 1 = 1 --"): set(),
    AllianceScope("verbund"): {SOC},
    AllianceScope("anderswo"): {AWAY},
    AllianceScope(HOME): set(),
    OperatorScope(): EVERYBODY,
}


@pytest.fixture
def towns(collector: Collector) -> Collector:
    """Four channels of four owners, and an alert in each of three municipalities."""

    def add(tx: Transaction) -> None:
        add_channel(tx, "mail", HERE, municipality_id=HOME)
        add_channel(tx, "mail", THERE, municipality_id=NEIGHBOUR)
        add_channel(tx, "mail", AWAY, alliance_id="anderswo")

    collector.act(add)
    for town in (HOME, NEIGHBOUR, FAR):
        Story(collector, collector.host(municipality=town)).says(kernel=kernel(reboot=True))
    return collector


def seen(collector: Collector, scope: Scope) -> list[channels.ChannelRow]:
    return channels.channels(collector.store._db, scope=scope)


def tried(collector: Collector, state: str, response: str, *, attempts: int = 1) -> None:
    """Everything that waits was tried now, with this result."""
    collector.act(
        lambda tx: tx.execute(
            "UPDATE delivery SET state = :state, attempts = :attempts, response = :response,"
            " tried_at = :now, done_at = CASE WHEN :state = 'waiting' THEN NULL ELSE :now END"
            " WHERE state = 'waiting'",
            {
                "state": state,
                "attempts": attempts,
                "response": response,
                "now": collector.clock(),
            },
        )
    )


@pytest.mark.parametrize("scope", OWN, ids=repr)
def test_a_reader_sees_the_own_channels_only(towns: Collector, scope: Scope) -> None:
    tried(towns, "waiting", "451 busy", attempts=7)

    assert {row.recipient for row in seen(towns, scope)} == OWN[scope]
    broken = channels.broken(towns.store._db, scope=scope)
    assert {row.recipient for row in broken} == OWN[scope]


@pytest.mark.parametrize("scope", OWN, ids=repr)
def test_a_reader_tests_the_own_channels_only(towns: Collector, scope: Scope) -> None:
    everything = seen(towns, OperatorScope())
    for row in everything:

        def ask(tx: Transaction, number: int = row.id) -> str:
            return channels.request_test(tx, number, scope=scope, actor=JANA, now=towns.clock())

        if row.recipient in OWN[scope]:
            towns.act(ask)
        else:
            with pytest.raises(NotFound):
                towns.act(ask)

    asked = towns.rows("SELECT c.recipient FROM notice n JOIN channel c ON c.id = n.channel_id")
    assert {recipient for (recipient,) in asked} == OWN[scope]


TOLD: dict[Scope, dict[str, set[str]]] = {
    MunicipalityScope(HOME): {HOME: {"", HERE}},
    MunicipalityScope(NEIGHBOUR): {NEIGHBOUR: {"", THERE}},
    MunicipalityScope(FAR): {FAR: {""}},
    AllianceScope("verbund"): {HOME: {SOC, HERE}, NEIGHBOUR: {SOC, THERE}},
    AllianceScope("anderswo"): {FAR: {AWAY}},
    OperatorScope(): {HOME: {SOC, HERE}, NEIGHBOUR: {SOC, THERE}, FAR: {AWAY}},
}


@pytest.mark.parametrize("scope", TOLD, ids=repr)
def test_whose_address_it_is_stays_with_those_who_know_it(towns: Collector, scope: Scope) -> None:
    tried(towns, "failed", "550 geheimer-server.example says no")
    found: dict[str, set[str]] = {}
    for alert_id, town in towns.rows("SELECT id, municipality_id FROM alert"):
        for row in read.deliveries(towns.store._db, alert_id, scope=scope):
            found.setdefault(town, set()).add(row.recipient)

            assert bool(row.response) == bool(row.recipient)

    assert found == TOLD[scope]


@pytest.mark.parametrize("scope", [*TOLD, MunicipalityScope("nowhere")], ids=repr)
def test_a_digest_counts_what_is_in_the_scope(towns: Collector, scope: Scope) -> None:
    tried(towns, "failed", "550 no")
    found = digest(towns.store._db, scope=scope, now=towns.clock(), since=0)
    own = {row.recipient for row in seen(towns, scope)}

    assert found.open == len(TOLD.get(scope, {}))
    assert len({alert.municipality for alert in found.alerts}) == found.open
    assert {row.recipient for row in found.undelivered} == own
    assert found.calm == (found.open == 0)


class TestStanding:
    def soc(self, collector: Collector) -> channels.ChannelRow:
        (row,) = [r for r in seen(collector, AllianceScope("verbund")) if r.recipient == SOC]
        return row

    @pytest.fixture
    def failing(self, collector: Collector) -> Story:
        story = Story(collector, collector.host())
        story.says(kernel=kernel(reboot=True))
        return story

    def test_a_channel_that_never_sent_is_not_called_good(self, failing: Story) -> None:
        assert self.soc(failing.collector).standing == "unused"

    @pytest.mark.parametrize(
        ("attempts", "standing"), [(1, "failing"), (4, "failing"), (5, "broken"), (9, "broken")]
    )
    def test_five_failures_in_a_row_are_a_broken_channel(
        self, failing: Story, attempts: int, standing: str
    ) -> None:
        tried(failing.collector, "waiting", "451 busy", attempts=attempts)

        row = self.soc(failing.collector)
        assert (row.standing, row.last_error) == (standing, "451 busy")

    def test_the_next_success_ends_it(self, failing: Story) -> None:
        tried(failing.collector, "waiting", "451 busy", attempts=9)
        failing.wait(MINUTE)
        tried(failing.collector, "delivered", "250 ok", attempts=10)

        row = self.soc(failing.collector)
        assert (row.standing, row.failures) == ("ok", 0)
        assert row.last_success_at == failing.collector.clock()

    def test_failures_before_the_last_success_do_not_count(self, failing: Story) -> None:
        tried(failing.collector, "failed", "550 no", attempts=9)
        failing.wait(MINUTE)
        failing.closes("t.reboot")
        failing.says(kernel=kernel())
        failing.says(kernel=kernel(reboot=True))
        tried(failing.collector, "delivered", "250 ok")

        row = self.soc(failing.collector)
        assert (row.standing, row.failures) == ("ok", 0)
        assert row.last_error == "550 no"

    def test_a_failed_test_message_counts_like_any_other(self, failing: Story) -> None:
        tried(failing.collector, "waiting", "451 busy", attempts=4)
        number, clock = self.soc(failing.collector).id, failing.collector.clock
        failing.collector.act(
            lambda tx: channels.request_test(
                tx, number, scope=OperatorScope(), actor=JANA, now=clock()
            )
        )
        failing.collector.rows(
            "UPDATE notice SET state = 'failed', attempts = 1, tried_at = :now, response = '550'",
            now=clock(),
        )

        row = self.soc(failing.collector)
        assert row.standing == "broken"
        assert row.test is not None
        assert (row.test.state, row.test.actor) == ("failed", "Jana Brenner")

    @pytest.mark.parametrize(("response", "standing"), [("410 Gone", "gone"), ("451 busy", "off")])
    def test_a_channel_that_is_switched_off_says_by_whom(
        self, failing: Story, response: str, standing: str
    ) -> None:
        tried(failing.collector, "failed", response)
        failing.collector.rows("UPDATE channel SET enabled = 0")

        assert self.soc(failing.collector).standing == standing


class TestTestMessages:
    @pytest.fixture
    def ask(self, collector: Collector) -> Callable[[], str]:
        def one() -> str:
            return collector.act(
                lambda tx: channels.request_test(
                    tx, 1, scope=AllianceScope("verbund"), actor=JANA, now=collector.clock()
                )
            )

        return one

    def test_one_at_a_time(self, ask: Callable[[], str]) -> None:
        ask()

        with pytest.raises(Refused, match="unterwegs"):
            ask()

    def test_five_an_hour(self, collector: Collector, ask: Callable[[], str]) -> None:
        for _ in range(5):
            ask()
            collector.rows("UPDATE notice SET state = 'delivered'")
        with pytest.raises(Refused, match="je Stunde"):
            ask()
        collector.clock.advance(HOUR)
        ask()

        assert collector.value("SELECT count(*) FROM notice") == 6

    def test_one_that_nobody_sent_is_no_reason_to_wait_for_ever(
        self, collector: Collector, ask: Callable[[], str]
    ) -> None:
        ask()
        collector.clock.advance(11 * MINUTE)

        assert ask()

    def test_not_over_a_channel_that_is_switched_off(
        self, collector: Collector, ask: Callable[[], str]
    ) -> None:
        collector.rows("UPDATE channel SET enabled = 0")

        with pytest.raises(Refused, match="abgeschaltet"):
            ask()

    def test_who_asked_is_in_the_audit_log(
        self, collector: Collector, ask: Callable[[], str]
    ) -> None:
        ask()

        assert collector.rows("SELECT actor, action, object FROM audit")[-1] == (
            *("jana", "channel.tested", "channel 1"),
        )
