"""From accepted messages to facts: what is applied, what is kept, what is asked for."""

import json
import zlib

import pytest
from tests.collector.fakes import Collector
from tests.fakes import (
    DAY,
    HOUR,
    INTERVAL,
    MINUTE,
    NEIGHBOUR,
    FakeAgent,
    Not,
    body,
    kernel,
    services,
    system,
)

from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store import read
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import read_frame


def sections(collector: Collector) -> dict[str, tuple[str, int]]:
    """section -> (status, since)"""
    rows = collector.rows("SELECT section, status, since FROM host_section")
    return {name: (status, since) for name, status, since in rows}


def facts(collector: Collector, section: str) -> object:
    """The applied body of a section."""
    doc = collector.value(
        "SELECT b.doc FROM host_section s JOIN body b ON b.hash = s.hash"
        " AND b.section = s.section WHERE s.section = :s",
        s=section,
    )
    return json.loads(zlib.decompress(doc))


class TestFacts:
    def test_the_frame_is_kept_as_it_came(self, collector: Collector, agent: FakeAgent) -> None:
        raw = agent.report({"os": system()})
        collector.one(raw)

        db = collector.store._db
        entry = read_frame(raw).entry_hash.hex()
        assert read.evidence_frame(db, entry, scope=OperatorScope()) == raw

    def test_what_a_finding_rests_on_is_kept_beyond_the_journal(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.one(told.report({"kernel": kernel(running="6.2")}))
        collector.one(told.report({"kernel": kernel(running="6.2", reboot=True)}))

        cited = collector.rows("SELECT seq, cited FROM envelope ORDER BY seq")
        assert cited == [(1, 1), (2, 0), (3, 1)]

    def test_a_section_keeps_its_since_while_it_says_the_same(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        began = collector.clock()
        collector.clock.advance()
        collector.one(told.report({"kernel": kernel(reboot=True)}))

        assert sections(collector)["os"] == ("ok", began)
        assert sections(collector)["kernel"] == ("ok", began + INTERVAL)

    def test_every_change_is_on_record(self, collector: Collector, told: FakeAgent) -> None:
        collector.one(told.report({"kernel": Not("denied", "read_denied")}))
        collector.one(told.report({"kernel": kernel()}))

        changes = collector.rows(
            "SELECT seq, status, reason FROM host_section_change WHERE section = 'kernel'"
            " ORDER BY id"
        )
        assert changes == [(1, "ok", None), (2, "denied", "read_denied"), (3, "ok", None)]

    def test_a_section_that_is_not_sent_any_more_is_gone(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.one(told.report({"services": None}))

        assert "services" not in sections(collector)
        assert collector.outcome("t.failed") == "not_applicable"

    def test_an_unknown_section_is_kept_and_not_judged(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        taken = collector.one(told.report({"printers": body(queues=["lp0"])}))

        assert taken.code == Code.OK
        assert facts(collector, "printers") == {"queues": ["lp0"]}

    def test_an_unknown_field_is_kept_too(self, collector: Collector, told: FakeAgent) -> None:
        collector.one(told.report({"os": system(flavour="new")}))

        assert facts(collector, "os") == json.loads(system(flavour="new"))

    def test_the_same_body_is_stored_once_a_municipality(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        for name, municipality in (("web02", "musterdorf"), ("db01", NEIGHBOUR)):
            collector.one(collector.host(name, municipality=municipality).report(told.says))

        assert collector.rows(
            "SELECT municipality_id, count(*) FROM body GROUP BY 1 ORDER BY 1"
        ) == [("musterdorf", 3), ("nebenan", 3)]

    def test_another_municipality_cannot_be_asked_whether_it_knows_a_body(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        spy = collector.host("spy", municipality=NEIGHBOUR)

        assert collector.one(spy.report(told.says, keep_back=tuple(told.says))).want == "full"


class TestBodiesThatAreNotThere:
    def test_nothing_is_applied_and_everything_is_asked_for(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        before = sections(collector)
        taken = collector.one(told.report({"os": system("9")}, keep_back=("os",)))

        (host,) = collector.seen()
        assert (taken.code, taken.want) == (Code.OK, "full")
        assert sections(collector) == before
        assert host.facts_unknown
        assert set(host.outcomes) == {"stale"}

    def test_a_full_report_makes_it_good(self, collector: Collector, told: FakeAgent) -> None:
        collector.one(told.report({"os": system("9")}, keep_back=("os",)))
        taken = collector.one(told.report(full=True))

        assert taken.want is None
        assert not collector.seen()[0].facts_unknown
        assert collector.outcome("t.release") == "fail"

    def test_a_body_known_from_another_time_is_enough(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.one(told.report({"os": system("13")}))
        taken = collector.one(told.report({"os": system()}, keep_back=("os",)))

        assert (taken.code, taken.want) == (Code.OK, None)

    def test_every_answer_repeats_the_wish(self, collector: Collector, told: FakeAgent) -> None:
        raw = told.report({"os": system("9")}, keep_back=("os",))
        collector.one(raw)

        assert collector.one(raw).want == "full"
        assert collector.one(told.beat(n=1)).want == "full"

    def test_a_report_in_parts_asks_for_nothing_when_all_parts_are_here(
        self, collector: Collector, agent: FakeAgent
    ) -> None:
        everything = {"os": system(), "kernel": kernel()}
        first = agent.report(everything, keep_back=("kernel",))
        second = agent.report({}, full=True, keep_back=("os",))
        one, two = collector.take(first, second)

        assert (one.want, two.want) == ("full", None)
        assert collector.ack_of([one, two]).want is None
        assert set(sections(collector)) == {"os", "kernel"}
        assert not collector.seen()[0].facts_unknown


class TestLateReports:
    def test_an_older_report_does_not_overwrite_a_newer_one(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        older = told.report({"os": system("9")})
        newer = told.report({"os": system("13")}, full=True)
        taken = collector.take(newer, older)

        assert [one.code for one in taken] == [Code.GAP, Code.LATE]
        assert facts(collector, "os") == json.loads(system("13"))
        assert not collector.seen()[0].facts_unknown

    def test_a_late_body_completes_the_newest_report(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        older = told.report({"os": system("9"), "kernel": kernel()})
        newer = told.report({"kernel": kernel(reboot=True)})
        one, two = collector.take(newer, older)

        assert (one.want, two.want) == ("full", None)
        assert collector.value("SELECT applied_seq FROM host") == 3
        assert collector.outcome("t.reboot") == "fail"
        assert collector.outcome("t.release") == "fail"
        assert not collector.seen()[0].facts_unknown

    def test_facts_stay_unknown_while_the_newest_report_is_incomplete(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        second = told.report({"os": system("9")})
        told.report({"kernel": kernel(reboot=True)})
        fourth = told.report({"services": services("x.service")})
        collector.take(fourth, second)

        assert collector.value("SELECT applied_seq FROM host") == 2
        assert collector.seen()[0].facts_unknown

    def test_a_late_one_below_an_unknown_type_is_the_newest_report(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        second = told.report({"os": system("9")})
        collector.take(told.next("vw-rotate/1", b"{}"), second)

        assert not collector.seen()[0].facts_unknown
        assert collector.outcome("t.release") == "fail"


class TestTime:
    @pytest.mark.parametrize(
        ("interval_s", "stored"),
        [(900, 900), (59, 60), (0, 60), (-5, 60), (86_401, 86_400), (2**53, 86_400)],
    )
    def test_the_interval_is_taken_within_limits(
        self, collector: Collector, told: FakeAgent, interval_s: int, stored: int
    ) -> None:
        told.interval_s = interval_s
        collector.one(told.beat())

        assert collector.value("SELECT interval_s FROM host") == stored

    @pytest.mark.parametrize("skew", [-2 * INTERVAL, 0, 5 * MINUTE])
    def test_a_usual_clock_is_not_flagged(
        self, collector: Collector, told: FakeAgent, skew: int
    ) -> None:
        collector.one(told.beat(time=collector.clock() + skew))

        assert collector.seen()[0].clock_skew_ms == 0

    @pytest.mark.parametrize("skew", [-2 * INTERVAL - 1, -3650 * DAY, 5 * MINUTE + 1, 3650 * DAY])
    @pytest.mark.parametrize("kind", ["beat", "report"])
    def test_a_wrong_clock_is_flagged_and_counted_and_the_message_taken(
        self, collector: Collector, told: FakeAgent, skew: int, kind: str
    ) -> None:
        at = collector.clock() + skew
        raw = told.beat(time=at) if kind == "beat" else told.report(time=at)
        taken = collector.one(raw)

        assert taken.code == Code.OK
        assert collector.seen()[0].clock_skew_ms == skew
        assert collector.value("SELECT value FROM counter WHERE name = 'code:213'") == 1

    def test_the_flag_goes_when_the_clock_is_right_again(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.one(told.beat(time=collector.clock() - DAY))
        collector.one(told.beat())

        assert collector.seen()[0].clock_skew_ms == 0

    def test_messages_from_the_spool_are_no_sign_of_life_and_the_last_one_is(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        spooled = [told.report({"os": system(str(n))}) for n in range(3)]
        collector.clock.advance(6 * HOUR)
        collector.take(*spooled)
        before = collector.seen()[0]
        collector.one(told.report({"os": system()}))

        after = collector.seen()[0]
        assert (before.freshness, before.clock_skew_ms) == ("silent", -6 * HOUR)
        assert (after.freshness, after.clock_skew_ms) == ("fresh", 0)

    def test_a_clock_far_ahead_does_not_keep_a_host_alive(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        collector.one(told.beat(time=collector.clock() + 3650 * DAY))
        collector.clock.advance(3 * INTERVAL + 1)

        assert collector.seen()[0].freshness == "silent"
