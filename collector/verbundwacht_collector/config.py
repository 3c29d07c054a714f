"""collector.toml: every key checked, an unknown one refused; nothing is guessed.

The file is small on purpose. What people change at run time lives in the store.
"""

import re
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from verbundwacht_collector import config_problems
from verbundwacht_collector.config_lines import with_lines
from verbundwacht_collector.config_reading import read, shown
from verbundwacht_collector.errors import ConfigError, Words


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Listen(_Part, frozen=True, kw_only=True):
    """Where the collector listens, each as address:port."""

    mqtt: str | None = None  # 0.0.0.0:8883, but with a broker nowhere unless named
    https: str = "0.0.0.0:8884"
    web: str = "127.0.0.1:8443"
    metrics: str = ""  # without a login, so off unless named; meant for loopback


class Public(_Part, frozen=True, kw_only=True):
    """How agents and people reach it from outside, each as name:port."""

    mqtt: str
    https: str
    web: str = ""


class Broker(_Part, frozen=True, kw_only=True):
    """As whom the collector speaks to the broker; empty: what `broker prepare` has issued."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    client_id: str = "verbundwacht-collector"


class AlertConfig(_Part, frozen=True, kw_only=True):
    """plan: what fails from the beginning is planned work. alert: it alerts like the rest."""

    baseline: Literal["plan", "alert"] = "plan"


class Mail(_Part, frozen=True, kw_only=True):
    """The mail server that takes our messages, and who of the SOC gets them."""

    host: str
    port: int = 587
    sender: str
    recipients: list[str]
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    language: Literal["de", "en"] = "de"


class Webhook(_Part, frozen=True, kw_only=True):
    """One address that gets every alert as a signed message (Standard Webhooks)."""

    name: str
    url: str
    secret_file: str
    allow_private: bool = False  # the address may lie inside one's own network


class Notify(_Part, frozen=True, kw_only=True):
    """How much one recipient gets. digest: local time of the morning's message, "" for none."""

    per_hour: int = 10  # single messages per recipient; what is above goes into one bundle
    digest: str = "07:30"
    digest_when_calm: bool = False  # also when there is nothing to do

    @property
    def digest_at(self) -> time | None:
        """The time of the digest, or None."""
        found = _TIME.fullmatch(self.digest)
        return time(int(found[1]), int(found[2])) if found else None


class Web(_Part, frozen=True, kw_only=True):
    """The pages. certificate and key default to the collector's own."""

    certificate: str = ""
    key: str = ""
    insecure_loopback: bool = False  # plain HTTP, allowed on 127.0.0.1 only


class Limits(_Part, frozen=True, kw_only=True):
    """How many connections may be open at a time; what is above is refused, never queued."""

    connections: int = 2_000  # at each of the agents' doors
    unproven_per_address: int = 1_000  # of those, without a proven certificate, from one address
    web_connections: int = 1_000
    web_per_address: int = 256  # behind a proxy all visitors have one address


class Config(_Part, frozen=True, kw_only=True):
    """The whole file."""

    alliance: str
    public: Public
    listen: Listen = Listen()
    alerts: AlertConfig = AlertConfig()
    mail: Mail | None = None
    webhook: list[Webhook] = []
    notify: Notify = Notify()
    web: Web = Web()
    limits: Limits = Limits()
    broker_url: str = ""  # mqtts://name:port, instead of the own MQTT endpoint
    broker: Broker | None = None
    interval_s: int = 900

    @property
    def mqtt_endpoint(self) -> str:
        """Where the own MQTT endpoint listens; "" if it does not."""
        if self.listen.mqtt is not None:
            return self.listen.mqtt
        return "" if self.broker_url else "0.0.0.0:8883"


class Folder(NamedTuple):
    """The collector's folder; nothing here touches the disk."""

    root: Path

    @property
    def config(self) -> Path:
        """TOML."""
        return self.root / "collector.toml"

    @property
    def database(self) -> Path:
        """SQLite."""
        return self.root / "collector.db"

    @property
    def keys(self) -> Path:
        """Certificates and their keys, 0700."""
        return self.root / "keys"

    @property
    def status_socket(self) -> Path:
        """Where `verbundwacht status` asks a collector that serves this folder, 0600."""
        return self.root / "status.sock"

    @property
    def downlink(self) -> Path:
        """PEM, 0600: signs acknowledgements and receipts."""
        return self.keys / "downlink-key.pem"


def load(folder: Folder) -> Config:
    """The checked configuration. Raises ConfigError naming file, key, value and next step."""
    config, found = look(folder)
    if config is None or found:
        raise found[0]
    return config


def look(folder: Folder) -> tuple[Config | None, list[ConfigError]]:
    """The configuration, None if its file does not read as one, and all that is wrong with it."""
    path = folder.config
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None, [ConfigError(config_problems.FILE_MISSING, file=path, folder=folder.root)]
    except OSError as refusal:
        reason = refusal.strerror
        return None, [ConfigError(config_problems.FILE_UNREADABLE, file=path, reason=reason)]
    config, found = read(path, raw, Config)
    if config is not None:
        found = list(_check(path, config))
    return config, with_lines(found, path, raw)


_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_A_TIME: Final = Words('eine Uhrzeit wie "07:30"', 'a time like "07:30"')
_MAIL: Final = re.compile(r"(?:[^\x00-\x1f@<>]+ <[^\s@<>]+@[^\s@<>]+>)|(?:[^\s@<>]+@[^\s@<>]+)")


def _check(path: Path, config: Config) -> Iterator[ConfigError]:
    """What the types cannot say."""
    yield from _check_addresses(path, config)
    yield from _check_broker(path, config)
    yield from _check_range(path, "interval_s", config.interval_s, 60, 86_400)
    if bool(config.web.certificate) != bool(config.web.key):
        key, other = "web.certificate", "web.key"
        if config.web.key:
            key, other = other, key
        yield ConfigError(config_problems.HALF_A_PAIR, file=path, key=key, other=other)
    yield from _check_limits(path, config.limits)
    yield from _check_webhooks(path, config.webhook)
    yield from _check_range(path, "notify.per_hour", config.notify.per_hour, 1, 1_000)
    if config.notify.digest and config.notify.digest_at is None:
        values = {"key": "notify.digest", "value": shown(config.notify.digest), "wanted": _A_TIME}
        yield ConfigError(config_problems.WRONG_VALUE, file=path, **values)
    if config.mail is not None:
        yield from _check_mail(path, config.mail)


def _check_addresses(path: Path, config: Config) -> Iterator[ConfigError]:
    ports: dict[int, list[tuple[str, str]]] = {}
    for name in ("mqtt", "https", "web", *(["metrics"] if config.listen.metrics else [])):
        text = config.mqtt_endpoint if name == "mqtt" else getattr(config.listen, name)
        if name == "mqtt" and not (text or config.listen.mqtt is not None):
            continue  # a broker takes its place
        try:
            host, port = address(text, path, f"listen.{name}")
        except ConfigError as refusal:
            yield refusal
            continue
        for other, taken in ports.get(port, ()):
            if port and _overlap(host, taken):
                values = {"key": f"listen.{name}", "other": other, "port": port}
                yield ConfigError(config_problems.SAME_ADDRESS, file=path, **values)
        ports.setdefault(port, []).append((f"listen.{name}", host))
        if name == "web" and config.web.insecure_loopback and host not in LOOPBACK:
            yield ConfigError(config_problems.LOOPBACK_ONLY, file=path, value=config.listen.web)
    for name in ("mqtt", "https", "web"):
        text = getattr(config.public, name)
        try:
            if text or name != "web":
                address(text, path, f"public.{name}")
        except ConfigError as refusal:
            yield refusal


LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def _overlap(one: str, other: str) -> bool:
    """Both cannot be open on one port. IPv4 and IPv6 are two worlds: `::` leaves 0.0.0.0 free."""
    everywhere = {"0.0.0.0": False, "::": True}  # noqa: S104 - compared, not opened
    pairs = ((one, other), (other, one))
    return one == other or any(a in everywhere and everywhere[a] == (":" in b) for a, b in pairs)


def _check_broker(path: Path, config: Config) -> Iterator[ConfigError]:
    if config.broker_url:
        try:
            broker_address(config.broker_url, path)
        except ConfigError as refusal:
            yield refusal
    elif config.broker is not None:
        yield ConfigError(config_problems.BROKER_WITHOUT_URL, file=path)
    name = config.broker.client_id if config.broker is not None else ""
    if config.broker is not None and not _CLIENT_ID.fullmatch(name):
        values = {"key": "broker.client_id", "value": shown(name)}
        yield ConfigError(config_problems.BAD_CLIENT_ID, file=path, **values)


# An agent is called by 32 hexadecimal digits: no collector may be taken for one.
_CLIENT_ID: Final = re.compile(r"(?![0-9a-f]{32}$)[0-9A-Za-z._-]{1,64}")
_BROKER: Final = re.compile(r"mqtts://(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+))(?::(\d{1,5}))?/?")


def broker_address(text: str, file: Path) -> tuple[str, int]:
    """(host, port) of `mqtts://name:port`; 8883 if no port is named. Raises ConfigError."""
    found = _BROKER.fullmatch(text)
    port = int(found[3] or 8883) if found else 0
    if found is None or not 0 < port < 65_536:
        raise ConfigError(config_problems.BAD_BROKER_URL, file=file, value=shown(text))
    return found[1] or found[2], port


def _check_range(path: Path, key: str, value: int, low: int, high: int) -> Iterator[ConfigError]:
    if not low <= value <= high:
        values = {"key": key, "value": value, "low": low, "high": high}
        yield ConfigError(config_problems.OUT_OF_RANGE, file=path, **values)


def _check_limits(path: Path, limits: Limits) -> Iterator[ConfigError]:
    # Fewer than ten would be taken by one browser; more than 60,000 no process can have open.
    for key in limits.__struct_fields__:
        yield from _check_range(path, f"limits.{key}", getattr(limits, key), 10, 60_000)


def _check_mail(path: Path, mail: Mail) -> Iterator[ConfigError]:
    if not mail.recipients:
        yield ConfigError(config_problems.NO_RECIPIENTS, file=path)
    yield from _check_range(path, "mail.port", mail.port, 1, 65_535)
    named = [("mail.recipients", one) for one in mail.recipients]
    for key, one in [("mail.sender", mail.sender), *named]:
        if not _MAIL.fullmatch(one):
            yield ConfigError(config_problems.BAD_MAIL, file=path, key=key, value=shown(one))


def _check_webhooks(path: Path, webhooks: list[Webhook]) -> Iterator[ConfigError]:
    names: set[str] = set()
    for number, one in enumerate(webhooks, 1):
        section = "webhook" if len(webhooks) == 1 else f"webhook #{number}"
        where = {"file": path, "key": f"{section}.url", "value": _without_path(one.url)}
        if not one.url.startswith(("https://", "http://")):
            yield ConfigError(config_problems.BAD_WEBHOOK_URL, **where)
        elif one.url.startswith("http://") and not one.allow_private:
            yield ConfigError(config_problems.PLAIN_WEBHOOK, **where)
        if one.name in names:
            key, value = f"{section}.name", shown(one.name)
            yield ConfigError(config_problems.DOUBLE_WEBHOOK, file=path, key=key, value=value)
        names.add(one.name)


def _without_path(url: str) -> str:
    """The path of a webhook is often its password."""
    parts = urlsplit(url)
    return shown(f"{parts.scheme}://{parts.hostname}/…") if parts.hostname else shown(url[:20])


def address(text: str, file: Path, key: str) -> tuple[str, int]:
    """(host, port) of `host:port`; brackets around IPv6. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise ConfigError(config_problems.BAD_ADDRESS, file=file, key=key, value=shown(text))
    return host, int(port)
