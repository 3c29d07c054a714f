"""The collector behind its doors, on a real database in a folder; messages go straight in."""

import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from tests.collector.rulebook import RULES, load, pack_files
from tests.fakes import INTERVAL_S, Clock, FakeAgent

from verbundwacht_collector import enrolment, packs, pipeline, pki
from verbundwacht_collector.acks import acknowledge
from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.peer import Peer
from verbundwacht_collector.pipeline import Received, Taken
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store import read, views
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.sqlite import SqliteStore, migrate
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.keys import P256Signer
from verbundwacht_wire.messages import Ack
from verbundwacht_wire.payload import decode, inflate

T = TypeVar("T")
ADDRESSES: Final = enrolment.Addresses("sammler.example:8883", "sammler.example:8884", INTERVAL_S)
NOBODY_THERE: Final = Peer("nowhere", bytes(16))
ALERTING: Final = Settings("alert")
PLANNING: Final = Settings("plan")
JUDGED: Final = ("alert", "alert_event", "delivery", "finding", "finding_transition", "audit")
FACTS: Final = ("host", "chain", "host_section", "host_section_change", "body")


@cache
def authority() -> pki.Authority:
    """One certificate authority for all tests that need none of their own."""
    now = datetime.now(UTC)
    key, root = pki.make_root(now)
    return pki.make_authority(key, root, now)


@cache
def downlink() -> P256Signer:
    """What signs receipts and acknowledgements."""
    return P256Signer(pki.new_key())


@cache
def empty_database() -> bytes:
    """Two alliances, three municipalities, one SOC address, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collector.db"
        migrate(path)
        db = sqlite3.connect(path, isolation_level=None)
        db.executescript(
            "INSERT INTO alliance VALUES ('verbund', 'Verbund', ''), ('anderswo', 'Fern', '');"
            "INSERT INTO municipality VALUES"
            " ('musterdorf', 'Musterdorf', 'verbund', NULL, 0),"
            " ('nebenan', 'Nebenan', 'verbund', NULL, 0),"
            " ('fernab', 'Fernab', 'anderswo', NULL, 0);"
            "INSERT INTO channel (kind, name, recipient, alliance_id)"
            " VALUES ('mail', 'E-Mail', 'soc@example.org', 'verbund');"
            "INSERT INTO person (login, name, password_hash, created_at)"
            " VALUES ('jana', 'Jana Brenner', '!', 0), ('tobias', 'Tobias Lenz', '!', 0);"
        )
        db.close()
        return path.read_bytes()


class Collector:
    """Store, rules and signer; `take` is what every door calls in the end."""

    def __init__(
        self,
        folder: Path,
        *rules: str,
        clock: Clock | None = None,
        settings: Settings = ALERTING,
        durable: bool = True,
    ) -> None:
        self.clock, self.settings = clock or Clock(), settings
        self.path = folder / "collector.db"
        self.path.write_bytes(empty_database())
        self._durable = durable
        self.reopen()
        self._judges: dict[str, Judge] = {}
        self.downlink_seq = 0
        self.install(*(rules or RULES))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def copied(self) -> bytes:
        """The whole database as a file."""
        self.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.path.read_bytes()

    def restore(self, copied: bytes) -> None:
        """The store is what it was then."""
        self.store.close()
        self.path.write_bytes(copied)
        self.reopen()

    def reopen(self) -> None:
        """The file in the folder is what the store is now."""
        self.store = SqliteStore(self.path)
        if not self._durable:  # property tests commit by the thousand, and nobody pulls the plug
            self.store._db.execute("PRAGMA synchronous = OFF")

    def act(self, work: Callable[[Transaction], T]) -> T:
        """The work, in one transaction."""
        with self.store.transaction() as tx:
            return work(tx)

    def install(self, *rules: str) -> None:
        """These rules judge from now on; hosts are judged anew by `judge_anew`."""
        self.act(lambda tx: self.put_pack(tx, *rules))

    def put_pack(self, tx: Transaction, *rules: str) -> None:
        """The same inside a transaction."""
        pack = load(*rules)
        self._judges.setdefault(pack.digest, Judge([pack], self.settings))
        packs.install(tx, pack_files(*rules), now=self.clock())

    def judge(self, tx: Transaction) -> Judge:
        """The judge for the pack that is installed as this transaction sees it."""
        return self._judges[tx.execute("SELECT digest FROM pack", {})[0][0]]

    def enrol(self, agent: FakeAgent, **options: Any) -> FakeAgent:
        """The host is enrolled as `host add` and `accept` do it."""
        request = enrolment.read_request(agent.request())
        enrolled = self.act(
            lambda tx: enrolment.admit(
                tx,
                request,
                municipality_id=agent.municipality,
                authority=authority(),
                signer=downlink(),
                addresses=ADDRESSES,
                now=self.clock(),
                **options,
            )
        )
        agent.accept(enrolled.receipt)
        return agent

    def host(self, name: str = "web01", **options: Any) -> FakeAgent:
        """A new enrolled host on the same clock."""
        return self.enrol(FakeAgent(name, clock=self.clock, **options))

    def received(self, raw: bytes, peer: Peer | None = None, at: int | None = None) -> Received:
        """A message as the door hands it in; the connection is the sender's own unless said."""
        if peer is None:
            try:
                header = read_frame(raw).header
                peer = Peer(header.tenant, header.agent)
            except WireError:
                peer = NOBODY_THERE
        return Received(raw, peer, self.clock() if at is None else at)

    def take(self, *raws: bytes, peer: Peer | None = None, at: int | None = None) -> list[Taken]:
        """What became of these messages, committed together."""
        messages = [self.received(raw, peer, at) for raw in raws]
        return self.act(
            lambda tx: [pipeline.take_in(tx, message, self.judge(tx)) for message in messages]
        )

    def one(self, raw: bytes, *, peer: Peer | None = None, at: int | None = None) -> Taken:
        """What became of one message."""
        return self.take(raw, peer=peer, at=at)[0]

    def ack_of(self, taken: list[Taken]) -> Ack:
        """The answer to messages of one host, as it is sent."""
        self.downlink_seq += 1
        (raw,) = acknowledge(taken, downlink(), now=self.clock(), seq=self.downlink_seq).values()
        frame = read_frame(raw)
        return decode(inflate(frame.payload, frame.header.coding, frame.header.ulen), Ack)

    def tick(self, *, serving_since: int = 0) -> None:
        """The minute's work."""
        now = self.clock()
        self.act(lambda tx: pipeline.tick(tx, self.judge(tx), now=now, serving_since=serving_since))

    def judge_anew(self) -> int:
        """Hosts that were judged by other rules are judged by these."""
        now = self.clock()
        return self.act(lambda tx: pipeline.judge_anew(tx, self.judge(tx), now=now, limit=1000))

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement."""
        return self.act(lambda tx: tx.execute(sql, values))

    def value(self, sql: str, **values: Any) -> Any:
        """The one value of a statement."""
        ((found,),) = self.rows(sql, **values)
        return found

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """A whole table in a fixed order."""
        return sorted(self.rows(f'SELECT * FROM "{name}"'), key=repr)

    def dump(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """Several whole tables."""
        return {name: self.table(name) for name in tables}

    def outcome(self, rule_id: str, subject: str = "") -> str | None:
        """The stored outcome of a rule on the only host."""
        sql = "SELECT outcome FROM finding WHERE rule_id = :rule AND subject = :subject"
        rows = self.rows(sql, rule=rule_id, subject=subject)
        return rows[0][0] if rows else None

    def alerts(self, rule_id: str | None = None) -> list[tuple[str, str, str]]:
        """(rule, subject, state) of all alerts in the order in which they were opened."""
        rows = self.rows("SELECT rule_id, subject, state FROM alert ORDER BY id")
        return [(r, s, t) for r, s, t in rows if rule_id in (None, r)]

    def events(self, rule_id: str) -> list[tuple[str, str]]:
        """(kind, reason) of everything that happened to the alerts of a rule."""
        return [
            (kind, reason)
            for kind, reason in self.rows(
                "SELECT e.kind, e.reason FROM alert_event e JOIN alert a ON a.id = e.alert_id"
                " WHERE a.rule_id = :rule ORDER BY e.id",
                rule=rule_id,
            )
        ]

    def seen(self) -> list[views.HostRow]:
        """All hosts as a reader sees them now."""
        db = self.store._db
        return read.hosts(db, scope=OperatorScope(), now=self.clock())
