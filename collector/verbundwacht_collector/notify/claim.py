"""Which messages go out now, and which wait to be bundled: at most so many per channel and hour.

The most severe go first. What is above the cap is held and goes out in one bundle at the end
of the hour; a critical one brings the bundle forward to two minutes later, still one an hour.
So nobody gets more than the cap and one bundle within any hour.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple
from uuid import UUID, uuid5

import msgspec

from verbundwacht_collector.notify.schedule import LEASE_MS
from verbundwacht_collector.store.outbox import ENDINGS, DueDelivery, Hour, NoticeRecord
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import DeliveryRecord

BUNCH: Final = 16  # two rounds of the slowest channel still fit into a lease
LOOKED_AT: Final = 200
BLOCKED_MS: Final = 10_000
HOUR_MS: Final = 3600 * 1000
GATHER_MS: Final = 2 * 60_000
"""A critical message waits so long for its like: what follows it in a flood waits an hour."""
BUNDLE_EXPIRES_MS: Final = 24 * HOUR_MS
_NOTICES: Final = UUID("3b1f7c1e-2a55-5d0e-8c43-6f0d2b9e4a17")
"""Namespace of the ids of notices."""

Message = DeliveryRecord | NoticeRecord


class Job(NamedTuple):
    """One message that is ours until the lease ends."""

    message: Message
    channel_id: int
    lease_until: int


def notice_id(*parts: object) -> str:
    """The same id for the same notice, every time."""
    return str(uuid5(_NOTICES, "\0".join(map(str, parts))))


def claim(tx: Transaction, now: int, *, per_hour: int) -> list[Job]:
    """Messages that are to be sent now; what cannot be sent any more is set aside."""
    due = [one for one in tx.due_deliveries(now, LOOKED_AT) if _is_to_be_sent(tx, one, now)]
    direct = _within_the_cap(tx, due, now, per_hour)
    jobs = _notices(tx, now)
    lease = now + LEASE_MS
    for one in direct[: BUNCH - len(jobs)]:
        if tx.claim_delivery(one.row.id, now, lease):
            jobs.append(Job(one.row, one.channel_id, lease))
    return jobs


def _is_to_be_sent(tx: Transaction, one: DueDelivery, now: int) -> bool:
    """False for what has expired, waits for an earlier message, or ends what nobody heard of."""
    if one.row.expires_at <= now:
        tx.drop_delivery(one.row.id, "expired", now, "expired")
    elif one.blocked:
        tx.postpone_delivery(one.row.id, now + BLOCKED_MS)
    elif one.row.event_kind in ENDINGS and (one.told is None or one.told in ENDINGS):
        tx.drop_delivery(one.row.id, "superseded", now)
    else:
        return True
    return False


def _within_the_cap(
    tx: Transaction, due: Iterable[DueDelivery], now: int, per_hour: int
) -> list[DueDelivery]:
    direct: list[DueDelivery] = []
    by_channel = sorted(due, key=lambda one: one.channel_id)  # stable: severity stays within
    for channel_id, group in groupby(by_channel, key=lambda one: one.channel_id):
        hour = tx.hour_of(channel_id, now)
        send, hold = split(list(group), hour, per_hour)
        if hold:
            at = bundle_time(hour, hold, now)
            for one in hold:
                tx.hold_delivery(one.row.id, at)
            tx.hold_until(channel_id, at)
        _bundle(tx, channel_id, now, per_hour)
        direct += send
    return sorted(direct, key=lambda one: _RANK[one.row.severity])


_RANK: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def split(
    due: Sequence[DueDelivery], hour: Hour, per_hour: int
) -> tuple[list[DueDelivery], list[DueDelivery]]:
    """(what may go directly, what is above the cap), both in the order of `due`.

    What was on its way when its sender died has its place already. What is held stays held.
    """
    again = [one for one in due if one.placed]
    fresh = [one for one in due if not one.placed and one.held != 1]
    free = max(per_hour - hour.used, 0)
    return again + fresh[:free], fresh[free:]


def bundle_time(hour: Hour, hold: Iterable[DueDelivery], now: int) -> int:
    """When what is held goes out: with the hour of the first direct message, or before that."""
    end = max((hour.began or now) + HOUR_MS, hour.bundle_from)
    if any(one.row.severity == "critical" for one in hold):
        end = max(now + GATHER_MS, hour.bundle_from)
    return end if hour.held_until is None else min(end, hour.held_until)


def _bundle(tx: Transaction, channel_id: int, now: int, per_hour: int) -> None:
    """What is held and due is in a bundle of its own."""
    hour = tx.hour_of(channel_id, now)
    if hour.held_until is None or hour.held_until > now:
        return
    if hour.bundle_from > now:
        tx.hold_until(channel_id, hour.bundle_from)
        return
    bundle, expires_at = notice_id("bundle", channel_id, now), now + BUNDLE_EXPIRES_MS
    content = msgspec.json.encode({"per_hour": per_hour}).decode()
    added = tx.add_notice(
        notice_id=bundle,
        channel_id=channel_id,
        kind="bundle",
        period=str(now),
        content=content,
        now=now,
        expires_at=expires_at,
    )
    # A second one in the same millisecond would be the same; what is held waits for the next.
    if added and not tx.bundle(channel_id, bundle, now, expires_at):
        tx.drop_notice(bundle, "superseded", now)


def _notices(tx: Transaction, now: int) -> list[Job]:
    """Notices that are ours now; half of a bunch, so that neither kind starves the other."""
    jobs, lease = [], now + LEASE_MS
    for notice in tx.due_notices(now, BUNCH // 2):
        if notice.expires_at <= now:
            tx.drop_notice(notice.id, "expired", now, "expired")
            tx.finish_bundled(notice.id, "expired", "expired", now)
            continue
        filled = msgspec.structs.replace(notice, bundled=tx.claim_bundled(notice.id))
        if notice.notice == "bundle" and not filled.bundled:
            tx.drop_notice(notice.id, "superseded", now)
        elif tx.claim_notice(notice.id, now, lease):
            jobs.append(Job(filled, notice.channel_id, lease))
    return jobs
