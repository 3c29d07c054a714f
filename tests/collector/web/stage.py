"""A small invented alliance in a real store, judged by the real pack, with a real web server.

What the pages show here went through the same rules and the same life cycle as in the field;
only the signatures are left out, since no page checks them.
"""

import asyncio
import hashlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.alerts.apply import Alerting
from verbundwacht_collector.alerts.model import Attestation, Settings
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.observe.observer import Observer
from verbundwacht_collector.observe.status import Door
from verbundwacht_collector.observe.tally import Arrived, Tally
from verbundwacht_collector.rules.load import load_pack
from verbundwacht_collector.rules.model import Pack
from verbundwacht_collector.scope import AllianceScope
from verbundwacht_collector.store import people
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import SectionRecord
from verbundwacht_collector.store.sqlite import SqliteStore, migrate
from verbundwacht_collector.store.views import Grant
from verbundwacht_collector.web.app import web_app
from verbundwacht_collector.web.deps import WebDeps
from verbundwacht_collector.web.listener import GuardedSite, PageLimits, page_runner
from verbundwacht_collector.web.passwords import hash_password
from verbundwacht_collector.web.readers import Readers
from verbundwacht_wire.codes import Code

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
NOW = 1_795_181_520_000  # 20.11.2026, 13:32 in Berlin
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
INTERVAL_MS = 15 * MINUTE
PASSWORD = "Kirchturm-im-Nebel-47"
SOC, COLLEAGUE, TOWN, OTHER_TOWN, FOREIGN = "brenner", "lenz", "hartmann", "adler", "weiss"
REAL, STOCK, SILENT, NEVER, DENIED, AWAY = (
    "a0" * 16,
    "a1" * 16,
    "b0" * 16,
    "c0" * 16,
    "d0" * 16,
    "f0" * 16,
)
TOWNS = {
    "altenbach": ("Verbandsgemeinde Altenbach", "hochwald"),
    "hohenau": ("Gemeinde Hohenau", "hochwald"),
    "rosental": ("Verbandsgemeinde Rosental", "hochwald"),
    "weinberg": ("Stadt Weinberg", "nahetal"),
}


@cache
def pack() -> Pack:
    """The pack of this repository."""
    return load_pack(ROOT / "rules" / "linux-basis")


@cache
def password_hash() -> str:
    """One hash for all invented people: making it is slow on purpose."""
    return hash_password(PASSWORD)


class Clock:
    """Unix ms that only tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Writes:
    """Runs acts one after the other in a thread. Implements Writer."""

    def __init__(self, store: SqliteStore) -> None:
        self._store, self._turn = store, asyncio.Lock()

    async def __call__(self, act: Callable[[Transaction], T]) -> T:
        async with self._turn:
            return await asyncio.to_thread(self._run, act)

    def _run(self, act: Callable[[Transaction], T]) -> T:
        with self._store.transaction() as tx:
            return act(tx)


class Watched:
    """What the pages are told about the collector's own work. Implements observe's Writer."""

    def __init__(self, writes: Writes) -> None:
        self._writes, self.tally = writes, Tally()
        self.tally.worked_at = NOW - 400
        beats = [Arrived("mqtt", 300, NOW - 4 * MINUTE, Code.OK)] * 3
        self.tally.batch_done(beats, NOW - 4 * MINUTE + 120)
        self.tally.committed(0.004, [(1, -900), (2, 400), (3, -300)])
        self.tally.refused_at_door("mqtt", Code.SIGNATURE, 2)

    def waiting(self) -> tuple[int, int | None]:
        return 0, None

    async def answers(self) -> None:
        pass

    async def run(self, work: Callable[[Transaction, Any], T]) -> T:
        return await self._writes(lambda tx: work(tx, None))


def half_full(_: Path) -> os.statvfs_result:
    """A disk of 100 GB with 42 GB free."""
    return os.statvfs_result((4096, 4096, 24_414_062, 10_253_906, 10_253_906, 1, 1, 1, 0, 255))


def observer(
    path: Path,
    readers: Readers,
    watched: Watched,
    clock: Clock,
    *,
    statvfs: Callable[[Path], os.statvfs_result] = half_full,
    keep_s: float = 0.0,
    patience_s: float = 5.0,
) -> Observer:
    """How this collector is asked about itself."""
    doors = [Door("mqtt", "0.0.0.0:8883", True), Door("https", "0.0.0.0:8884", True)]
    return Observer(
        readers,
        watched,
        database=path,
        packs=lambda: (pack(),),
        doors=lambda: doors,
        clock=clock,
        serving_since=NOW - 30 * DAY,
        statvfs=statvfs,
        keep_s=keep_s,
        patience_s=patience_s,
    )


class Stage(NamedTuple):
    """A running web server over a seeded store."""

    url: str
    store: SqliteStore
    clock: Clock
    deps: WebDeps
    site: GuardedSite

    def act(self, act: Callable[[Transaction], T]) -> T:
        """Run an act directly on the store, beside the server."""
        with self.store.transaction() as tx:
            return act(tx)


class Served(NamedTuple):
    """A stage whose server runs in another thread, for a browser that blocks this one."""

    url: str
    stage: Stage


@asynccontextmanager
async def stage(
    path: Path,
    *,
    insecure_loopback: bool = True,
    statvfs: Callable[[Path], os.statvfs_result] = half_full,
    context: ssl.SSLContext | None = None,
    limits: PageLimits = PageLimits(),  # noqa: B008 - immutable
) -> AsyncIterator[Stage]:
    """A server on a free loopback port; plain HTTP, as in the demo unless told otherwise."""
    await asyncio.to_thread(path.write_bytes, seeded())
    store, readers, clock = SqliteStore(path), Readers(path), Clock()
    writes = Writes(store)
    deps = WebDeps(
        read=readers,
        write=writes,
        observer=observer(path, readers, Watched(writes), clock, statvfs=statvfs),
        packs=lambda: (pack(),),
        clock=clock,
        insecure_loopback=insecure_loopback,
    )
    runner = page_runner(web_app(deps), limits)
    await runner.setup()
    site = GuardedSite(runner, "127.0.0.1", 0, context, limits)
    await site.start()
    try:
        scheme = "http" if context is None else "https"
        yield Stage(f"{scheme}://127.0.0.1:{site.port}", store, clock, deps, site)
    finally:
        await runner.cleanup()
        readers.close()
        store.close()


@cache
def seeded() -> bytes:
    """The seeded database as one file; made once per run, since judging takes its time."""
    with TemporaryDirectory() as folder:
        seed(Path(folder) / "vw.db")
        return (Path(folder) / "vw.db").read_bytes()


def seed(path: Path) -> None:
    """Two alliances, four towns, six hosts and what the rules say about them."""
    migrate(path)
    store = SqliteStore(path)
    judge = Judge([pack()], Settings(baseline="alert"))
    with store.transaction() as tx:
        _tenants(tx)
        tx.set_counter("serving_since", NOW - 30 * DAY)
        for agent, town, name, simulated in (
            (REAL, "altenbach", "vg-al-dms01", 0),
            (STOCK, "altenbach", "vg-al-web02", 1),
            (SILENT, "rosental", "vg-ro-dc01", 1),
            (NEVER, "hohenau", "hohenau-neuer-anwendungsserver-fuer-das-fachverfahren-01", 1),
            (DENIED, "hohenau", "ge-ho-app03", 1),
            (AWAY, "weinberg", "st-we-dms01", 1),
        ):
            _host(tx, agent, town, name, simulated)
        _tell(tx, judge)
        tx.count(f"code:{Code.GAP.value}", 8)
        tx.set_counter(f"at:{Code.GAP.value}", NOW - 2 * HOUR)
        tx.count(f"host:{host_id(tx, DENIED)}:{Code.GAP.value}", 8)
    store.close()


def _tenants(tx: Transaction) -> None:
    for alliance, name in (("hochwald", "Verbund Hochwald"), ("nahetal", "Verbund Nahetal")):
        tx.execute(
            "INSERT INTO alliance (id, name, state) VALUES (:id, :name, 'rp')",
            {"id": alliance, "name": name},
        )
    for town, (name, alliance) in TOWNS.items():
        tx.execute(
            "INSERT INTO municipality (id, name, alliance_id, created_at)"
            " VALUES (:id, :name, :alliance, :at)",
            {"id": town, "name": name, "alliance": alliance, "at": NOW - 90 * DAY},
        )
    for login, name, grant in (
        (SOC, "Jana Brenner", Grant("soc", None, "hochwald")),
        (COLLEAGUE, "Tobias Lenz", Grant("soc", None, "hochwald")),
        (TOWN, "Peter Hartmann", Grant("municipal", "altenbach", None)),
        (OTHER_TOWN, "Kai Adler", Grant("municipal", "rosental", None)),
        (FOREIGN, "Mira Weiß", Grant("soc", None, "nahetal")),
    ):
        person = people.add_person(
            tx, login=login, name=name, password_hash=password_hash(), now=NOW - 90 * DAY
        )
        people.add_grant(tx, person, grant)
    tx.execute(
        "INSERT INTO channel (kind, name, recipient, alliance_id)"
        " VALUES ('mail', 'SOC', 'soc@hochwald.example', 'hochwald')",
        {},
    )


def _host(tx: Transaction, agent: str, town: str, name: str, simulated: int) -> None:
    os_name = "Ubuntu 24.04.3 LTS" if agent == STOCK else "Debian GNU/Linux 12 (bookworm)"
    (row,) = tx.execute(
        "INSERT INTO host (agent, municipality_id, name, os, simulated, binding, receipt,"
        " created_at, interval_s) VALUES (:agent, :town, :name, :os, :simulated, 'file', x'',"
        " :at, :interval) RETURNING id",
        {
            "agent": bytes.fromhex(agent),
            "town": town,
            "name": name,
            "os": os_name,
            "simulated": simulated,
            "at": NOW - 60 * DAY,
            "interval": INTERVAL_MS // 1000,
        },
    )
    zero = bytes(32)
    tx.execute(
        "INSERT INTO chain (host_id, genesis, head, upto_hash) VALUES (:id, :z, :z, :z)",
        {"id": row[0], "z": zero},
    )
    tx.execute(
        "INSERT INTO host_key (kid, host_id, spki, created_at) VALUES (:kid, :id, x'', :at)",
        {"kid": bytes.fromhex(agent)[:8] * 2, "id": row[0], "at": NOW - 60 * DAY},
    )


def host_id(tx: Transaction, agent: str) -> int:
    """The row id of a host."""
    found = tx.execute("SELECT id FROM host WHERE agent = :a", {"a": bytes.fromhex(agent)})
    return int(found[0][0])


def report(
    tx: Transaction,
    judge: Judge,
    agent: str,
    facts: Mapping[str, Any],
    *,
    at: int,
    statuses: Mapping[str, tuple[str, str]] | None = None,
) -> Attestation:
    """The host says these facts; the judge draws the consequences. statuses: (status, reason)."""
    host = tx.host_by_id(host_id(tx, agent))
    seq, entry = host.chain.hi + 1, hashlib.sha256(f"{agent}{at}".encode()).digest()
    tx.add_envelope(host.id, seq, entry, kind="vw-report/1", code=0, at=at, frame=b"frame")
    tx.execute(
        "UPDATE chain SET hi = :seq, head = :entry, upto = :seq, upto_hash = :entry"
        " WHERE host_id = :id",
        {"seq": seq, "entry": entry, "id": host.id},
    )
    tx.seen(host.id, at, interval_s=INTERVAL_MS // 1000, version="0.1.0", facts=1)
    for name, body in facts.items():
        raw = json.dumps(body).encode()
        digest = hashlib.sha256(raw).digest()
        tx.put_body(host.municipality_id, name, digest, raw, at)
        reach = "partial" if name == "sysctl" and agent == DENIED else "full"
        reason = "read_denied" if reach == "partial" else None
        tx.put_section(host.id, SectionRecord(name, digest, "ok", reason, reach, at, at))
    for name, (status, reason) in (statuses or {}).items():
        tx.put_section(host.id, SectionRecord(name, bytes(32), status, reason, "full", at, at))
    seen = Attestation(at, entry, INTERVAL_MS)
    judge.report(tx, host, {*facts, *(statuses or {})}, seen)
    return seen


def _tell(tx: Transaction, judge: Judge) -> None:
    fixtures = pack().fixtures
    stock = json.loads(json.dumps(fixtures["debian12-stock"]))
    stock["packages"]["installed"] = [
        {"name": f"paket-{n:03}", "version": f"1.{n}-1", "arch": "amd64"} for n in range(120)
    ]
    report(tx, judge, REAL, stock, at=NOW - 2 * HOUR)
    report(tx, judge, STOCK, fixtures["ubuntu2404-stock"], at=NOW - 1 * HOUR)
    report(tx, judge, SILENT, fixtures["debian"], at=NOW - 9 * HOUR)
    partly = {
        k: v for k, v in fixtures["debian"].items() if k not in ("sshd", "accounts", "updates")
    }
    report(
        tx,
        judge,
        DENIED,
        partly,
        at=NOW - 40 * MINUTE,
        statuses={
            "sshd": ("absent", "no_ssh_server"),
            "accounts": ("denied", "read_denied"),
            "updates": ("timeout", "command_timeout"),
        },
    )
    report(tx, judge, AWAY, stock, at=NOW - 2 * HOUR)
    silent = tx.host_by_id(host_id(tx, SILENT))
    Alerting(
        tx, silent, Attestation(NOW - 8 * HOUR, silent.chain.head, INTERVAL_MS), judge.settings
    ).silent()
    for agent in (REAL, STOCK):
        host = tx.host_by_id(host_id(tx, agent))
        tx.seen(host.id, NOW - 4 * MINUTE, interval_s=900, version="0.1.0", facts=1)
    _work(tx)


def _work(tx: Transaction) -> None:
    """One alert has a history: taken, commented, claimed; one more is closed."""
    first, second = numbers(tx, STOCK)[:2]
    scope, jana, tobias = AllianceScope("hochwald"), Actor(1, SOC), Actor(2, COLLEAGUE)
    at = NOW - 50 * MINUTE
    actions.take(tx, scope=scope, number=first, actor=jana, now=at, version=None)
    text = "Der Hersteller bestätigt: Das Update schreibt sshd_config neu.\nAnleitung folgt."
    actions.comment(tx, scope=scope, number=first, actor=tobias, now=at + 8 * MINUTE, text=text)
    actions.claim_fix(tx, scope=scope, number=first, actor=jana, now=at + 20 * MINUTE, version=None)
    actions.close(
        tx,
        scope=scope,
        number=second,
        actor=tobias,
        now=at,
        reason="rule_wrong",
        text="Gilt hier nicht.",
        version=None,
    )


def numbers(tx: Transaction, agent: str) -> list[str]:
    """The numbers of a host's alerts in the order in which they were opened."""
    rows = tx.execute(
        "SELECT a.number FROM alert a WHERE a.host_id = :id ORDER BY a.id",
        {"id": host_id(tx, agent)},
    )
    return [row[0] for row in rows]
