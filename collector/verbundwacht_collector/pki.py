"""Certificates of one collector: a root, an issuing authority, server and agent certificates.

Two levels on purpose: agents pin the root (P-384, signs one certificate in two years), so its key
can leave this machine and the issuing key (P-256, signs on line) can change without touching any
agent. The doors trust the issuing certificate alone, which also saves a P-384 check per connection.

Pure; `now` comes from outside. A certificate only proves who opened a connection: every message
proves itself by its own signature.
"""

import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from verbundwacht_collector.errors import Refused
from verbundwacht_collector.i18n import N_, _, lookup
from verbundwacht_collector.peer import Peer

ROOT_LIFE: Final = timedelta(days=3650)
ISSUING_LIFE: Final = timedelta(days=730)
SERVER_LIFE: Final = timedelta(days=397)
AGENT_LIFE: Final = timedelta(days=90)
BACKDATED: Final = timedelta(hours=24)  # a host whose clock is late must not be locked out

_AGAIN = N_("Auf dem Server neu erzeugen: verbundwacht-agent prepare")
_AGENT_URI = re.compile(r"urn:vw:agent:([a-z0-9-]{1,32}):([0-9a-f]{32})")

Key = ec.EllipticCurvePrivateKey
Certificate = x509.Certificate


class RequestRefused(Refused):
    """A certificate request that must not be signed; the message says what to do on the host."""


class NotAnAgent(Exception):  # noqa: N818
    """A certificate that does not name exactly one agent in the one form there is."""


class Authority(NamedTuple):
    """What signs certificates on line, and the root that agents pin."""

    key: Key
    certificate: Certificate
    root: Certificate

    @property
    def chain(self) -> bytes:
        """What a server sends after its own certificate, PEM."""
        return pem(self.certificate)


def pem(certificate: Certificate) -> bytes:
    """The certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: Key) -> bytes:
    """The private key as unencrypted PKCS#8 PEM; the file's mode is what protects it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def new_key() -> Key:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    """What all four kinds share: names, dates, key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _authority(
    builder: x509.CertificateBuilder, path_length: int, issuer: x509.Name, key: Key
) -> Certificate:
    return (
        builder.issuer_name(issuer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA256())
    )


def make_root(now: datetime) -> tuple[Key, Certificate]:
    """A self-signed P-384 root for ten years; it signs issuing authorities only."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(f"Verbundwacht Root {now:%Y-%m-%d}")
    return key, _authority(_builder(name, key.public_key(), now, ROOT_LIFE), 1, name, key)


def make_authority(root_key: Key, root: Certificate, now: datetime) -> Authority:
    """A P-256 issuing authority for two years, below this root; it signs leaves only."""
    key = new_key()
    builder = _builder(
        _name(f"Verbundwacht Issuing {now:%Y-%m-%d}"), key.public_key(), now, ISSUING_LIFE
    )
    return Authority(key, _authority(builder, 0, root.subject, root_key), root)


def _leaf(
    authority: Authority,
    builder: x509.CertificateBuilder,
    names: Sequence[x509.GeneralName],
    purpose: x509.ObjectIdentifier,
) -> Certificate:
    issuer = authority.certificate
    return (
        builder.issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )


def _host_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def issue_server(
    authority: Authority, names: Sequence[str], key: ec.EllipticCurvePublicKey, now: datetime
) -> Certificate:
    """A server certificate for these DNS names and IP addresses, the first also as common name."""
    builder = _builder(_name(names[0][:64]), key, now, SERVER_LIFE)
    alternatives = [_host_name(name) for name in names]
    return _leaf(authority, builder, alternatives, ExtendedKeyUsageOID.SERVER_AUTH)


def check_request(request: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key of this PEM request, which its holder signed (RFC 2986).

    Subject and extensions are ignored: what a host may call itself is decided here, not there.
    Raises RequestRefused.
    """
    try:
        csr = x509.load_pem_x509_csr(request)
        key = csr.public_key()
        signed = csr.is_signature_valid
    except Exception as problem:  # cryptography raises several kinds for hostile DER
        raise RequestRefused(f"Kein lesbarer Zertifikatsantrag ({problem}). {_AGAIN}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestRefused(
            _(
                "Der Antrag nennt einen %(name)s, nötig ist P-256. %(again)s",
                name=type(key).__name__,
                again=lookup(_AGAIN),
            )
        )
    if not signed:
        raise RequestRefused(
            _(
                "Der Antrag ist nicht mit seinem eigenen Schlüssel unterschrieben. %(again)s",
                again=lookup(_AGAIN),
            )
        )
    return key


def agent_uri(municipality: str, agent: bytes) -> str:
    """The one name by which an agent's certificate speaks."""
    return f"urn:vw:agent:{municipality}:{agent.hex()}"


def issue_agent(
    authority: Authority, request: bytes, municipality: str, agent: bytes, now: datetime
) -> Certificate:
    """A client certificate for 90 days: common name = agent hex, SAN = the agent's URI.

    request: PEM; its key and signature are checked first. Raises RequestRefused, and
    ValueError if the names could not be read back by `peer_of`.
    """
    uri = agent_uri(municipality, agent)
    if not _AGENT_URI.fullmatch(uri):
        raise ValueError(f"{uri} is no agent's name: municipality [a-z0-9-]{{1,32}}, 16 bytes")
    builder = _builder(_name(agent.hex()), check_request(request), now, AGENT_LIFE)
    alternatives = [x509.UniformResourceIdentifier(uri)]
    return _leaf(authority, builder, alternatives, ExtendedKeyUsageOID.CLIENT_AUTH)


def issue_reader(
    authority: Authority, name: str, key: ec.EllipticCurvePublicKey, now: datetime
) -> Certificate:
    """The certificate by which a collector of this name reads at a broker; lives like a server's.

    No door takes it for an agent's: its only alternative name is of another form.
    """
    builder = _builder(_name(name), key, now, SERVER_LIFE)
    alternatives = [x509.UniformResourceIdentifier(f"urn:vw:collector:{name}")]
    return _leaf(authority, builder, alternatives, ExtendedKeyUsageOID.CLIENT_AUTH)


def peer_of(der: bytes) -> Peer:
    """The agent this certificate names; that it is genuine was decided by TLS before.

    Exactly one alternative name, the URI, and a common name that repeats the agent. Anything
    else raises NotAnAgent: a certificate with two names would be two identities.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        common = [str(a.value) for a in certificate.subject]
    except Exception as problem:  # cryptography raises several kinds for hostile DER
        raise NotAnAgent(f"Certificate without readable names ({problem})") from None
    uris = [n.value for n in names if isinstance(n, x509.UniformResourceIdentifier)]
    found = _AGENT_URI.fullmatch(uris[0]) if len(uris) == 1 == len(list(names)) else None
    if found is None or common != [found[2]]:
        raise NotAnAgent(f"Certificate for {common} names no agent: {uris}")
    return Peer(found[1], bytes.fromhex(found[2]))


def names_of(certificate: Certificate) -> list[str]:
    """The DNS names and IP addresses it is for, in its own order; none if it names none."""
    try:
        kind = x509.SubjectAlternativeName
        alternatives = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return []
    known = (x509.DNSName, x509.IPAddress)
    return [str(one.value) for one in alternatives if isinstance(one, known)]
