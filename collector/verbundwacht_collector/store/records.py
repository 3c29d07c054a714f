"""Rows as values. Times are Unix milliseconds, hashes raw bytes."""

from typing import Literal, NamedTuple

import msgspec


class Chain(msgspec.Struct, frozen=True):
    """Where a host's chain stands."""

    genesis: bytes  # entry hash of the receipt; what seq 1 names as its predecessor
    hi: int  # highest stored seq
    head: bytes  # its entry hash
    upto: int  # everything up to here is stored or explained
    upto_hash: bytes
    epoch: int
    boot: bytes
    explained: str  # JSON list of [from, to] the agent declared as dropped
    beat_n: int
    beat_hash: bytes
    beat_at: int


class HostRecord(msgspec.Struct, frozen=True):
    """All that is needed about a host to judge one message of it."""

    id: int
    agent: bytes
    municipality_id: str
    name: str
    state: str
    spki: bytes
    key_state: str
    last_seen: int | None
    interval_s: int
    applied_seq: int
    manifest: bytes | None
    facts_unknown: int
    awaiting: int  # findings or alerts wait for a second attestation
    silent: int  # an alert about its silence is open
    judged_by: str | None
    absent_until: int | None  # Unix ms; the host announced that it may be away until then
    chain: Chain


class SectionRecord(msgspec.Struct, frozen=True):
    """What a host's applied manifest says about one section."""

    section: str
    hash: bytes
    status: str
    reason: str | None
    reach: str
    collected_at: int
    since: int


class FindingRecord(msgspec.Struct, frozen=True):
    """The outcome of one rule on one host, per subject."""

    rule_id: str
    subject: str
    outcome: str
    since: int
    streak: int  # attestations in a row with this outcome, counted to 3
    known: int  # pass, fail or a proven "not applicable" was seen at some time
    baseline: int  # a fail that was there from the beginning and is planned, not alerted
    reason: str
    readings: str  # JSON list of [path, value]
    pack_digest: str


class AlertRecord(msgspec.Struct, frozen=True):
    """One human task."""

    id: int
    number: str
    fingerprint: bytes
    municipality_id: str
    host_id: int | None  # None: it is about the municipality as a whole
    rule_id: str
    subject: str
    severity: str
    title: str
    state: str
    opened_at: int
    changed_at: int
    evidence: bytes
    claimed_at: int | None
    assignee_id: int | None
    repeated: int
    version: int


class OverlayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A pause, a maintenance or an announced absence. Times are Unix ms; `ends_at` is outside."""

    id: int = 0
    kind: Literal["pause", "maintenance", "absence"]
    municipality_id: str
    host_id: int | None = None  # None: the whole municipality
    fingerprint: bytes | None = None  # of the problem that is paused
    starts_at: int
    ends_at: int
    weekly_until: int | None = None  # the window comes back every week until then
    reason: str
    created_at: int
    created_by: int | None = None  # a person; None: the host itself
    evidence: bytes | None = None  # entry hash of the message that announced it
    ended_at: int | None = None  # by hand or by the host, before its time
    ended_by: int | None = None


class HeardRecord(NamedTuple):
    """When an active host was last heard, and since when its silence is an alert."""

    id: int
    last_seen: int
    interval_ms: int
    silent_since: int | None
    absent_until: int | None


class ChannelRecord(NamedTuple):
    """Where a message about an alert goes."""

    id: int
    kind: str
    recipient: str


class DeliveryRecord(msgspec.Struct, frozen=True):
    """One message to one recipient over one channel, with what it is about."""

    id: str
    kind: str  # of the channel
    recipient: str
    attempts: int
    expires_at: int
    created_at: int
    event_kind: str
    event_reason: str
    event_at: int
    alert_id: int
    number: str
    severity: str
    title: str
    rule_id: str
    subject: str
    host_name: str  # "" where the alert is about the municipality
    municipality: str
    simulated: int
