"""The collector as one running process: the only file that knows every part.

Start, in this order: keys and store, doors, pages, the minute's work, the outbox. A port
that is taken stops the start before anything is announced.
"""

import asyncio
import contextlib
import contextvars
import os
import signal
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from aiohttp import web

from verbundwacht_collector import machine_problems, pipeline
from verbundwacht_collector.alerts.model import Settings
from verbundwacht_collector.committer import Committer
from verbundwacht_collector.config import Config, Folder, address
from verbundwacht_collector.equipment import (
    broker_target,
    door_tls,
    load_signer,
    mail_server,
    page_tls,
    webhook_target,
)
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.ingest import Receive
from verbundwacht_collector.ingest.gate import Count, Limits
from verbundwacht_collector.ingest.https import HTTPS_LIMITS, HttpsDoor
from verbundwacht_collector.ingest.mqtt import MqttDoor
from verbundwacht_collector.ingest.tls import Target
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.notify import digest
from verbundwacht_collector.notify.channels import by_mail, by_webhook
from verbundwacht_collector.notify.outbox import Channel, Outbox
from verbundwacht_collector.observe.observer import Observer
from verbundwacht_collector.observe.socket_file import StatusSocket
from verbundwacht_collector.observe.status import Door
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_collector.web.app import web_app
from verbundwacht_collector.web.deps import WebDeps
from verbundwacht_collector.web.listener import GuardedSite, PageLimits, page_runner
from verbundwacht_collector.web.readers import Readers
from verbundwacht_collector.web.rulebook import RuleBook, rule_book, titles

OUTBOX_EVERY_S: Final = 1.0
MINUTE_MS: Final = 60_000
JUDGED_AT_ONCE: Final = 20

T = TypeVar("T")
log = structlog.get_logger()


def now_ms() -> int:
    """Unix milliseconds of this machine's clock."""
    return time.time_ns() // 1_000_000


class Collector:
    """Everything that runs while `serve` runs."""

    def __init__(self, folder: Folder, config: Config) -> None:
        self.folder, self.config = folder, config
        self.store = SqliteStore(folder.database)
        self.source = JudgeSource(Settings(config.alerts.baseline))
        self.committer = Committer(self.store, self.source.current, load_signer(folder), now_ms)
        self.readers = Readers(folder.database)
        # A connection of its own: a slow page must not make the collector look dead.
        self._own_reader = Readers(folder.database, threads=1)
        self.serving_since = now_ms()
        self._doors: dict[str, tuple[str, Callable[[], bool]]] = {}
        self.observer = Observer(
            self._own_reader,
            self.committer,
            database=folder.database,
            packs=lambda: self.source.packs,
            doors=self._door_states,
            clock=now_ms,
            serving_since=self.serving_since,
        )
        self._parts: list[Callable[[], Awaitable[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """All doors are open and all work is under way. Raises ConfigError, nothing left open."""
        try:
            per_hour = self.config.notify.per_hour
            outbox = Outbox(self.committer, self._channels(), now_ms, per_hour=per_hour)
            await self.committer.run(self._prepare)
            await self._open_doors()
            await self._open_pages()
            await self._open_to_watchers()
            await self.committer.run(self._serves)
        except BaseException:
            await self.stop()
            raise
        self._run_always("minute", self._minute)
        self._run_always("outbox", lambda: self._send(outbox))
        if (at := self.config.notify.digest_at) is not None and self.config.mail is not None:
            asked = digest.Settings(at, when_calm=self.config.notify.digest_when_calm)
            self._run_always("digest", lambda: self._digests(asked))
        log.info(
            "collector.started",
            mqtt=self.config.broker_url or self.config.mqtt_endpoint,
            web=self.config.listen.web,
        )

    async def stop(self) -> None:
        """No door is open, what was taken in is committed and answered."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for close in reversed(self._parts):
            await close()
        self.observer.close()
        await self.committer.close()
        self.readers.close()
        self._own_reader.close()
        self.store.close()
        log.info("collector.stopped")

    def _prepare(self, tx: Transaction, _judge: Judge) -> None:
        sync_channels(tx, self.config)

    def _serves(self, tx: Transaction, _judge: Judge) -> None:
        # Only now: a start that fails must not move the clock of a collector that runs here.
        tx.set_counter("serving_since", self.serving_since)

    async def _open_doors(self) -> None:
        context = door_tls(self.folder)
        broker = broker_target(self.folder, self.config) if self.config.broker_url else None
        mqtt = MqttDoor(context, *self._taken_at("mqtt"), door_limits(self.config, Limits()))
        https_limits = door_limits(self.config, HTTPS_LIMITS)
        https = HttpsDoor(context, *self._taken_at("https"), https_limits)
        doors = (
            ("mqtt", self.config.mqtt_endpoint, mqtt),
            ("https", self.config.listen.https, https),
        )
        for name, where, door in doors:
            if not where:
                continue
            self._parts.append(door.close)
            await self._listen(f"listen.{name}", where, door.open)
            self._doors[name] = where, partial(getattr, door.gate, "is_open")
        if broker is not None:
            await self._look_for(broker)

    async def _look_for(self, broker: Target) -> None:
        """The door through the broker is at work, whether the broker is there yet or not."""
        from verbundwacht_collector.ingest.broker import BrokerDoor  # aiomqtt, for these alone

        door = BrokerDoor(broker, *self._taken_at("broker"))
        self._parts.append(door.close)
        await door.open()
        self._doors["broker"] = self.config.broker_url, lambda: door.status.connected

    def _taken_at(self, door: str) -> tuple[Receive, Count]:
        """What a door calls, with its name for the counters."""
        return partial(self.committer.receive, door=door), partial(self.committer.count, door=door)

    def _door_states(self) -> list[Door]:
        return [Door(name, where, is_open()) for name, (where, is_open) in self._doors.items()]

    async def _open_to_watchers(self) -> None:
        """The operator's command and, where configured, Prometheus can ask."""
        asked = StatusSocket(self.folder.status_socket, self.observer)
        self._parts.append(asked.close)
        await asked.open()
        if not self.config.listen.metrics:
            return
        from verbundwacht_collector.observe.metrics import Metrics, metrics_app

        await self._open_site("metrics", metrics_app(Metrics(self.observer)))

    async def _listen(
        self, key: str, text: str, start: Callable[[str, int], Awaitable[Any]]
    ) -> None:
        host, port = address(text, self.folder.config, key)
        try:
            await start(host, port)
        except OSError as refusal:
            raise cannot_listen(self.folder, key, text, refusal) from None

    async def _open_pages(self) -> None:
        deps = WebDeps(
            read=self.readers,
            write=self._write,
            packs=lambda: self.source.packs,
            clock=now_ms,
            observer=self.observer,
            insecure_loopback=self.config.web.insecure_loopback,
        )
        await self._open_site("web", web_app(deps), page_tls(self.folder, self.config))

    async def _open_site(
        self, name: str, app: web.Application, context: ssl.SSLContext | None = None
    ) -> None:
        most = self.config.limits
        limits = PageLimits(most.web_connections, most.web_per_address)
        runner = page_runner(app, limits)
        await runner.setup()
        self._parts.append(runner.cleanup)
        sites: list[GuardedSite] = []

        async def start(host: str, port: int) -> None:
            sites.append(GuardedSite(runner, host, port, context, limits))
            await sites[0].start()

        where = getattr(self.config.listen, name)
        await self._listen(f"listen.{name}", where, start)
        self._doors[name] = where, lambda: sites[0].is_open

    async def _write(self, act: Callable[[Transaction], T]) -> T:
        # The writer's thread speaks to whoever asked, in their language.
        context = contextvars.copy_context()
        return await self.committer.run(lambda tx, _judge: context.run(act, tx))

    def _channels(self) -> dict[str, Channel]:
        base = page_address(self.config)
        channels: dict[str, Channel] = {}
        if self.config.mail is not None:
            server = mail_server(self.folder, self.config.mail)
            channels["mail"] = by_mail(
                server,
                first_step=lambda rule_id: self._rules().texts(rule_id).remediation.strip(),
                title=lambda rule_id, stored: self._rules().problem(rule_id, stored),
                url=base,
                language=self.config.mail.language,
            )
        if self.config.webhook:
            targets = {one.name: webhook_target(self.folder, one) for one in self.config.webhook}
            channels["webhook"] = by_webhook(
                targets,
                url=base,
                clock=now_ms,
                titles=lambda rule_id: titles(self.source.packs, rule_id),
            )
        return channels

    def _rules(self) -> RuleBook:
        return rule_book(self.source.packs)

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

    async def _digests(self, settings: digest.Settings) -> None:
        now = now_ms()
        await digest.write_due(self.readers, self.committer, now=now, settings=settings)
        await asyncio.sleep((MINUTE_MS - now % MINUTE_MS) / 1000)

    async def _send(self, outbox: Outbox) -> None:
        if not await outbox.send_due():
            await asyncio.sleep(OUTBOX_EVERY_S)


def cannot_listen(folder: Folder, key: str, text: str, refusal: OSError) -> ConfigError:
    """What there is to say when an address of the settings does not open."""
    # asyncio words it itself, with the address once more; the system's own words are enough
    code = refusal.errno or 0
    reason = os.strerror(code) if code > 0 else str(refusal)
    return ConfigError(
        machine_problems.CANNOT_LISTEN,
        file=folder.config,
        key=key,
        value=f'"{text}"',
        reason=reason,
    )


def door_limits(config: Config, usual: Limits) -> Limits:
    """What a door for agents may hold: as usual, with the numbers of the settings."""
    most = config.limits
    return usual._replace(
        connections=most.connections, unproven_per_address=most.unproven_per_address
    )


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
            "INSERT INTO channel (kind, name, recipient, municipality_id, alliance_id, created_at)"
            " VALUES (:kind, :recipient, :recipient, :municipality, :alliance, :now)",
            values | {"now": now_ms()},
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
