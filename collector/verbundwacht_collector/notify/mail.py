"""Mail to the SOC: the text is pure, the sending goes through aiosmtplib.

The same order everywhere: what happened, where, what to do first, the link, why you get this.
"""

import asyncio
import ssl
from datetime import datetime
from email.message import EmailMessage
from typing import Final, NamedTuple

import aiosmtplib

from verbundwacht_collector.i18n import _, lookup
from verbundwacht_collector.notify import notices, words
from verbundwacht_collector.notify.claim import Message
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.store.outbox import ENDINGS, NoticeRecord
from verbundwacht_collector.store.records import DeliveryRecord

TIMEOUT_S: Final = 20.0
"""For the whole conversation: aiosmtplib counts each command alone, and a lease ends."""


class MailServer(NamedTuple):
    """Where messages are handed over."""

    host: str
    port: int
    sender: str
    security: str  # starttls, tls, none
    user: str = ""
    password: str = ""


def compose(message: Message, *, sender: str, first_step: str, url: str) -> EmailMessage:
    """The message as a mail. Its Message-ID is the message's id, every time."""
    domain = sender.rpartition("@")[2].rstrip(">")
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, message.recipient
    if isinstance(message, NoticeRecord):
        mail["Subject"], text = notices.written(message, url=url)
    else:
        mail["Subject"], text = _subject(message), _text(message, first_step, url)
    mail["Date"] = datetime.fromtimestamp(message.created_at / 1000, words.BERLIN)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    if isinstance(message, DeliveryRecord):
        mail["References"] = f"<{message.number.lower()}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def _subject(row: DeliveryRecord) -> str:
    return f"[{words.mark(row)}] {row.municipality}: {words.what(row)} ({row.number})"


def _text(row: DeliveryRecord, first_step: str, url: str) -> str:
    subject = f" ({row.subject})" if row.subject else ""
    found = _("Festgestellt am %(time)s.", time=words.at(row.event_at))
    parts = [
        f"{row.title}{subject}.",
        f"{_where(row)}. {found}",
    ]
    if row.event_kind in ENDINGS:
        parts.append(lookup(words.ENDED.get(row.event_reason, words.OVER)))
    else:
        parts += filter(None, [lookup(words.WHY_AGAIN.get(row.event_kind, ""))])
        parts += [f"{_('Zuerst zu tun:')}\n{first_step}"] if first_step else []
    link = f"{url}/alerts/{row.number}"
    parts += [
        _("Einzelheiten: %(link)s", link=link)
        if url
        else _("Nummer: %(number)s", number=row.number),
        _("Sie erhalten diese Nachricht, weil Ihre Adresse für Warnungen eingetragen ist."),
    ]
    return "\n\n".join(parts) + "\n"


def _where(row: DeliveryRecord) -> str:
    # An alert about a municipality as a whole has no host.
    if not row.host_name:
        return row.municipality
    host = row.host_name
    if row.simulated:
        host = _("%(host)s [simulierter Server]", host=host)
    return _("Server %(host)s, %(place)s", host=host, place=row.municipality)


async def send(server: MailServer, mail: EmailMessage) -> str:
    """The mail server has taken the message; returns its answer. Raises DeliveryError."""
    context = ssl.create_default_context() if server.security != "none" else None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, response = await aiosmtplib.send(
                mail,
                hostname=server.host,
                port=server.port,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                tls_context=context,
                username=server.user or None,
                password=server.password or None,
                timeout=TIMEOUT_S,
            )
    except aiosmtplib.SMTPRecipientsRefused as problem:
        refused = problem.recipients[0]
        raise DeliveryError(
            f"{refused.code} {refused.message}", permanent=500 <= refused.code < 600
        ) from None
    except aiosmtplib.SMTPResponseException as problem:
        permanent = 500 <= problem.code < 600 and not isinstance(
            problem, aiosmtplib.SMTPAuthenticationError
        )
        raise DeliveryError(f"{problem.code} {problem.message}", permanent=permanent) from None
    except (aiosmtplib.SMTPException, OSError) as problem:
        said = str(problem) or f"no answer within {TIMEOUT_S:.0f} s"
        raise DeliveryError(f"{server.host}:{server.port}: {said}", permanent=False) from None
    return response
