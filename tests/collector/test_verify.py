"""Who may send what: one code for every way to be somebody else."""

import json
from pathlib import Path

import pytest
from tests.collector.fakes import Collector
from tests.fakes import FAR, NEIGHBOUR, FakeAgent, kernel

from verbundwacht_collector.peer import Peer
from verbundwacht_collector.store.records import Chain, HostRecord
from verbundwacht_collector.verify import check_sender
from verbundwacht_wire.codes import SILENT, Code
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import EDDSA, read_frame
from verbundwacht_wire.messages import ACK, DOWN, RECEIPT, REPORT, UP

GOLDEN = Path(__file__).parents[1] / "golden"
KEYS = json.loads((GOLDEN / "keys.json").read_text())
REGISTRY = sorted(
    path.stem
    for path in GOLDEN.glob("*.json")
    if path.stem != "keys" and json.loads(path.read_text())["stage"] == "registry"
)


def registered(kid: bytes) -> HostRecord | None:
    """Both golden agents are enrolled; the collector's own key is nobody's."""
    for name in ("agent-a", "agent-b"):
        key = KEYS[name]
        if bytes.fromhex(key["kid"]) == kid:
            empty = Chain(bytes(32), 0, bytes(32), 0, bytes(32), 0, b"", "[]", 0, b"", 0)
            return HostRecord(
                id=1,
                agent=bytes.fromhex(key["agent"]),
                municipality_id=key["tenant"],
                name=name,
                state="active",
                spki=bytes.fromhex(key["spki"]),
                key_state="active",
                last_seen=None,
                interval_s=900,
                applied_seq=0,
                manifest=None,
                facts_unknown=0,
                awaiting=0,
                silent=0,
                judged_by=None,
                absent_until=None,
                chain=empty,
            )
    return None


@pytest.mark.parametrize("name", REGISTRY)
def test_golden_messages_in_a_wrong_name_are_refused_under_their_code(name: str) -> None:
    fate = json.loads((GOLDEN / f"{name}.json").read_text())
    frame = read_frame((GOLDEN / f"{name}.vw").read_bytes())
    _, _, _, municipality, agent = fate["topic"].split("/")

    with pytest.raises(WireError) as refusal:
        check_sender(frame, registered(frame.header.kid), Peer(municipality, bytes.fromhex(agent)))

    assert refusal.value.code == fate["code"]


def test_the_golden_registry_has_its_five_cases() -> None:
    assert REGISTRY == [
        "ack-by-agent",
        "key-a-agent-b",
        "key-a-other-tenant",
        "report-by-downlink-key",
        "wrong-topic",
    ]


@pytest.fixture
def neighbour(collector: Collector) -> FakeAgent:
    return collector.host("db01", municipality=NEIGHBOUR)


def unchanged(collector: Collector) -> dict[str, list[tuple[object, ...]]]:
    return collector.dump("host", "chain", "envelope", "host_section", "finding", "alert")


def refused(collector: Collector, raw: bytes, peer: Peer | None = None) -> Code:
    """The code, after a look that nothing was stored but the count."""
    before = unchanged(collector)
    taken = collector.one(raw, peer=peer)
    assert unchanged(collector) == before
    counted = collector.value("SELECT value FROM counter WHERE name = :n", n=f"code:{taken.code}")
    assert counted == 1
    assert (taken.host is None) == (taken.code in SILENT)
    return taken.code


def test_a_key_that_nobody_has_is_105(collector: Collector, agent: FakeAgent) -> None:
    stranger = FakeAgent(clock=collector.clock)
    stranger.agent = agent.agent

    assert refused(collector, stranger.report({"kernel": kernel()})) == Code.UNKNOWN_KEY


def test_a_host_in_the_name_of_another_one_is_107(collector: Collector, agent: FakeAgent) -> None:
    other = collector.host("web02")
    raw = agent.report({"kernel": kernel()}, agent=other.agent)

    assert refused(collector, raw, agent.peer) == Code.IDENTITY
    assert refused_again(collector, raw, other.peer) == Code.IDENTITY


def refused_again(collector: Collector, raw: bytes, peer: Peer) -> Code:
    return collector.one(raw, peer=peer).code


@pytest.mark.parametrize("municipality", [NEIGHBOUR, FAR, "nowhere"])
def test_a_host_in_the_name_of_another_municipality_is_107(
    collector: Collector, agent: FakeAgent, municipality: str
) -> None:
    raw = agent.report({"kernel": kernel()}, tenant=municipality)

    assert refused(collector, raw, Peer(municipality, agent.agent)) == Code.IDENTITY


def test_an_honest_message_over_a_foreign_connection_is_107(
    collector: Collector, agent: FakeAgent, neighbour: FakeAgent
) -> None:
    assert refused(collector, agent.report(), neighbour.peer) == Code.IDENTITY


@pytest.mark.parametrize("at", [-1, -64, 40, 80])
def test_one_bit_of_an_honest_message_is_never_accepted(
    collector: Collector, agent: FakeAgent, at: int
) -> None:
    raw = bytearray(agent.report({"kernel": kernel()}))
    raw[at] ^= 1

    assert refused(collector, bytes(raw), agent.peer) in SILENT


def test_another_signature_is_108(collector: Collector, agent: FakeAgent) -> None:
    raw = agent.report()

    assert refused(collector, raw[:-64] + bytes(63) + b"\1") == Code.SIGNATURE


def test_the_header_does_not_choose_the_algorithm(collector: Collector, agent: FakeAgent) -> None:
    raw = bytearray(agent.report())
    at = raw.index(b"\xa4\x01\x28")
    raw[at + 2] = 0x32  # -19 for a P-256 key

    assert read_frame(bytes(raw)).header.alg == EDDSA
    assert refused(collector, bytes(raw)) == Code.ALG


@pytest.mark.parametrize("typ", sorted(DOWN))
def test_no_agent_speaks_for_the_collector(
    collector: Collector, agent: FakeAgent, typ: str
) -> None:
    assert refused(collector, agent.next(typ, b"{}")) == Code.HEADER


def test_the_two_directions_share_no_type() -> None:
    assert not UP & DOWN
    assert {ACK, RECEIPT} <= DOWN
    assert REPORT in UP


def set_state(collector: Collector, table: str) -> None:
    where = "host SET" if table == "host" else "host_key SET"
    collector.act(lambda tx: tx.execute(f"UPDATE {where} state = 'revoked'", {}))


@pytest.mark.parametrize("table", ["host", "host_key"])
def test_a_revoked_host_is_109_and_is_told_so(
    collector: Collector, agent: FakeAgent, table: str
) -> None:
    set_state(collector, table)
    raw = agent.report({"kernel": kernel()})

    assert refused(collector, raw) == Code.KEY_STATE
    ack = collector.ack_of(collector.take(raw))
    assert (ack.hi, ack.sel) == (0, ((1, Code.KEY_STATE, read_frame(raw).entry_hash.hex()),))


def test_whether_a_host_is_revoked_is_only_told_to_itself(
    collector: Collector, agent: FakeAgent
) -> None:
    set_state(collector, "host")
    raw = agent.report()

    assert refused(collector, raw[:-1] + bytes([raw[-1] ^ 1])) == Code.SIGNATURE


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"", 102), (b"\xd2\x84", 102), (b"GET / HTTP/1.1\r\n", 102), (bytes(262_145), 101)],
)
def test_what_is_no_frame_is_counted_and_not_answered(
    collector: Collector, agent: FakeAgent, raw: bytes, code: int
) -> None:
    assert refused(collector, raw, agent.peer) == code


def test_an_enrolment_request_is_not_a_report(collector: Collector, agent: FakeAgent) -> None:
    assert refused(collector, agent.request()) == Code.IDENTITY
