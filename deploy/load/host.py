"""One invented host while a run lasts: its chain, its state, and the messages it makes.

What it knows fits into a few hundred bytes, or 100,000 of them would not fit into memory; the keys
stay on the disk and are fetched for each message.
"""

import time
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import msgspec
from deploy.load.facts import Facts, Variant

from verbundwacht_wire.codes import Code
from verbundwacht_wire.frame import Header, read_frame
from verbundwacht_wire.keys import P256Signer, PublicKey, check_signature, seal
from verbundwacht_wire.manifest import manifest_hash
from verbundwacht_wire.messages import ACK, BEAT, REPORT, Ack, AgentInfo, Beat, Report, SectionEntry
from verbundwacht_wire.payload import decode, deflate, inflate

INFO: Final = AgentInfo(version="0.1.0", facts=1, interval_s=900, python="3.11.7")
STARTS: Final = 40
"""In how many ways a section can be from the beginning; more would only fill the caches."""
Kind = Literal["beat", "change", "full"]
KINDS: Final[tuple[Kind, ...]] = ("beat", "change", "full")


class Message(NamedTuple):
    """One signed message. entry: the name under which the collector knows it."""

    kind: Kind
    raw: bytes
    entry: bytes
    seq: int
    n: int


class Host:
    """One enrolled host. place: its number in the fleet."""

    __slots__ = ("agent", "changed", "denied", "head", "municipality", "n", "place", "seq", "told")

    def __init__(self, place: int, municipality: str, agent: bytes) -> None:
        self.place, self.municipality, self.agent = place, municipality, agent
        self.seq, self.n, self.head = 0, 0, b""
        self.changed: Mapping[str, Variant] = {}
        self.denied: frozenset[str] = frozenset()  # sections that its agent may not read
        self.told = False  # the collector knows the state that a beat would attest

    def variant(self, section: str) -> Variant:
        """How the section is now."""
        return self.changed.get(section) or Variant(self.place % STARTS)

    def manifest(self, facts: Facts, at: int) -> dict[str, SectionEntry]:
        """What every message of now says about all sections."""
        return {
            name: SectionEntry(hash="", status="denied", at=at, reason="read_denied")
            if name in self.denied
            else SectionEntry(hash=facts.hash(name, self.variant(name)), status="ok", at=at)
            for name in facts.sections
        }

    def known_as(self, chain: tuple[int, bytes, int, bytes | None], facts: Facts) -> None:
        """The chain goes on where the collector has it. chain: hi, head, beat n, manifest."""
        self.seq, self.head, self.n, manifest = chain
        ours = manifest_hash(self.manifest(facts, 0))
        self.told = manifest is not None and manifest.hex() == ours

    def beat(self, facts: Facts, signer: P256Signer) -> Message:
        """Nothing has changed."""
        self.n += 1
        state = manifest_hash(self.manifest(facts, 0))
        payload = msgspec.json.encode(Beat(manifest=state, n=self.n, agent=INFO))
        raw = self._seal(BEAT, payload, self.seq, signer)
        return Message("beat", raw, read_frame(raw).entry_hash, self.seq, self.n)

    def change(self, section: str, variant: Variant, facts: Facts, signer: P256Signer) -> Message:
        """One section is another one."""
        self.changed = {**self.changed, section: variant}
        return self._report("change", (section,), facts, signer)

    def full(self, facts: Facts, signer: P256Signer) -> Message:
        """Everything about the host."""
        readable = tuple(name for name in facts.sections if name not in self.denied)
        return self._report("full", readable, facts, signer)

    def _report(
        self, kind: Kind, sections: tuple[str, ...], facts: Facts, signer: P256Signer
    ) -> Message:
        bodies = {name: msgspec.Raw(facts.body(name, self.variant(name))) for name in sections}
        report = Report(manifest=self.manifest(facts, now_ms()), bodies=bodies, agent=INFO)
        raw = self._seal(REPORT, msgspec.json.encode(report), self.seq + 1, signer)
        self.seq += 1
        self.head = read_frame(raw).entry_hash
        self.told = True
        return Message(kind, raw, self.head, self.seq, self.n)

    def _seal(self, typ: str, payload: bytes, seq: int, signer: P256Signer) -> bytes:
        packed, coding = deflate(payload)
        header = Header(
            alg=signer.alg,
            kid=signer.kid,
            typ=typ,
            tenant=self.municipality,
            agent=self.agent,
            epoch=1,
            boot=self.agent[:8],  # the machine never starts anew: one boot for ever
            seq=seq,
            prev=self.head,
            time=now_ms(),
            coding=coding,
            ulen=len(payload),
        )
        return seal(header, packed, signer)

    def read_answer(self, raw: bytes, message: Message, downlink: PublicKey) -> Code | None:
        """What the signed answer says about the message; None if it does not speak of it.

        Raises WireError for an answer that the collector did not sign.
        """
        frame = read_frame(raw)
        check_signature(frame, downlink)
        header = frame.header
        if header.typ != ACK or header.agent != self.agent:
            return None
        ack = decode(inflate(frame.payload, header.coding, header.ulen), Ack)
        self.told = self.told and ack.want != "full"
        named = {entry: code for _, code, entry in ack.sel}
        if message.entry.hex() in named:
            return Code(named[message.entry.hex()])
        done = (ack.beat or 0) >= message.n if message.kind == "beat" else ack.upto >= message.seq
        return Code.OK if done else None


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
