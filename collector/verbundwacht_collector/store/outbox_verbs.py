"""The verbs about deliveries and notices as SQLite statements; see `OutboxTransaction`."""

from typing import Final

from verbundwacht_collector.store.outbox import (
    BundledRecord,
    DueDelivery,
    Hour,
    NoticeKind,
    NoticeRecord,
)
from verbundwacht_collector.store.records import DeliveryRecord
from verbundwacht_collector.store.statements import Statements

HOUR_MS: Final = 3600 * 1000
_COLUMNS: Final = len(DeliveryRecord.__struct_fields__)


class OutboxVerbs(Statements):
    """Implements OutboxTransaction."""

    def due_deliveries(self, now: int, limit: int) -> list[DueDelivery]:
        """The most severe first, then the oldest."""
        rows = self._all("due_deliveries", now=now, since=now - HOUR_MS, limit=limit)
        return [DueDelivery(DeliveryRecord(*row[:_COLUMNS]), *row[_COLUMNS:]) for row in rows]

    def claim_delivery(self, delivery_id: str, now: int, lease_until: int) -> bool:
        """It is ours until then; False if somebody else has it."""
        claimed = self._run("claim_delivery", id=delivery_id, now=now, lease_until=lease_until)
        return claimed.rowcount == 1

    def finish_delivery(
        self,
        delivery_id: str,
        state: str,
        *,
        lease_until: int,
        next_at: int,
        response: str,
        tried_at: int,
        done_at: int | None,
    ) -> bool:
        """The try is recorded; False if the lease was lost."""
        finished = self._run(
            "finish_delivery",
            id=delivery_id,
            state=state,
            lease_until=lease_until,
            next_at=next_at,
            response=response,
            tried_at=tried_at,
            done_at=done_at,
        )
        return finished.rowcount == 1

    def drop_delivery(self, delivery_id: str, state: str, now: int, response: str = "") -> None:
        """It ends untried."""
        self._run("drop_delivery", id=delivery_id, state=state, now=now, response=response)

    def postpone_delivery(self, delivery_id: str, next_at: int) -> None:
        """It is looked at again then."""
        self._run("postpone_delivery", id=delivery_id, next_at=next_at)

    def overtaken(self, delivery_id: str) -> bool:
        """Something newer is to be said about its alert."""
        return bool(self._one("overtaken", id=delivery_id)[0])

    def hour_of(self, channel_id: int, now: int) -> Hour:
        """How the channel's hour stands."""
        since = now - HOUR_MS
        sent, began = self._one("direct_in_hour", channel_id=channel_id, since=since, now=now)
        (sending,) = self._one("being_sent", channel_id=channel_id)
        (perhaps,) = self._one("perhaps_in_hour", channel_id=channel_id, since=since, now=now)
        (held_until,) = self._one("held_until", channel_id=channel_id)
        return Hour(sent + sending + perhaps, began, held_until, self._bundle_from(channel_id, now))

    def _bundle_from(self, channel_id: int, now: int) -> int:
        last = self._one("last_bundle", channel_id=channel_id)
        if last is None:
            return now
        state, next_at, lease_until, done_at, attempts = last
        if state in ("waiting", "sending"):
            return max(int(next_at), int(lease_until), now) + 1
        # One that failed may have arrived in a try whose end nobody saw. And a clock that was
        # set back must not hold anything back for longer than the hour.
        recent = attempts > 0 and now - HOUR_MS < done_at <= now
        return int(done_at) + HOUR_MS if recent else now

    def hold_delivery(self, delivery_id: str, until: int) -> None:
        """It waits for the bundle."""
        self._run("hold_delivery", id=delivery_id, next_at=until)

    def hold_until(self, channel_id: int, until: int) -> None:
        """All that is held for the channel waits until then."""
        self._run("hold_until", channel_id=channel_id, next_at=until)

    def bundle(self, channel_id: int, notice_id: str, now: int, expires_at: int) -> int:
        """What is held for the channel belongs to the bundle."""
        bundled = self._run(
            "bundle", channel_id=channel_id, notice_id=notice_id, now=now, expires_at=expires_at
        )
        return bundled.rowcount

    def claim_bundled(self, notice_id: str) -> list[BundledRecord]:
        """What the bundle carries, on its way from here on."""
        rows = self._all("bundled", notice_id=notice_id)
        self._run("claim_bundled", notice_id=notice_id)
        return [BundledRecord(*row) for row in rows]

    def finish_bundled(self, notice_id: str, state: str, response: str, now: int) -> None:
        """The deliveries end as their bundle did, or wait on."""
        if state == "waiting":
            self._run("return_bundled", notice_id=notice_id, response=response, now=now)
        else:
            self._run(
                "finish_bundled", notice_id=notice_id, state=state, response=response, now=now
            )

    def add_notice(
        self,
        *,
        notice_id: str,
        channel_id: int,
        kind: NoticeKind,
        period: str,
        content: str,
        now: int,
        expires_at: int,
        state: str = "waiting",
        actor_id: int | None = None,
    ) -> bool:
        """It exists; False if there was one already."""
        added = self._run(
            "add_notice",
            id=notice_id,
            channel_id=channel_id,
            kind=kind,
            period=period,
            content=content,
            actor_id=actor_id,
            state=state,
            now=now,
            expires_at=expires_at,
        )
        return added.rowcount == 1

    def due_notices(self, now: int, limit: int) -> list[NoticeRecord]:
        """Those whose time has come."""
        return [NoticeRecord(*row) for row in self._all("due_notices", now=now, limit=limit)]

    def claim_notice(self, notice_id: str, now: int, lease_until: int) -> bool:
        """It is ours until then."""
        claimed = self._run("claim_notice", id=notice_id, now=now, lease_until=lease_until)
        return claimed.rowcount == 1

    def finish_notice(
        self,
        notice_id: str,
        state: str,
        *,
        lease_until: int,
        next_at: int,
        response: str,
        tried_at: int,
        done_at: int | None,
    ) -> bool:
        """The try is recorded; False if the lease was lost."""
        finished = self._run(
            "finish_notice",
            id=notice_id,
            state=state,
            lease_until=lease_until,
            next_at=next_at,
            response=response,
            tried_at=tried_at,
            done_at=done_at,
        )
        return finished.rowcount == 1

    def drop_notice(self, notice_id: str, state: str, now: int, response: str = "") -> None:
        """It ends untried."""
        self._run("drop_notice", id=notice_id, state=state, now=now, response=response)

    def disable_channel(self, channel_id: int) -> None:
        """The channel is switched off."""
        self._run("disable_channel", channel_id=channel_id)

    def channels_without_digest(
        self, day: str, due_at: int
    ) -> list[tuple[int, str | None, str | None]]:
        """Channels in use since `due_at` without this day's digest."""
        return self._all("channels_without_digest", day=day, due_at=due_at)
