"""Hosts made in memory, with real keys, certificates, chains and signatures.

They are what an agent is to the collector: a key per purpose, a receipt, a chain, a spool. Only
the probes are missing; a test says what the facts are.
"""

import base64
import os
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.system.facts import Bodies

from verbundwacht_agent.receipt import Enrolment, read_receipt
from verbundwacht_collector.app import now_ms
from verbundwacht_collector.config import Folder
from verbundwacht_collector.enrolment import Addresses, admit, read_request
from verbundwacht_collector.equipment import load_signer
from verbundwacht_collector.pki_files import PkiFiles, load_authority
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_wire.frame import NOBODY, ZERO32, Header, read_frame
from verbundwacht_wire.keys import P256Signer, check_signature, seal
from verbundwacht_wire.manifest import manifest_hash, section_hash
from verbundwacht_wire.messages import (
    ACK,
    BEAT,
    ENROL,
    REPORT,
    Ack,
    AgentInfo,
    Beat,
    EnrolRequest,
    Report,
    SectionEntry,
    Status,
)
from verbundwacht_wire.payload import decode, deflate, inflate

INFO = AgentInfo(version="0.1.0", facts=1, interval_s=900, python="3.11.7")


class Names(NamedTuple):
    """How a host is called."""

    municipality: str
    host: str


class Member:
    """One enrolled host: it makes messages, keeps them, and believes signed answers only."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.signer = P256Signer(ec.generate_private_key(ec.SECP256R1()))
        self.tls = ec.generate_private_key(ec.SECP256R1())
        self.boot = os.urandom(8)
        self.seq, self.n = 0, 0
        self.head = ZERO32
        self.manifest: dict[str, SectionEntry] = {}
        self.known: Bodies = {}
        self.enrolment: Enrolment

    @property
    def agent(self) -> bytes:
        """The id the collector gave."""
        return self.enrolment.agent

    @property
    def up(self) -> str:
        """The topic this host publishes to."""
        return f"vw/1/up/{self.names.municipality}/{self.agent.hex()}"

    @property
    def down(self) -> str:
        """The topic its answers come by."""
        return f"vw/1/dn/{self.names.municipality}/{self.agent.hex()}"

    def request(self) -> bytes:
        """A request to be enrolled, as `prepare` writes it."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.names.host)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
        body = EnrolRequest(
            spki=base64.b64encode(self.signer.spki).decode(),
            csr=csr.sign(self.tls, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
            nonce=os.urandom(16).hex(),
            hostname=self.names.host,
            os="Debian GNU/Linux 12 (bookworm)",
            agent_version=INFO.version,
            host_binding=os.urandom(32).hex(),
        )
        return self._seal(ENROL, msgspec.json.encode(body), agent=NOBODY, seq=0)

    def accept(self, receipt: bytes) -> None:
        """The chain begins at this receipt."""
        self.enrolment = read_receipt(receipt)
        self.head = self.enrolment.genesis

    def report(self, bodies: Mapping[str, bytes], *, everything: bool = False) -> bytes:
        """The next message of the chain: these sections are as given, the others as before."""
        at = now_ms()
        for name, body in bodies.items():
            self.known[name] = body
            self.manifest[name] = SectionEntry(hash=section_hash(body), status="ok", at=at)
        sent = self.known if everything else bodies
        report = Report(
            manifest=dict(self.manifest),
            bodies={name: msgspec.Raw(body) for name, body in sent.items()},
            agent=INFO,
        )
        return self.next(REPORT, msgspec.json.encode(report))

    def lose(self, section: str, status: Status | None) -> bytes:
        """The next message: the section is not ok any more, or with None not named at all."""
        self.known.pop(section, None)
        self.manifest.pop(section, None)
        if status is not None:
            entry = SectionEntry(hash="", status=status, at=now_ms(), reason="made_up")
            self.manifest[section] = entry
        return self.report({})

    def next(self, typ: str, payload: bytes) -> bytes:
        """Any payload as the next message of the chain."""
        raw = self._seal(typ, payload, agent=self.agent, seq=self.seq + 1)
        self.seq += 1
        self.head = read_frame(raw).entry_hash
        return raw

    def beat(self) -> bytes:
        """The state is still the same."""
        self.n += 1
        beat = Beat(manifest=manifest_hash(self.manifest), n=self.n, agent=INFO)
        return self._seal(BEAT, msgspec.json.encode(beat), agent=self.agent, seq=self.seq)

    def _seal(self, typ: str, payload: bytes, *, agent: bytes, seq: int) -> bytes:
        packed, coding = deflate(payload)
        return seal(self.header(typ, agent, seq, coding, len(payload)), packed, self.signer)

    def header(self, typ: str, agent: bytes, seq: int, coding: int, ulen: int) -> Header:
        """What stands before the payload of a message made now."""
        return Header(
            alg=self.signer.alg,
            kid=self.signer.kid,
            typ=typ,
            tenant=self.names.municipality,
            agent=agent,
            epoch=1,
            boot=self.boot,
            seq=seq,
            prev=self.head,
            time=now_ms(),
            coding=coding,
            ulen=ulen,
        )

    def read_ack(self, raw: bytes) -> Ack:
        """The acknowledgement, checked as gather does it. Raises WireError."""
        frame = read_frame(raw)
        check_signature(frame, self.enrolment.downlink)
        header = frame.header
        assert header.typ == ACK
        assert (header.tenant, header.agent) == (self.names.municipality, self.agent)
        return decode(inflate(frame.payload, header.coding, header.ulen), Ack)


def enrol(folder: Folder, names: list[Names], addresses: Addresses) -> list[Member]:
    """The hosts are known to the collector, all in one transaction of its own code."""
    authority, signer = load_authority(PkiFiles(folder.keys)), load_signer(folder)
    members = [Member(one) for one in names]
    store = SqliteStore(folder.database)
    try:
        with store.transaction() as tx:
            for member in members:
                enrolled = admit(
                    tx,
                    read_request(member.request()),
                    municipality_id=member.names.municipality,
                    authority=authority,
                    signer=signer,
                    addresses=addresses,
                    now=now_ms(),
                )
                member.accept(enrolled.receipt)
    finally:
        store.close()
    return members
