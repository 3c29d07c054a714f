"""What is fuzzed without a socket: everything that reads bytes which somebody else chose.

A target takes bytes and says in a few words what became of them. Only the errors that are specified
may come out of a reader; anything else it raises is a finding. Signatures are real: the fuzzer has
published test keys, so what lies behind the check is reached as a stolen key would reach it.
"""

import base64
import json
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import mqtt5
import msgspec
from tests.collector.fakes import Collector
from tests.collector.ingest.oracle import refused_later, same
from tests.fakes import FakeAgent
from tests.wire import oracles
from tools import golden
from tools.golden_craft import AGENT, DOWNLINK, RFC6979, TENANT, head, signed, tstr, uint

from verbundwacht_agent import inbox
from verbundwacht_agent.errors import AgentError
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.receipt import Enrolment, read_receipt
from verbundwacht_agent.spool import Spool
from verbundwacht_collector.content import read_beat, read_report
from verbundwacht_collector.ingest.packets import MAX_PACKET, MAX_SMALL, NotAllowed, take
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import MAX_ULEN, read_frame
from verbundwacht_wire.keys import check_signature, load_spki
from verbundwacht_wire.messages import ACK, BEAT, RECEIPT, REPORT, Ack, Beat, Receipt, Report
from verbundwacht_wire.payload import check_json, decode, deflate, inflate

JSON_WORDS: Final = (
    *(
        b"{}",
        b"[]",
        b'""',
        b"null",
        b"NaN",
        b"-0",
        b"1e999",
        b"-Infinity",
        b"1.5",
        b"true",
        b"\\u0000",
    ),
    *(b"\xff", b"\xed\xa0\x80", b"\\ud800", b'{"a":1,"a":2}', b"[" * 17, b'{"a":' * 17, b",", b":"),
    *(b'"manifest":', b'"bodies":', b'"dropped":[1,2]', b'"status":"ok"', b'"hash":""', b'"n":0'),
    *(b'"sel":[[1,203,""]]', b'"later_s":99999999', b'"want":"full"', b"9007199254740993"),
)
CBOR_WORDS: Final = (
    *(b"\xd2\x84", b"\xa0", b"\x5f", b"\xff", b"\x9f", b"\xbf", b"\xf6", b"\xf9\x7e\x00", b"\xc1"),
    *(b"\x1b" + b"\xff" * 8, b"\x5a\x7f\xff\xff\xff", b"\x58\x40", b"\x01\x28", b"\x04\x50"),
)
MQTT_WORDS: Final = (
    *(
        b"\x10",
        b"\x32",
        b"\x82",
        b"\xc0\x00",
        b"\xe0\x00",
        b"\xff\xff\xff\x7f",
        b"\x00\x04MQTT\x05",
    ),
    *(
        b"\x26\x00\x01a\x00\x01b",
        b"\x23\x00\x01",
        b"\x27\x00\x00\x00\x00",
        b"\x00\x00",
        b"\x80\x00",
    ),
)


_IN_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # acks are synced


class Target(NamedTuple):
    """run: what became of the bytes. seeds: where it starts. words: what it likes to put in."""

    name: str
    run: Callable[[bytes], str]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...]


def kind_of(problem: Exception) -> str:
    """The refusal without its values: what two refusals have in common."""
    text = re.sub(r"'.*?'|\"[^\"]*\"|b'.*'|`[^`]*`|[0-9a-f]{8,}|-?\d+(\.\d+)?", "_", str(problem))
    return re.sub(r"[^ -~]+", "_", text)[:90]


def _golden() -> list[bytes]:
    found = [path.read_bytes() for path in sorted(golden.FOLDER.glob("*.vw"))]
    return [raw for raw in found if 0 < len(raw) < 8_000]


def _read_frame(raw: bytes) -> str:
    try:
        frame = read_frame(raw)
    except WireError as refusal:
        return kind_of(refusal)
    oracles.check(raw, frame)
    return "frame"


def _json(raw: bytes) -> str:
    try:
        check_json(raw)
    except WireError as refusal:
        return kind_of(refusal)
    # the standard library reads the same values, and more than ours never
    assert json.loads(raw) == msgspec.json.decode(raw)
    said = ["json"]
    for kind in (Report, Beat, Ack, Receipt):
        try:
            decode(raw, kind)
            said.append(kind.__name__)
        except WireError as refusal:
            said.append(str(refusal.code.value))
    return " ".join(said)


def _sealed(raw: bytes) -> tuple[bytes, str]:
    """A signed frame around the rest; the first byte says how it is packed and called."""
    how, payload = (raw[0], raw[1:]) if raw else (0, b"")
    typ = (REPORT, BEAT)[how >> 1 & 1]
    coding, ulen = 0, len(payload)
    if how & 1:
        payload, coding = deflate(payload)
    elif how & 4:  # whatever it is, it is called a stream
        coding, ulen = 1, min(64 * len(payload), MAX_ULEN)
    if how & 8:
        ulen += 1
    parts = {"typ": tstr(typ), "coding": uint(coding), "ulen": uint(ulen)}
    return signed(RFC6979, payload, **parts), typ


def _message(raw: bytes) -> str:
    sealed, typ = _sealed(raw)
    try:
        frame = read_frame(sealed)
        check_signature(frame, load_spki(RFC6979.spki))
        if typ == BEAT:
            return f"beat {len(read_beat(frame)[1])}"
        return f"report {len(read_report(frame).bodies)}"
    except WireError as refusal:
        return kind_of(refusal)


@cache
def _registered() -> tuple[Collector, FakeAgent, tempfile.TemporaryDirectory[str]]:
    """A real store with one host; the folder goes when the process does."""
    folder = tempfile.TemporaryDirectory()
    collector = Collector(Path(folder.name), durable=False)
    return collector, collector.host(), folder


def close() -> None:
    """The store of the target `pipeline` is closed, its folder gone."""
    if _registered.cache_info().currsize:
        collector, _, folder = _registered()
        collector.store.close()
        folder.cleanup()
        _registered.cache_clear()


def _pipeline(raw: bytes) -> str:
    """From the door to the commit, as the next message of a host that is known."""
    collector, agent, _ = _registered()
    how, payload = (raw[0], raw[1:]) if raw else (0, b"")
    beat = bool(how >> 1 & 1)
    agent.seq += not beat
    sealed = agent.frame(BEAT if beat else REPORT, payload)
    if not beat:
        agent.head = read_frame(sealed).entry_hash
    (taken,) = collector.take(sealed, peer=agent.peer)
    assert collector.value("SELECT count(*) FROM counter WHERE name = 'report_set_aside'") == 0
    return f"{'beat' if beat else 'report'} {taken.code.value} {taken.want}"


def _mqtt(raw: bytes) -> str:
    buffer, at, said, first = bytearray(raw), 0, list[str](), bool(raw[:1] == b"\x10")
    try:
        while (packet := take(buffer, first=first)) is not None:
            first = False
            whole = raw[at : len(raw) - len(buffer)]
            at += len(whole)
            said.append(type(packet).__name__)
            assert len(whole) <= (MAX_PACKET if whole[0] & 0xF0 == 0x30 else MAX_SMALL)
            if not refused_later(packet):
                theirs, used = mqtt5.read(memoryview(whole))
                assert used == len(whole) and same(packet, theirs)
    except NotAllowed as refusal:
        return f"{refusal.code.value} {kind_of(refusal)}"
    return " ".join(dict.fromkeys(said)) or "nothing whole"


def _down(raw: bytes, typ: str) -> bytes:
    payload, coding = deflate(raw)
    parts = {"typ": tstr(typ), "coding": uint(coding), "ulen": uint(len(raw))}
    return signed(DOWNLINK._replace(tenant=TENANT, agent=AGENT), payload, **parts)


def _ack(raw: bytes) -> str:
    """A validly signed answer in the inbox of a host that waits with one message."""
    key = load_spki(DOWNLINK.spki)
    receipt = Receipt(
        agent=AGENT.hex(), municipality=TENANT, kid="", certificate="", ca="",
        downlink_spki="", mqtt="", https="",
    )  # fmt: skip
    enrolment = Enrolment(receipt, AGENT, bytes(32), key, DOWNLINK.kid)
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY) as folder:
        paths = Paths(Path(folder))
        spool = Spool(paths)
        waiting = paths.spool / f"{4711:020}.vw"
        waiting.write_bytes(signed(RFC6979, b"{}"))
        answer = Path(folder) / "answer"
        answer.write_bytes(_down(raw, ACK))
        before = sorted(path.name for path in Path(folder).iterdir())
        try:
            ack = inbox._checked(answer, paths, enrolment)
            learned = inbox._apply(ack, paths, spool, inbox.Learned())
        except (WireError, AgentError) as refusal:
            return kind_of(refusal)
        finally:
            assert sorted(path.name for path in Path(folder).iterdir()) == before
            assert waiting.exists()  # the newest message is the state: no answer deletes it
        return f"ack {learned.full} {learned.fork is not None} {learned.behind is not None}"


def _receipt(raw: bytes) -> str:
    try:
        return f"receipt {len(read_receipt(_down(raw, RECEIPT)).agent)}"
    except AgentError as refusal:
        return kind_of(refusal)


def _payloads() -> list[bytes]:
    """What the golden messages carry, with the byte that says how it is packed."""
    found = []
    for raw in _golden():
        try:
            frame = read_frame(raw)
        except WireError:
            continue
        try:
            text = inflate(frame.payload, frame.header.coding, frame.header.ulen)
            found += [b"\x00" + text, b"\x01" + text, b"\x02" + text]
        except WireError:
            found.append(b"\x04" + frame.payload)
    agent = FakeAgent()
    beat = read_frame(agent.beat())
    return [*found, b"\x02" + inflate(beat.payload, beat.header.coding, beat.header.ulen)]


def _texts() -> list[bytes]:
    ack = Ack(
        upto=4711, upto_hash="ab" * 32, hi=4711, head="ab" * 32, sel=((4711, 203, "ab" * 32),)
    )
    receipt = Receipt(
        agent=AGENT.hex(), municipality=TENANT, kid="00" * 16, certificate="c", ca="c",
        downlink_spki=base64.b64encode(DOWNLINK.spki).decode(), mqtt="a:1", https="a:2",
    )  # fmt: skip
    more = [msgspec.json.encode(ack), msgspec.json.encode(receipt), b'{"a":[1,{"b":null}]}']
    return [*more, *(raw[1:] for raw in _payloads() if raw[0] != 4)]


def mqtt_seeds() -> list[bytes]:
    """What agents send, one by one and in a row."""
    name = "00" * 15 + "01"
    packets = (
        mqtt5.ConnectPacket(name, clean_start=True, keep_alive=30, receive_max=8),
        mqtt5.ConnectPacket(name, username="u", password=b"p", user_properties=[("a", "b")]),
        mqtt5.PublishPacket(
            "vw/1/up/musterstadt/" + name, b"x", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7
        ),
        mqtt5.PublishPacket("t", b"x", topic_alias=1, content_type="a", message_expiry_interval=9),
        mqtt5.SubscribePacket(
            3, [mqtt5.TopicFilter("vw/1/dn/musterstadt/" + name)], subscription_id=9
        ),
        mqtt5.PingReqPacket(),
        mqtt5.DisconnectPacket(),
    )
    each = [packet.write() for packet in packets]
    return [
        *each,
        b"".join(each[2:]),
        each[0] + each[4] + each[2] * 2 + each[5],
        each[0] + each[4] + each[2],
    ]


_ARRAY: Final = (head(4, 9), *CBOR_WORDS)
TARGETS: Final = {
    target.name: target
    for target in (
        Target("frame", _read_frame, _golden, _ARRAY),
        Target("json", _json, _texts, JSON_WORDS),
        Target("message", _message, _payloads, JSON_WORDS),
        Target("pipeline", _pipeline, _payloads, JSON_WORDS),
        Target("mqtt", _mqtt, mqtt_seeds, MQTT_WORDS),
        Target("ack", _ack, _texts, JSON_WORDS),
        Target("receipt", _receipt, _texts, JSON_WORDS),
    )
}
