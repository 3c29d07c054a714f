"""A host in memory that can lie. Its keys and frames are real, the machine behind it is not.

What it says about itself is what a test tells it to say; `tests/collector/fakes.py` has the
collector that takes it in.
"""

import base64
import copy
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from verbundwacht_collector import pki
from verbundwacht_collector.peer import Peer
from verbundwacht_wire.frame import ES256P, NOBODY, ZERO32, Header, read_frame
from verbundwacht_wire.keys import P256Signer, seal
from verbundwacht_wire.manifest import manifest_hash, section_hash
from verbundwacht_wire.messages import (
    BEAT,
    ENROL,
    REBASE,
    REPORT,
    Absence,
    AgentInfo,
    Beat,
    EnrolRequest,
    Receipt,
    Report,
    SectionEntry,
    Status,
)
from verbundwacht_wire.payload import decode, deflate, inflate

START = 1_790_000_000_000  # 21.09.2026, 16:13 in Berlin
INTERVAL_S = 900
INTERVAL = INTERVAL_S * 1000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HOME, NEIGHBOUR, FAR = "musterdorf", "nebenan", "fernab"


class Clock:
    """Unix ms that only a test moves."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, ms: int = INTERVAL) -> int:
        self.now += ms
        return self.now


class Not(NamedTuple):
    """A section without a body, and why."""

    status: Status
    reason: str


Said = bytes | Not | None
"""What a host says about one section: its body, why there is none, or nothing at all."""


def body(**fields: Any) -> bytes:
    """A section's body as an agent writes it."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def kernel(*, reboot: bool = False, booted_at: int = START, **more: Any) -> bytes:
    """The section `kernel`; booted_at in Unix ms."""
    booted = datetime.fromtimestamp(booted_at / 1000, UTC).isoformat().replace("+00:00", "Z")
    known = {"running": "6.1", "booted": booted, "container": False, "reboot_required": reboot}
    return body(**(known | more))


def system(version: str = "12", **more: Any) -> bytes:
    """The section `os`."""
    return body(**({"id": "debian", "name": "Debian", "version": version} | more))


def services(*failed: str) -> bytes:
    """The section `services`."""
    return body(failed=list(failed), network=[])


def listening(*ports: int, exposed: bool = True) -> bytes:
    """The section `listening`: TCP ports open to the outside."""
    sockets = [
        {"proto": "tcp", "port": port, "address": "0.0.0.0", "exposed": exposed} for port in ports
    ]
    return body(sockets=sockets)


class FakeAgent:
    """A host with real keys and a real chain. What it sends is what a test tells it to say."""

    def __init__(
        self, name: str = "web01", municipality: str = HOME, *, clock: Clock | None = None
    ) -> None:
        self.name, self.municipality = name, municipality
        self.clock = clock or Clock()
        self.signer, self.tls = P256Signer(pki.new_key()), pki.new_key()
        self.agent, self.seq, self.head, self.epoch = NOBODY, 0, ZERO32, 1
        self.boot, self.n, self.interval_s = os.urandom(8), 0, INTERVAL_S
        self.absence: Absence | None = None
        self.says: dict[str, Said] = {}
        self.told: dict[str, str] = {}  # section -> hash in the manifest before

    @property
    def peer(self) -> Peer:
        """How its connection names it."""
        return Peer(self.municipality, self.agent)

    @property
    def info(self) -> AgentInfo:
        """What it says about itself."""
        return AgentInfo(
            version="0.1.0",
            facts=1,
            interval_s=self.interval_s,
            python="3.11.2",
            absence=self.absence,
        )

    def clone(self) -> Self:
        """The same host once more, as from a snapshot of its disk and memory."""
        twin = copy.copy(self)
        twin.says, twin.told = dict(self.says), dict(self.told)
        return twin

    def reboot(self) -> None:
        """The machine starts again."""
        self.epoch, self.boot = self.epoch + 1, os.urandom(8)

    def request(self, **changes: str) -> bytes:
        """What `prepare` writes."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
        signed = csr.sign(self.tls, hashes.SHA256())
        known: dict[str, Any] = {
            "spki": base64.b64encode(self.signer.spki).decode(),
            "csr": signed.public_bytes(serialization.Encoding.PEM).decode(),
            "nonce": "0" * 32,
            "hostname": self.name,
            "os": "Debian GNU/Linux 12",
            "agent_version": "0.1.0",
            "host_binding": section_hash(self.signer.spki),
        }
        request = EnrolRequest(**(known | changes))
        return self.frame(ENROL, msgspec.json.encode(request), agent=NOBODY, prev=ZERO32, seq=0)

    def accept(self, receipt: bytes) -> None:
        """The chain begins at the receipt."""
        frame = read_frame(receipt)
        data = inflate(frame.payload, frame.header.coding, frame.header.ulen)
        self.agent = bytes.fromhex(decode(data, Receipt).agent)
        self.head = frame.entry_hash

    def frame(self, typ: str, payload: bytes, **changes: Any) -> bytes:
        """A signed frame at the head of the chain; `changes` name fields of the header."""
        packed, coding = deflate(payload)
        header = Header(
            alg=ES256P,
            kid=self.signer.kid,
            typ=typ,
            tenant=self.municipality,
            agent=self.agent,
            epoch=self.epoch,
            boot=self.boot,
            seq=self.seq,
            prev=self.head,
            time=self.clock(),
            coding=coding,
            ulen=len(payload),
        )
        return seal(header._replace(**changes), packed, self.signer)

    def manifest(self) -> dict[str, SectionEntry]:
        """What the host says about all its sections now."""
        entries = {}
        for name, said in self.says.items():
            if isinstance(said, Not):
                entries[name] = SectionEntry(
                    hash="", status=said.status, at=self.clock(), reason=said.reason
                )
            elif said is not None:
                entries[name] = SectionEntry(hash=section_hash(said), status="ok", at=self.clock())
        return entries

    def report(
        self,
        changes: Mapping[str, Said] | None = None,
        /,
        *,
        full: bool = False,
        keep_back: tuple[str, ...] = (),
        typ: str = REPORT,
        dropped: tuple[int, int] | None = None,
        **header: Any,
    ) -> bytes:
        """The next message of the chain: these sections changed. keep_back: bodies not sent."""
        self.says |= changes or {}
        manifest = self.manifest()
        bodies = {
            name: msgspec.Raw(said)
            for name, said in self.says.items()
            if isinstance(said, bytes) and (full or self.told.get(name) != manifest[name].hash)
        }
        self.told = {name: entry.hash for name, entry in manifest.items()}
        sent = {name: raw for name, raw in bodies.items() if name not in keep_back}
        report = Report(manifest=manifest, bodies=sent, agent=self.info, dropped=dropped)
        return self.next(typ, msgspec.json.encode(report), **header)

    def next(self, typ: str, payload: bytes, **header: Any) -> bytes:
        """Any sequenced message; the chain moves behind it."""
        raw = self.frame(typ, payload, **({"seq": self.seq + 1} | header))
        self.seq, self.head = self.seq + 1, read_frame(raw).entry_hash
        return raw

    def beat(self, *, n: int | None = None, manifest: str | None = None, **header: Any) -> bytes:
        """The state is still what the last report said."""
        self.n = n or self.n + 1
        manifest = manifest or manifest_hash(self.manifest())
        beat = Beat(manifest=manifest, n=self.n, agent=self.info)
        return self.frame(BEAT, msgspec.json.encode(beat), **header)

    def rebase(self, hi: int, head: bytes) -> bytes:
        """The own branch is given up for the one the collector knows."""
        self.seq, self.head, self.epoch = hi, head, self.epoch + 1
        return self.report(full=True, typ=REBASE)
