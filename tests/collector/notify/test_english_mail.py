"""Mails of a channel whose language is English: every kind, no German, the pack's own titles."""

import json
from email.message import EmailMessage

import msgspec
import pytest
from msgspec.structs import replace
from tests.collector.german import GERMAN
from tests.collector.notify.test_mail import ROW, ROWS
from tests.collector.web.stage import NOW, pack

from verbundwacht_collector import i18n
from verbundwacht_collector.notify import channels, mail, webhook
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.mail import MailServer
from verbundwacht_collector.store.digest import (
    Digest,
    EndingOverlay,
    OpenAlert,
    SilentHost,
    Undelivered,
)
from verbundwacht_collector.store.outbox import BundledRecord, NoticeRecord
from verbundwacht_collector.web.rulebook import rule_book, titles

PLACE, HOST = "VG Altenbach", "vg-al-dms01"
BUNDLED = BundledRecord(
    event_kind="opened", event_reason="", event_at=NOW, number="W-2026-0002", severity="critical",
    title="gespeichert", rule_id="linux.ssh.root-login", subject="", host_name=HOST,
    municipality=PLACE, simulated=1,
)  # fmt: skip
OPEN = OpenAlert("W-2026-0003", "high", "taken", "gespeichert", "", "linux.ssh.root-login", PLACE,
                 HOST, True, NOW - 3 * 86_400_000, True)  # fmt: skip
DAY = Digest(
    at=NOW, whose="VG Altenbach", new=1, by_severity={"critical": 1}, alerts=[OPEN],
    silent=[SilentHost(HOST, PLACE, True, NOW), SilentHost("b", PLACE, False, None)],
    silent_count=2,
    ending=[EndingOverlay("maintenance", PLACE, HOST, "", NOW, "update")],
    undelivered=[Undelivered("mail", "soc@example.org", 2, "451 busy")],
)  # fmt: skip
NOTICE = NoticeRecord(
    id="n1", notice="test", channel_id=1, kind="mail", recipient="soc@example.org", content="{}",
    attempts=0, expires_at=0, created_at=NOW, actor="",
)  # fmt: skip


def noticed(kind: str, content: object) -> NoticeRecord:
    return replace(NOTICE, notice=kind, content=msgspec.json.encode(content).decode())


MESSAGES: dict[str, Message] = {
    **{name: replace(row, municipality=PLACE, host_name=HOST) for name, row in ROWS.items()},
    "raised": replace(ROW, event_kind="raised", municipality=PLACE),
    "cover ended": replace(ROW, event_kind="cover_ended", municipality=PLACE),
    "test": NOTICE,
    "bundle": replace(
        noticed("bundle", {"per_hour": 10}),
        bundled=[BUNDLED, replace(BUNDLED, event_kind="resolved", severity="low")],
    ),
    "digest": noticed("digest", DAY),
    "digest, calm": noticed(
        "digest", replace(DAY, new=0, by_severity={}, alerts=[], silent_count=0, silent=[],
                          ending=[], undelivered=[]),
    ),
}  # fmt: skip


async def sent(message: Message, language: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Subject and text of what the channel hands to its mail server."""
    handed: list[EmailMessage] = []

    async def take(_server: MailServer, written: EmailMessage) -> str:
        handed.append(written)
        return "250 ok"

    monkeypatch.setattr(mail, "send", take)
    server = MailServer("127.0.0.1", 25, "vw@sammler.example", "none")
    channel = channels.by_mail(
        server,
        first_step=lambda rule: rule_book([pack()]).texts(rule).remediation,
        title=lambda rule, stored: rule_book([pack()]).problem(rule, stored),
        url="https://sammler.example",
        language=language,
    )
    await channel(message)
    return str(handed[0]["Subject"]), str(handed[0].get_content())


@pytest.mark.parametrize("name", MESSAGES)
async def test_no_mail_of_an_english_channel_holds_german(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, text = await sent(MESSAGES[name], "en", monkeypatch)

    said = f"{subject}\n{text}"
    assert GERMAN.search(said) is None, said
    assert "gespeichert" not in said
    assert i18n.current() == "de"


def test_a_webhook_carries_the_titles_of_every_language_and_nothing_new_without_a_pack() -> None:
    (rule,) = (one for one in pack().rules if one.id == ROW.rule_id)

    plain = json.loads(webhook.compose(ROW, url=""))
    both = json.loads(webhook.compose(ROW, url="", titles=lambda one: titles([pack()], one)))
    bundle = json.loads(
        webhook.compose(MESSAGES["bundle"], url="", titles=lambda one: titles([pack()], one))
    )

    assert both["data"].pop("titles") == dict(rule.title)
    assert both == plain
    assert bundle["data"]["events"][0]["titles"] == dict(rule.title)
    assert titles([], "linux.gone") == {}
    assert titles([], "system.host-silent")["en"] == "Server no longer reports"


async def test_a_mail_says_what_its_rule_says_in_the_language_of_the_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (rule,) = (one for one in pack().rules if one.id == ROW.rule_id)
    gone = replace(ROW, rule_id="linux.gone", title="Kein offener Port")

    for language in ("de", "en"):
        _, text = await sent(ROW, language, monkeypatch)
        assert rule.problem[language] in text
        assert rule.remediation[language].strip() in text
    assert "Kein offener Port" in (await sent(gone, "en", monkeypatch))[1]
