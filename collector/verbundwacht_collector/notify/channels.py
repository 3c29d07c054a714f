"""The ways to people, as the outbox uses them: a message in, the other side's answer out."""

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from verbundwacht_collector import i18n
from verbundwacht_collector.notify import mail, notices, webhook
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.outbox import Channel
from verbundwacht_collector.store.digest import Digest
from verbundwacht_collector.store.records import DeliveryRecord

Title = Callable[[str, str], str]


def by_mail(
    server: mail.MailServer,
    *,
    first_step: Callable[[str], str],
    url: str,
    title: Title = lambda _rule_id, stored: stored,
    language: str = i18n.SOURCE,
) -> Channel:
    """Mail over this server. first_step: rule id -> what to do first, or "".

    title: (rule id, stored title) -> the rule's title. Both are asked in `language`.
    """

    async def send(message: Message) -> str:
        with i18n.use(language):
            first = first_step(message.rule_id) if isinstance(message, DeliveryRecord) else ""
            said = retitled(message, title)
            written = mail.compose(said, sender=server.sender, first_step=first, url=url)
        return await mail.send(server, written)

    return send


def retitled(message: Message, title: Title) -> Message:
    """The message with the titles that its rules have in the language of the channel."""
    if isinstance(message, DeliveryRecord):
        return replace(message, title=title(message.rule_id, message.title))
    bundled = [replace(one, title=title(one.rule_id, one.title)) for one in message.bundled]
    content = message.content
    if message.notice == "digest":
        day = msgspec.json.decode(content, type=Digest)
        alerts = [replace(one, title=title(one.rule_id, one.title)) for one in day.alerts]
        content = msgspec.json.encode(replace(day, alerts=alerts)).decode()
    return replace(message, bundled=bundled, content=content)


def by_webhook(
    targets: Mapping[str, webhook.Target],
    *,
    url: str,
    clock: Callable[[], int],
    titles: notices.Titles = notices.no_titles,
) -> Channel:
    """Signed posts to the target that has the recipient's name, titles in every language."""

    async def send(message: Message) -> str:
        target = targets.get(message.recipient)
        if target is None:
            raise DeliveryError(f"webhook {message.recipient} is not configured", permanent=False)
        body = webhook.compose(message, url=url, titles=titles)
        return await webhook.post(target, message.id, body, now_ms=clock())

    return send
