"""Certificates that servers name."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509 import NameOID
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LocalHost
from verbundwacht_agent.probes.certificates import judge, postfix_paths, probe, public
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Certificates
from verbundwacht_wire.facts.servers import Certificate

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
END = datetime(2027, 3, 1, 12, 30, tzinfo=UTC)
FULL_CHAIN = "/etc/ssl/rathaus/fullchain.pem"


def made(key: Key, *, cn: str | None = "rathaus.example") -> bytes:
    """A self-signed certificate in PEM."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else []
    name = x509.Name(attributes)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(END)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA384())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def found(host: RecordedHost) -> Certificates:
    body = probe(host).body
    assert isinstance(body, Certificates)
    return body


def test_the_first_certificate_of_a_chain_is_the_one_that_is_presented() -> None:
    (ours,) = [c for c in found(RecordedHost.named("debian12")).found if c.path == FULL_CHAIN]

    assert (ours.subject, ours.used_by) == ("www.rathaus.example", ("nginx",))
    assert (ours.key, ours.key_bits, ours.signature_hash) == ("ec", 256, "sha256")
    assert ours.not_after == datetime(2027, 1, 15, 12, tzinfo=UTC)
    assert not ours.self_signed


def test_a_file_with_the_key_before_the_certificate_is_read() -> None:
    (mail,) = [c for c in found(RecordedHost.named("debian12")).found if "postfix" in c.used_by]

    assert (mail.key, mail.key_bits, mail.self_signed) == ("rsa", 1024, True)


def test_a_certificate_that_is_named_and_missing_is_listed_and_makes_the_answer_partial() -> None:
    collected = probe(RecordedHost.named("debian12"))

    assert isinstance(collected.body, Certificates)
    assert [(u.path, u.problem) for u in collected.body.unread] == [
        ("/etc/ssl/certs/ssl-cert-snakeoil.pem", "missing")
    ]
    assert collected.reason == "certificates_unread"


def test_a_certificate_that_may_not_be_read_is_denied_and_the_others_are_found() -> None:
    collected = probe(RecordedHost.named("debian12").denying(FULL_CHAIN))

    assert isinstance(collected.body, Certificates)
    assert (FULL_CHAIN, "denied") in [(u.path, u.problem) for u in collected.body.unread]
    assert collected.reason == "certificates_denied"
    assert collected.body.found


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "broken"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "broken"),
        (b"-----BEGIN CERTIFICATE-----\n", "broken"),
        (b"x" * 300_000, "broken"),
    ],
)
def test_a_file_without_a_certificate_is_broken(content: bytes, problem: str) -> None:
    body = found(RecordedHost.named("debian12").with_file(FULL_CHAIN, content))

    assert (FULL_CHAIN, problem) in [(u.path, u.problem) for u in body.unread]


@pytest.mark.parametrize(
    ("key", "kind", "bits", "hashed"),
    [
        (rsa.generate_private_key(65537, 2048), "rsa", 2048, "sha384"),
        (ec.generate_private_key(ec.SECP384R1()), "ec", 384, "sha384"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519", None, None),
        (dsa.generate_private_key(2048), "dsa", 2048, None),
    ],
    ids=["rsa", "ec", "ed25519", "dsa"],
)
def test_every_kind_of_key_is_named(
    key: Key, kind: str, bits: int | None, hashed: str | None
) -> None:
    certificate = judge(made(key), "/x", ("nginx",))

    assert certificate is not None
    assert (certificate.key, certificate.key_bits) == (kind, bits)
    assert (certificate.signature_hash, certificate.not_after) == (hashed, END)


def test_a_certificate_without_a_common_name_has_no_subject() -> None:
    certificate = judge(made(ed25519.Ed25519PrivateKey.generate(), cn=None), "/x", ())

    assert certificate is not None
    assert certificate.subject is None


@given(st.integers(0, 2000), st.binary(max_size=3))
def test_a_damaged_certificate_is_another_one_or_broken(at: int, put: bytes) -> None:
    whole = RecordedHost.named("debian12").read_bytes(FULL_CHAIN)
    at %= len(whole)

    certificate = judge(whole[:at] + put + whole[at + len(put) :], "/x", ())

    assert certificate is None or isinstance(certificate, Certificate)


def test_one_file_of_two_servers_is_one_certificate() -> None:
    host = RecordedHost.named("debian12").with_file(
        "/etc/postfix/main.cf", f"smtpd_tls_cert_file={FULL_CHAIN}\n"
    )

    (one,) = found(host).found

    assert one.used_by == ("nginx", "postfix")


def test_postfix_fills_in_its_variables_and_continues_lines() -> None:
    text = (
        "#smtpd_tls_cert_file = /no\nbase = /srv/tls\nsmtpd_tls_cert_file = ${base}/a.pem\n"
        "smtpd_tls_eccert_file = none\nsmtpd_tls_chain_files = $(base)/b.pem,\n # comment\n"
        "\t$config_directory/c.pem $unknown/d.pem\n"
    )

    assert postfix_paths(text) == [
        "/srv/tls/a.pem",
        "/srv/tls/b.pem",
        "/etc/postfix/c.pem",
        "$unknown/d.pem",
    ]


def with_dovecot(text: str) -> RecordedHost:
    """Only Dovecot, with this file in conf.d."""
    return (
        RecordedHost.named("debian13")
        .with_file("/usr/sbin/dovecot", "")
        .with_file("/etc/dovecot/dovecot.conf", "!include conf.d/*.conf\n!include_try local.conf\n")
        .with_file("/etc/dovecot/conf.d/10-ssl.conf", text)
        .with_file("/etc/dovecot/private/dovecot.pem", made(ed25519.Ed25519PrivateKey.generate()))
    )


@pytest.mark.parametrize("name", ["ssl_cert = <", "ssl_server_cert_file = "])
def test_dovecot_names_its_certificate_in_an_included_file(name: str) -> None:
    body = found(
        with_dovecot(f"ssl = yes\n#ssl_cert = </no\n{name}/etc/dovecot/private/dovecot.pem\n")
    )

    assert [(c.path, c.used_by) for c in body.found] == [
        ("/etc/dovecot/private/dovecot.pem", ("dovecot",))
    ]


def test_dovecot_without_tls_uses_none_of_its_certificates() -> None:
    body = found(with_dovecot("ssl_cert = </etc/dovecot/private/dovecot.pem\nssl = no\n"))

    assert body == Certificates(found=(), unread=())


def test_samba_names_its_certificate_in_the_private_folder() -> None:
    host = (
        RecordedHost.named("debian13")
        .with_file("/usr/sbin/samba", "")
        .with_file("/etc/samba/smb.conf", "[global]\n\ttls certfile = tls/cert.pem\n")
    )

    assert [u.path for u in found(host).unread] == ["/var/lib/samba/private/tls/cert.pem"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("tls/$ssl_server_name.pem", "/etc/nginx/tls/$ssl_server_name.pem"),
        ("data:$geheim", "data:"),
        ("$geheim", "$geheim"),
    ],
)
def test_a_name_with_a_variable_is_no_file(written: str, shown: str) -> None:
    text = f"http {{ server {{ listen 1; ssl_certificate {written}; }} }}"
    body = found(RecordedHost.named("debian12").with_file("/etc/nginx/nginx.conf", text))

    assert (shown, "variable") in [(u.path, u.problem) for u in body.unread]


def test_no_user_is_named_by_a_path() -> None:
    assert public("/home/anna/tls/cert.pem") == "/home/…/cert.pem"
    assert public("/etc/ssl/cert.pem") == "/etc/ssl/cert.pem"


def test_without_a_server_the_section_is_absent_by_proof() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian13"))

    assert (error.value.status, error.value.reason) == ("absent", "no_tls_server")


def test_a_real_file_that_is_no_file_is_broken_and_not_waited_for(tmp_path: Path) -> None:
    """A folder where the certificate should be; a pipe would be the same."""

    class OnlyPostfix(LocalHost):
        def exists(self, path: str) -> bool:
            return path == "/usr/sbin/postfix"

        def read_text(self, path: str, limit: int = 0) -> str:
            return f"smtpd_tls_cert_file = {tmp_path}\n"

    collected: Collected = probe(OnlyPostfix())

    assert isinstance(collected.body, Certificates)
    assert [u.problem for u in collected.body.unread] == ["broken"]
