"""prepare and accept, used wrongly: nothing is stored, and one German sentence says why."""

from pathlib import Path

import msgspec
import pytest
from tests.agent.fakes import Machine, admit, recorded
from tests.collector.fakes import Collector, downlink
from tests.fakes import HOME, NEIGHBOUR

from verbundwacht_agent.enrol import accept, prepare
from verbundwacht_agent.errors import AgentError, EnrolmentError, StateError
from verbundwacht_agent.keys import load_signer
from verbundwacht_agent.receipt import read_receipt
from verbundwacht_collector import pki
from verbundwacht_collector.acks import frame_down
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.keys import P256Signer
from verbundwacht_wire.messages import RECEIPT


@pytest.fixture
def fresh(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "fresh")


def refused(machine: Machine, raw: bytes) -> str:
    """Why accept refused; the folder is as before."""
    before = machine.state()
    with pytest.raises(AgentError) as caught:
        accept(machine.paths, raw)
    assert machine.state() == before
    return str(caught.value)


def test_prepare_twice_makes_one_pair_of_keys(fresh: Machine) -> None:
    first, second = fresh.prepare(), fresh.prepare()

    assert read_frame(first).header.kid == read_frame(second).header.kid
    assert first != second  # another nonce


def test_neither_key_is_readable_by_others(fresh: Machine) -> None:
    fresh.prepare()

    for path in (fresh.paths.signing_key, fresh.paths.tls_key):
        assert path.stat().st_mode & 0o077 == 0


def test_prepare_on_an_enrolled_host_is_refused(machine: Machine) -> None:
    with pytest.raises(EnrolmentError, match="schon angemeldet"):
        machine.prepare()


@pytest.mark.parametrize("wrong", ["", "Musterdorf", "a" * 33, "x/y", "ü", "a b", "a\n"])
def test_prepare_refuses_a_municipality_that_is_no_id_before_it_makes_keys(
    fresh: Machine, wrong: str
) -> None:
    with pytest.raises(EnrolmentError, match="--municipality"):
        prepare(fresh.paths, fresh.host, wrong, fresh.paths.root / "r.vw", fresh.clock)

    assert not fresh.paths.root.exists()


def test_the_same_receipt_again_changes_nothing(fresh: Machine, sammler: Collector) -> None:
    receipt = admit(sammler, fresh.prepare())
    accept(fresh.paths, receipt)
    before = fresh.state()
    accept(fresh.paths, receipt)

    assert fresh.state() == before


def test_a_second_receipt_does_not_replace_the_first(machine: Machine, sammler: Collector) -> None:
    receipt = read_receipt(machine.paths.receipt.read_bytes()).receipt
    other = frame_down(
        RECEIPT, HOME, bytes.fromhex(receipt.agent), msgspec.json.encode(receipt), downlink(), 9, 1
    )

    assert "anderen Quittung" in refused(machine, other)


def test_the_receipt_of_another_machine_is_refused(fresh: Machine, sammler: Collector) -> None:
    fresh.prepare()
    other = Machine(fresh.paths.root.with_name("other"))

    assert "anderen Server" in refused(fresh, admit(sammler, other.prepare()))


def test_a_receipt_before_prepare_is_refused(fresh: Machine, sammler: Collector) -> None:
    other = Machine(fresh.paths.root.with_name("other"))

    assert "prepare" in refused(fresh, admit(sammler, other.prepare()))


def test_a_changed_receipt_is_refused_at_every_byte(fresh: Machine, sammler: Collector) -> None:
    receipt = admit(sammler, fresh.prepare())
    signature = len(receipt) - 64
    for at in [*range(0, signature, 37), signature - 1]:
        changed = bytearray(receipt)
        changed[at] ^= 0x10
        assert "Quittung" in refused(fresh, bytes(changed))


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_cut_receipt_is_refused(fresh: Machine, sammler: Collector, size: int) -> None:
    receipt = admit(sammler, fresh.prepare())

    assert "unbrauchbar" in refused(fresh, receipt[:size])


def test_the_request_itself_is_no_receipt(fresh: Machine) -> None:
    assert "keine Quittung" in refused(fresh, fresh.prepare())


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("certificate", "no certificate", "kein Zertifikat"),
        ("certificate", "", "kein Zertifikat"),
        ("agent", "00" * 16, "widerspricht"),
        ("agent", "zz", "unbrauchbar"),
        ("municipality", NEIGHBOUR, "zwei Kommunen"),
        ("downlink_spki", "AAAA", "unbrauchbar"),
        ("kid", "00" * 16, "anderen Server"),
    ],
)
def test_a_signed_receipt_that_contradicts_itself_is_refused(
    fresh: Machine, sammler: Collector, field: str, value: str, says: str
) -> None:
    receipt = read_receipt(admit(sammler, fresh.prepare())).receipt
    changed = msgspec.structs.replace(receipt, **{field: value})
    agent = bytes.fromhex(receipt.agent)
    raw = frame_down(RECEIPT, HOME, agent, msgspec.json.encode(changed), downlink(), 1, 1)

    assert says in refused(fresh, raw)


def test_a_receipt_that_somebody_else_signed_is_refused(fresh: Machine, sammler: Collector) -> None:
    receipt = read_receipt(admit(sammler, fresh.prepare())).receipt
    stranger = P256Signer(pki.new_key())
    payload = msgspec.json.encode(receipt)
    raw = frame_down(RECEIPT, HOME, bytes.fromhex(receipt.agent), payload, stranger, 1, 1)

    assert "unbrauchbar" in refused(fresh, raw)


def test_a_certificate_for_another_key_is_refused(fresh: Machine, sammler: Collector) -> None:
    own = read_receipt(admit(sammler, fresh.prepare())).receipt
    other = Machine(fresh.paths.root.with_name("other"))
    foreign = read_receipt(admit(sammler, other.prepare())).receipt.certificate
    mixed = msgspec.json.encode(msgspec.structs.replace(own, certificate=foreign))
    raw = frame_down(RECEIPT, HOME, bytes.fromhex(own.agent), mixed, downlink(), 1, 1)

    assert "Zertifikat" in refused(fresh, raw)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o610])
def test_a_key_that_others_may_read_is_refused_with_the_command_that_mends_it(
    machine: Machine, mode: int
) -> None:
    machine.paths.signing_key.chmod(mode)
    with pytest.raises(StateError, match=f"chmod 600 {machine.paths.signing_key}"):
        machine.gather()

    assert not machine.spooled()


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA"])
def test_a_damaged_key_is_one_sentence(machine: Machine, content: bytes) -> None:
    machine.paths.signing_key.write_bytes(content)
    with pytest.raises(StateError, match="beschädigt"):
        load_signer(machine.paths)


def test_a_key_on_another_curve_is_refused(machine: Machine) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP521R1())
    machine.paths.signing_key.write_bytes(pki.key_pem(key))
    with pytest.raises(StateError, match="P-256"):
        load_signer(machine.paths)


@pytest.mark.parametrize("gone", ["/etc/machine-id", "/etc/os-release", "/usr/lib/os-release"])
def test_a_host_that_cannot_say_what_it_is_can_still_be_prepared(fresh: Machine, gone: str) -> None:
    fresh.host = recorded().without(gone).without("/etc/os-release")

    assert read_frame(fresh.prepare()).header.tenant == HOME


@pytest.mark.parametrize("name", ["", " \n"])
def test_a_host_without_a_name_is_told_how_to_get_one(fresh: Machine, name: str) -> None:
    fresh.host = recorded().with_file("/proc/sys/kernel/hostname", name)
    with pytest.raises(EnrolmentError, match="hostnamectl"):
        fresh.prepare()

    assert not fresh.paths.root.exists()
