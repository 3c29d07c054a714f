"""What the messages say. Wire decoding ignores unknown fields; a changed meaning is a new type.

Times are Unix milliseconds, hashes lower-case hex, sequence numbers start at 1.
"""

from typing import Annotated, Final, Literal

import msgspec

REPORT: Final = "vw-report/1"
BEAT: Final = "vw-beat/1"
REBASE: Final = "vw-rebase/1"
ENROL: Final = "vw-enroll/1"
RECEIPT: Final = "vw-receipt/1"
ACK: Final = "vw-ack/1"
EVIDENCE: Final = "vw-evidence/1"

UP: Final = frozenset({REPORT, BEAT, REBASE, ENROL, "vw-poll/1", "vw-rotate/1", "vw-renew/1"})
DOWN: Final = frozenset(
    {RECEIPT, ACK, EVIDENCE, "vw-cfg/1", "vw-resync/1", "vw-cert/1", "vw-keys/1"}
)
"""A key verifies only the types of its direction."""

Status = Literal["ok", "absent", "denied", "timeout", "failed"]
Reach = Literal["full", "partial"]

MAX_ABSENCE_MS: Final = 4 * 3600 * 1000
MAX_REASON: Final = 200  # characters
MAX_REASON_BYTES: Final = 240  # in UTF-8, or a beat that carries it would outgrow its 600 bytes


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all messages and their parts."""


class SectionEntry(Message, frozen=True, kw_only=True):
    """What the manifest says about one section."""

    hash: str  # SHA-256 of the body's bytes, "" where there is no body
    status: Status
    at: int  # Unix ms of the collection; carried, not hashed
    reason: str | None = None  # why not ok, or why only partial: a fixed phrase
    reach: Reach = "full"


class Absence(Message, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Somebody on the host said that it will be away, and why. Missing: nothing is announced.

    Raises ValueError if it ends before it begins, if it lasts longer than MAX_ABSENCE_MS (whoever
    takes over a host must not be able to silence it for a night), or for a reason of no words.
    """

    from_: Annotated[int, msgspec.Meta(ge=0)]  # Unix ms; `from` on the wire
    until: int  # Unix ms
    reason: Annotated[str, msgspec.Meta(max_length=MAX_REASON)]  # one printable line

    def __post_init__(self) -> None:
        if not 0 < self.until - self.from_ <= MAX_ABSENCE_MS:
            raise ValueError(f"absence of {self.until - self.from_} ms, at most {MAX_ABSENCE_MS}")
        if not self.reason.strip() or not self.reason.isprintable():
            raise ValueError("reason is no printable line")
        if (size := len(self.reason.encode())) > MAX_REASON_BYTES:
            raise ValueError(f"reason of {size} bytes, at most {MAX_REASON_BYTES}")


class AgentInfo(Message, frozen=True, kw_only=True):
    """The agent about itself."""

    version: str
    facts: int  # major version of the vocabulary
    interval_s: int  # how often it means to report
    python: str
    absence: Absence | None = None


class Report(Message, frozen=True, kw_only=True):
    """All sections by hash, and the bodies of those that changed since the last report."""

    manifest: dict[str, SectionEntry]
    bodies: dict[str, msgspec.Raw]
    agent: AgentInfo
    dropped: tuple[int, int] | None = None  # first and last seq that fell out of the spool


class Beat(Message, frozen=True, kw_only=True):
    """The state is still the one with this hash. Signed, not sequenced, not spooled."""

    manifest: str
    n: int  # rises with each beat, never reused
    agent: AgentInfo


class Ack(Message, frozen=True, kw_only=True):
    """What the collector has committed; the only message that empties a spool."""

    upto: int  # every seq up to here is stored, no gap
    upto_hash: str  # entry hash at upto, "" if upto is 0
    hi: int  # highest stored seq
    head: str  # its entry hash
    sel: tuple[tuple[int, int, str], ...] = ()  # (seq, code, entry hash), 64 at most
    beat: int | None = None  # the n of the beat this answers
    want: Literal["full", "bodies", "resend"] | None = None
    later_s: int | None = None  # overloaded: come back after so many seconds
    now: int = 0  # the collector's clock, Unix ms


class EnrolRequest(Message, frozen=True, kw_only=True):
    """A host asks to be known. Both keys were made on it and never leave it."""

    spki: str  # base64 DER of the signing key
    csr: str  # PEM request for the TLS certificate
    nonce: str
    hostname: str
    os: str
    agent_version: str
    host_binding: str  # SHA-256 of machine-id, product uuid, municipality


class Receipt(Message, frozen=True, kw_only=True):
    """The host is known. Holds all the agent needs to reach and to check the collector."""

    agent: str  # hex, 16 bytes
    municipality: str
    kid: str  # hex, of the key that was accepted
    certificate: str  # PEM client certificate and its issuer
    ca: str  # PEM roots that the agent pins; nothing else is trusted
    downlink_spki: str  # base64 DER: signs acknowledgements
    mqtt: str  # host:port
    https: str  # host:port
    interval_s: int = 900
