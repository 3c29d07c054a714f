"""What a signed message says, if it can be read; and what becomes of it if not."""

import json

import msgspec
import pytest
from tests.collector.fakes import Collector
from tests.fakes import FakeAgent, body, system

from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.messages import REPORT


def sections(collector: Collector) -> dict[str, tuple[str, int]]:
    """section -> (status, since)"""
    rows = collector.rows("SELECT section, status, since FROM host_section")
    return {name: (status, since) for name, status, since in rows}


class TestContent:
    """A signed message with content nobody can use: it has its number, and is acknowledged."""

    CASES = (
        (b"", Code.JSON),
        (b"{", Code.JSON),
        (b'{"manifest":{},"manifest":{},"bodies":{},"agent":{}}', Code.JSON),
        (b'{"manifest": NaN}', Code.JSON),
        (b"[]", Code.SCHEMA),
        (b"{}", Code.SCHEMA),
        (b"[" * 20 + b"]" * 20, Code.LIMITS),
    )

    @pytest.mark.parametrize(("payload", "code"), CASES)
    def test_consumes_the_number_and_is_acknowledged_with_the_code(
        self, collector: Collector, told: FakeAgent, payload: bytes, code: Code
    ) -> None:
        raw = told.next(REPORT, payload)
        taken = collector.take(raw)

        ack = collector.ack_of(taken)
        assert taken[0].code == code
        assert (ack.upto, ack.hi) == (2, 2)
        assert ack.sel == ((2, code, read_frame(raw).entry_hash.hex()),)
        assert collector.value("SELECT code FROM envelope WHERE seq = 2") == code

    @pytest.mark.parametrize(("payload", "code"), CASES)
    def test_leaves_the_facts_unknown_until_a_report_can_be_read(
        self, collector: Collector, told: FakeAgent, payload: bytes, code: Code
    ) -> None:
        taken = collector.one(told.next(REPORT, payload))
        unknown = collector.seen()[0].facts_unknown
        collector.one(told.report(full=True))

        assert (taken.want, unknown) == ("full", True)
        assert not collector.seen()[0].facts_unknown

    def test_wrong_lengths_have_their_own_codes(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        assert collector.one(told.next(REPORT, b"{}", ulen=3)).code == Code.ULEN
        assert collector.one(told.next(REPORT, b" " * 999, ulen=998)).code == Code.INFLATE

    def test_an_unknown_type_is_stored_answered_304_and_no_reason_to_doubt_the_facts(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        taken = collector.take(told.next("vw-future/9", b'{"x":1}'))

        assert (taken[0].code, taken[0].want) == (Code.SCHEMA, None)
        assert collector.ack_of(taken).upto == 2
        assert collector.rows("SELECT kind, code FROM envelope WHERE seq = 2") == [
            ("vw-future/9", 304)
        ]
        assert not collector.seen()[0].facts_unknown
        assert collector.one(told.report({"os": system("13")})).code == Code.OK

    @pytest.mark.parametrize(
        "change",
        [
            {"hash": "0" * 64},
            {"hash": ""},
            {"hash": "AB" * 32},
            {"status": "fine"},
            {"status": "denied"},
            {"reach": "half"},
            {"reason": "a\nb"},
            {"reason": "x" * 121},
            {"at": "now"},
        ],
    )
    def test_a_manifest_that_lies_about_a_body_is_not_applied(
        self, collector: Collector, told: FakeAgent, change: dict[str, str]
    ) -> None:
        before = sections(collector)
        manifest = msgspec.to_builtins(told.manifest())
        manifest["os"] |= change
        report = {
            "manifest": manifest,
            "bodies": {"os": json.loads(system())},
            "agent": msgspec.to_builtins(told.info),
        }
        taken = collector.one(told.next(REPORT, msgspec.json.encode(report)))

        assert taken.code in (Code.SCHEMA, Code.LIMITS)
        assert sections(collector) == before

    @pytest.mark.parametrize("name", ["", "a b", "A", "x" * 33, "../etc", "a\0b"])
    def test_a_section_with_a_strange_name_is_refused(
        self, collector: Collector, told: FakeAgent, name: str
    ) -> None:
        assert collector.one(told.report({name: body(a=1)})).code == Code.SCHEMA

    def test_65_sections_are_too_many(self, collector: Collector, agent: FakeAgent) -> None:
        many = {f"s{n}": body(n=n) for n in range(65)}

        assert collector.one(agent.report(many)).code == Code.LIMITS

    def test_a_body_of_a_known_section_must_fit_the_vocabulary(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        assert collector.one(told.report({"os": body(id=7)})).code == Code.SCHEMA
        assert collector.outcome("t.release") == "pass"

    def test_a_body_that_no_manifest_names_is_refused(
        self, collector: Collector, told: FakeAgent
    ) -> None:
        report = {
            "manifest": msgspec.to_builtins(told.manifest()),
            "bodies": {"printers": {}},
            "agent": msgspec.to_builtins(told.info),
        }

        assert collector.one(told.next(REPORT, msgspec.json.encode(report))).code == Code.SCHEMA

    @pytest.mark.parametrize("payload", [b"{}", b'{"manifest":"zz","n":1,"agent":{}}', b"[]"])
    def test_a_beat_nobody_can_read_is_answered_and_changes_nothing(
        self, collector: Collector, told: FakeAgent, payload: bytes
    ) -> None:
        before = collector.dump("host", "chain", "envelope")
        raw = told.frame("vw-beat/1", payload)
        taken = collector.take(raw)

        assert taken[0].code == Code.SCHEMA
        assert collector.ack_of(taken).sel[0][1] == Code.SCHEMA
        assert collector.dump("host", "chain", "envelope") == before
