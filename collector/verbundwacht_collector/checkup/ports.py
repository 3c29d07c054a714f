"""Whether the addresses of the settings can be opened: free, or held by this very collector.

A port that is taken is asked for its certificate. The handshake is given up half-way, before
anything is sent that the other side would count as a refused client.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from verbundwacht_collector.app import cannot_listen
from verbundwacht_collector.config import Config, Folder, address
from verbundwacht_collector.equipment import page_files
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.observe.socket_file import ask
from verbundwacht_collector.pki_files import PkiFiles, read_certificates

ANSWER_S: Final = 3.0
_CHUNK: Final = 16_384


def problems(folder: Folder, config: Config) -> Iterator[ConfigError]:
    """The addresses that `serve` could not open."""
    for name in ("mqtt", "https", "web", "metrics"):
        text = config.mqtt_endpoint if name == "mqtt" else getattr(config.listen, name)
        if not text:
            continue
        key = f"listen.{name}"
        host, port = address(text, folder.config, key)
        try:
            _try_to_bind(host, port)
        except OSError as refusal:
            taken = refusal.errno == errno.EADDRINUSE
            if not (taken and _is_ours(folder, config, name, host, port)):
                yield cannot_listen(folder, key, text, refusal)


def _try_to_bind(host: str, port: int) -> None:
    """The address could be opened, and is closed again. Raises OSError."""
    flags = socket.AI_PASSIVE
    for family, kind, proto, _, where in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=flags
    ):
        with socket.socket(family, kind, proto) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(where)
            one.listen(1)


def _is_ours(folder: Folder, config: Config, name: str, host: str, port: int) -> bool:
    plain = name == "metrics" or (name == "web" and config.web.insecure_loopback)
    if plain:
        return ask(folder.status_socket) is not None
    path = page_files(folder, config)[0] if name == "web" else PkiFiles(folder.keys).server
    return _shows(host, port, path)


def _shows(host: str, port: int, certificate: Path) -> bool:
    """Whoever listens there presents this certificate."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not opened
    try:
        wanted = read_certificates(certificate)[0].public_bytes(Encoding.DER)
        return _certificate_at(everywhere.get(host, host), port) == wanted
    except (OSError, ConfigError):
        return False


def _certificate_at(host: str, port: int) -> bytes | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    with socket.create_connection((host, port), ANSWER_S) as line:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                line.sendall(outgoing.read())
                data = line.recv(_CHUNK)
                if not data:
                    return None
                incoming.write(data)
            else:
                return tls.getpeercert(binary_form=True)
