"""Answers come after the commit or not at all; nobody waits for somebody else's bad message."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable, Iterator

import pytest
from tests.collector.fakes import ALERTING, Collector, downlink
from tests.collector.rulebook import REBOOT, pack_files
from tests.fakes import Clock, FakeAgent, kernel, system

from verbundwacht_collector import packs
from verbundwacht_collector.alerts.apply import Alerting
from verbundwacht_collector.alerts.model import Attestation
from verbundwacht_collector.committer import BATCH, Committer
from verbundwacht_collector.errors import StoreError
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.peer import Answer
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import HostRecord
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_collector.store.transaction import SqliteTransaction
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import Header, read_frame
from verbundwacht_wire.keys import check_signature, load_spki
from verbundwacht_wire.messages import Ack
from verbundwacht_wire.payload import decode, inflate


class HeldStore(SqliteStore):
    """The real store; a test can hold its commits, and counts them."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(collector.path)
        self.may_commit, self.at_commit = threading.Event(), threading.Event()
        self.may_commit.set()
        self.commits = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        with super().transaction() as tx:
            yield tx
            self.at_commit.set()
            assert self.may_commit.wait(5)
        self.commits += 1


@pytest.fixture
async def store(collector: Collector) -> AsyncIterator[HeldStore]:
    held = HeldStore(collector)
    yield held
    held.close()


def committer_on(store: SqliteStore, clock: Clock) -> Committer:
    return Committer(store, JudgeSource(ALERTING).current, downlink(), clock)


@pytest.fixture
async def committer(collector: Collector, store: HeldStore) -> AsyncIterator[Committer]:
    running = committer_on(store, collector.clock)
    yield running
    await running.close()


def said(answer: Answer) -> tuple[Header, Ack]:
    """The answer as its host reads it."""
    assert answer.ack is not None
    frame = read_frame(answer.ack)
    check_signature(frame, load_spki(downlink().spki))
    data = inflate(frame.payload, frame.header.coding, frame.header.ulen)
    return frame.header, decode(data, Ack)


async def test_nobody_is_answered_before_the_commit(
    collector: Collector, store: HeldStore, committer: Committer, agent: FakeAgent
) -> None:
    store.may_commit.clear()
    waiting = asyncio.create_task(committer.receive(agent.report({"os": system()}), agent.peer))
    await asyncio.to_thread(store.at_commit.wait, 5)
    await asyncio.sleep(0.05)
    early, seen = waiting.done(), collector.store._db.execute("SELECT hi FROM chain").fetchone()
    store.may_commit.set()
    answer = await waiting

    assert (early, seen) == (False, (0,))
    assert answer.code == Code.OK
    assert collector.value("SELECT hi FROM chain") == 1


async def test_what_waits_during_a_commit_is_the_next_commit(
    store: HeldStore, committer: Committer, agent: FakeAgent
) -> None:
    store.may_commit.clear()
    raws = [agent.report({"os": system(str(n))}) for n in range(20)]
    waiting = [asyncio.create_task(committer.receive(raw, agent.peer)) for raw in raws]
    await asyncio.to_thread(store.at_commit.wait, 5)
    store.may_commit.set()
    await asyncio.gather(*waiting)

    assert store.commits <= 2


async def test_a_commit_has_an_upper_size(
    store: HeldStore, committer: Committer, agent: FakeAgent
) -> None:
    raw = agent.report({"os": system()})
    await asyncio.gather(*(committer.receive(raw, agent.peer) for _ in range(2 * BATCH + 1)))

    assert store.commits == 3


async def test_every_host_gets_its_own_answer(collector: Collector, committer: Committer) -> None:
    hosts = [collector.host(f"h{n}") for n in range(3)]
    waiting = []
    for n, host in enumerate(hosts):
        for k in range(n + 1):
            raw = host.report({"os": system(str(k))})
            waiting.append((host, committer.receive(raw, host.peer)))
    answers = await asyncio.gather(*(one for _, one in waiting))

    seqs = set()
    for (host, _), answer in zip(waiting, answers, strict=True):
        header, ack = said(answer)
        assert (header.tenant, header.agent) == host.peer
        assert (ack.upto, ack.upto_hash) == (host.seq, host.head.hex())
        seqs.add(header.seq)
    assert len(seqs) == len(hosts)


async def test_a_sender_nobody_knows_gets_no_answer(
    collector: Collector, committer: Committer, agent: FakeAgent
) -> None:
    stranger = FakeAgent(clock=collector.clock)
    answers = await asyncio.gather(
        committer.receive(stranger.report(), agent.peer), committer.receive(b"", agent.peer)
    )

    assert list(answers) == [Answer(Code.UNKNOWN_KEY, None), Answer(Code.FRAME, None)]


async def test_the_numbers_of_answers_rise_over_restarts_and_clocks_that_go_back(
    collector: Collector, agent: FakeAgent
) -> None:
    seqs = []
    for step in (0, 5, -60_000, 0):
        collector.clock.advance(step)
        store = SqliteStore(collector.path)
        running = committer_on(store, collector.clock)
        for _ in range(3):
            answer = await running.receive(agent.report({"os": system()}), agent.peer)
            seqs.append(said(answer)[0].seq)
        await running.close()
        store.close()

    assert seqs == sorted(set(seqs))


async def test_a_host_is_never_answered_with_a_number_below_its_receipt(
    collector: Collector, committer: Committer
) -> None:
    collector.clock.advance(10_000_000)
    agent = collector.host("late")
    collector.clock.advance(-10_000_000)
    answer = await committer.receive(agent.report(), agent.peer)

    receipt = collector.value("SELECT receipt FROM host WHERE name = 'late'")
    assert said(answer)[0].seq > read_frame(receipt).header.seq


async def test_a_store_that_cannot_be_written_answers_nobody_and_lives_on(
    collector: Collector, store: HeldStore, committer: Committer, agent: FakeAgent
) -> None:
    store._db.execute("PRAGMA busy_timeout = 50")
    raws = [agent.report({"os": system(str(n))}) for n in range(3)]
    with collector.store.transaction():
        answers = await asyncio.gather(
            *(committer.receive(raw, agent.peer) for raw in raws), return_exceptions=True
        )
    again = await asyncio.gather(*(committer.receive(raw, agent.peer) for raw in raws))

    assert [type(answer) for answer in answers] == [StoreError] * 3
    assert [answer.code for answer in again] == [Code.OK] * 3


async def test_one_message_that_nobody_foresaw_does_not_stop_the_others(
    collector: Collector, committer: Committer
) -> None:
    good, bad = collector.host("good"), collector.host("bad")
    collector.rows("UPDATE host_key SET spki = x'00' WHERE host_id = 2")
    messages = [
        (good, good.report({"os": system("1")})),
        (bad, bad.report({"os": system("1")})),
        (good, good.report({"os": system("2")})),
    ]
    answers = await asyncio.gather(
        *(committer.receive(raw, host.peer) for host, raw in messages), return_exceptions=True
    )

    first, second, third = answers
    assert isinstance(first, Answer)
    assert isinstance(third, Answer)
    assert isinstance(second, Exception)
    assert (first.code, third.code) == (Code.OK, Code.OK)
    assert collector.value("SELECT upto FROM chain WHERE host_id = 1") == 2


class Stumbling(Judge):
    """A judge with a mistake in it that one host's facts bring out."""

    def report(
        self,
        tx: Transaction,
        host: HostRecord,
        changed: Iterable[str],
        seen: Attestation,
        *,
        attests: bool = True,
    ) -> Alerting:
        if b"boom" in tx.body(host.municipality_id, "os", tx.sections(host.id)["os"].hash):
            raise ZeroDivisionError("a rule nobody thought of")
        return super().report(tx, host, changed, seen, attests=attests)


async def test_a_report_that_cannot_be_judged_is_kept_and_acknowledged_and_its_host_unknown(
    collector: Collector, store: HeldStore, agent: FakeAgent
) -> None:
    stumbling = Stumbling([], ALERTING)
    committer = Committer(store, lambda _tx, _changed: stumbling, downlink(), collector.clock)
    other = collector.host("other")
    answers = await asyncio.gather(
        committer.receive(agent.report({"os": system("boom")}), agent.peer),
        committer.receive(other.report({"os": system()}), other.peer),
    )
    await committer.close()

    hosts = {host.name: host for host in collector.seen()}
    assert [answer.code for answer in answers] == [Code.OK, Code.OK]
    assert said(answers[0])[1].upto == 1
    assert hosts["web01"].facts_unknown
    assert not hosts["other"].facts_unknown
    assert collector.rows("SELECT host_id FROM host_section") == [(2,)]


async def test_what_a_door_refused_is_counted_even_if_a_commit_fails_in_between(
    collector: Collector, store: HeldStore, committer: Committer
) -> None:
    store._db.execute("PRAGMA busy_timeout = 50")
    committer.count(Code.IDENTITY)
    committer.count(Code.IDENTITY)
    with collector.store.transaction(), pytest.raises(StoreError):
        await committer.run(lambda _tx, _judge: None)
    await committer.run(lambda _tx, _judge: None)
    await committer.run(lambda _tx, _judge: None)

    assert collector.value("SELECT value FROM counter WHERE name = 'code:107'") == 2


async def test_work_is_committed_and_its_result_returned(
    collector: Collector, committer: Committer
) -> None:
    def work(tx: Transaction, _: Judge) -> str:
        tx.set_counter("x", 7)
        return "done"

    result = await committer.run(work)

    assert result == "done"
    assert collector.value("SELECT value FROM counter WHERE name = 'x'") == 7


async def test_work_that_fails_leaves_nothing_behind(
    collector: Collector, committer: Committer
) -> None:
    def work(tx: Transaction, _: Judge) -> None:
        tx.set_counter("x", 7)
        raise LookupError("no")

    with pytest.raises(LookupError):
        await committer.run(work)
    assert collector.rows("SELECT value FROM counter WHERE name = 'x'") == []


async def test_closing_commits_and_answers_what_waits(
    collector: Collector, store: HeldStore, agent: FakeAgent
) -> None:
    committer = committer_on(store, collector.clock)
    waiting = [
        asyncio.create_task(committer.receive(agent.report({"os": system(str(n))}), agent.peer))
        for n in range(5)
    ]
    await asyncio.sleep(0)
    await committer.close()

    assert [(await one).code for one in waiting] == [Code.OK] * 5
    assert collector.value("SELECT upto FROM chain") == 5


async def test_a_door_that_gave_up_waiting_disturbs_nobody(
    store: HeldStore, committer: Committer, agent: FakeAgent
) -> None:
    store.may_commit.clear()
    first = asyncio.create_task(committer.receive(agent.report({"os": system("1")}), agent.peer))
    second = asyncio.create_task(committer.receive(agent.report({"os": system("2")}), agent.peer))
    await asyncio.to_thread(store.at_commit.wait, 5)
    first.cancel()
    store.may_commit.set()

    assert (await second).code == Code.OK


async def test_rules_installed_by_another_process_judge_the_next_message(
    collector: Collector, committer: Committer, agent: FakeAgent
) -> None:
    await committer.receive(agent.report({"kernel": kernel(reboot=True)}), agent.peer)
    collector.act(lambda tx: packs.install(tx, pack_files(REBOOT), now=0))
    await committer.receive(agent.report({"os": system()}), agent.peer)

    rules = collector.rows("SELECT DISTINCT rule_id FROM finding")
    assert rules == [("t.reboot",)]
