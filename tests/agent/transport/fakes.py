"""One enrolled host on disk, and a collector behind real doors that answers with signed frames."""

import asyncio
import contextlib
import json
import threading
import zlib
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from tests.collector.ingest.fakes import HOST, Counts, Identity, Site, until
from tests.collector.ingest.mosquitto import Mosquitto, target

from verbundwacht_agent.paths import Paths
from verbundwacht_collector import pki
from verbundwacht_collector.ingest import Answer, Peer
from verbundwacht_collector.ingest.broker import BrokerDoor
from verbundwacht_collector.ingest.https import HttpsDoor
from verbundwacht_collector.ingest.mqtt import MqttDoor
from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import ES256P, ZERO32, ZLIB, Frame, Header, read_frame
from verbundwacht_wire.keys import P256Signer, seal
from verbundwacht_wire.messages import ACK, BEAT, REPORT, Ack, AgentInfo, Beat, Report
from verbundwacht_wire.payload import decode, inflate

INFO = AgentInfo(version="0.1.0", facts=1, interval_s=900, python="3.11")
_T = TypeVar("_T")


def frame(
    typ: str, body: msgspec.Struct, peer: Peer, signer: P256Signer, seq: int, pad: bytes = b""
) -> bytes:
    """A signed frame with this content."""
    data = msgspec.json.encode(body) + pad
    # By hand: `deflate` leaves plain what its reader would take for a bomb.
    payload, coding = zlib.compress(data, 6), ZLIB
    header = Header(
        alg=ES256P,
        kid=b"",
        typ=typ,
        tenant=peer.municipality,
        agent=peer.agent,
        epoch=1,
        boot=bytes(8),
        seq=seq,
        prev=ZERO32,
        time=1_790_000_000_000,
        coding=coding,
        ulen=len(data),
    )
    return seal(header, payload, signer)


class EnrolledHost:
    """The agent's folders as prepare, accept and gather leave them."""

    def __init__(self, root: Path, identity: Identity) -> None:
        self.paths, self.identity = Paths(root), identity
        self.signer = P256Signer(pki.new_key())
        for folder in (self.paths.spool, self.paths.inbox):
            folder.mkdir(parents=True)
        self.paths.tls_key.write_bytes(identity.key.read_bytes())
        self.paths.tls_cert.write_bytes(identity.certificate.read_bytes())
        self.paths.ca.write_bytes(identity.roots.read_bytes())
        self.reach(1, 1)

    def reach(self, mqtt: int, https: int, host: str = "localhost") -> None:
        """The collector is at these ports."""
        peer = {
            "municipality": self.identity.peer.municipality,
            "agent": self.identity.name,
            "mqtt": f"{host}:{mqtt}",
            "https": f"{host}:{https}",
        }
        self.paths.peer.write_text(json.dumps(peer))

    def spool(self, *seqs: int, pad: bytes = b"") -> None:
        """Reports with these numbers wait."""
        report = Report(manifest={}, bodies={}, agent=INFO)
        for seq in seqs:
            raw = frame(REPORT, report, self.identity.peer, self.signer, seq, pad)
            (self.paths.spool / f"{seq:020d}.vw").write_bytes(raw)

    def beat(self, n: int, seq: int = 0) -> None:
        """This beat waits."""
        beat = Beat(manifest="ab" * 32, n=n, agent=INFO)
        self.paths.beat.write_bytes(frame(BEAT, beat, self.identity.peer, self.signer, seq))

    def acked(self, seq: int) -> None:
        """Gather has seen the acknowledgement up to here."""
        (self.paths.gather / "acked").write_text(str(seq))

    def answers(self) -> list[Ack]:
        """What lies in the inbox, in the order of its names."""
        raws = [path.read_bytes() for path in sorted(self.paths.inbox.glob("*.vw"))]
        return [content(read_frame(raw), Ack) for raw in raws]

    def spooled(self) -> list[int]:
        """The numbers in the spool."""
        return sorted(int(path.stem) for path in self.paths.spool.iterdir())


def content(read: Frame, kind: type[_T]) -> _T:
    """What the frame carries."""
    return decode(inflate(read.payload, read.header.coding, read.header.ulen), kind)


class Ledger:
    """Stands for the collector behind its doors: remembers, and acknowledges with a signature."""

    def __init__(self) -> None:
        self.signer = P256Signer(pki.new_key())
        self.seqs: list[int] = []
        self.beats: list[int] = []
        self.later_s: int | None = None
        self.silent: set[int] = set()  # these sequence numbers are refused without a word
        self.refused: list[int] = []
        self.pad = b""
        self.delay_s = 0.0
        self.down = 0

    async def __call__(self, raw: bytes, peer: Peer) -> Answer:
        read = read_frame(raw)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        beat = None
        if read.header.seq in self.silent:
            self.refused.append(read.header.seq)
            return Answer(Code.SIGNATURE, None)
        if read.header.typ == BEAT:
            beat = content(read, Beat).n
            self.beats.append(beat)
        else:
            self.seqs.append(read.header.seq)
        return Answer(Code.OK, self.ack(read, beat, peer))

    def ack(self, read: Frame, beat: int | None, peer: Peer) -> bytes:
        """Names this one frame, and everything without a gap from 1 on."""
        got = set(self.seqs)
        upto = next(n for n in range(len(got) + 1) if n + 1 not in got)
        named = () if beat is not None else ((read.header.seq, 0, read.entry_hash.hex()),)
        hi = max(got, default=0)
        message = Ack(
            upto=upto, upto_hash="", hi=hi, head="", sel=named, beat=beat, later_s=self.later_s
        )
        self.down += 1
        return frame(ACK, message, peer, self.signer, self.down, self.pad)


class Ports(NamedTuple):
    """Where the doors are."""

    mqtt: int
    https: int


class Collector:
    """Both doors on a loop of their own, because the sender blocks the thread it runs in."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.ledger = Ledger()
        self.counts = Counts()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._mqtt = MqttDoor(site.server_context(), self.ledger, self.counts)
        self._https = HttpsDoor(site.server_context(), self.ledger, self.counts)

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of the coroutine on the collector's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    @contextlib.contextmanager
    def open(self) -> Iterator[Ports]:
        """Agents can connect."""
        self._thread.start()
        try:
            self.call(self._mqtt.open(HOST, 0))
            self.call(self._https.open(HOST, 0))
            yield Ports(self._mqtt.port, self._https.port)
        finally:
            self.call(self._mqtt.close())
            self.call(self._https.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    @contextlib.contextmanager
    def reading_at(self, mosquitto: Mosquitto) -> Iterator[None]:
        """What agents publish at the broker comes here, too; only while the doors are open."""
        where = target(mosquitto.port, self._site.folder / "readers", self._site.authority)
        door = BrokerDoor(where, self.ledger, self.counts)
        try:
            self.call(door.open())
            self.call(until(lambda: door.status.connected))
            yield
        finally:
            self.call(door.close())
