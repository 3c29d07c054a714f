"""A mail server on loopback that keeps what it gets: the demo's inbox of the SOC."""

import socket
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Inbox:
    """Takes every message and writes it to a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """The message is a file; the sender is told so."""
        self.count += 1
        content: Any = envelope.content
        (self.folder / f"{self.count:04}.eml").write_bytes(content)
        return "250 kept"


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(inbox: Inbox, port: int) -> Controller:
    """The server runs in a thread of its own; stop() ends it."""
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    return controller
