"""What a host is told: how far it may forget, and what became of single messages."""

from tests.collector.fakes import Collector
from tests.fakes import FakeAgent, listening, system

from verbundwacht_wire.frame import read_frame


class TestAnswers:
    def test_what_is_loose_above_a_gap_is_named(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        told.report({"os": system("1")})
        third = told.report({"os": system("2")}, full=True)
        ack = collector.ack_of(collector.take(third))

        assert (ack.upto, ack.hi) == (1, 3)
        assert ack.sel == ((3, 211, read_frame(third).entry_hash.hex()),)

    def test_a_duplicate_above_a_gap_is_named_again(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        told.report({"os": system("1")})
        third = told.report({"os": system("2")}, full=True)
        collector.one(third)
        ack = collector.ack_of(collector.take(third))

        assert ack.sel == ((3, 201, read_frame(third).entry_hash.hex()),)

    def test_in_order_nothing_needs_to_be_named(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        sent = [told.report({"os": system(str(n))}) for n in range(3)]
        ack = collector.ack_of(collector.take(*sent, told.beat()))

        assert (ack.upto, ack.hi, ack.sel, ack.beat) == (4, 4, (), 1)
        assert ack.upto_hash == ack.head == told.head.hex()

    def test_before_anything_is_closed_there_is_no_hash(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        agent.report({"os": system("1")})
        ack = collector.ack_of(collector.take(agent.report({"os": system("2")})))

        assert (ack.upto, ack.upto_hash) == (0, "")

    def test_a_fork_tells_where_the_chain_stands(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        twin = told.clone()
        collector.one(told.report({"os": system("1")}))
        raw = twin.report({"os": system("2")})
        ack = collector.ack_of(collector.take(raw))

        assert (ack.hi, ack.head) == (2, told.head.hex())
        assert ack.sel == ((2, 203, read_frame(raw).entry_hash.hex()),)

    def test_at_most_64_messages_are_named(self, collector: Collector, told: FakeAgent) -> None:
        told.report({"listening": listening(1)})
        loose = [told.report({"os": system(str(n))}) for n in range(80)]
        ack = collector.ack_of(collector.take(*loose))

        assert [seq for seq, _, _ in ack.sel] == list(range(19, 83))
