"""What a broker and its collector need of each other, written ready to copy.

The broker's certificate comes from the collector's own authority, because that is the one agents
trust: they need nothing new, only another address.
"""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from verbundwacht_collector import machine_problems
from verbundwacht_collector.config import Broker, Folder
from verbundwacht_collector.pki import issue_reader, issue_server, key_pem, new_key, pem
from verbundwacht_collector.pki_files import (
    PkiError,
    PkiFiles,
    load_authority,
    read_key,
    write_private,
)

SHIPPED: Final = ("mosquitto.conf", "acl")


class Prepared(NamedTuple):
    """What lies where now; `until` is when both certificates end."""

    out: Path
    reader: Path
    until: datetime


def shipped() -> Path:
    """The folder with the broker's configuration: in the wheel, or beside it in a checkout."""
    here = Path(__file__).parent
    for place in (here / "bundled" / "broker", here.parent.parent / "deploy" / "broker"):
        if place.is_dir():
            return place
    raise FileNotFoundError(2, "the broker's configuration is missing", str(here / "bundled"))


def prepare(folder: Folder, names: Sequence[str], out: Path) -> Prepared:
    """`out` holds all a broker of these names needs, and the collector can log in there.

    Keys that are there already stay and get a new certificate, so this also renews. Raises
    PkiError for an authority or a key that cannot be used.
    """
    files, now = PkiFiles(folder.keys), datetime.now(UTC)
    authority = load_authority(files)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in SHIPPED:
        shutil.copyfile(shipped() / name, out / name)
    server = issue_server(authority, names, _key(out / "broker-key.pem"), now)
    # OpenSSL in the broker wants the whole chain, up to the root
    (out / "ca.pem").write_bytes(pem(authority.root) + authority.chain)
    (out / "broker.pem").write_bytes(pem(server) + authority.chain)
    reader = issue_reader(authority, Broker().client_id, _key(files.reader_key), now)
    fresh = files.reader.with_suffix(".new")
    fresh.write_bytes(pem(reader) + authority.chain)
    fresh.replace(files.reader)
    return Prepared(out, files.reader, server.not_valid_after_utc)


def _key(path: Path) -> ec.EllipticCurvePublicKey:
    """The public half of the key in this file, which is made if it is not there."""
    if not path.exists():
        write_private(path, key_pem(new_key()))
    key = read_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        reason = f"{type(key).__name__}, an elliptic curve key is needed"
        raise PkiError(machine_problems.KEY_UNUSABLE, path=path, reason=reason)
    return key.public_key()
