"""Certificates that local servers present, read from the files that their configurations name.

`judge` and the finders of paths are pure. Hard-learned: Postfix and Dovecot keep key and
certificate in one file, so only the block of the certificate is ever parsed; and a name with a
variable in it is no file. `cryptography.x509` is imported only where there is something to parse.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.conf import apache, nginx
from verbundwacht_agent.probes.conf.files import Budget, config, expand, first_there
from verbundwacht_wire.facts import Certificates
from verbundwacht_wire.facts.servers import Certificate, UnreadCertificate

Problem = Literal["missing", "denied", "broken", "variable"]
_T = TypeVar("_T")
Kind = Literal["rsa", "ec", "ed25519", "ed448", "dsa", "other"]

_LIMIT: Final = 256 * 1024  # a certificate with its chain has a tenth of that
_POSTFIX: Final = "/etc/postfix/main.cf"
_DOVECOT: Final = "/etc/dovecot/dovecot.conf"
_SAMBA: Final = "/etc/samba/smb.conf"
_BLOCK: Final = re.compile(
    b"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]{1,100000}?-----END CERTIFICATE-----"
)
_POSTFIX_NAMES: Final = ("smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_chain_files")
_DOVECOT_LINE: Final = re.compile(
    r"^[ \t]*(!include|!include_try|ssl|ssl_cert|ssl_alt_cert|ssl_server_cert_file)"
    r"[ \t]*(?:=|[ \t])[ \t]*(.+?)[ \t]*$",
    re.MULTILINE,
)
_SAMBA_LINE: Final = re.compile(r"^[ \t]*tls[ \t]+certfile[ \t]*=[ \t]*(\S.*?)[ \t]*$", re.M | re.I)
_KINDS: Final[dict[str, Kind]] = {
    "RSAPublicKey": "rsa", "EllipticCurvePublicKey": "ec", "ECPublicKey": "ec",
    "Ed25519PublicKey": "ed25519", "Ed448PublicKey": "ed448", "DSAPublicKey": "dsa",
}  # fmt: skip
WATCHES: Final = (
    *nginx.WATCHES, *apache.WATCHES, _POSTFIX, _DOVECOT, "/etc/dovecot/conf.d", _SAMBA,
    "/etc/ssl", "/etc/ssl/certs", "/etc/ssl/private", "/etc/pki/tls/certs", "/etc/letsencrypt/live",
    "/etc/letsencrypt/archive", "/var/log/letsencrypt",
)  # fmt: skip
"""A renewal by certbot writes its log, whichever certificate it renews."""


class Named(NamedTuple):
    """A file named as a certificate, by which server."""

    path: str
    server: str


def probe(host: Host) -> Collected:
    """Every certificate that is named. Raises Unavailable; absent without any such server."""
    servers = [
        (name, find) for name, programs, find in _SERVERS if first_there(host, programs) is not None
    ]
    if not servers:
        raise Unavailable("absent", "no_tls_server", "")
    users: dict[str, set[str]] = {}
    for name, find in servers:
        for path in find(host):
            users.setdefault(path, set()).add(name)
    found: list[Certificate] = []
    unread: list[UnreadCertificate] = []
    for path, names in sorted(users.items()):
        result = _read(host, path, tuple(sorted(names)))
        if isinstance(result, Certificate):
            found.append(result)
        else:
            unread.append(result)
    reason = "certificates_unread" if unread else None
    if any(one.problem == "denied" for one in unread):
        reason = "certificates_denied"
    return Collected(Certificates(found=tuple(found), unread=tuple(unread)), reason)


def inputs(body: bytes) -> tuple[str, ...]:
    """Certificates wherever they lie, and the programs, whose removal leaves the files behind."""
    known = msgspec.json.decode(body, type=Certificates)
    paths = [*(one.path for one in known.found), *(one.path for one in known.unread)]
    programs = (path for _, candidates, _ in _SERVERS for path in candidates)
    return (*programs, *(x for x in paths if x.startswith("/") and "…" not in x))


def _read(host: Host, path: str, used_by: tuple[str, ...]) -> Certificate | UnreadCertificate:
    shown = public(path)
    problem: Problem = "variable"
    if path.startswith("/") and "$" not in path:
        try:
            raw = host.read_bytes(path, _LIMIT)
        except Missing:
            problem = "missing"
        except Unavailable as error:
            problem = "denied" if error.status == "denied" else "broken"
        else:
            if certificate := judge(raw, shown, used_by):
                return certificate
            problem = "broken"
    return UnreadCertificate(path=shown, used_by=used_by, problem=problem)


def public(path: str) -> str:
    """A path without the name of a person: below /home only the last part is shown."""
    if path.startswith(("/home/", "/run/user/")):
        return f"/home/…/{path.rsplit('/', 1)[-1]}"
    # nginx can take the certificate itself out of a variable; that is no path to be shown.
    return "data:" if path.startswith("data:") else path


def judge(raw: bytes, path: str, used_by: tuple[str, ...]) -> Certificate | None:
    """The first certificate of a PEM file, None if it holds none that can be read."""
    block = _BLOCK.search(raw)
    if block is None:
        return None
    from cryptography.x509 import NameOID, load_pem_x509_certificate

    try:
        certificate = load_pem_x509_certificate(block[0])
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = _known(certificate.public_key)
        hashed = _known(lambda: certificate.signature_hash_algorithm)
        return Certificate(
            path=path,
            used_by=used_by,
            subject=str(names[0].value) if names else None,
            not_after=certificate.not_valid_after_utc.astimezone(UTC),
            key=_KINDS.get(type(key).__name__, "other"),
            key_bits=getattr(key, "key_size", None),
            signature_hash=hashed.name if hashed else None,
            self_signed=certificate.issuer == certificate.subject,
        )
    except (ValueError, TypeError):
        return None


def _known(read: Callable[[], _T]) -> _T | None:
    """What `read` gives, None for an algorithm that the library does not know."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return read()
    except UnsupportedAlgorithm:
        return None


def _of_nginx(host: Host) -> Iterator[str]:
    for directive in nginx.walk(nginx.load(host)):
        if directive.name == "ssl_certificate" and directive.args:
            path = directive.args[0]
            yield path if path.startswith(("data:", "$")) else nginx.absolute(path)


def _of_apache(host: Host) -> Iterator[str]:
    loaded = apache.load(host)
    for line in loaded.lines:
        if line.name == "sslcertificatefile" and line.args:
            path = line.args[0]
            yield path if path.startswith(("/", "$")) else f"{loaded.root}/{path}"


def _of_postfix(host: Host) -> Iterator[str]:
    yield from postfix_paths(config(host, _POSTFIX))


def postfix_paths(text: str) -> list[str]:
    """Files named in main.cf, variables filled in. Source: postconf(5)."""
    lines = re.sub(
        r"\n[ \t]+", " ", "\n".join(x for x in text.split("\n") if x.lstrip()[:1] != "#")
    )
    pairs = (line.partition("=") for line in lines.split("\n") if "=" in line)
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    settings.setdefault("config_directory", "/etc/postfix")

    def filled(value: str) -> str:
        return re.sub(
            r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))",
            lambda found: settings.get(found[1] or found[2] or found[3], found[0]),
            value,
        )

    words = [
        filled(word)
        for name in _POSTFIX_NAMES
        for word in re.split(r"[,\s]+", settings.get(name, ""))
    ]
    return [word for word in words if word and word != "none"]


def _of_dovecot(host: Host) -> Iterator[str]:
    switched_off, paths = False, []
    for name, value in _dovecot_lines(host, config(host, _DOVECOT), Budget(), 0):
        if name == "ssl":
            switched_off = value == "no"
        else:
            paths.append(value.lstrip("<").strip())
    yield from () if switched_off else paths


def _dovecot_lines(host: Host, text: str, budget: Budget, depth: int) -> Iterator[tuple[str, str]]:
    """Lines about TLS, those of included files in their place."""
    for name, value in _DOVECOT_LINE.findall(text):
        if not name.startswith("!"):
            yield name, value
            continue
        pattern = value if value.startswith("/") else f"/etc/dovecot/{value}"
        for path in expand(host, pattern):
            budget.take(depth)
            try:
                yield from _dovecot_lines(host, host.read_text(path), budget, depth + 1)
            except Missing:
                continue


def _of_samba(host: Host) -> Iterator[str]:
    for path in _SAMBA_LINE.findall(config(host, _SAMBA)):
        yield path if path.startswith("/") else f"/var/lib/samba/private/{path}"


_SERVERS: Final = (
    ("nginx", nginx.PROGRAMS, _of_nginx),
    ("apache", apache.PROGRAMS, _of_apache),
    ("postfix", ("/usr/sbin/postfix",), _of_postfix),
    ("dovecot", ("/usr/sbin/dovecot",), _of_dovecot),
    ("samba", ("/usr/sbin/smbd", "/usr/sbin/samba"), _of_samba),
)
