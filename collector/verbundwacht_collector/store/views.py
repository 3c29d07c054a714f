"""What readers see. Times are Unix milliseconds; a host is named by its agent id in hex."""

from typing import Any, Literal

import msgspec

from verbundwacht_collector.store.records import OverlayRecord

Freshness = Literal["fresh", "late", "silent", "never"]


class AlertRow(msgspec.Struct, frozen=True):
    """One alert in a list."""

    number: str
    state: str
    severity: str
    rule_id: str
    subject: str
    title: str
    municipality_id: str
    municipality: str
    host_id: str
    host: str
    simulated: bool
    opened_at: int
    changed_at: int
    assignee: str | None
    freshness: Freshness
    repeated: int
    version: int
    assignee_id: int | None = None
    fingerprint: str = ""  # hex; the same for the same problem, also when it comes back
    held: bool = False  # nobody is told of it while a pause, maintenance or absence covers it


class EventRow(msgspec.Struct, frozen=True):
    """One entry of an alert's history."""

    at: int
    kind: str
    actor: str | None
    text: str
    reason: str
    evidence: str | None


class DeliveryRow(msgspec.Struct, frozen=True):
    """One notification about an alert. recipient, response: "" if they belong to others."""

    channel: str
    recipient: str
    state: str
    attempts: int
    created_at: int
    done_at: int | None
    response: str
    event: str
    next_at: int | None  # when it is tried, or its bundle
    tried_at: int | None
    bundled: bool  # goes, or went, out with others in one message


class EvidenceRow(msgspec.Struct, frozen=True):
    """The signed message that a transition rests on."""

    seq: int | None
    hash: str
    kind: str
    received_at: int
    kid: str


class FindingRow(msgspec.Struct, frozen=True):
    """The outcome of a rule on a host; `stale` is derived, never stored."""

    host_id: str
    host: str
    municipality_id: str
    rule_id: str
    subject: str
    outcome: str  # pass fail not_applicable error stale
    stored_outcome: str
    since: int
    reason: str
    readings: list[tuple[str, str]]
    baseline: bool
    pack_digest: str  # of the pack that judged, which may not be the one in force


class HostRow(msgspec.Struct, frozen=True):
    """One host in a list."""

    id: str
    name: str
    municipality_id: str
    municipality: str
    os: str
    last_seen: int | None
    interval_s: int
    freshness: Freshness
    simulated: bool
    state: str
    agent_version: str | None
    facts_unknown: bool
    clock_skew_ms: int
    open_alerts: int
    outcomes: dict[str, int]  # per outcome; all of them `stale` while the host is silent


class SectionRow(msgspec.Struct, frozen=True):
    """What a host says about one section."""

    section: str
    status: str
    reason: str | None
    reach: str
    collected_at: int
    since: int
    body: dict[str, Any] | None


class ChainRow(msgspec.Struct, frozen=True):
    """Where the host's chain of messages stands."""

    hi: int
    head: str
    upto: int
    beat_n: int
    beat_at: int
    kid: str
    key_since: int


class HostDetail(msgspec.Struct, frozen=True):
    """Everything a reader may know about one host."""

    row: HostRow
    sections: list[SectionRow]
    findings: list[FindingRow]
    chain: ChainRow


class AlertDetail(msgspec.Struct, frozen=True):
    """Everything a reader may know about one alert."""

    row: AlertRow
    host: HostRow | None  # None: it is about the municipality
    finding: FindingRow | None
    evidence: EvidenceRow | None
    events: list[EventRow]
    deliveries: list[DeliveryRow]
    earlier: list[dict[str, Any]]  # number, opened_at, state, changed_at
    children: list[AlertRow] = []  # about its hosts, where it is about the municipality


class OverlayRow(msgspec.Struct, frozen=True):
    """A pause, a maintenance or an announced absence, with the names that people know."""

    overlay: OverlayRecord
    municipality: str
    host_id: str  # "" for the whole municipality
    host: str
    creator: str  # "" where the host announced it
    alert: str | None  # number of the newest alert about what is paused


class MunicipalityRow(msgspec.Struct, frozen=True):
    """One municipality with its counts."""

    id: str
    name: str
    alliance_id: str
    alliance: str
    contact: str | None
    hosts: int
    open_alerts: int


class Person(msgspec.Struct, frozen=True):
    """Somebody who may log in."""

    id: int
    login: str
    name: str
    password_hash: str
    disabled: int
    language: str | None


class Grant(msgspec.Struct, frozen=True):
    """What a person may do, and where."""

    role: Literal["municipal", "soc"]
    municipality_id: str | None
    alliance_id: str | None


class Session(msgspec.Struct, frozen=True):
    """One login that is still valid."""

    person_id: int
    created_at: int
    seen_at: int


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter as it stands in a URL. Empty means any; states default to the open ones."""

    state: tuple[str, ...] = ("new", "taken", "fix_claimed")
    severity: tuple[str, ...] = ()
    municipality: str = ""
    host: str = ""
    group: str = ""
    rules: tuple[str, ...] = ()  # the rule ids of `group`, filled in by who knows the packs
    q: str = ""
    saying: tuple[str, ...] = ()  # rules whose text contains `q`, by who knows the packs
    held: bool | None = None
    sort: str = "severity"
    limit: int = 50
    offset: int = 0


class CellRow(msgspec.Struct, frozen=True):
    """How many findings of one rule in one municipality have this outcome."""

    municipality_id: str
    rule_id: str
    outcome: str  # as shown: `stale` is derived, like everywhere
    count: int


class FindingQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which findings of active hosts. Empty means any."""

    outcome: tuple[str, ...] = ()
    municipality: str = ""
    group: str = ""
    rules: tuple[str, ...] = ()  # the rule ids of `group`, filled in by who knows the packs
    q: str = ""
    limit: int = 50
    offset: int = 0


class NewsRow(msgspec.Struct, frozen=True):
    """One thing that happened to an alert."""

    id: int
    kind: str
    number: str


class PackageHost(msgspec.Struct, frozen=True):
    """A host that has a package; `stale` if nobody knows whether it still has."""

    id: str
    name: str
    stale: bool


class PackageRow(msgspec.Struct, frozen=True):
    """One version of a package and the hosts on which it is installed."""

    name: str
    version: str
    hosts: list[PackageHost]
