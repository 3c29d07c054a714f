"""The authority's files in the collector's folder: where they lie, how they are made and read.

A key is written once, readable by its owner only, and never overwritten; certificates are
replaced as a whole.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from verbundwacht_collector import machine_problems
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.pki import (
    Authority,
    Certificate,
    Key,
    issue_server,
    key_pem,
    make_authority,
    make_root,
    new_key,
    pem,
)


class PkiError(ConfigError):
    """A file of the authority is missing or damaged; the message names it and the next step."""


class PkiFiles(NamedTuple):
    """Where the collector keeps its authority; nothing here touches the disk."""

    folder: Path

    @property
    def root_key(self) -> Path:
        """PEM, 0600. May be moved off this machine: needed again only for a new issuing key."""
        return self.folder / "root-key.pem"

    @property
    def root(self) -> Path:
        """PEM; what agents pin."""
        return self.folder / "root.pem"

    @property
    def issuing_key(self) -> Path:
        """PEM, 0600."""
        return self.folder / "issuing-key.pem"

    @property
    def issuing(self) -> Path:
        """PEM; what the doors trust client certificates by."""
        return self.folder / "issuing.pem"

    @property
    def server_key(self) -> Path:
        """PEM, 0600."""
        return self.folder / "server-key.pem"

    @property
    def server(self) -> Path:
        """PEM: the server's certificate and its issuer."""
        return self.folder / "server.pem"

    @property
    def reader(self) -> Path:
        """PEM: by which the collector reads at a broker, and its issuer. Only with a broker."""
        return self.folder / "broker-client.pem"

    @property
    def reader_key(self) -> Path:
        """PEM, 0600."""
        return self.folder / "broker-client-key.pem"


def write_private(path: Path, data: bytes) -> None:
    """The file holds exactly these bytes and was never readable by others, not for an instant.

    Raises FileExistsError: a key is never overwritten.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def create(files: PkiFiles, names: Sequence[str]) -> Authority:
    """A new root, issuing authority and server certificate for these names lie in the folder.

    Raises FileExistsError if there is a key already; nothing is overwritten.
    """
    now = datetime.now(UTC)
    files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    root_key, root = make_root(now)
    write_private(files.root_key, key_pem(root_key))
    files.root.write_bytes(pem(root))
    authority = make_authority(root_key, root, now)
    write_private(files.issuing_key, key_pem(authority.key))
    files.issuing.write_bytes(pem(authority.certificate))
    server_key = new_key()
    write_private(files.server_key, key_pem(server_key))
    renew_server(files, authority, names)
    return authority


def renew_server(files: PkiFiles, authority: Authority, names: Sequence[str]) -> None:
    """The server's key has a certificate for these names that starts now; its key stays."""
    key = _private(files.server_key)
    certificate = issue_server(authority, names, key.public_key(), datetime.now(UTC))
    fresh = files.server.with_suffix(".new")
    fresh.write_bytes(pem(certificate) + authority.chain)
    fresh.replace(files.server)


def load_authority(files: PkiFiles) -> Authority:
    """The authority in this folder. Raises PkiError; the root's key is not needed."""
    return Authority(
        _private(files.issuing_key), _certificate(files.issuing), _certificate(files.root)
    )


def _private(path: Path) -> Key:
    key = read_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        reason = f"{type(key).__name__}, an elliptic curve key is needed"
        raise PkiError(machine_problems.KEY_UNUSABLE, path=path, reason=reason)
    return key


def read_key(path: Path) -> PrivateKeyTypes:
    """The private key in this PEM file, of any kind. Raises PkiError."""
    try:
        return serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as refusal:
        raise PkiError(machine_problems.KEY_UNUSABLE, path=path, reason=_reason(refusal)) from None


def _certificate(path: Path) -> Certificate:
    return read_certificates(path)[0]


def read_certificates(path: Path) -> list[Certificate]:
    """All certificates in this PEM file, at least one. Raises PkiError."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as refusal:
        reason = _reason(refusal)
        raise PkiError(machine_problems.CERTIFICATE_UNUSABLE, path=path, reason=reason) from None


def _reason(refusal: Exception) -> str:
    """The library's explanations run over several sentences; the first one says it."""
    text = refusal.strerror if isinstance(refusal, OSError) else str(refusal)
    return (text or type(refusal).__name__).partition(". ")[0].rstrip(".")
