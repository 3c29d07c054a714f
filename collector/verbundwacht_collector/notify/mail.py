"""Mail to the SOC: the text is pure, the sending goes through aiosmtplib.

The same order everywhere: what happened, where, what to do first, the link, why you get this.
"""

import asyncio
import ssl
from datetime import datetime
from email.message import EmailMessage
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import aiosmtplib

from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.store.records import DeliveryRecord

TIMEOUT_S: Final = 20.0
"""For the whole conversation: aiosmtplib counts each command alone, and a lease ends."""
_ZONE: Final = ZoneInfo("Europe/Berlin")
_SEVERITY: Final = {"critical": "kritisch", "high": "hoch", "medium": "mittel", "low": "niedrig"}
_ENDED: Final = {
    "two_attestations_pass": "Zwei Meldungen des Servers bestätigen: behoben.",
    "message_received": "Der Server meldet sich wieder.",
    "sees_again": "Die Regel hat wieder ein Ergebnis.",
    "no_longer_applicable": "Die Regel trifft auf diesen Server nicht mehr zu.",
    "rule_removed": "Die Regel gibt es nicht mehr.",
    "rule_wrong": "Von Hand geschlossen: Regel falsch.",
    "host_retired": "Von Hand geschlossen: Server außer Betrieb.",
    "duplicate": "Von Hand geschlossen: doppelt.",
}


class MailServer(NamedTuple):
    """Where messages are handed over."""

    host: str
    port: int
    sender: str
    security: str  # starttls, tls, none
    user: str = ""
    password: str = ""


def compose(row: DeliveryRecord, *, sender: str, first_step: str, url: str) -> EmailMessage:
    """The message about one alert event. Its Message-ID is the delivery's id, every time."""
    domain = sender.rpartition("@")[2].rstrip(">")
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, row.recipient
    mail["Subject"] = _subject(row)
    mail["Date"] = datetime.fromtimestamp(row.created_at / 1000, _ZONE)
    mail["Message-ID"] = f"<{row.id}@{domain}>"
    mail["References"] = f"<{row.number.lower()}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_text(row, first_step, url))
    return mail


def _subject(row: DeliveryRecord) -> str:
    mark = _SEVERITY[row.severity]
    if row.event_kind in ("resolved", "closed"):
        mark = "behoben" if row.event_kind == "resolved" else "geschlossen"
    elif row.event_kind == "reopened":
        mark += ", wieder"
    subject = f" {row.subject}" if row.subject else ""
    title = f"[{mark}] {row.municipality}: {_relation(row)}{row.title}{subject} ({row.number})"
    return " ".join(title.split())


def _relation(row: DeliveryRecord) -> str:
    """A rule's title says what ought to be; alone it would read like good news."""
    ended = row.event_kind in ("resolved", "closed")
    return "" if ended or row.rule_id in SYSTEM_RULES else "nicht erfüllt: "


def _text(row: DeliveryRecord, first_step: str, url: str) -> str:
    at = datetime.fromtimestamp(row.event_at / 1000, _ZONE).strftime("%d.%m.%Y, %H:%M Uhr")
    subject = f" ({row.subject})" if row.subject else ""
    simulated = " [simulierter Server]" if row.simulated else ""
    parts = [
        f"{_relation(row).capitalize()}{row.title}{subject}.",
        f"Server {row.host_name}{simulated}, {row.municipality}. Festgestellt am {at}.",
    ]
    if row.event_kind in ("resolved", "closed"):
        parts.append(_ENDED.get(row.event_reason, "Die Warnung ist beendet."))
    elif first_step:
        parts.append(f"Zuerst zu tun:\n{first_step}")
    parts.append(f"Einzelheiten: {url}/alerts/{row.number}" if url else f"Nummer: {row.number}")
    parts.append("Sie erhalten diese Nachricht, weil Ihre Adresse für Warnungen eingetragen ist.")
    return "\n\n".join(parts) + "\n"


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
