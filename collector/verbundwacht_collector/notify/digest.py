"""When the morning's digest is due, and writing it into the outbox.

A digest belongs to a local day, and (channel, day) exists once. Which day it is follows from
the moment alone, so neither a clock that jumps nor the days when clocks change can make two
of one day, and a collector that was down at 7:30 catches up when it is back.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
import structlog

from verbundwacht_collector.notify.claim import notice_id
from verbundwacht_collector.notify.outbox import Runs
from verbundwacht_collector.notify.words import BERLIN
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store import digest as store
from verbundwacht_collector.store.protocol import Transaction

T = TypeVar("T")
ONE_DAY: Final = timedelta(days=1)
log = structlog.get_logger()


class Reads(Protocol):
    """Answers a question on a connection that cannot write."""

    async def __call__(self, question: Callable[[Any], T]) -> T:
        """The question's answer."""


class Settings(NamedTuple):
    """at: local time. when_calm: also when there is nothing to do."""

    at: time
    when_calm: bool = False


def due_at(day: date, at: time) -> int:
    """Unix ms of the moment when the digest of this local day is due.

    A time that the day has twice is its first; one that it does not have is as far after the
    gap as it would have been after its beginning.
    """
    return int(datetime.combine(day, at, BERLIN).timestamp() * 1000)


def day_of(now: int, at: time) -> date:
    """The local day whose digest is the newest one due."""
    today = datetime.fromtimestamp(now / 1000, UTC).astimezone(BERLIN).date()
    return today if due_at(today, at) <= now else today - ONE_DAY


async def write_due(read: Reads, writer: Runs, *, now: int, settings: Settings) -> int:
    """Every channel has this day's digest, or a note that there was nothing to do.

    Returns how many were written.
    """
    day = day_of(now, settings.at)
    due, since = due_at(day, settings.at), due_at(day - ONE_DAY, settings.at)
    name = day.isoformat()
    missing = await writer.run(lambda tx, _: tx.channels_without_digest(name, due))
    for channel_id, municipality, alliance in missing:
        scope: Scope = AllianceScope(alliance) if alliance else MunicipalityScope(municipality)
        found = await read(_question(scope, now, since))
        expires_at = due_at(day + ONE_DAY, settings.at)
        silent = found.calm and not settings.when_calm
        await writer.run(_writing(channel_id, name, found, now, expires_at, silent=silent))
        log.info("digest.written", channel=channel_id, day=name, calm=found.calm)
    return len(missing)


def _question(scope: Scope, now: int, since: int) -> Callable[[Any], store.Digest]:
    return lambda db: store.digest(db, scope=scope, now=now, since=since)


def _writing(
    channel_id: int, day: str, found: store.Digest, now: int, expires_at: int, *, silent: bool
) -> Callable[[Transaction, Any], bool]:
    content = msgspec.json.encode(found).decode()
    return lambda tx, _: tx.add_notice(
        notice_id=notice_id("digest", channel_id, day),
        channel_id=channel_id,
        kind="digest",
        period=day,
        content=content,
        now=now,
        expires_at=expires_at,
        state="calm" if silent else "waiting",
    )
