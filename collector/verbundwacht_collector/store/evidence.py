"""What an export of evidence and a check of the audit log read; as stored, nothing derived.

Packs are read without a fence: every municipality is judged by them and may have them.
"""

import sqlite3
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.scope import OperatorScope, Scope
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.read import fence

_Q: Final = named("evidence.sql")


class StoredFrame(NamedTuple):
    """One message as received."""

    received_at: int
    frame: bytes


class StoredStep(NamedTuple):
    """One transition of a finding."""

    at: int
    rule_id: str
    subject: str
    old: str | None
    new: str
    reason: str
    evidence: bytes
    pack_digest: str


class StoredPack(NamedTuple):
    """A pack that is or was installed."""

    digest: str
    name: str
    version: str
    files: dict[str, bytes]


class StoredHost(NamedTuple):
    """All that is kept about a host and can be proved. frames: in the order of their arrival."""

    agent: bytes
    municipality_id: str
    name: str
    receipt: bytes
    spki: bytes
    key_state: str
    created_at: int
    frames: list[StoredFrame]
    steps: list[StoredStep]
    packs: list[StoredPack]


class StoredAlert(NamedTuple):
    """An alert and its events (at, kind, reason, evidence). agent: of its host."""

    agent: bytes
    number: str
    fingerprint: bytes
    rule_id: str
    subject: str
    severity: str
    title: str
    state: str
    opened_at: int
    changed_at: int
    repeated: int
    events: list[tuple[int, str, str, bytes]]


class AuditEntry(NamedTuple):
    """One entry of the audit log."""

    id: int
    at: int
    actor: str
    action: str
    object: str
    detail: str
    prev_hash: bytes
    hash: bytes


class AuditedEvent(NamedTuple):
    """An event of an alert and the number of its entry in the audit log."""

    id: int
    alert_id: int
    at: int
    kind: str
    reason: str
    text: str
    audit_id: int


def stored_host(
    db: sqlite3.Connection, host: str, *, scope: Scope, rule_id: str = "", subject: str | None = ""
) -> StoredHost:
    """What is kept about a host. rule_id, subject: only its steps; None for all its subjects.

    Raises NotFound, also for a host outside the scope.
    """
    bounds, values = fence(scope)
    agent = bytes.fromhex(host)
    row = db.execute(_Q["record"].format(scope=bounds), values | {"agent": agent}).fetchone()
    if row is None:
        raise NotFound(
            _("Kein Server %(text)s. Vorhandene zeigt: verbundwacht host list", text=host)
        )
    asked = {"host_id": row[0], "rule_id": rule_id, "whole": subject is None, "subject": subject}
    frames = db.execute(_Q["frames"], {"host_id": row[0]})
    parts = (
        *row[1:],
        [StoredFrame(at, frame) for at, frame, _id in frames],
        [StoredStep(*step) for step in db.execute(_Q["transitions"], asked)],
        [_pack(*pack) for pack in db.execute(_Q["packs"])],
    )
    return StoredHost(*parts)


def _pack(digest: str, name: str, version: str, files: bytes) -> StoredPack:
    return StoredPack(digest, name, version, msgspec.msgpack.decode(files, type=dict[str, bytes]))


def stored_alert(db: sqlite3.Connection, number: str, *, scope: Scope) -> StoredAlert:
    """An alert about one host. Raises NotFound, also outside the scope; Refused for one about many.

    What people wrote and who they are is not read: it proves nothing about the host.
    """
    bounds, values = fence(scope)
    row = db.execute(
        _Q["alert_proved"].format(scope=bounds), values | {"number": number}
    ).fetchone()
    if row is None:
        raise NotFound(
            _("Keine Warnung %(number)s. Vorhandene zeigt: verbundwacht alerts", number=number)
        )
    if not row[1]:
        raise Refused(
            _(
                "%(number)s gilt einer ganzen Kommune und hängt an keiner einzelnen Meldung. Je "
                "Server ausgeben: verbundwacht evidence export --host SERVER",
                number=number,
            )
        )
    parts = (*row[1:], db.execute(_Q["alert_steps"], {"alert_id": row[0]}).fetchall())
    return StoredAlert(*parts)


def stored_body(
    db: sqlite3.Connection, town: str, section: str, digest: str, *, scope: Scope
) -> tuple[int, bytes] | None:
    """(since when in Unix ms, body) of a section that somebody of the municipality sent."""
    bounds, values = fence(scope)
    values |= {"town": town, "section": section, "hash": bytes.fromhex(digest)}
    row = db.execute(_Q["town_body"].format(scope=bounds), values).fetchone()
    return None if row is None else (row[1], zlib.decompress(row[0]))


def audit_log(db: sqlite3.Connection, *, scope: Scope) -> Iterator[AuditEntry]:
    """The whole audit log by number. It is about everybody: for its operator only."""
    if isinstance(scope, OperatorScope):
        yield from map(AuditEntry._make, db.execute(_Q["audit"]))


def audited_events(db: sqlite3.Connection, *, scope: Scope) -> Iterator[AuditedEvent]:
    """Every event of every alert, with the number of its entry; for the operator only."""
    if isinstance(scope, OperatorScope):
        yield from map(AuditedEvent._make, db.execute(_Q["audited_events"]))
