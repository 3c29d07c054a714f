"""What `serve` takes from the disk before it opens a door: keys, certificates, secrets.

`check-config` calls the same functions, so both find the same faults and say the same words.
Each raises ConfigError; none leaves anything open.
"""

import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from verbundwacht_collector import config_problems, machine_problems
from verbundwacht_collector.config import (
    Broker,
    Config,
    Folder,
    Mail,
    Webhook,
    broker_address,
)
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.ingest.tls import Target, broker_context, door_context
from verbundwacht_collector.notify import mail, webhook
from verbundwacht_collector.pki_files import PkiFiles, read_certificates, read_key
from verbundwacht_wire.keys import P256Signer


def refuse_open_key(path: Path, *, group: bool = False) -> None:
    """Nobody but the owner may use this key, with `group` its group too. Raises ConfigError."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever reads it says why it cannot be read
    if mode & (0o037 if group else 0o077):
        allowed = "640" if group else "600"
        raise ConfigError(machine_problems.KEY_OPEN, path=path, mode=allowed)


def load_signer(folder: Folder) -> P256Signer:
    """What signs acknowledgements and receipts. Raises ConfigError."""
    path = folder.downlink
    refuse_open_key(path)
    key = read_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(machine_problems.KEY_UNUSABLE, path=path, reason="no P-256 key")
    return P256Signer(key)


def refuse_foreign_key(certificate: Path, key: Path) -> None:
    """The key is the certificate's own. Raises ConfigError."""
    if read_certificates(certificate)[0].public_key() != read_key(key).public_key():
        raise ConfigError(machine_problems.PAIR_MISMATCH, certificate=certificate, path=key)


def door_tls(folder: Folder) -> ssl.SSLContext:
    """What agents meet: TLS 1.3 with their certificate required. Raises ConfigError."""
    files = PkiFiles(folder.keys)
    read_certificates(files.issuing)
    refuse_open_key(files.server_key)
    return _tls(
        files.server,
        files.server_key,
        lambda: door_context(files.server, files.server_key, files.issuing),
    )


def page_files(folder: Folder, config: Config) -> tuple[Path, Path]:
    """Certificate and key of the pages; without settings the collector's own."""
    files = PkiFiles(folder.keys)
    return Path(config.web.certificate or files.server), Path(config.web.key or files.server_key)


def page_tls(folder: Folder, config: Config) -> ssl.SSLContext | None:
    """What browsers meet, None for plain HTTP on loopback. Raises ConfigError."""
    if config.web.insecure_loopback:
        return None
    certificate, key = page_files(folder, config)
    # Debian gives keys to the group ssl-cert; our own keys are nobody's but ours.
    refuse_open_key(key, group=bool(config.web.key))

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        return context

    return _tls(certificate, key, make)


def _tls(certificate: Path, key: Path, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    refuse_foreign_key(certificate, key)
    try:
        return make()
    except (OSError, ssl.SSLError) as refusal:
        raise ConfigError(
            machine_problems.TLS_UNUSABLE, certificate=certificate, path=key, reason=refusal
        ) from None


def reader_files(folder: Folder, config: Config) -> tuple[Path, Path, Path]:
    """Authority, certificate and key for the broker; without settings what was prepared."""
    named, files = config.broker or Broker(), PkiFiles(folder.keys)
    return (
        Path(named.ca or files.root),
        Path(named.certificate or files.reader),
        Path(named.key or files.reader_key),
    )


def broker_target(folder: Folder, config: Config) -> Target:
    """Which broker and as whom, with certificates that can be used. Raises ConfigError."""
    host, port = broker_address(config.broker_url, folder.config)
    named = config.broker or Broker()
    ca, certificate, key = reader_files(folder, config)
    for path in (ca, certificate, key):
        try:
            path.open("rb").close()
        except OSError as refusal:
            values = {"path": path, "reason": refusal.strerror, "host": host}
            raise ConfigError(machine_problems.BROKER_FILE, file=folder.config, **values) from None
    refuse_open_key(key, group=bool(named.key))
    read_certificates(ca)
    context = _tls(certificate, key, lambda: broker_context(ca, certificate, key))
    valid_until = read_certificates(certificate)[0].not_valid_after_utc
    return Target(host, port, context, named.client_id, valid_until)


def mail_server(folder: Folder, settings: Mail) -> mail.MailServer:
    """Where mail is handed over, with the password. Raises ConfigError."""
    password = ""
    if settings.password_file:
        password = secret(settings.password_file, folder.config, "mail.password_file")
    return mail.MailServer(
        settings.host,
        settings.port,
        settings.sender,
        settings.security,
        settings.user,
        password,
    )


def webhook_target(folder: Folder, settings: Webhook) -> webhook.Target:
    """Where to post, with the secret. Raises ConfigError."""
    path, key = settings.secret_file, "webhook.secret_file"
    try:
        shared = webhook.secret_bytes(secret(path, folder.config, key))
    except ValueError as refusal:
        raise ConfigError(
            config_problems.BAD_WEBHOOK_SECRET,
            file=folder.config,
            key=key,
            value=repr(path),
            reason=refusal,
        ) from None
    return webhook.Target(settings.url, shared, settings.allow_private)


def secret(path: str, file: Path, key: str) -> str:
    """The first line of a file that only its owner may read. Raises ConfigError.

    file, key: where the settings name it, for the message.
    """
    where = {"file": file, "key": key, "path": path}
    held = Path(path)
    try:
        if held.stat().st_mode & 0o077:
            raise ConfigError(machine_problems.SECRET_OPEN, **where)
        return held.read_text("utf-8").splitlines()[0]
    except OSError as refusal:
        reason = refusal.strerror
        raise ConfigError(machine_problems.SECRET_UNREADABLE, **where, reason=reason) from None
    except (IndexError, UnicodeDecodeError):
        raise ConfigError(machine_problems.SECRET_EMPTY, **where) from None
