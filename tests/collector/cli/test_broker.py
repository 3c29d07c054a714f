"""`broker prepare`: what a broker needs lies ready to copy, and again renews it."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.collector.cli.operator import Operator

from verbundwacht_collector.broker_files import shipped
from verbundwacht_collector.config import Config, load
from verbundwacht_collector.equipment import broker_target
from verbundwacht_collector.errors import ConfigError
from verbundwacht_collector.pki import NotAnAgent, peer_of
from verbundwacht_collector.pki_files import PkiFiles


def prepare(operator: Operator, out: Path, *more: str) -> str:
    """The command has run; what it said."""
    ran = operator.run("broker", "prepare", "--name", "broker.example", "--out", str(out), *more)
    assert ran.code == 0, ran.err
    return ran.out


def put_in_front(operator: Operator, *, keep_endpoint: bool = False) -> Config:
    """The settings as the command says they should be."""
    text = operator.folder.config.read_text("utf-8")
    if not keep_endpoint:
        text = "\n".join(line for line in text.splitlines() if not line.startswith('mqtt = "0.0'))
    text = text.replace('mqtt = "localhost:8883"', 'mqtt = "broker.example:8883"')
    operator.settings(f'broker_url = "mqtts://broker.example"\n{text}')
    return load(operator.folder)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_all_that_a_broker_needs_lies_in_the_folder(operator: Operator, tmp_path: Path) -> None:
    said = prepare(operator, tmp_path / "out")

    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {"acl", "broker-key.pem", "broker.pem", "ca.pem", "mosquitto.conf"}
    for name in ("acl", "mosquitto.conf"):
        assert (tmp_path / "out" / name).read_bytes() == (shipped() / name).read_bytes()
    for key in (tmp_path / "out" / "broker-key.pem", PkiFiles(operator.folder.keys).reader_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert 'broker_url = "mqtts://broker.example:8883"' in said


def test_the_broker_has_all_names_it_was_given(operator: Operator, tmp_path: Path) -> None:
    prepare(operator, tmp_path / "out", "--name", "10.0.0.7")

    names = certificate(tmp_path / "out" / "broker.pem").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [str(name.value) for name in names.value] == ["broker.example", "10.0.0.7"]


def test_the_collectors_own_certificate_is_no_agents(operator: Operator, tmp_path: Path) -> None:
    prepare(operator, tmp_path / "out")
    reader = certificate(PkiFiles(operator.folder.keys).reader)

    with pytest.raises(NotAnAgent):
        peer_of(reader.public_bytes(Encoding.DER))
    assert reader.subject.rfc4514_string() == "CN=verbundwacht-collector"
    assert "user verbundwacht-collector" in (shipped() / "acl").read_text()


def test_run_again_it_renews_the_certificates_and_keeps_the_keys(
    operator: Operator, tmp_path: Path
) -> None:
    out, files = tmp_path / "out", PkiFiles(operator.folder.keys)
    prepare(operator, out)
    before = [path.read_bytes() for path in (out / "broker-key.pem", files.reader_key)]
    serials = [certificate(path).serial_number for path in (out / "broker.pem", files.reader)]
    prepare(operator, out)

    after = [path.read_bytes() for path in (out / "broker-key.pem", files.reader_key)]
    fresh = [certificate(path).serial_number for path in (out / "broker.pem", files.reader)]
    assert after == before
    assert not set(serials) & set(fresh)


@pytest.mark.parametrize("name", ["", "a b", "mqtts://broker.example", "broker:8883", "-x", "ü.de"])
def test_what_no_broker_is_called_is_refused_and_nothing_is_written(
    operator: Operator, tmp_path: Path, name: str
) -> None:
    before = operator.listing()
    ran = operator.run("broker", "prepare", f"--name={name}", "--out", str(tmp_path / "out"))

    assert ran.code == 2
    assert "kein Rechnername" in ran.err
    assert not (tmp_path / "out").exists()
    assert operator.listing() == before


@pytest.mark.parametrize(
    ("keep_endpoint", "endpoint"), [(False, ""), (True, "0.0.0.0:8883")], ids=["gone", "named"]
)
def test_with_a_broker_the_own_endpoint_is_open_only_if_it_is_named(
    operator: Operator, tmp_path: Path, keep_endpoint: bool, endpoint: str
) -> None:
    prepare(operator, tmp_path / "out")
    config = put_in_front(operator, keep_endpoint=keep_endpoint)
    target = broker_target(operator.folder, config)

    assert config.mqtt_endpoint == endpoint
    assert (target.host, target.port) == ("broker.example", 8883)
    assert target.client_id == "verbundwacht-collector"


def test_without_a_broker_the_own_endpoint_is_open_where_it_always_was(operator: Operator) -> None:
    operator.change('mqtt = "0.0.0.0:8883"', "")

    assert load(operator.folder).mqtt_endpoint == "0.0.0.0:8883"


def test_a_broker_that_was_never_prepared_for_names_the_command(operator: Operator) -> None:
    config = put_in_front(operator)
    with pytest.raises(ConfigError, match=r"broker prepare --name broker\.example"):
        broker_target(operator.folder, config)


def test_check_config_is_content_with_what_was_prepared(operator: Operator, tmp_path: Path) -> None:
    prepare(operator, tmp_path / "out")
    put_in_front(operator)
    ran = operator.run("check-config", "--json")

    assert "roker" not in ran.out
