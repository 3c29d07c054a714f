"""A real SMTP server on loopback that remembers what it took, and when."""

import email
import email.policy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import NamedTuple, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.system.running import HOST, free_ports


class Mail(NamedTuple):
    """One message as it was handed over."""

    at: float  # Unix seconds
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """What the recipient sees first."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The body."""
        return str(self.message.get_content())


class Mailbox:
    """All messages so far, in order. Filled by the server's thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[Mail] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """The message is kept; the sender is told so."""
        raw = cast(bytes, envelope.content)
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.mails.append(Mail(time.time(), tuple(envelope.rcpt_tos), message))
        return "250 kept"

    def of(self, recipient: str) -> list[Mail]:
        """What this recipient got."""
        return [mail for mail in self.mails if recipient in mail.recipients]

    def wait(self, wanted: Callable[[Mail], bool], within_s: float = 60.0, since: int = 0) -> Mail:
        """The first such message from number `since` on. Raises AssertionError after the time."""
        until = time.monotonic() + within_s
        while True:
            found = next((mail for mail in self.mails[since:] if wanted(mail)), None)
            if found is not None:
                return found
            subjects = [mail.subject for mail in self.mails[since:]]
            assert time.monotonic() < until, f"no such mail among {subjects}"
            time.sleep(0.01)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server within the block."""
    box = Mailbox(free_ports(1)[0])
    controller = Controller(box, hostname=HOST, port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
