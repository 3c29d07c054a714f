"""The ways to people, as the outbox uses them: a message in, the other side's answer out."""

from collections.abc import Callable, Mapping

from verbundwacht_collector.notify import mail, webhook
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.outbox import Channel
from verbundwacht_collector.store.records import DeliveryRecord


def by_mail(server: mail.MailServer, *, first_step: Callable[[str], str], url: str) -> Channel:
    """Mail over this server. first_step: rule id -> what to do first, or ""."""

    async def send(message: Message) -> str:
        first = first_step(message.rule_id) if isinstance(message, DeliveryRecord) else ""
        written = mail.compose(message, sender=server.sender, first_step=first, url=url)
        return await mail.send(server, written)

    return send


def by_webhook(
    targets: Mapping[str, webhook.Target], *, url: str, clock: Callable[[], int]
) -> Channel:
    """Signed posts to the target that has the recipient's name."""

    async def send(message: Message) -> str:
        target = targets.get(message.recipient)
        if target is None:
            raise DeliveryError(f"webhook {message.recipient} is not configured", permanent=False)
        body = webhook.compose(message, url=url)
        return await webhook.post(target, message.id, body, now_ms=clock())

    return send
