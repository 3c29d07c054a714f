"""From an unknown host to an enrolled one: a request goes out as a file, a receipt comes back.

Both files are the real messages, so what is checked here is what is checked over any wire.
Runs as root in one process; it is the only part of the agent that makes keys.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from verbundwacht_agent import __version__
from verbundwacht_agent.errors import EnrolmentError, Unavailable
from verbundwacht_agent.files import write
from verbundwacht_agent.host import Host
from verbundwacht_agent.keys import load_private, load_signer, make_keys
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.probes.os import probe as probe_os
from verbundwacht_agent.receipt import Enrolment, read_receipt
from verbundwacht_wire.facts import Os
from verbundwacht_wire.frame import NOBODY, ZERO32, Header
from verbundwacht_wire.keys import fingerprint, kid_of, seal, spki_of
from verbundwacht_wire.messages import ENROL, EnrolRequest
from verbundwacht_wire.payload import deflate


class Prepared(NamedTuple):
    """A request lies ready; the fingerprint is what two people compare."""

    file: Path
    hostname: str
    fingerprint: str


def prepare(
    paths: Paths, host: Host, municipality: str, out: Path, now_ms: Callable[[], int]
) -> Prepared:
    """Keys exist and the request for this municipality is written. Keys are never replaced.

    Raises EnrolmentError if the host is enrolled already.
    """
    if paths.receipt.exists():
        raise EnrolmentError(
            f"Dieser Server ist schon angemeldet ({paths.receipt}). "
            "Zustand: verbundwacht-agent status"
        )
    if not municipality or len(municipality) > 32 or not set(municipality) <= set(_ID):
        raise EnrolmentError(
            f"--municipality {municipality!r}: ein Kürzel aus a-z, 0-9 und -, höchstens 32 Zeichen."
        )
    hostname = _hostname(host)
    make_keys(paths)
    signer, tls = load_signer(paths), load_private(paths.tls_key)
    request = EnrolRequest(
        spki=base64.b64encode(signer.spki).decode(),
        csr=_csr(paths, hostname),
        nonce=os.urandom(16).hex(),
        hostname=hostname,
        os=_os_name(host),
        agent_version=__version__,
        host_binding=host_binding(host, municipality),
    )
    payload = msgspec.json.encode(request)
    packed, coding = deflate(payload)
    header = Header(
        signer.alg,
        signer.kid,
        ENROL,
        municipality,
        NOBODY,
        0,
        bytes(8),
        0,
        ZERO32,
        now_ms(),
        coding,
        len(payload),
    )
    write(out, seal(header, packed, signer))
    return Prepared(out, hostname, fingerprint(signer.spki, spki_of(tls.public_key())))


_ID = "abcdefghijklmnopqrstuvwxyz0123456789-"


def _hostname(host: Host) -> str:
    try:
        name = host.read_text("/proc/sys/kernel/hostname").strip()
    except Unavailable:
        name = ""
    if not name:
        raise EnrolmentError(
            "Dieser Server hat keinen lesbaren Namen. Setzen: hostnamectl set-hostname NAME"
        )
    return name


def _os_name(host: Host) -> str:
    try:
        body = probe_os(host).body
    except Unavailable:  # people see it beside the fingerprint, nothing depends on it
        return ""
    return body.name if isinstance(body, Os) else ""


def _csr(paths: Paths, hostname: str) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    request = builder.sign(load_private(paths.tls_key), hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def host_binding(host: Host, municipality: str) -> str:
    """SHA-256 of machine-id, product uuid and municipality: says "same machine", names none."""
    parts = []
    for path in ("/etc/machine-id", "/sys/class/dmi/id/product_uuid"):
        try:
            parts.append(host.read_text(path).strip())
        except Unavailable:
            parts.append("")
    return hashlib.sha256("\0".join([*parts, municipality]).encode()).hexdigest()


def accept(paths: Paths, raw: bytes) -> Enrolment:
    """The host is enrolled: receipt, certificate, pinned roots and addresses are stored.

    Raises EnrolmentError if the receipt is not for this host's keys; nothing is stored then.
    """
    enrolment = read_receipt(raw)
    receipt = enrolment.receipt
    if paths.receipt.exists() and paths.receipt.read_bytes() != raw:
        raise EnrolmentError("Dieser Server ist schon mit einer anderen Quittung angemeldet.")
    if load_signer(paths).kid.hex() != receipt.kid:
        raise EnrolmentError(
            "Die Quittung gehört zu einem anderen Server. Prüfen Sie, welche Datei Sie haben."
        )
    try:
        leaf = x509.load_pem_x509_certificates(receipt.certificate.encode())[0]
    except ValueError:
        raise EnrolmentError(
            "Die Quittung enthält kein Zertifikat. Noch einmal vom Sammler holen."
        ) from None
    if leaf.public_key() != load_private(paths.tls_key).public_key():
        raise EnrolmentError("Das Zertifikat der Quittung passt nicht zum Schlüssel hier.")
    peer = {
        "municipality": receipt.municipality,
        "agent": receipt.agent,
        "mqtt": receipt.mqtt,
        "https": receipt.https,
    }
    paths.inbox.mkdir(mode=0o750, parents=True, exist_ok=True)
    write(paths.tls_cert, receipt.certificate.encode())
    write(paths.ca, receipt.ca.encode())
    write(paths.peer, json.dumps(peer, indent=1).encode())
    write(paths.receipt, raw)  # last: its presence means "enrolled"
    return enrolment


def collector_fingerprint(enrolment: Enrolment) -> str:
    """The collector's own fingerprint, as its operator can read it out."""
    spki = base64.b64decode(enrolment.receipt.downlink_spki)
    return f"{kid_of(spki).hex()[:8]} {kid_of(spki).hex()[8:16]}"
