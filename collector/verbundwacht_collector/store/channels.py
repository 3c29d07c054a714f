"""The channels of a scope, how they have fared, and messages that only test one.

Whether a channel is broken is computed from its deliveries and notices and stored nowhere, so
the next message that gets through ends it. An alliance's people see the alliance's channels,
a municipality's people its own; neither sees the addresses of the other.
"""

import sqlite3
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec

from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store.named import named
from verbundwacht_collector.store.protocol import Transaction

_Q: Final = named("notify.sql")
BROKEN_AFTER: Final = 5
TESTS_PER_HOUR: Final = 5
TEST_EXPIRES_MS: Final = 10 * 60_000
HOUR_MS: Final = 3600 * 1000
Standing = Literal["ok", "failing", "broken", "unused", "gone", "off"]


class TestRow(msgspec.Struct, frozen=True):
    """The last test message of a channel. state: as of a notice."""

    state: str
    created_at: int
    done_at: int | None
    response: str
    actor: str


class ChannelRow(msgspec.Struct, frozen=True):
    """One channel: one recipient, reached in one way. Times are Unix ms."""

    id: int
    kind: str
    recipient: str
    whose: str
    standing: Standing
    last_success_at: int | None
    last_error_at: int | None
    last_error: str
    failures: int  # in a row since the last success, counted to BROKEN_AFTER at least
    test: TestRow | None


def own(scope: Scope) -> tuple[str, dict[str, Any]]:
    """The condition on a channel `c` that keeps a reader to the channels of the scope."""
    if isinstance(scope, MunicipalityScope):
        return "c.municipality_id = :scope", {"scope": scope.municipality_id}
    if isinstance(scope, AllianceScope):
        return "c.alliance_id = :scope", {"scope": scope.alliance_id}
    return "1 = 1", {}


def channels(db: sqlite3.Connection, *, scope: Scope) -> list[ChannelRow]:
    """The scope's channels, those in use first."""
    bounds, values = own(scope)
    rows = db.execute(_Q["channels"].format(own=bounds), values).fetchall()
    return [_channel(db, row) for row in rows]


def broken(db: sqlite3.Connection, *, scope: Scope) -> list[ChannelRow]:
    """Channels over which the scope's people are not reached at present."""
    return [row for row in channels(db, scope=scope) if row.standing in ("broken", "gone")]


def _channel(db: sqlite3.Connection, row: tuple[Any, ...]) -> ChannelRow:
    channel_id, kind, recipient, enabled, whose, *successes = row
    success = max((at for at in successes if at is not None), default=None)
    recent = _failures(db, channel_id, success or 0)
    last = max(recent or _failures(db, channel_id, 0), default=None)
    test = db.execute(_Q["last_test"], {"channel_id": channel_id}).fetchone()
    failures = sum(many for _, _, many in recent)
    return ChannelRow(
        id=channel_id,
        kind=kind,
        recipient=recipient,
        whose=whose or "",
        standing=_standing(enabled, success, failures, recent),
        last_success_at=success,
        last_error_at=last[0] if last else None,
        last_error=last[1] if last else "",
        failures=failures,
        test=TestRow(*test) if test else None,
    )


def _failures(db: sqlite3.Connection, channel_id: int, since: int) -> list[tuple[int, str, int]]:
    values = {"channel_id": channel_id, "since": since, "limit": BROKEN_AFTER}
    return db.execute(_Q["failures"], values).fetchall()


def _standing(
    enabled: int, success: int | None, failures: int, recent: list[tuple[int, str, int]]
) -> Standing:
    if not enabled:
        # 410: the other side wants nothing more. Otherwise the settings do not name it now.
        return "gone" if recent and max(recent)[1].startswith("410") else "off"
    if failures >= BROKEN_AFTER:
        return "broken"
    if failures:
        return "failing"
    return "unused" if success is None else "ok"


def request_test(
    tx: Transaction, channel_id: int, *, scope: Scope, actor: tuple[int, str], now: int
) -> str:
    """A test message waits to be sent; returns its id. Raises NotFound, Refused.

    actor: who asks, as (person, login). At most five an hour, one at a time: it reaches
    somebody's mailbox.
    """
    bounds, values = own(scope)
    found = tx.execute(
        f"SELECT recipient, enabled FROM channel c WHERE c.id = :id AND {bounds}",  # noqa: S608
        values | {"id": channel_id},
    )
    if not found:
        raise NotFound(f"Keinen Kanal {channel_id}. Vorhandene zeigt: verbundwacht channel list")
    recipient, enabled = found[0]
    if not enabled:
        raise Refused(
            _(
                "Der Kanal %(recipient)s ist abgeschaltet. Erst wieder einrichten.",
                recipient=recipient,
            )
        )
    _refuse_too_many(tx, channel_id, now)
    notice_id = str(uuid4())
    tx.add_notice(
        notice_id=notice_id,
        channel_id=channel_id,
        kind="test",
        period=notice_id,
        content="{}",
        now=now,
        expires_at=now + TEST_EXPIRES_MS,
        actor_id=actor[0],
    )
    tx.audit(
        at=now, actor=actor[1], action="channel.tested", obj=f"channel {channel_id}", detail="{}"
    )
    return notice_id


def _refuse_too_many(tx: Transaction, channel_id: int, now: int) -> None:
    values = {"channel_id": channel_id, "since": now - HOUR_MS, "now": now}
    ((many, waiting),) = tx.execute(_Q["tests_since"], values)
    if waiting:
        raise Refused(
            _("Eine Testnachricht ist schon unterwegs. Bitte warten Sie ihr Ergebnis ab.")
        )
    if many >= TESTS_PER_HOUR:
        raise Refused(
            _(
                "Höchstens %(tests_per_hour)s Testnachrichten je Stunde und Kanal. Später "
                "wiederholen.",
                tests_per_hour=TESTS_PER_HOUR,
            )
        )
