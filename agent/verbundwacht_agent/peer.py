"""Who this host is at the collector and how to reach it: `peer.json` and the TLS files beside it.

All of them come from the receipt. `ssl` is imported only when a connection is wanted.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from verbundwacht_agent import config_problems as problems
from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.paths import Paths

if TYPE_CHECKING:
    import ssl

_MUNICIPALITY = re.compile(r"[a-z0-9-]{1,32}")
_AGENT = re.compile(r"[0-9a-f]{32}")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]+)):(\d{1,5})")


class Address(NamedTuple):
    """Where one door of the collector is."""

    host: str
    port: int


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`peer.json`; the addresses are `host:port` or `[v6]:port`."""

    municipality: str
    agent: str  # hex, 16 bytes
    mqtt: str
    https: str

    @property
    def up(self) -> str:
        """The topic this agent publishes to."""
        return f"vw/1/up/{self.municipality}/{self.agent}"

    @property
    def down(self) -> str:
        """The topic its answers come by."""
        return f"vw/1/dn/{self.municipality}/{self.agent}"


def address(text: str) -> Address:
    """Host and port of `host:port` or `[v6]:port`. Raises ValueError for anything else."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found[3]) < 65_536:
        raise ValueError(f"{text[:100]!r} is not host:port")
    return Address(found[1] or found[2], int(found[3]))


def load_peer(path: Path) -> Peer:
    """A peer whose values can all be used. Raises ConfigError: file, key, value, next step."""
    try:
        peer = msgspec.json.decode(path.read_bytes(), type=Peer)
    except OSError as problem:
        raise ConfigError(problems.PEER_UNREADABLE, file=path, reason=problem.strerror) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(problems.PEER_DAMAGED, file=path, reason=problem) from None
    for key in ("municipality", "agent", "mqtt", "https"):
        value = getattr(peer, key)
        if not _usable(key, value):
            raise ConfigError(problems.PEER_VALUE, file=path, key=key, value=repr(value[:100]))
    return peer


def _usable(key: str, value: str) -> bool:
    if key == "municipality":
        return _MUNICIPALITY.fullmatch(value) is not None
    if key == "agent":
        return _AGENT.fullmatch(value) is not None
    try:
        return bool(address(value))
    except ValueError:
        return False


def tls_context(paths: Paths) -> "ssl.SSLContext":
    """TLS 1.3 with the host's own certificate; the pinned roots alone are trusted.

    Raises ConfigError naming the file that cannot be used and the next step.
    """
    import ssl

    for path in (paths.ca, paths.tls_cert, paths.tls_key):
        try:  # ssl itself does not say which of its files was the one
            path.open("rb").close()
        except OSError as problem:
            raise ConfigError(problems.TLS_UNREADABLE, file=path, reason=problem.strerror) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    used = paths.ca
    try:
        context.load_verify_locations(cafile=paths.ca)
        used = paths.tls_key
        context.load_cert_chain(paths.tls_cert, paths.tls_key, password=_no_password)
    except ssl.SSLError as problem:
        raise ConfigError(problems.TLS_UNUSABLE, file=used, reason=problem) from None
    return context


def _no_password() -> bytes:
    """Keeps OpenSSL from asking a terminal where there is none."""
    return b""
