"""Keys and certificates: usable, protected, in time, and for the names that agents are told.

`serve` starts with a certificate that has expired, because the pages still help; agents and
browsers refuse it, so here it is a problem.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from verbundwacht_collector import machine_problems
from verbundwacht_collector.config import Config, Folder, address, broker_address
from verbundwacht_collector.equipment import (
    broker_target,
    door_tls,
    load_signer,
    page_files,
    page_tls,
    reader_files,
    refuse_foreign_key,
    refuse_open_key,
)
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.pki import names_of
from verbundwacht_collector.pki_files import PkiFiles, load_authority, read_certificates

ENDS_SOON: Final = timedelta(days=30)
AUTHORITY_ENDS_SOON: Final = timedelta(days=120)
"""Longer than an agent's certificate lives: what it issues should not outlive it."""


def problems(folder: Folder, now: int) -> list[ConfigError]:
    """What is wrong with the collector's own keys. now: Unix milliseconds."""
    files = PkiFiles(folder.keys)
    steps: list[Callable[[], Any]] = [
        lambda: load_signer(folder),
        lambda: load_authority(files),
        lambda: refuse_foreign_key(files.issuing, files.issuing_key),
        lambda: door_tls(folder),
    ]
    found = [*_refused(steps)]
    for path in sorted(folder.keys.glob("*-key.pem")):
        found += _refused([partial(refuse_open_key, path)])
    return [*found, *dates(folder, now)]


def dates(folder: Folder, now: int) -> Iterator[ConfigError]:
    """Our own certificates that have ended or soon will, or that do not hold yet."""
    files, at = PkiFiles(folder.keys), datetime.fromtimestamp(now / 1000, UTC)
    yield from _dates(files.root, at, authority=True)
    yield from _dates(files.issuing, at, authority=True)
    yield from _dates(files.server, at)


def page_problems(folder: Folder, config: Config, now: int) -> list[ConfigError]:
    """What is wrong with the certificate of the pages, and with the names in any."""
    own = PkiFiles(folder.keys).server
    found = [*_refused([lambda: page_tls(folder, config)])]
    # with a broker, public.mqtt is its name, and its certificate lies there
    for name in ("https",) if config.broker_url else ("mqtt", "https"):
        found += _names(folder, f"public.{name}", getattr(config.public, name), own)
    if not config.web.insecure_loopback:
        pages, _ = page_files(folder, config)
        if pages != own:
            found += _dates(pages, datetime.fromtimestamp(now / 1000, UTC))
        if config.public.web:
            found += _names(folder, "public.web", config.public.web, pages)
    return found


def broker_problems(folder: Folder, config: Config, now: int) -> list[ConfigError]:
    """What is wrong with the certificate by which the collector reads at its broker."""
    if not config.broker_url:
        return []
    found = [*_refused([lambda: broker_target(folder, config)])]
    path = reader_files(folder, config)[1]
    certificate, at = _certificate(path), datetime.fromtimestamp(now / 1000, UTC)
    if certificate is None or at < certificate.not_valid_after_utc - ENDS_SOON:
        return found
    over = at >= certificate.not_valid_after_utc
    which = machine_problems.READER_EXPIRED if over else machine_problems.READER_ENDS
    host, _ = broker_address(config.broker_url, folder.config)
    day = f"{certificate.not_valid_after_utc:%d.%m.%Y}"
    return [*found, ConfigError(which, path=path, day=day, host=host)]


def _refused(steps: Sequence[Callable[[], Any]]) -> Iterator[ConfigError]:
    for step in steps:
        try:
            step()
        except ConfigError as refusal:
            yield refusal


def _certificate(path: Path) -> x509.Certificate | None:
    """The first one in the file, None if there is none: that is said elsewhere."""
    try:
        return read_certificates(path)[0]
    except ConfigError:
        return None


def _dates(path: Path, now: datetime, *, authority: bool = False) -> Iterator[ConfigError]:
    found = _certificate(path)
    if found is None:
        return
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    day, today = f"{ends:%d.%m.%Y}", f"{now:%d.%m.%Y}"
    if now < begins:
        early = machine_problems.CERTIFICATE_EARLY
        yield ConfigError(early, path=path, day=f"{begins:%d.%m.%Y}", today=today)
    elif authority:
        if now >= ends:
            yield ConfigError(machine_problems.AUTHORITY_EXPIRED, path=path, day=day)
        elif now >= ends - AUTHORITY_ENDS_SOON:
            yield ConfigError(machine_problems.AUTHORITY_ENDS, path=path, day=day)
    elif now >= ends:
        yield ConfigError(machine_problems.CERTIFICATE_EXPIRED, path=path, day=day)
    elif now >= ends - ENDS_SOON:
        yield ConfigError(machine_problems.CERTIFICATE_ENDS, path=path, day=day)


def _names(folder: Folder, key: str, public: str, path: Path) -> Iterator[ConfigError]:
    found = _certificate(path)
    host, _ = address(public, folder.config, key)
    if found is not None and not names(found, host):
        yield ConfigError(
            machine_problems.CERTIFICATE_NAME, file=folder.config, key=key, name=host, path=path
        )


def names(certificate: x509.Certificate, host: str) -> bool:
    """A client that asked for this host accepts the certificate (RFC 6125, section 6.4)."""
    known = {name.lower() for name in names_of(certificate)}
    try:
        return str(ipaddress.ip_address(host)) in known
    except ValueError:
        return host.lower() in known or f"*.{host.lower().partition('.')[2]}" in known
