"""Certificates: what they say, who may ask for them, and how a name is read back."""

import base64
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.collector.ingest.fakes import Site, odd_certificate, request_for

from verbundwacht_collector import pki, pki_files
from verbundwacht_collector.ingest import Peer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGENT = bytes(range(16))
URI = f"urn:vw:agent:musterstadt:{AGENT.hex()}"


def test_an_agents_certificate_says_exactly_who_it_is(site: Site) -> None:
    key = pki.new_key()
    issued = pki.issue_agent(site.authority, request_for(key, "root"), "musterstadt", AGENT, NOW)

    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uses = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert issued.subject.rfc4514_string() == f"CN={AGENT.hex()}"
    assert [n.value for n in names] == [URI]
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert issued.not_valid_before_utc == NOW - timedelta(hours=24)
    assert issued.not_valid_after_utc == NOW + timedelta(days=90)
    assert issued.public_key() == key.public_key()
    issued.verify_directly_issued_by(site.authority.certificate)


def test_the_name_in_a_certificate_is_read_back(site: Site) -> None:
    issued = pki.issue_agent(site.authority, request_for(pki.new_key()), "musterstadt", AGENT, NOW)

    der = issued.public_bytes(serialization.Encoding.DER)
    assert pki.peer_of(der) == Peer("musterstadt", AGENT)


OWN = x509.UniformResourceIdentifier(URI)


@pytest.mark.parametrize(
    ("common", "names"),
    [
        (AGENT.hex(), []),
        (AGENT.hex(), [x509.DNSName("a.example")]),
        (AGENT.hex(), [OWN, OWN]),
        (AGENT.hex(), [OWN, x509.DNSName("a.example")]),
        (AGENT.hex(), [x509.UniformResourceIdentifier(URI.upper())]),
        (AGENT.hex(), [x509.UniformResourceIdentifier(URI + "00")]),
        (AGENT.hex(), [x509.UniformResourceIdentifier(URI[:-1])]),
        (AGENT.hex(), [x509.UniformResourceIdentifier(URI.replace("musterstadt", "a:b"))]),
        (AGENT.hex(), [x509.UniformResourceIdentifier(URI.replace("musterstadt", "a" * 33))]),
        (AGENT.hex(), [x509.UniformResourceIdentifier("x" + URI)]),
        (AGENT.hex(), [x509.DNSName(URI)]),
        ("f" * 32, [OWN]),
        (AGENT.hex().upper(), [OWN]),
    ],
)
def test_any_other_name_is_nobody(site: Site, common: str, names: list[x509.GeneralName]) -> None:
    odd = odd_certificate(site.authority, common, names, pki.new_key())

    with pytest.raises(pki.NotAnAgent):
        pki.peer_of(odd.public_bytes(serialization.Encoding.DER))


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"nonsense", bytes(3_000)])
def test_bytes_that_are_no_certificate_are_nobody(der: bytes) -> None:
    with pytest.raises(pki.NotAnAgent):
        pki.peer_of(der)


def _request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)
    return made.public_bytes(serialization.Encoding.PEM)


def _to_pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    head = b"CERTIFICATE REQUEST-----\n"
    return b"-----BEGIN " + head + body + b"-----END " + head


def test_a_request_with_a_swapped_key_is_refused() -> None:
    """The signature of one request under the key of another."""
    first, second = (
        x509.load_pem_x509_csr(request_for(pki.new_key())).public_bytes(serialization.Encoding.DER)
        for _ in range(2)
    )
    keys = [
        x509.load_der_x509_csr(der)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        for der in (first, second)
    ]

    with pytest.raises(pki.RequestRefused, match="nicht mit seinem eigenen"):
        pki.check_request(_to_pem(first.replace(keys[0], keys[1])))


@pytest.mark.parametrize(
    "request_pem",
    [
        b"",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        _request(ec.generate_private_key(ec.SECP384R1())),
        _request(ed25519.Ed25519PrivateKey.generate()),
    ],
    ids=["empty", "damaged", "p384", "ed25519"],
)
def test_only_a_p256_request_is_signed(request_pem: bytes) -> None:
    with pytest.raises(pki.RequestRefused, match="prepare"):
        pki.check_request(request_pem)


@pytest.mark.parametrize("municipality", ["", "Muster", "a:b", "a" * 33, "ä"])
def test_a_name_that_could_not_be_read_back_is_never_issued(site: Site, municipality: str) -> None:
    with pytest.raises(ValueError, match="no agent's name"):
        pki.issue_agent(site.authority, request_for(pki.new_key()), municipality, AGENT, NOW)


def test_the_servers_certificate_names_hosts_and_addresses(site: Site) -> None:
    names = ["wacht.example", "192.0.2.1", "2001:db8::1"]
    issued = pki.issue_server(site.authority, names, pki.new_key().public_key(), NOW)

    found = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["wacht.example"]
    assert [str(a) for a in found.get_values_for_type(x509.IPAddress)] == names[1:]


def test_the_issuing_authority_can_make_no_further_authority(site: Site) -> None:
    basic = site.authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)

    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)
    site.authority.certificate.verify_directly_issued_by(site.authority.root)


def test_private_keys_are_readable_by_their_owner_only(site: Site) -> None:
    files = site.files
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in (files.root_key, files.issuing_key, files.server_key)
    }

    assert modes == {0o600}


def test_an_authority_is_never_overwritten(tmp_path: Path) -> None:
    files = pki_files.PkiFiles(tmp_path)
    pki_files.create(files, ["localhost"])
    before = files.root_key.read_bytes()

    with pytest.raises(FileExistsError):
        pki_files.create(files, ["localhost"])
    assert files.root_key.read_bytes() == before


def test_an_authority_is_loaded_without_the_roots_key(tmp_path: Path) -> None:
    files = pki_files.PkiFiles(tmp_path)
    made = pki_files.create(files, ["localhost"])
    files.root_key.unlink()

    loaded = pki_files.load_authority(files)
    assert (loaded.certificate, loaded.root) == (made.certificate, made.root)
    assert loaded.key.private_numbers() == made.key.private_numbers()


@pytest.mark.parametrize("name", ["issuing-key.pem", "issuing.pem", "root.pem"])
@pytest.mark.parametrize("damage", ["missing", "nonsense"])
def test_a_damaged_authority_names_the_file(tmp_path: Path, name: str, damage: str) -> None:
    files = pki_files.PkiFiles(tmp_path)
    pki_files.create(files, ["localhost"])
    if damage == "missing":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text("nonsense")

    with pytest.raises(pki_files.PkiError, match=f"{name} ist unbrauchbar"):
        pki_files.load_authority(files)


def test_a_renewed_server_keeps_its_key(tmp_path: Path) -> None:
    files = pki_files.PkiFiles(tmp_path)
    authority = pki_files.create(files, ["old.example"])
    before = files.server_key.read_bytes()
    pki_files.renew_server(files, authority, ["new.example"])

    chain = x509.load_pem_x509_certificates(files.server.read_bytes())
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["new.example"]
    assert chain[1:] == [authority.certificate]
    assert files.server_key.read_bytes() == before
