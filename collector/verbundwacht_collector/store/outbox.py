"""What the outbox asks of the store: records, and the part of a transaction that it uses.

A delivery is about one alert event. A notice is a message about none: a bundle carries the
deliveries above the cap, a digest says what needs action, a test says that a channel works.
"""

from typing import Literal, NamedTuple, Protocol

import msgspec

from verbundwacht_collector.store.records import DeliveryRecord

NoticeKind = Literal["bundle", "digest", "test"]
ENDINGS = ("resolved", "closed")


class DueDelivery(NamedTuple):
    """A delivery whose time has come."""

    row: DeliveryRecord
    channel_id: int
    placed: int  # it has its place in the hour: whoever sent it died, and it may have arrived
    held: int  # 1: above the cap, to be bundled
    blocked: int  # an earlier message about the same alert is not through yet
    told: str | None  # kind of the last event that this channel was told of


class Hour(NamedTuple):
    """How a channel's hour stands. Times are Unix ms."""

    used: int  # direct messages that arrived within the hour, may have, or are on their way
    began: int | None  # when the first of them was handed over
    held_until: int | None  # when what is held will be bundled
    bundle_from: int  # the next bundle may not go earlier


class BundledRecord(msgspec.Struct, frozen=True):
    """One alert event inside a bundle."""

    event_kind: str
    event_reason: str
    event_at: int
    number: str
    severity: str
    title: str
    rule_id: str
    subject: str
    host_name: str  # "" where the alert is about the municipality
    municipality: str
    simulated: int


class NoticeRecord(msgspec.Struct, frozen=True):
    """One message about no single event, to one recipient over one channel."""

    id: str
    notice: NoticeKind
    channel_id: int
    kind: str  # of the channel
    recipient: str
    content: str  # JSON; of a digest what it says, so that a second try says the same
    attempts: int
    expires_at: int
    created_at: int
    actor: str  # who asked for it, or ""
    bundled: list[BundledRecord] = []


class OutboxTransaction(Protocol):
    """The verbs about deliveries and notices."""

    def due_deliveries(self, now: int, limit: int) -> list[DueDelivery]:
        """The most severe first, then the oldest."""

    def claim_delivery(self, delivery_id: str, now: int, lease_until: int) -> bool:
        """It is ours until the lease ends; False if somebody else has it."""

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
        """The try is recorded; False if the lease was lost and somebody else decides."""

    def drop_delivery(self, delivery_id: str, state: str, now: int, response: str = "") -> None:
        """It ends untried, in this state."""

    def postpone_delivery(self, delivery_id: str, next_at: int) -> None:
        """It is looked at again then."""

    def overtaken(self, delivery_id: str) -> bool:
        """Something newer is to be said about its alert."""

    def hour_of(self, channel_id: int, now: int) -> Hour:
        """How the channel's hour stands."""

    def hold_delivery(self, delivery_id: str, until: int) -> None:
        """It is above the cap and waits for the bundle."""

    def hold_until(self, channel_id: int, until: int) -> None:
        """All that is held for the channel is bundled at this time."""

    def bundle(self, channel_id: int, notice_id: str, now: int, expires_at: int) -> int:
        """What is held for the channel belongs to a new bundle; returns how many that is."""

    def claim_bundled(self, notice_id: str) -> list[BundledRecord]:
        """What the bundle carries now, on its way from here on."""

    def finish_bundled(self, notice_id: str, state: str, response: str, now: int) -> None:
        """The deliveries end as their bundle did; `waiting`: they wait on, or were overtaken."""

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
        """It exists; False if there was one for the same channel, kind and period already."""

    def due_notices(self, now: int, limit: int) -> list[NoticeRecord]:
        """Those whose time has come, the oldest first."""

    def claim_notice(self, notice_id: str, now: int, lease_until: int) -> bool:
        """It is ours until the lease ends; False if somebody else has it."""

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
        """The try is recorded; False if the lease was lost and somebody else decides."""

    def drop_notice(self, notice_id: str, state: str, now: int, response: str = "") -> None:
        """It ends untried, in this state."""

    def disable_channel(self, channel_id: int) -> None:
        """The channel is switched off: its other side wants nothing more."""

    def channels_without_digest(
        self, day: str, due_at: int
    ) -> list[tuple[int, str | None, str | None]]:
        """(channel, municipality, alliance) of those in use since `due_at` without this day's."""
