"""Made-up keys cost the peer that shows them, and nobody else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.fakes import ALERTING, Collector, downlink
from tests.fakes import FakeAgent, system

from verbundwacht_collector.committer import Committer
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.peer import Peer
from verbundwacht_collector.store.transaction import SqliteTransaction
from verbundwacht_collector.strangers import FORGET_S, IN_ALL, MOST_PEERS, PER_PEER, Strangers
from verbundwacht_wire.codes import Code

NOW = 1_800_000_000_000


def _peer(number: int) -> Peer:
    return Peer("musterdorf", number.to_bytes(16, "big"))


def _shown(strangers: Strangers, peer: Peer, now: int, many: int) -> int:
    """How many of so many unknown keys were looked up."""
    asked = 0
    for number in range(many):
        if strangers.may_ask(peer, number.to_bytes(16, "big"), now):
            strangers.unknown(peer, now)
            asked += 1
    return asked


def test_one_peer_gets_five_unknown_keys_a_second_looked_up() -> None:
    strangers = Strangers()
    asked = [_shown(strangers, _peer(1), NOW + second * 1000, 1_000) for second in range(3)]

    assert asked == [PER_PEER] * 3
    assert strangers.held_back == 3 * (1_000 - PER_PEER)


def test_all_known_strangers_together_get_fifty() -> None:
    strangers = Strangers()
    for number in range(100):  # each is looked up once for being new
        _shown(strangers, _peer(number), NOW, 1)
    asked = sum(_shown(strangers, _peer(n), NOW + 1000, 1_000) for n in range(100))

    assert asked == IN_ALL


def test_a_peer_that_shows_no_unknown_key_is_always_looked_up() -> None:
    strangers = Strangers()
    for number in range(100):
        _shown(strangers, _peer(number), NOW, 1_000)

    assert strangers.may_ask(_peer(1_000), b"its own key, new", NOW)


def test_the_key_that_a_peer_was_proven_by_is_looked_up_whatever_else_it_shows() -> None:
    strangers = Strangers()
    strangers.proven(_peer(1), b"own")
    _shown(strangers, _peer(1), NOW, 1_000)

    assert strangers.may_ask(_peer(1), b"own", NOW)
    assert not strangers.may_ask(_peer(1), b"other", NOW)


def test_peers_that_a_broker_makes_up_do_not_fill_the_memory() -> None:
    strangers = Strangers()
    for number in range(MOST_PEERS + 500):
        _shown(strangers, _peer(number), NOW, 1)
        strangers.proven(_peer(number), b"own")
    assert len(strangers._missed) == MOST_PEERS >= len(strangers._proven)

    _shown(strangers, _peer(MOST_PEERS + 900), NOW + (FORGET_S + 2) * 1000, 1)
    assert len(strangers._missed) == 1


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 900), st.integers(1, 80))))
def test_in_no_second_are_more_looked_up_than_allowed(steps: list[tuple[int, int, int]]) -> None:
    """Beside the first of each peer; the clock only moves on."""
    strangers, now, asked = Strangers(), NOW, dict[int, int]()
    for number, wait_ms, many in steps:
        now += wait_ms
        got = _shown(strangers, _peer(number), now, many)
        asked[now // 1000] = asked.get(now // 1000, 0) + got
        assert got <= PER_PEER

    assert all(found <= IN_ALL + 7 for found in asked.values())


@pytest.fixture
async def committer(collector: Collector) -> AsyncIterator[Committer]:
    source = JudgeSource(ALERTING)
    running = Committer(collector.store, source.current, downlink(), collector.clock)
    yield running
    await running.close()


async def test_a_thousand_unknown_keys_are_counted_and_the_own_reports_still_accepted(
    collector: Collector, agent: FakeAgent, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[bytes] = []
    by_kid = SqliteTransaction.host_by_kid

    def noted(self: SqliteTransaction, kid: bytes) -> Any:
        looked_up.append(kid)
        return by_kid(self, kid)

    monkeypatch.setattr(SqliteTransaction, "host_by_kid", noted)
    stranger = FakeAgent("fremd", clock=collector.clock)
    stranger.agent = agent.agent
    raw = stranger.report({"os": system()})
    for _ in range(1_000):
        assert (await committer.receive(raw, agent.peer)).code == Code.UNKNOWN_KEY
        if len(looked_up) == 1:  # its first own report comes in the middle of it
            first = await committer.receive(agent.report({"os": system()}), agent.peer)
    last = await committer.receive(agent.report({"os": system("13")}), agent.peer)

    assert (first.code, last.code) == (Code.OK, Code.OK)
    assert len(looked_up) == PER_PEER + 2
    assert collector.value("SELECT value FROM counter WHERE name = 'code:105'") == 1_000
