"""A known host sends what no agent would: each is refused by its code, and nothing else suffers.

Everything goes to a running collector over its real doors, with a valid certificate; one of them
is a broker, beside the embedded endpoint that the settings name, too. "Nothing else" is measured:
the next right message is acknowledged within a second, and the process grows by no more than
16 MiB over the whole set.
"""

import asyncio
import contextlib
import itertools
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import mqtt5
import pytest
from tests.collector.ingest.fakes import Identity
from tests.system.crafted import CRAFTED, OTHERS, Crafted, with_unknown_section
from tests.system.doors import PATIENCE_S, UNREACHABLE, Gone, identity, line, post
from tests.system.facts import well_kept
from tests.system.fleet import Member, Names, enrol
from tests.system.running import Serve, Stage, free_ports, new_stage, serving

from verbundwacht_collector.ingest import Peer
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.messages import Ack

Door = Literal["mqtt", "https", "broker"]
DOORS: Final[tuple[Door, ...]] = ("mqtt", "https", "broker")
OWN: Final = "aurach"
ANSWERED_S: Final = 1.0
GROWTH_KIB: Final = 16 * 1024
_NUMBERS = itertools.count(1)


class Sender:
    """One enrolled host in front of the doors."""

    def __init__(self, serve: Serve, member: Member, files: Identity, broker_port: int) -> None:
        self.serve, self.member, self.files = serve, member, files
        self.broker_port = broker_port

    async def send(self, raw: bytes, door: Door) -> Ack | None:
        """The signed answer, or None where the collector said nothing at all."""
        ports = self.serve.stage.ports
        if door == "broker":
            return await self.send_by_broker(raw, self.files)
        if door == "https":
            try:
                return await post(self.member, self.files, ports.https, raw)
            except Gone as silence:
                assert str(silence) in ("status 400", "status 413")
                return None
        async with line(self.member, self.files, ports.mqtt) as one:
            with contextlib.suppress(ConnectionError):  # refused while it was still being written
                await one.publish(raw)
            try:
                return await one.answer()
            except UNREACHABLE:
                said = await one.ended()
                assert not any(isinstance(packet, mqtt5.PubAckPacket) for packet in said)
                return None

    async def send_by_broker(self, raw: bytes, files: Identity) -> Ack | None:
        """Silence is known by the refusal that was counted instead: nobody ends the connection."""
        before = counters(self.serve)
        async with asyncio.timeout(PATIENCE_S), line(self.member, files, self.broker_port) as one:
            await one.publish(raw)
            refused = False
            while True:
                try:
                    return await one.answer(0.3)
                except TimeoutError:
                    if refused:
                        return None
                    refused = bool(counted(before, counters(self.serve)))

    async def next_is_taken(self, door: Door) -> None:
        """A right message is acknowledged within a second, its connection included.

        A machine that stalls for a moment is no fault of the collector: then the one after
        it has to keep the second, and at the latest the third.
        """
        if await self.one_is_taken(door) <= ANSWERED_S:
            return
        assert min(await self.one_is_taken(door), await self.one_is_taken(door)) <= ANSWERED_S

    async def one_is_taken(self, door: Door) -> float:
        """A right message is acknowledged; seconds it took, its connection included."""
        raw = self.member.report({})
        start = time.perf_counter()
        ack = await self.send(raw, door)
        took_s = time.perf_counter() - start
        assert ack is not None and ack.upto == self.member.seq
        assert ack.upto_hash == self.member.head.hex()
        return took_s

    async def try_out(self, wrong: Crafted, door: Door) -> None:
        """The wrong message has met its fate, in code, counter, answer and chain."""
        before = counters(self.serve)
        raw = wrong.make(self.member)
        ack = await self.send(raw, door)
        if wrong.stored:
            self.member.seq += 1
            self.member.head = read_frame(raw).entry_hash
            assert ack is not None and ack.upto == self.member.seq
            assert (self.member.seq, wrong.code, self.member.head.hex()) in ack.sel
        else:
            assert ack is None
        await self.next_is_taken(door)
        assert counted(before, counters(self.serve)) == {wrong.code: 1}


def counters(serve: Serve) -> dict[int, int]:
    """Code -> how often it was counted so far."""
    with contextlib.closing(sqlite3.connect(serve.stage.folder.database)) as db:
        rows = db.execute("SELECT name, value FROM counter WHERE name LIKE 'code:%'").fetchall()
    return {int(name.removeprefix("code:")): value for name, value in rows}


def counted(before: dict[int, int], after: dict[int, int]) -> dict[int, int]:
    """Code -> how often between the two."""
    grown = {code: value - before.get(code, 0) for code, value in after.items()}
    return {code: by for code, by in grown.items() if by}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = new_stage(tmp_path_factory.mktemp("bad-input") / "collector")
    stage.add(OWN, OTHERS)
    return stage


@pytest.fixture(scope="module")
def broker_port(stage: Stage) -> Iterator[int]:
    """A broker beside the embedded endpoint, which stays because the settings name it."""
    mosquitto = stage.put_broker_in_front(free_ports(1)[0])
    try:
        yield mosquitto.start().port
    finally:
        mosquitto.kill()


@pytest.fixture(scope="module")
def serve(stage: Stage, broker_port: int) -> Iterator[Serve]:
    with serving(stage) as running:
        yield running


@pytest.fixture
async def sender(serve: Serve, tmp_path: Path, broker_port: int) -> Sender:
    names = Names(OWN, f"server-{next(_NUMBERS)}")
    (member,) = enrol(serve.stage.folder, [names], serve.stage.addresses)
    one = Sender(serve, member, identity(member, tmp_path), broker_port)
    assert await one.send(member.report(well_kept()), "mqtt") is not None
    return one


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("wrong", CRAFTED, ids=lambda one: one.name.replace(" ", "-"))
async def test_a_wrong_message_is_refused_by_its_code_and_the_next_is_taken(
    sender: Sender, wrong: Crafted, door: Door
) -> None:
    await sender.try_out(wrong, door)


@pytest.mark.parametrize("door", DOORS)
async def test_a_message_sent_again_is_acknowledged_again_and_changes_nothing(
    sender: Sender, door: Door
) -> None:
    raw = sender.member.report({})
    first = await sender.send(raw, door)
    before = counters(sender.serve)

    again = await sender.send(raw, door)

    assert first is not None and again is not None
    assert (again.upto, again.upto_hash, again.hi) == (first.upto, first.upto_hash, first.hi)
    assert counted(before, counters(sender.serve)) == {Code.DUPLICATE: 1}
    await sender.next_is_taken(door)


@pytest.mark.parametrize("door", ["https", "broker"])
async def test_a_message_of_another_host_is_refused_even_if_that_host_signed_it(
    sender: Sender, door: Door
) -> None:
    names = Names(OTHERS, f"server-{next(_NUMBERS)}")
    stage = sender.serve.stage
    (other,) = enrol(stage.folder, [names], stage.addresses)
    before = counters(sender.serve)

    answer = await sender.send(other.report(well_kept()), door)

    assert answer is None
    await sender.next_is_taken(door)
    assert counted(before, counters(sender.serve)) == {Code.IDENTITY: 1}


async def test_a_foreign_municipality_in_the_topic_is_refused_and_counted(sender: Sender) -> None:
    """A broker cannot know which municipality an agent belongs to; the collector does."""
    before = counters(sender.serve)
    abroad = sender.files._replace(peer=Peer(OTHERS, sender.member.agent))
    raw = sender.member.report({})

    assert await sender.send_by_broker(raw, abroad) is None
    assert counted(before, counters(sender.serve)) == {Code.IDENTITY: 1}
    ack = await sender.send(raw, "broker")
    assert ack is not None and ack.upto == sender.member.seq


@pytest.mark.parametrize("door", DOORS)
async def test_an_unknown_section_is_kept_and_judged_by_nobody(sender: Sender, door: Door) -> None:
    raw = with_unknown_section(sender.member)
    before = counters(sender.serve)

    ack = await sender.send(raw, door)

    assert ack is not None and (ack.upto, ack.sel) == (sender.member.seq, ())
    assert counted(before, counters(sender.serve)) == {}
    with contextlib.closing(sqlite3.connect(sender.serve.stage.folder.database)) as db:
        assert db.execute("SELECT count(*) FROM body WHERE section = 'orbit'").fetchone() == (1,)
        kept = db.execute(
            "SELECT s.status FROM host_section s JOIN host h ON h.id = s.host_id"
            " WHERE s.section = 'orbit' AND h.agent = ?",
            (sender.member.agent,),
        ).fetchall()
    assert kept == [("ok",)]
    await sender.next_is_taken(door)


async def test_the_collector_does_not_grow_under_the_whole_set(sender: Sender) -> None:
    for door in DOORS * 20:
        await sender.next_is_taken(door)
    sender.serve.forget_peak()
    before_kib = sender.serve.peak_kib()

    for wrong, door in itertools.product(CRAFTED, DOORS * 3):
        await sender.try_out(wrong, door)

    assert sender.serve.peak_kib() - before_kib <= GROWTH_KIB


async def test_many_wrong_messages_at_once_keep_nobody_out(sender: Sender, tmp_path: Path) -> None:
    names = [Names(OWN, f"server-{next(_NUMBERS)}") for _ in range(10)]
    stage = sender.serve.stage
    attackers = [
        Sender(sender.serve, member, identity(member, tmp_path), sender.broker_port)
        for member in enrol(stage.folder, names, stage.addresses)
    ]
    bombs = [one for one in CRAFTED if "bomb" in one.name]

    async def attack(one: Sender) -> None:
        for wrong in bombs:
            await one.send(wrong.make(one.member), "mqtt")

    attacking = asyncio.gather(*(attack(one) for one in attackers))
    while not attacking.done():
        # The ten share this test's own loop and core, so seconds would measure the test.
        await sender.one_is_taken("mqtt")
        await asyncio.sleep(0.05)
    await attacking
