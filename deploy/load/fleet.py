"""The fleet of a collector on this machine: keys and certificates of all its invented hosts.

They lie in `load.db` beside the collector's own files, so a second run starts at once. Enrolment
is the collector's own code with real requests; only the hand that carries the files is missing.
Keys are written down before the collector hears of them: the same request gets the same receipt.
"""

import base64
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from deploy.load.doors import Caller
from deploy.load.facts import Facts
from deploy.load.host import INFO, Host, now_ms

from verbundwacht_agent.receipt import read_receipt
from verbundwacht_collector.admin import add_municipality
from verbundwacht_collector.config import Config, Folder
from verbundwacht_collector.enrolment import Addresses, admit, read_request
from verbundwacht_collector.equipment import load_signer
from verbundwacht_collector.pki import key_pem
from verbundwacht_collector.pki_files import PkiFiles, load_authority
from verbundwacht_collector.store.sqlite import SqliteStore, connect
from verbundwacht_wire.frame import NOBODY, ZERO32, Header
from verbundwacht_wire.keys import P256Signer, PublicKey, load_spki, seal
from verbundwacht_wire.messages import ENROL, EnrolRequest
from verbundwacht_wire.payload import deflate

CHUNK: Final = 250
AHEAD: Final = 2  # chunks of keys that wait; all of them would fill the memory
FACTS_LAST: Final = timedelta(hours=6)
"""After that a fleet fetches its package lists anew: every host then says everything again."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS host (place INTEGER PRIMARY KEY, municipality TEXT NOT NULL,
    agent BLOB, secret BLOB NOT NULL, tls BLOB NOT NULL, request BLOB NOT NULL, chain BLOB);
CREATE TABLE IF NOT EXISTS fleet (dated TEXT NOT NULL, downlink BLOB);
"""


class Keys(NamedTuple):
    """What one message needs from the disk."""

    signer: P256Signer
    caller: Caller


class Made(NamedTuple):
    """One host before anybody knows it."""

    place: int
    municipality: str
    secret: bytes
    tls: bytes
    request: bytes


def municipality_of(place: int, many: int) -> str:
    """Where the host at this place of the fleet stands."""
    return f"last-{place % many:03}"


def make(places: list[int], municipalities: int) -> list[Made]:
    """Fresh keys and signed requests for these places, as `prepare` makes them."""
    return [_make(place, municipality_of(place, municipalities)) for place in places]


def _make(place: int, municipality: str) -> Made:
    private, tls = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name, signer = f"last-{place:06}", P256Signer(private)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
    body = EnrolRequest(
        spki=base64.b64encode(signer.spki).decode(),
        csr=csr.sign(tls, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
        nonce=os.urandom(16).hex(),
        hostname=name,
        os="Debian GNU/Linux 12 (bookworm)",
        agent_version=INFO.version,
        host_binding=os.urandom(32).hex(),
    )
    payload = msgspec.json.encode(body)
    packed, coding = deflate(payload)
    header = Header(
        alg=signer.alg,
        kid=signer.kid,
        typ=ENROL,
        tenant=municipality,
        agent=NOBODY,
        epoch=1,
        boot=os.urandom(8),
        seq=0,
        prev=ZERO32,
        time=now_ms(),
        coding=coding,
        ulen=len(payload),
    )
    secret = private.private_numbers().private_value.to_bytes(32, "big")
    return Made(place, municipality, secret, key_pem(tls), seal(header, packed, signer))


def _made(todo: list[list[int]], municipalities: int) -> Iterator[list[Made]]:
    """The chunks one after the other; while one is admitted, another process makes the next."""
    if len(todo) < 2:
        yield from (make(places, municipalities) for places in todo)
        return
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        ahead: deque[Future[list[Made]]] = deque()
        for places in todo:
            ahead.append(pool.submit(make, places, municipalities))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


class Fleet:
    """All invented hosts of one collector."""

    def __init__(self, folder: Folder, config: Config) -> None:
        self._folder, self._config = folder, config
        self._path = folder.root / "load.db"
        self._path.touch(0o600)
        with self._db() as db:
            db.executescript(_SCHEMA)
            self._dated = self._date(db)
        self.facts = Facts(self._dated)

    @contextmanager
    def _db(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as db, db:
            yield db

    def _date(self, db: sqlite3.Connection) -> datetime:
        row = db.execute("SELECT dated FROM fleet").fetchone()
        now = datetime.now(UTC).replace(microsecond=0)
        if row is not None and now - datetime.fromisoformat(row[0]) < FACTS_LAST:
            return datetime.fromisoformat(row[0])
        if row is None:
            db.execute("INSERT INTO fleet (dated) VALUES (?)", (now.isoformat(),))
        db.execute("UPDATE fleet SET dated = ?", (now.isoformat(),))
        return now

    def enrol(
        self, many: int, municipalities: int, tell: Callable[[int], None] = lambda _: None
    ) -> int:
        """At least `many` hosts are known to the collector; returns how many are new.

        tell: called with the number of hosts that are known, after every chunk.
        """
        with self._db() as db:
            done = db.execute("SELECT count(*) FROM host WHERE agent IS NOT NULL").fetchone()[0]
            made = [Made(*row) for row in db.execute(_UNKNOWN)]
            places = iter(range(done + len(made), many))
        self._found(municipalities)
        todo = list(iter(lambda: list(islice(places, CHUNK)), []))
        new = 0
        if made:
            self._admit(made)
            new += len(made)
        for chunk in _made(todo, municipalities):
            self._admit(chunk)
            new += len(chunk)
            tell(done + new)
        return new

    def _found(self, municipalities: int) -> None:
        with closing(SqliteStore(self._folder.database)) as store, store.transaction() as tx:
            known = {row[0] for row in tx.execute("SELECT id FROM municipality", {})}
            for i in range(municipalities):
                if (one := municipality_of(i, municipalities)) not in known:
                    add_municipality(tx, municipality_id=one, name=f"Last {i:03}", contact=None)

    def _admit(self, made: list[Made]) -> None:
        """The collector knows these hosts, and they have what it gave them."""
        with self._db() as db:
            db.executemany(_KEEP, made)
        authority = load_authority(PkiFiles(self._folder.keys))
        signer, public = load_signer(self._folder), self._config.public
        addresses = Addresses(public.mqtt, public.https, INFO.interval_s)
        receipts = []
        with closing(SqliteStore(self._folder.database)) as store, store.transaction() as tx:
            for one in made:
                enrolled = admit(
                    tx,
                    read_request(one.request),
                    municipality_id=one.municipality,
                    authority=authority,
                    signer=signer,
                    addresses=addresses,
                    now=now_ms(),
                    simulated=True,
                )
                receipts.append((one.place, read_receipt(enrolled.receipt).receipt))
        rows = [(bytes.fromhex(r.agent), r.certificate.encode(), p) for p, r in receipts]
        with self._db() as db:
            db.executemany("UPDATE host SET agent = ?, chain = ? WHERE place = ?", rows)
            for _, receipt in receipts[:1]:
                downlink = base64.b64decode(receipt.downlink_spki)
                db.execute("UPDATE fleet SET downlink = ?", (downlink,))

    def hosts(self, many: int) -> list[Host]:
        """The first `many` hosts, each where the collector has its chain."""
        with closing(connect(self._folder.database, readonly=True)) as theirs:
            chains = {row[0]: row[1:] for row in theirs.execute(_CHAINS)}
        with self._db() as db:
            rows = db.execute(_FIRST, (many,)).fetchall()
        hosts = []
        for place, municipality, agent in rows:
            host = Host(place, municipality, agent)
            host.known_as(chains[agent], self.facts)
            hosts.append(host)
        return hosts

    def answers_by(self) -> PublicKey:
        """The key that signs the collector's answers."""
        with self._db() as db:
            return load_spki(db.execute("SELECT downlink FROM fleet").fetchone()[0])

    @property
    def issuing(self) -> str:
        """The certificate that signed those of the doors, PEM."""
        return PkiFiles(self._folder.keys).issuing.read_text()

    def open_keys(self) -> "KeyBox":
        """The keys, for one thread."""
        return KeyBox(self._path)


_UNKNOWN: Final = (
    "SELECT place, municipality, secret, tls, request FROM host WHERE agent IS NULL ORDER BY place"
)
_KEEP: Final = (
    "INSERT OR IGNORE INTO host (place, municipality, secret, tls, request) VALUES (?, ?, ?, ?, ?)"
)
_FIRST: Final = "SELECT place, municipality, agent FROM host ORDER BY place LIMIT ?"
_CHAINS: Final = (
    "SELECT h.agent, c.hi, c.head, c.beat_n, h.manifest"
    " FROM host h JOIN chain c ON c.host_id = h.id WHERE h.simulated"
)


class KeyBox:
    """Reads keys one host at a time; a connection must stay in the thread that opened it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)

    def of(self, host: Host) -> Keys:
        """What this host signs and connects with."""
        sql = "SELECT secret, tls, chain FROM host WHERE place = ?"
        secret, tls, chain = self._db.execute(sql, (host.place,)).fetchone()
        private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        caller = Caller(host.municipality, host.agent, tls + chain)
        return Keys(P256Signer(private), caller)

    def close(self) -> None:
        """The file is closed."""
        self._db.close()
