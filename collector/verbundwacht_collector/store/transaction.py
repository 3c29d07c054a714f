"""The verbs of a transaction as SQLite statements; what each means stands in the protocol."""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from msgspec.structs import asdict

from verbundwacht_collector.errors import Conflict
from verbundwacht_collector.store.outbox_verbs import OutboxVerbs
from verbundwacht_collector.store.overlay_verbs import OverlayVerbs
from verbundwacht_collector.store.records import (
    AlertRecord,
    Chain,
    ChannelRecord,
    FindingRecord,
    HostRecord,
    SectionRecord,
)
from verbundwacht_collector.store.statements import STATEMENTS

FIRST_REPORT_WITHIN_MS: Final = 24 * 3600 * 1000
"""How long a host may take from its registration to its first message."""
_FINDINGS_OF: Final = (
    STATEMENTS["findings"] + " AND rule_id IN (SELECT value FROM json_each(:rules))"  # noqa: S608 - fixed
)


def _host(row: tuple[Any, ...]) -> HostRecord:
    return HostRecord(*(*row[:16], Chain(*row[16:])))


class SqliteTransaction(OverlayVerbs, OutboxVerbs):
    """The verbs, on an open transaction. Implements Transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__(db)
        self._counts: dict[str, int] = {}

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            raise
        finally:
            self._db.execute("RELEASE part")

    def host_by_kid(self, kid: bytes) -> HostRecord | None:
        row = self._one("host_by_kid", kid=kid)
        return None if row is None else _host(row)

    def host_by_id(self, host_id: int) -> HostRecord:
        row = self._one("host_by_id", id=host_id)
        return _host(row)

    def envelope_at(self, host_id: int, seq: int) -> tuple[bytes, bytes] | None:
        row: tuple[bytes, bytes] | None = self._one("envelope_at", host_id=host_id, seq=seq)
        return row

    def seqs_after(self, host_id: int, seq: int) -> list[tuple[int, bytes]]:
        return self._all("seqs_after", host_id=host_id, seq=seq)

    def add_envelope(
        self, host_id: int, seq: int, entry: bytes, *, kind: str, code: int, at: int, frame: bytes
    ) -> None:
        self._run(
            "add_envelope",
            host_id=host_id,
            seq=seq,
            hash=entry,
            kind=kind,
            code=code,
            received_at=at,
            frame=frame,
        )

    def cite(self, host_id: int, entry: bytes) -> None:
        self._run("cite", host_id=host_id, hash=entry)

    def move_chain(self, host_id: int, old: Chain, new: Chain) -> None:
        moved = self._run(
            "move_chain", host_id=host_id, old_hi=old.hi, old_head=old.head, **asdict(new)
        )
        if moved.rowcount != 1:
            raise Conflict(f"The chain of host {host_id} moved meanwhile; read it again.")

    def put_beat(self, host_id: int, n: int, entry: bytes, at: int, frame: bytes) -> None:
        self._run("put_beat", host_id=host_id, n=n, hash=entry, received_at=at, frame=frame)

    def keep_beat(self, host_id: int) -> None:
        self._run("keep_beat", host_id=host_id)

    def seen(self, host_id: int, at: int, *, interval_s: int, version: str, facts: int) -> None:
        self._run(
            "seen",
            host_id=host_id,
            last_seen=at,
            interval_s=interval_s,
            agent_version=version,
            facts_version=facts,
        )

    def set_flags(self, host_id: int, *, awaiting: bool, silent: bool, facts_unknown: bool) -> None:
        self._run(
            "set_flags",
            host_id=host_id,
            awaiting=awaiting,
            silent=silent,
            facts_unknown=facts_unknown,
        )

    def set_skew(self, host_id: int, skew_ms: int) -> None:
        self._run("set_skew", host_id=host_id, skew=skew_ms)

    def applied(self, host_id: int, seq: int, manifest: bytes) -> None:
        self._run("applied", host_id=host_id, seq=seq, manifest=manifest)

    def judged(self, host_id: int, digest: str) -> None:
        self._run("judged", host_id=host_id, digest=digest)

    def has_body(self, municipality_id: str, section: str, digest: bytes) -> bool:
        return (
            self._one("has_body", municipality_id=municipality_id, section=section, hash=digest)
            is not None
        )

    def put_body(
        self, municipality_id: str, section: str, digest: bytes, body: bytes, at: int
    ) -> None:
        if self.has_body(municipality_id, section, digest):
            return  # deflating is the dear part, and most bodies of a full report are known
        self._run(
            "put_body",
            municipality_id=municipality_id,
            section=section,
            hash=digest,
            doc=zlib.compress(body, 6),
            stored_at=at,
        )

    def body(self, municipality_id: str, section: str, digest: bytes) -> bytes:
        row = self._one("body", municipality_id=municipality_id, section=section, hash=digest)
        return zlib.decompress(row[0])

    def sections(self, host_id: int) -> dict[str, SectionRecord]:
        return {row[0]: SectionRecord(*row) for row in self._all("sections", host_id=host_id)}

    def put_section(self, host_id: int, row: SectionRecord) -> None:
        self._run("put_section", host_id=host_id, **asdict(row))

    def drop_section(self, host_id: int, section: str) -> None:
        self._run("drop_section", host_id=host_id, section=section)

    def add_section_change(self, host_id: int, row: SectionRecord, seq: int, at: int) -> None:
        self._run("add_section_change", host_id=host_id, seq=seq, changed_at=at, **asdict(row))

    def findings(self, host_id: int) -> list[FindingRecord]:
        return [FindingRecord(*row) for row in self._all("findings", host_id=host_id)]

    def findings_of(self, host_id: int, rules: Collection[str]) -> list[FindingRecord]:
        wanted = json.dumps(list(rules))
        rows = self._db.execute(_FINDINGS_OF, {"host_id": host_id, "rules": wanted})
        return [FindingRecord(*row) for row in rows]

    def put_finding(self, host_id: int, row: FindingRecord) -> None:
        self._run("put_finding", host_id=host_id, **asdict(row))

    def drop_finding(self, host_id: int, rule_id: str, subject: str) -> None:
        self._run("drop_finding", host_id=host_id, rule_id=rule_id, subject=subject)

    def add_transition(
        self, host_id: int, row: FindingRecord, *, old: str | None, at: int, evidence: bytes
    ) -> None:
        self._run(
            "add_transition", host_id=host_id, old=old, at=at, evidence=evidence, **asdict(row)
        )

    def open_alerts(self, host_id: int) -> list[AlertRecord]:
        return [AlertRecord(*row) for row in self._all("open_alerts", host_id=host_id)]

    def last_alert(self, fingerprint: bytes) -> AlertRecord | None:
        row = self._one("last_alert", fingerprint=fingerprint)
        return None if row is None else AlertRecord(*row)

    def alert_by_number(self, number: str) -> AlertRecord | None:
        row = self._one("alert_by_number", number=number)
        return None if row is None else AlertRecord(*row)

    def add_alert(self, alert: AlertRecord, predecessor_id: int | None) -> int:
        added = self._run("add_alert", predecessor_id=predecessor_id, **asdict(alert))
        return int(added.lastrowid or 0)

    def set_alert(self, alert: AlertRecord, *, resolved_by: bytes | None = None) -> bool:
        changed = self._run("set_alert", resolved_by=resolved_by, **asdict(alert))
        return changed.rowcount == 1

    def touch_alert(self, alert_id: int, at: int) -> None:
        self._run("touch_alert", id=alert_id, changed_at=at)

    def add_event(
        self,
        alert_id: int,
        *,
        at: int,
        kind: str,
        reason: str,
        text: str = "",
        actor: tuple[int, str] | None = None,
        evidence: bytes | None = None,
    ) -> int:
        detail = json.dumps({"reason": reason, "text": text}, ensure_ascii=False)
        audit_id = self.audit(
            at=at,
            actor=actor[1] if actor else "collector",
            action=f"alert.{kind}",
            obj=f"alert {alert_id}",
            detail=detail,
        )
        added = self._run(
            "add_event",
            alert_id=alert_id,
            at=at,
            kind=kind,
            reason=reason,
            text=text,
            actor_id=actor[0] if actor else None,
            evidence=evidence,
            audit_id=audit_id,
        )
        return int(added.lastrowid or 0)

    def audit(self, *, at: int, actor: str, action: str, obj: str, detail: str) -> int:
        last = self._one("last_audit")
        prev = bytes(32) if last is None else bytes(last[0])
        entry = json.dumps([at, actor, action, obj, detail], ensure_ascii=False)
        digest = hashlib.sha256(prev + entry.encode()).digest()
        added = self._run(
            "add_audit",
            at=at,
            actor=actor,
            action=action,
            object=obj,
            detail=detail,
            prev_hash=prev,
            hash=digest,
        )
        return int(added.lastrowid or 0)

    def channels_for(self, municipality_id: str) -> list[ChannelRecord]:
        rows = self._all("channels_for", municipality_id=municipality_id)
        return [ChannelRecord(*row) for row in rows]

    def told_channels(self, alert_id: int) -> set[int]:
        return {row[0] for row in self._all("told_channels", alert_id=alert_id)}

    def supersede(self, alert_id: int, now: int) -> int:
        return self._run("supersede", alert_id=alert_id, now=now).rowcount

    def add_delivery(
        self, delivery_id: str, event_id: int, channel: ChannelRecord, now: int, expires_at: int
    ) -> None:
        self._run(
            "add_delivery",
            id=delivery_id,
            event_id=event_id,
            channel_id=channel.id,
            recipient=channel.recipient,
            now=now,
            expires_at=expires_at,
        )

    def count(self, name: str, by: int = 1) -> None:
        self._counts[name] = self._counts.get(name, 0) + by

    def flush_counts(self) -> None:
        """The counts of this transaction are written: one row per name, not per message."""
        for name, by in self._counts.items():
            self._run("count", name=name, by=by)
        self._counts.clear()

    def counter(self, name: str) -> int:
        row = self._one("counter", name=name)
        return 0 if row is None else int(row[0])

    def set_counter(self, name: str, value: int) -> None:
        self._run("set_counter", name=name, value=value)

    def overdue_hosts(self, now: int, serving_since: int) -> list[int]:
        rows = self._all(
            "overdue_hosts", now=now, serving_since=serving_since, grace=FIRST_REPORT_WITHIN_MS
        )
        return [row[0] for row in rows]

    def hosts_to_judge(self, digest: str, limit: int) -> list[int]:
        return [row[0] for row in self._all("hosts_to_judge", digest=digest, limit=limit)]

    def hosts_in_slot(self, slot: int) -> list[int]:
        return [row[0] for row in self._all("hosts_in_slot", slot=slot)]

    def execute(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, dict(values)).fetchall()

    def execute_many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self._db.executemany(sql, (dict(row) for row in rows))
