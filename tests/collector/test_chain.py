"""Where a message stands in its host's chain: every rule of the sequence, by name and number."""

import pytest
from tests.collector.fakes import Collector
from tests.fakes import DAY, FakeAgent, kernel, services, system

from verbundwacht_collector.pipeline import Taken
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import ZERO32, read_frame
from verbundwacht_wire.messages import BEAT


def entry(raw: bytes) -> bytes:
    return read_frame(raw).entry_hash


def codes(taken: list[Taken]) -> list[int]:
    return [one.code.value for one in taken]


def chain(collector: Collector) -> tuple[int, int]:
    """(hi, upto)"""
    return collector.rows("SELECT hi, upto FROM chain")[0]


def messages(agent: FakeAgent, count: int, mark: str = "") -> list[bytes]:
    """Reports that each say something new."""
    return [agent.report({"os": system(f"{mark}{n}")}, full=True) for n in range(count)]


class TestInOrder:
    def test_each_message_is_accepted_and_closes_the_chain(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        assert codes(collector.take(*messages(agent, 3))) == [0, 0, 0]
        assert chain(collector) == (3, 3)

    def test_the_first_one_names_the_receipt(self, collector: Collector, agent: FakeAgent) -> None:
        assert collector.one(agent.report(prev=ZERO32)).code == Code.FORK

    def test_a_number_of_zero_is_no_report(self, collector: Collector, agent: FakeAgent) -> None:
        assert collector.one(agent.report(seq=0)).code == Code.FORK

    def test_one_that_names_another_predecessor_is_a_fork(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        collector.take(*messages(agent, 2))

        assert collector.one(agent.report(prev=bytes(32))).code == Code.FORK
        assert chain(collector) == (2, 2)


class TestTwice:
    def test_the_same_message_is_a_duplicate_and_changes_nothing(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        sent = messages(agent, 3)
        collector.take(*sent)
        before = collector.dump("chain", "envelope", "host", "finding", "alert")

        assert codes(collector.take(*sent)) == [201, 201, 201]
        assert collector.dump("chain", "envelope", "host", "finding", "alert") == before

    def test_another_message_with_the_same_number_is_a_fork(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        twin = agent.clone()
        collector.take(*messages(agent, 2))

        assert codes(collector.take(*messages(twin, 1, "x"))) == [203]

    def test_a_second_signature_under_the_same_bytes_is_the_same_message(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        raw = agent.report({"os": system()})
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        s = int.from_bytes(raw[-32:], "big")
        collector.one(raw)

        assert collector.one(raw[:-32] + (order - s).to_bytes(32, "big")).code == Code.DUPLICATE


class TestGaps:
    def test_a_number_too_high_is_taken_and_leaves_a_gap(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        sent = messages(agent, 4)

        assert codes(collector.take(sent[0], sent[3])) == [0, 211]
        assert chain(collector) == (4, 1)

    def test_late_ones_fill_the_gap(self, collector: Collector, agent: FakeAgent) -> None:
        sent = messages(agent, 4)
        collector.take(sent[0], sent[3])

        assert codes(collector.take(sent[2], sent[1])) == [212, 212]
        assert chain(collector) == (4, 4)

    @pytest.mark.parametrize("which", [1, 2])
    def test_a_late_one_of_another_branch_is_a_fork(
        self, collector: Collector, agent: FakeAgent, which: int
    ) -> None:
        first = messages(agent, 1)
        twin = agent.clone()
        sent, others = messages(agent, 3), messages(twin, 3, "x")
        collector.take(*first, sent[2])

        assert collector.one(others[which - 1]).code == (Code.FORK if which == 2 else Code.LATE)

    def test_both_neighbours_must_agree(self, collector: Collector, agent: FakeAgent) -> None:
        first = messages(agent, 1)
        twin = agent.clone()
        sent, others = messages(agent, 4), messages(twin, 4, "x")
        collector.take(*first, sent[3])  # 5
        collector.take(others[0])  # 2, nothing stored contradicts it yet

        assert collector.one(sent[2]).code == Code.LATE  # 4, before 5
        assert collector.one(sent[1]).code == Code.FORK  # 3 names another 2

    def test_the_highest_number_there_is_does_no_harm(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        agent.seq = (1 << 63) - 2
        collector.one(agent.report({"os": system()}))

        assert collector.value("SELECT hi FROM chain") == (1 << 63) - 1
        assert collector.one(agent.beat()).code == Code.OK

    def test_what_fell_out_of_the_spool_counts_as_closed(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        first = agent.report({"os": system()})
        agent.report({"os": system("1")})
        agent.report({"os": system("2")})
        last = agent.report(full=True, dropped=(2, 3))
        collector.take(first, last)

        assert chain(collector) == (4, 4)

    def test_a_range_that_leaves_one_out_closes_nothing(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        first = agent.report({"os": system()})
        agent.report({"os": system("1")})
        agent.report({"os": system("2")})
        collector.take(first, agent.report(full=True, dropped=(3, 3)))

        assert chain(collector) == (4, 1)

    @pytest.mark.parametrize("dropped", [(3, 2), (-5, -1), (0, 0), (2, 9_000_000_000_000_000)])
    def test_a_strange_range_does_no_harm(
        self, collector: Collector, agent: FakeAgent, dropped: tuple[int, int]
    ) -> None:
        sent = [agent.report({"os": system()}), agent.report({"os": system("1")}, dropped=dropped)]

        assert codes(collector.take(*sent)) == [0, 0]
        assert chain(collector) == (2, 2)

    def test_a_range_said_again_is_remembered_once(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        for _ in range(3):
            collector.one(agent.report({"os": system()}, dropped=(1, 1)))

        assert collector.value("SELECT explained FROM chain") == "[[1, 1]]"

    def test_the_list_of_ranges_is_bounded(self, collector: Collector, agent: FakeAgent) -> None:
        for n in range(80):
            collector.one(agent.report({"os": system()}, dropped=(10 * n, 10 * n)))

        assert collector.value("SELECT json_array_length(explained) FROM chain") == 64


class TestRestartsOfTheMachine:
    def test_a_new_epoch_may_have_a_new_boot(self, collector: Collector, agent: FakeAgent) -> None:
        first = agent.report({"os": system()})
        agent.reboot()

        assert codes(collector.take(first, agent.report({"os": system("1")}))) == [0, 0]

    def test_the_same_epoch_with_another_boot_is_a_fork(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        collector.one(agent.report({"os": system()}))

        assert collector.one(agent.report(boot=bytes(8))).code == Code.FORK

    def test_a_late_message_of_the_epoch_before_is_no_fork(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        first, second = agent.report({"os": system()}), agent.report({"os": system("1")})
        agent.reboot()
        third = agent.report({"os": system("2")})

        assert codes(collector.take(first, third, second)) == [0, 211, 212]


class TestRebase:
    """A host whose branch is not the one the collector knows gives it up once."""

    def test_continues_the_known_head(self, collector: Collector, agent: FakeAgent) -> None:
        restored = agent.clone()
        collector.take(*messages(agent, 3))
        (fork,) = collector.take(restored.report({"os": system("x")}))
        assert fork.chain is not None
        raw = restored.rebase(fork.chain.hi, fork.chain.head)
        after = restored.report({"os": system("y")})

        assert fork.code == Code.FORK
        assert codes(collector.take(raw, after)) == [0, 0]
        assert chain(collector) == (5, 5)

    def test_leads_to_the_facts_of_the_restored_host(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        restored = agent.clone()
        collector.take(*messages(agent, 3))
        hi, head = collector.rows("SELECT hi, head FROM chain")[0]
        restored.says = {"os": system("99"), "kernel": kernel()}
        collector.one(restored.rebase(hi, head))

        assert collector.rows("SELECT section FROM host_section ORDER BY 1") == [
            ("kernel",),
            ("os",),
        ]
        assert collector.outcome("t.release") == "fail"

    def test_closes_the_gap_of_the_branch_that_was_given_up(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        restored = agent.clone()
        sent = messages(agent, 5)
        collector.take(sent[0], sent[4])
        hi, head = collector.rows("SELECT hi, head FROM chain")[0]
        collector.one(restored.rebase(hi, head))

        assert chain(collector) == (6, 6)

    @pytest.mark.parametrize("epoch", [0, 1])
    def test_needs_a_new_epoch(self, collector: Collector, agent: FakeAgent, epoch: int) -> None:
        collector.take(*messages(agent, 2))

        assert collector.one(agent.report(typ="vw-rebase/1", epoch=epoch)).code == Code.FORK

    def test_may_not_leave_a_gap_or_fill_one(self, collector: Collector, agent: FakeAgent) -> None:
        sent = messages(agent, 3)
        collector.take(sent[0], sent[2])
        late = agent.clone()
        late.seq, late.head = 1, entry(sent[0])
        ahead = agent.clone()
        ahead.seq = 7

        assert collector.one(late.report(typ="vw-rebase/1", epoch=2)).code == Code.FORK
        assert collector.one(ahead.report(typ="vw-rebase/1", epoch=2)).code == Code.FORK

    def test_twice_is_a_duplicate(self, collector: Collector, agent: FakeAgent) -> None:
        collector.take(*messages(agent, 2))
        raw = agent.rebase(agent.seq, agent.head)

        assert codes(collector.take(raw, raw)) == [0, 201]

    def test_the_other_one_of_two_clones_is_a_fork_from_then_on(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        clone = agent.clone()
        collector.take(*messages(agent, 2))
        hi, head = collector.rows("SELECT hi, head FROM chain")[0]
        clone.says = {"os": system()}
        collector.one(clone.rebase(hi, head))

        assert codes(collector.take(*messages(agent, 1))) == [203]


class TestBeats:
    @pytest.fixture
    def told(self, collector: Collector, agent: FakeAgent) -> FakeAgent:
        collector.one(agent.report({"os": system(), "kernel": kernel()}))
        return agent

    def test_take_no_number_and_no_row(self, collector: Collector, told: FakeAgent) -> None:
        for _ in range(3):
            assert collector.one(told.beat()).code == Code.OK

        assert chain(collector) == (1, 1)
        assert collector.rows("SELECT seq FROM envelope") == [(1,)]

    def test_one_a_day_is_kept_as_evidence(self, collector: Collector, told: FakeAgent) -> None:
        for _ in range(12):
            collector.clock.advance(DAY // 4)
            told.interval_s = 86_400
            collector.one(told.beat())

        kept = collector.rows("SELECT received_at FROM envelope WHERE kind = :k", k=BEAT)
        days = {at // DAY for (at,) in kept}
        assert len(kept) == len(days)
        assert len(days) in (2, 3)

    def test_an_older_one_is_a_duplicate(self, collector: Collector, told: FakeAgent) -> None:
        first, second = told.beat(), told.beat()

        assert codes(collector.take(second, first, second)) == [0, 201, 201]

    def test_the_same_number_with_other_bytes_is_a_fork(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        twin = told.clone()
        twin.clock = collector.clock
        first = told.beat()
        collector.clock.advance(1)

        assert codes(collector.take(first, twin.beat())) == [0, 203]

    def test_one_that_counts_back_and_is_newer_comes_from_a_host_that_was_put_back(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        snapshot = told.clone()
        collector.take(*(told.beat() for _ in range(5)))
        collector.clock.advance()
        fork = collector.one(snapshot.beat())
        rebased = collector.one(snapshot.rebase(told.seq, told.head))

        assert (fork.code, rebased.code) == (Code.FORK, Code.OK)
        assert collector.one(snapshot.beat()).code == Code.OK

    def test_one_of_the_branch_before_a_rebase_is_not_accepted_again(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        old = [told.beat() for _ in range(5)]
        collector.take(*old)
        collector.clock.advance()
        collector.one(told.rebase(told.seq, told.head))

        assert codes(collector.take(*old)) == [201] * 5

    def test_one_at_a_foreign_head_is_a_fork(self, collector: Collector, told: FakeAgent) -> None:
        assert collector.one(told.beat(prev=bytes(32))).code == Code.FORK

    def test_one_at_a_foreign_older_head_is_a_fork(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.one(told.report({"os": system("1")}))

        assert collector.one(told.beat(seq=1, prev=bytes(32))).code == Code.FORK
        assert collector.one(told.beat(seq=0, prev=bytes(32))).code == Code.FORK

    def test_one_before_any_report_names_the_receipt(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        taken = collector.one(agent.beat())

        assert (taken.code, taken.want) == (Code.OK, "full")

    def test_a_fork_changes_nothing(self, collector: Collector, told: FakeAgent) -> None:
        before = collector.dump("chain", "host", "envelope")
        collector.clock.advance()
        collector.one(told.beat(prev=bytes(32)))

        assert collector.dump("chain", "host", "envelope") == before

    def test_one_about_another_state_marks_the_facts_unknown(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        taken = collector.one(told.beat(manifest="ab" * 32))

        (host,) = collector.seen()
        assert (taken.code, taken.want) == (Code.OK, "full")
        assert host.facts_unknown
        assert set(host.outcomes) == {"stale"}

    def test_the_next_one_about_the_known_state_clears_the_mark(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.take(told.beat(manifest="ab" * 32), told.beat())

        assert not collector.seen()[0].facts_unknown

    def test_one_about_a_report_that_this_store_lost_asks_for_everything(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        told.report({"os": system("9"), "services": services("x")})  # acknowledged, then restored

        assert collector.one(told.beat()).want == "full"
        assert collector.seen()[0].facts_unknown

    def test_one_that_was_overtaken_by_a_report_marks_nothing(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        beat = told.beat()
        collector.one(told.report({"os": system("13")}))

        taken = collector.one(beat)

        assert (taken.code, taken.want) == (Code.OK, None)
        assert not collector.seen()[0].facts_unknown
