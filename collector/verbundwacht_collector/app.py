"""The collector as one running process: the only file that knows every part.

Start, in this order: keys and store, doors, pages, the minute's work, the outbox. A port
that is taken stops the start before anything is announced.
"""

import asyncio
import contextlib
import signal
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from verbundwacht_collector import pipeline
from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.committer import Committer
from verbundwacht_collector.config import Config, Folder, Mail, Webhook, address, secret
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.ingest.https import HttpsDoor
from verbundwacht_collector.ingest.mqtt import MqttDoor
from verbundwacht_collector.ingest.tls import door_context
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.notify import mail, webhook
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.outbox import Channel, Outbox
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.pki import PkiFiles
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import DeliveryRecord
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_collector.web.app import web_app
from verbundwacht_collector.web.deps import WebDeps
from verbundwacht_collector.web.readers import Readers
from verbundwacht_wire.keys import P256Signer

OUTBOX_EVERY_S: Final = 1.0
MINUTE_MS: Final = 60_000
JUDGED_AT_ONCE: Final = 20

T = TypeVar("T")
log = structlog.get_logger()


def now_ms() -> int:
    """Unix milliseconds of this machine's clock."""
    return time.time_ns() // 1_000_000


def load_signer(folder: Folder) -> P256Signer:
    """What signs acknowledgements and receipts. Raises ConfigError."""
    path = folder.downlink
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} ist für andere lesbar. Rechte setzen: chmod 600 {path}")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as problem:
        raise ConfigError(
            f"{path} ist nicht lesbar ({problem}). Aus der Sicherung zurückspielen."
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{path} ist kein P-256-Schlüssel. Aus der Sicherung zurückspielen.")
    return P256Signer(key)


class Collector:
    """Everything that runs while `serve` runs."""

    def __init__(self, folder: Folder, config: Config) -> None:
        self.folder, self.config = folder, config
        self.store = SqliteStore(folder.database)
        self.source = JudgeSource(Settings(config.alerts.baseline))
        self.committer = Committer(self.store, self.source.current, load_signer(folder), now_ms)
        self.readers = Readers(folder.database)
        self.serving_since = now_ms()
        self._parts: list[Callable[[], Awaitable[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """All doors are open and all work is under way. Raises ConfigError, nothing left open."""
        try:
            outbox = Outbox(self.committer, self._channels(), now_ms)
            await self.committer.run(self._prepare)
            await self._open_doors()
            await self._open_pages()
            await self.committer.run(self._serves)
        except BaseException:
            await self.stop()
            raise
        self._run_always("minute", self._minute)
        self._run_always("outbox", lambda: self._send(outbox))
        log.info("collector.started", mqtt=self.config.listen.mqtt, web=self.config.listen.web)

    async def stop(self) -> None:
        """No door is open, what was taken in is committed and answered."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for close in reversed(self._parts):
            await close()
        await self.committer.close()
        self.readers.close()
        self.store.close()
        log.info("collector.stopped")

    def _prepare(self, tx: Transaction, _judge: Judge) -> None:
        sync_channels(tx, self.config)

    def _serves(self, tx: Transaction, _judge: Judge) -> None:
        # Only now: a start that fails must not move the clock of a collector that runs here.
        tx.set_counter("serving_since", self.serving_since)

    async def _open_doors(self) -> None:
        files = PkiFiles(self.folder.keys)
        context = _tls(lambda: door_context(files.server, files.server_key, files.issuing), files)
        mqtt = MqttDoor(context, self.committer.receive, self.committer.count)
        https = HttpsDoor(context, self.committer.receive, self.committer.count)
        for name, door in (("mqtt", mqtt), ("https", https)):
            self._parts.append(door.close)
            await self._listen(f"listen.{name}", getattr(self.config.listen, name), door.open)

    async def _listen(
        self, key: str, text: str, start: Callable[[str, int], Awaitable[Any]]
    ) -> None:
        host, port = address(text, f"{self.folder.config}: {key}")
        try:
            await start(host, port)
        except OSError as problem:
            raise ConfigError(
                f'{self.folder.config}: {key} = "{text}" lässt sich nicht öffnen '
                f"({problem.strerror or problem}). Läuft schon ein Sammler? Sonst andere Adresse "
                "eintragen."
            ) from None

    async def _open_pages(self) -> None:
        deps = WebDeps(
            read=self.readers,
            write=self._write,
            packs=lambda: self.source.packs,
            clock=now_ms,
            insecure_loopback=self.config.web.insecure_loopback,
        )
        runner = web.AppRunner(web_app(deps), handle_signals=False, access_log=None)
        await runner.setup()
        self._parts.append(runner.cleanup)
        context = None if self.config.web.insecure_loopback else self._page_context()

        async def start(host: str, port: int) -> None:
            await web.TCPSite(runner, host, port, ssl_context=context).start()

        await self._listen("listen.web", self.config.listen.web, start)

    def _page_context(self) -> ssl.SSLContext:
        files = PkiFiles(self.folder.keys)
        certificate = Path(self.config.web.certificate or files.server)
        key = Path(self.config.web.key or files.server_key)

        def make() -> ssl.SSLContext:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(certificate, key)
            return context

        return _tls(make, files)

    async def _write(self, act: Callable[[Transaction], T]) -> T:
        return await self.committer.run(lambda tx, _judge: act(tx))

    def _channels(self) -> dict[str, Channel]:
        channels: dict[str, Channel] = {}
        if self.config.mail is not None:
            channels["mail"] = self._mail(self.config.mail)
        if self.config.webhook:
            channels["webhook"] = self._webhooks(self.config.webhook)
        return channels

    def _mail(self, settings: Mail) -> Channel:
        password = ""
        if settings.password_file:
            where = f"{self.folder.config}: mail.password_file"
            password = secret(settings.password_file, where)
        server = mail.MailServer(
            settings.host,
            settings.port,
            settings.sender,
            settings.security,
            settings.user,
            password,
        )
        base = page_address(self.config)

        async def send(row: DeliveryRecord) -> str:
            first = self._first_step(row.rule_id)
            message = mail.compose(row, sender=server.sender, first_step=first, url=base)
            return await mail.send(server, message)

        return send

    def _webhooks(self, settings: list[Webhook]) -> Channel:
        targets = {}
        for one in settings:
            where = f"{self.folder.config}: webhook.secret_file"
            try:
                key = webhook.secret_bytes(secret(one.secret_file, where))
            except ValueError as problem:
                raise ConfigError(
                    f"{where} = {one.secret_file!r}: {problem}. Form: whsec_ und base64."
                ) from None
            targets[one.name] = webhook.Target(one.url, key, one.allow_private)
        base = page_address(self.config)

        async def send(row: DeliveryRecord) -> str:
            target = targets.get(row.recipient)
            if target is None:
                raise DeliveryError(f"webhook {row.recipient} is not configured", permanent=False)
            body = webhook.compose(row, url=base)
            return await webhook.post(target, row.id, body, now_ms=now_ms())

        return send

    def _first_step(self, rule_id: str) -> str:
        if rule_id in SYSTEM_RULES:
            return SYSTEM_RULES[rule_id].remediation["de"].strip()
        for pack in self.source.packs:
            for rule in pack.rules:
                if rule.id == rule_id:
                    return rule.remediation["de"].strip()
        return ""

    def _run_always(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def loop() -> None:
            while True:
                try:
                    await work()
                except asyncio.CancelledError:
                    raise
                except Exception as problem:
                    log.error(f"{name}.failed", problem=repr(problem))
                    await asyncio.sleep(5)

        self._tasks.append(asyncio.create_task(loop(), name=name))

    async def _minute(self) -> None:
        """New rules over all hosts, a few per commit; then what the clock changes."""
        judged = JUDGED_AT_ONCE
        while judged == JUDGED_AT_ONCE:
            judged = await self.committer.run(
                lambda tx, judge: pipeline.judge_anew(tx, judge, now=now_ms(), limit=JUDGED_AT_ONCE)
            )
        since = self.serving_since
        await self.committer.run(
            lambda tx, judge: pipeline.tick(tx, judge, now=now_ms(), serving_since=since)
        )
        await asyncio.sleep((MINUTE_MS - now_ms() % MINUTE_MS) / 1000)

    async def _send(self, outbox: Outbox) -> None:
        if not await outbox.send_due():
            await asyncio.sleep(OUTBOX_EVERY_S)


def _tls(make: Callable[[], ssl.SSLContext], files: PkiFiles) -> ssl.SSLContext:
    try:
        return make()
    except (OSError, ssl.SSLError) as problem:
        raise ConfigError(
            f"{files.folder}: Zertifikat oder Schlüssel unbrauchbar ({problem}). "
            "Dateien prüfen oder aus der Sicherung zurückspielen."
        ) from None


def page_address(config: Config) -> str:
    """The address of the pages as people reach them."""
    scheme = "http" if config.web.insecure_loopback else "https"
    return f"{scheme}://{config.public.web or config.listen.web}"


def sync_channels(tx: Transaction, config: Config) -> None:
    """The alliance's channels are those of the configuration; the municipalities' are their own."""
    tx.execute("UPDATE channel SET enabled = 0 WHERE alliance_id IS NOT NULL", {})
    for (alliance,) in tx.execute("SELECT id FROM alliance", {}):
        for recipient in config.mail.recipients if config.mail else ():
            add_channel(tx, "mail", recipient, alliance_id=alliance)
        for one in config.webhook:
            add_channel(tx, "webhook", one.name, alliance_id=alliance)


def add_channel(
    tx: Transaction,
    kind: str,
    recipient: str,
    *,
    alliance_id: str | None = None,
    municipality_id: str | None = None,
) -> None:
    """Messages about this alliance or municipality go to the recipient too."""
    values = {
        "kind": kind,
        "recipient": recipient,
        "alliance": alliance_id,
        "municipality": municipality_id,
    }
    updated = tx.execute(
        "UPDATE channel SET enabled = 1 WHERE kind = :kind AND recipient = :recipient"
        " AND alliance_id IS :alliance AND municipality_id IS :municipality RETURNING id",
        values,
    )
    if not updated:
        tx.execute(
            "INSERT INTO channel (kind, name, recipient, municipality_id, alliance_id)"
            " VALUES (:kind, :recipient, :recipient, :municipality, :alliance)",
            values,
        )


async def serve(folder: Folder, config: Config, ready: Callable[[], None] = lambda: None) -> None:
    """Runs until SIGTERM or SIGINT; then everything taken in is committed. Raises ConfigError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    collector = Collector(folder, config)
    await collector.start()
    ready()
    await stop.wait()
    await collector.stop()
