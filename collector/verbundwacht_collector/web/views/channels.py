"""The page of channels: how each stands, and a verdict above them."""

from dataclasses import dataclass

from verbundwacht_collector.i18n import _, ngettext
from verbundwacht_collector.store.channels import ChannelRow
from verbundwacht_collector.web.views.deliveries import ChannelLine, channel_line


@dataclass(frozen=True)
class ChannelList:
    """Everything on the page. polling: it asks again by itself for a test's result."""

    verdict: str
    lines: tuple[ChannelLine, ...]
    polling: bool


def channel_list(rows: list[ChannelRow], *, now: int) -> ChannelList:
    """The page's values."""
    lines = tuple(channel_line(row, now=now) for row in rows)
    return ChannelList(verdict(rows), lines, any(line.polling for line in lines))


def verdict(rows: list[ChannelRow]) -> str:
    """One sentence: whether people are reached. A channel that never sent is not called good."""
    used = [row for row in rows if row.standing != "off"]
    broken = sum(row.standing in ("broken", "gone") for row in used)
    doubtful = sum(row.standing in ("failing", "unused") for row in used)
    if not used:
        return _("Niemand wird benachrichtigt.")
    if broken:
        return ngettext(
            "Ein Kanal ist gestört: Dort kommt nichts an.",
            "%(num)s Kanäle sind gestört: Dort kommt nichts an.",
            broken,
        )
    if doubtful:
        return ngettext(
            "Bei einem Kanal steht noch nicht fest, ob Nachrichten ankommen.",
            "Bei %(num)s Kanälen steht noch nicht fest, ob Nachrichten ankommen.",
            doubtful,
        )
    return _("Auf allen Kanälen kam die letzte Nachricht an.")
