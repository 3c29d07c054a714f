"""Can the collector be reached from here? Asked only on demand: name, port, TLS, our certificate.

No message is sent. Hard-learned: with TLS 1.3 the handshake ends before the server has judged the
client's certificate, so only reading afterwards shows a refusal.
"""

import socket
import ssl
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

from verbundwacht_agent.doctor import Finding
from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.peer import Address, address, load_peer, tls_context

_PATIENCE_S: Final = 10.0
_LISTEN_S: Final = 2.0  # a refusal comes within one round trip
_SKEW_S: Final = 300


def look_at_network(paths: Paths, now_ms: int) -> Iterator[Finding]:
    """One finding for each address of the collector, level `ok` if it takes us in."""
    try:
        peer, context = load_peer(paths.peer), tls_context(paths)
    except ConfigError:  # `diagnose` has named it
        what = "Die Verbindung ist erst prüfbar, wenn die Einstellungen stimmen."
        yield Finding("Netz", what, "Zuerst die anderen Punkte beheben.")
        return
    for name, text in (("MQTT", peer.mqtt), ("HTTPS", peer.https)):
        yield _door(f"{name} {text}", address(text), context, now_ms, ask=name == "HTTPS")


def _door(where: str, door: Address, context: ssl.SSLContext, now_ms: int, *, ask: bool) -> Finding:
    try:
        with (
            socket.create_connection(door, timeout=_PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname=door.host) as tls,
        ):
            return _inside(where, door, tls, now_ms, ask=ask)
    except socket.gaierror as problem:
        what = f"Der Name {door.host} ist nicht auflösbar ({problem.strerror})."
        return Finding(where, what, f"Namensauflösung prüfen: getent hosts {door.host}")
    except ssl.SSLCertVerificationError as problem:
        what = f"Die Gegenstelle ist nicht der Sammler ({problem.verify_message})."
        do = "Ein Proxy, der TLS aufbricht, muss diese Adresse ausnehmen; die Uhr muss stimmen."
        return Finding(where, what, do)
    except ssl.SSLError as problem:
        what = f"Kein TLS mit der Gegenstelle möglich ({problem.reason})."
        return Finding(where, what, "Adresse und Port beim Betreiber des Sammlers erfragen.")
    except OSError as problem:
        what = f"Nicht erreichbar ({problem.strerror or problem})."
        return Finding(where, what, f"Firewall prüfen: TCP zu {door.host} Port {door.port}.")


def _inside(where: str, door: Address, tls: ssl.SSLSocket, now_ms: int, *, ask: bool) -> Finding:
    try:
        if ask:
            tls.sendall(
                f"HEAD / HTTP/1.1\r\nHost: {door.host}\r\nConnection: close\r\n\r\n".encode()
            )
        else:
            tls.settimeout(_LISTEN_S)
        said = tls.recv(4096)
    except TimeoutError:
        said = b"" if ask else b"waits"  # a broker waits for us to speak first
    except (ssl.SSLError, ConnectionResetError):
        said = b""
    if not said:
        what = "Die Gegenstelle trennt: sie nimmt das Zertifikat dieses Servers nicht an."
        return Finding(where, what, "Am Sammler prüfen, ob der Server noch geführt wird.")
    skew_s = _skew_s(said, now_ms) if ask else 0
    if abs(skew_s) > _SKEW_S:
        what = f"Die Uhren weichen um {abs(skew_s) // 60:.0f} Minuten voneinander ab."
        return Finding(where, what, "Uhrzeit hier und am Sammler prüfen: timedatectl")
    return Finding(where, "erreichbar, beide Seiten erkennen einander.", "Nichts zu tun.", "ok")


def _skew_s(response: bytes, now_ms: int) -> float:
    """Seconds by which our clock is ahead of the collector's; 0 if it does not say."""
    for line in response.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "date":
            try:
                return now_ms / 1000 - parsedate_to_datetime(value.strip()).timestamp()
            except ValueError:
                return 0.0
    return 0.0
