"""Collector and broker are killed again and again while thirty hosts report; nothing is lost.

Each host behaves like the real agent: it keeps a frame until a signed acknowledgement covers it,
and sends it again after every break, over MQTT or HTTPS. What the killed collector holds at the
end is compared with a second one that took in the same frames without interruption.

Behind a broker it is killed as well, alone or together with the collector, and loses whatever it
had said it got. `VERBUNDWACHT_KILLS`, `VERBUNDWACHT_BROKER_KILLS` and `VERBUNDWACHT_REPORTS` make
the runs longer.
"""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from tests.collector.ingest.fakes import Identity
from tests.collector.ingest.mosquitto import Mosquitto
from tests.system.doors import UNREACHABLE, identity, line, post
from tests.system.facts import section, well_kept
from tests.system.fleet import Member, Names, enrol
from tests.system.running import Serve, Stage, new_stage, quiet_log

from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.app import now_ms
from verbundwacht_collector.committer import BATCH, Committer
from verbundwacht_collector.config import Folder
from verbundwacht_collector.equipment import load_signer
from verbundwacht_collector.ingest import Peer
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.pipeline import Received
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.messages import Ack

KILLS: Final = int(os.environ.get("VERBUNDWACHT_KILLS", "20"))
REPORTS: Final = int(os.environ.get("VERBUNDWACHT_REPORTS", "10000"))
BROKER_KILLS: Final = int(os.environ.get("VERBUNDWACHT_BROKER_KILLS", "6"))
BROKER_REPORTS: Final = 1_500
HOSTS: Final = 30
WINDOW: Final = 8
BY_HTTPS: Final = 0.15  # of all deliveries
LIVES_S: Final = 1.6  # at most, from the open doors to the kill
LIMIT_S: Final = 200 + 10 * max(0, KILLS - 20)
MUNICIPALITIES: Final = ("aurach", "bernstein", "calmbach")


class Reporter:
    """One host: a spool that only signed answers empty, and all frames it ever made."""

    def __init__(self, member: Member, files: Identity, chance: random.Random) -> None:
        self.member, self.files, self._chance = member, files, chance
        self.made = [member.report(well_kept())]
        self.acknowledged, self.published = 0, 0

    @property
    def done(self) -> bool:
        """Nothing is left to deliver."""
        return self.acknowledged == len(self.made)

    def make(self) -> None:
        """The spool holds a window of frames again."""
        while len(self.made) < self.acknowledged + WINDOW:
            self.made.append(self.member.report(self._news()))

    def _news(self) -> dict[str, bytes]:
        """One or two changed sections; some make rules fail, and later pass again."""
        number = len(self.made)
        telnet = {"proto": "tcp", "address": "0.0.0.0", "exposed": True, "port": 23}
        return self._chance.choice(
            (
                {"sshd": section("sshd", permitrootlogin=self._chance.choice(("yes", "no")))},
                {"listening": section("listening", sockets=self._chance.choice(([], [telnet])))},
                {
                    "accounts": section("accounts", empty_password=self._chance.randrange(2)),
                    "services": section("services", network=[f"{number}.service"]),
                },
                {"os": section("os", name=f"Debian GNU/Linux 12 ({number})")},
            )
        )

    async def report(self, stage: Stage, finishing: asyncio.Event) -> None:
        """Everything that was made is acknowledged, however often the collector goes away."""
        while not (finishing.is_set() and self.done):
            if not finishing.is_set():
                self.make()
            by_https = self._chance.random() < BY_HTTPS
            with contextlib.suppress(*UNREACHABLE):
                await (self._post(stage) if by_https else self._publish(stage))
            await asyncio.sleep(self._chance.uniform(0.05, 0.3))

    async def _publish(self, stage: Stage) -> None:
        async with line(self.member, self.files, stage.ports.mqtt) as one:
            waiting = self.made[self.acknowledged : self.acknowledged + WINDOW]
            await one.publish(*waiting)
            upto = self.acknowledged + len(waiting)
            while self.acknowledged < upto:
                self._believe(await one.answer())
            self.published += len(waiting)

    async def _post(self, stage: Stage) -> None:
        for frame in self.made[self.acknowledged : self.acknowledged + 1]:
            self._believe(await post(self.member, self.files, stage.ports.https, frame))

    def _believe(self, ack: Ack) -> None:
        assert ack.upto >= self.acknowledged, "an acknowledgement was taken back"
        assert not ack.sel, f"refused: {ack.sel}"
        if ack.upto:
            assert read_frame(self.made[ack.upto - 1]).entry_hash.hex() == ack.upto_hash
        self.acknowledged = ack.upto


class Told(NamedTuple):
    """One alert as the store tells it, without numbers and times, which may differ."""

    host: bytes
    rule: str
    subject: str
    state: str
    repeated: int
    events: tuple[tuple[str, str, bytes | None], ...]  # kind, reason, evidence


async def test_nothing_acknowledged_is_lost_or_doubled_when_the_collector_is_killed(
    tmp_path: Path,
) -> None:
    stage = new_stage(tmp_path / "collector")
    await _survives(stage, tmp_path, None)


async def test_nothing_acknowledged_is_lost_or_doubled_when_collector_and_broker_are_killed(
    tmp_path: Path,
) -> None:
    stage = new_stage(tmp_path / "collector")
    mosquitto = stage.put_broker_in_front()
    try:
        await _survives(stage, tmp_path, mosquitto.start())
    finally:
        mosquitto.kill()


async def _survives(stage: Stage, tmp_path: Path, mosquitto: Mosquitto | None) -> None:
    """What the killed collector holds is what one that was left in peace holds."""
    stage.add(*MUNICIPALITIES)
    names = [Names(MUNICIPALITIES[i % 3], f"server-{i}") for i in range(HOSTS)]
    members = enrol(stage.folder, names, stage.addresses)
    twin = Folder(shutil.copytree(stage.folder.root, tmp_path / "twin"))
    hosts = [Reporter(m, identity(m, tmp_path), random.Random(i)) for i, m in enumerate(members)]

    kills, reports = (KILLS, REPORTS) if mosquitto is None else (BROKER_KILLS, BROKER_REPORTS)

    async with asyncio.timeout(LIMIT_S + 10 * kills):
        await _under_fire(stage, hosts, kills, reports, mosquitto)

    _take_in_without_interruption(twin, hosts)
    assert sum(len(host.made) for host in hosts) >= reports
    assert sum(host.published for host in hosts) >= reports / 2, "HTTPS has carried the test"
    with _reading(stage.folder) as killed, _reading(twin) as whole:
        assert killed.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for host in hosts:
            _check_journal(killed, host)
        assert _alerts(killed) == _alerts(whole)
        assert {one.state for one in _alerts(killed)} == {"new", "resolved"}
        assert _findings(killed) == _findings(whole)


async def _under_fire(
    stage: Stage, hosts: list[Reporter], kills: int, reports: int, mosquitto: Mosquitto | None
) -> None:
    """All hosts report; the collector, its broker or both are killed and started again."""
    chance, finishing = random.Random(), asyncio.Event()
    serve = await asyncio.to_thread(Serve(stage).wait_ready)
    reporting = [asyncio.create_task(host.report(stage, finishing)) for host in hosts]
    try:
        while kills or sum(len(host.made) for host in hosts) < reports:
            await asyncio.sleep(chance.uniform(0, LIVES_S))
            _raise_if_failed(reporting)
            if not kills:
                continue
            kills -= 1
            both = kills % 3 == 0
            if mosquitto is not None and (both or kills % 3 == 1):
                mosquitto.kill()
                await asyncio.to_thread(mosquitto.start)
            if mosquitto is None or both or kills % 3 == 2:
                serve.kill()
                serve = await asyncio.to_thread(Serve(stage).wait_ready)
        finishing.set()
        await asyncio.gather(*reporting)
    finally:
        for task in reporting:
            task.cancel()
        await asyncio.gather(*reporting, return_exceptions=True)
        serve.stop()


def _raise_if_failed(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()


def _take_in_without_interruption(folder: Folder, hosts: list[Reporter]) -> None:
    """The same frames, in the order of each host, straight into the pipeline."""
    store = SqliteStore(folder.database)
    source = JudgeSource(Settings("alert"))
    committer = Committer(store, source.current, load_signer(folder), now_ms)
    peers = [Peer(host.member.names.municipality, host.member.agent) for host in hosts]
    rounds = zip_longest(*(host.made for host in hosts))
    messages = [
        Received(raw, peer, now_ms())
        for one in rounds
        for peer, raw in zip(peers, one, strict=True)
        if raw is not None
    ]
    with contextlib.closing(store), quiet_log():
        for start in range(0, len(messages), BATCH):
            answers = committer._transact(messages[start : start + BATCH])
            assert not any(answer.code for answer in answers)


@contextlib.contextmanager
def _reading(folder: Folder) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(folder.database)) as db:
        yield db


def _check_journal(db: sqlite3.Connection, host: Reporter) -> None:
    """Every frame the host made is there once, and the chain knows no gap."""
    of_host = (host.member.agent,)
    stored = db.execute(
        "SELECT e.seq, e.frame, e.code FROM envelope e JOIN host h ON h.id = e.host_id"
        " WHERE h.agent = ? AND e.seq IS NOT NULL ORDER BY e.seq",
        of_host,
    ).fetchall()
    assert stored == [(seq, raw, 0) for seq, raw in enumerate(host.made, 1)]
    chain = db.execute(
        "SELECT c.upto, c.hi, c.head FROM chain c JOIN host h ON h.id = c.host_id"
        " WHERE h.agent = ?",
        of_host,
    ).fetchone()
    assert chain == (len(host.made), len(host.made), read_frame(host.made[-1]).entry_hash)


def _alerts(db: sqlite3.Connection) -> list[Told]:
    alerts = db.execute(
        "SELECT h.agent, a.rule_id, a.subject, a.state, a.repeated, a.id FROM alert a"
        " JOIN host h ON h.id = a.host_id ORDER BY h.agent, a.rule_id, a.subject, a.id"
    ).fetchall()
    return [Told._make((*row[:5], _events(db, row[5]))) for row in alerts]


def _events(db: sqlite3.Connection, alert: int) -> tuple[tuple[str, str, bytes | None], ...]:
    question = "SELECT kind, reason, evidence FROM alert_event WHERE alert_id = ? ORDER BY id"
    return tuple(db.execute(question, (alert,)).fetchall())


def _findings(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    return db.execute(
        "SELECT h.agent, f.rule_id, f.subject, f.outcome, f.reason, f.readings FROM finding f"
        " JOIN host h ON h.id = f.host_id ORDER BY h.agent, f.rule_id, f.subject"
    ).fetchall()
