"""A real SMTP server on loopback that takes, refuses, stalls or dies, as a test wants it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from verbundwacht_collector.notify.mail import MailServer


class Post:
    """What the server does with mail, and the mails it has taken."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.tries = 0
        self.mail_says = self.rcpt_says = self.data_says = ""  # empty: accepted
        self.stalls_s = 0.0
        self.dies = False
        self.over_tls: list[bool] = []
        self.known: list[bool] = []  # who sent it had said name and password

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries += 1
        if self.mail_says:
            return self.mail_says
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if self.rcpt_says:
            return self.rcpt_says
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.stalls_s)
        if self.dies:
            assert server.transport is not None
            server.transport.close()
            raise ConnectionResetError
        if self.data_says:
            return self.data_says
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.taken.append(mail)
        assert server.transport is not None
        self.known.append(bool(session.authenticated))
        self.over_tls.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"


def only_jana(
    _server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any
) -> AuthResult:
    """One name and one password."""
    known = data.login == b"jana" and data.password == b"geheim"
    return AuthResult(success=known, handled=False)


@asynccontextmanager
async def serving(
    post: Post, *, security: str = "none", tls: ssl.SSLContext | None = None, auth: bool = False
) -> AsyncIterator[MailServer]:
    """The server on a free port, and how the collector would be set to use it."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            post,
            hostname="localhost",
            tls_context=tls if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=only_jana if auth else None,
            auth_require_tls=False,
            loop=loop,
        )

    server = await loop.create_server(
        protocol, "127.0.0.1", 0, ssl=tls if security == "tls" else None
    )
    port = server.sockets[0].getsockname()[1]
    try:
        yield MailServer("localhost", port, "vw@sammler.example", security)
    finally:
        server.close()
        await server.wait_closed()
