"""Listening sockets."""

import os
import socket
import sys

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LocalHost
from verbundwacht_agent.probes.listening import (
    Row,
    merge,
    parse_address,
    parse_range,
    parse_table,
    probe,
)
from verbundwacht_wire.facts import Listening
from verbundwacht_wire.facts.network import Socket


def sockets(host: RecordedHost | LocalHost) -> tuple[Socket, ...]:
    body = probe(host).body
    assert isinstance(body, Listening)
    return body.sockets


def test_sockets_are_sorted_merged_and_have_a_program() -> None:
    found = sockets(RecordedHost.named("debian12"))

    assert [(s.proto, s.port, s.address, s.program) for s in found] == [
        ("tcp", 22, "0.0.0.0", "sshd"),
        ("tcp", 22, "::", "sshd"),
        ("tcp", 80, "0.0.0.0", "nginx"),
        ("tcp", 445, "0.0.0.0", "smbd"),
        ("tcp", 3306, "127.0.0.1", "mariadbd"),
        ("tcp", 5432, "127.0.0.1", "postgres"),
        ("udp", 161, "127.0.0.1", "snmpd"),
        ("udp", 161, "::1", "snmpd"),
    ]


def test_only_loopback_addresses_are_not_exposed() -> None:
    exposed = {s.address: s.exposed for s in sockets(RecordedHost.named("ubuntu2204"))}

    assert exposed == {
        "0.0.0.0": True,
        "10.20.30.40": True,
        "127.0.0.53": False,
        "::": True,
        "::ffff:127.0.0.1": False,
    }


def test_the_program_behind_systemd_is_named_once_it_runs() -> None:
    """On debian13 sshd has taken over its socket, on ubuntu2404 nobody has connected yet."""
    assert {s.program for s in sockets(RecordedHost.named("debian13")) if s.port == 22} == {"sshd"}
    assert {s.program for s in sockets(RecordedHost.named("ubuntu2404")) if s.port == 22} == {
        "systemd"
    }


def test_a_denied_process_matters_only_if_an_owner_is_missing() -> None:
    whole = RecordedHost.named("ubuntu2404")  # may not look into process 77
    denied = whole.denying("/proc/1203/fd", "/proc/1210/fd")

    collected = probe(denied)

    assert probe(whole).reason is None
    assert collected.reason == "programs_denied"
    assert {s.port for s in sockets(denied) if s.program is None} == {443}


def test_a_host_without_ipv6_is_whole() -> None:
    host = RecordedHost.named("debian12").without("/proc/net/tcp6").without("/proc/net/udp6")

    assert probe(host).reason is None
    assert {s.address for s in sockets(host)} == {"0.0.0.0", "127.0.0.1"}


@pytest.mark.parametrize("table", [b"", b"\n", b"garbage"])
def test_a_table_without_its_header_fails(table: bytes) -> None:
    with pytest.raises(Unavailable) as error:
        parse_table(table, "tcp")

    assert error.value.reason == "empty_output"


@pytest.mark.parametrize("text", ["", "1\n", "a b\n", "1 2 3\n", "123456 1\n"])
def test_a_port_range_that_is_none_fails(text: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_range(text)

    assert error.value.reason == "bad_value"


@pytest.mark.skipif(
    sys.byteorder != "little", reason="the digits are those of a little-endian host"
)
def test_addresses_are_in_the_byte_order_of_the_processor() -> None:
    assert parse_address(b"0100007F") == "127.0.0.1"
    assert parse_address(b"000080FE00000000FF005450FE3312AB") == "fe80::5054:ff:ab12:33fe"


def test_several_owners_give_the_first_by_name() -> None:
    rows = [Row("tcp", 80, "::", 1), Row("tcp", 80, "::", 2), Row("tcp", 80, "::", 3)]

    (found,) = merge(rows, {1: "zeta", 2: "alpha", 3: "systemd"}).sockets

    assert found.program == "alpha"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_real_socket_of_this_process_is_found(family: socket.AddressFamily) -> None:
    address = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((address, 0))
        listener.listen()
        port = listener.getsockname()[1]

        (found,) = [s for s in sockets(LocalHost()) if s.port == port]

    comm = open(f"/proc/{os.getpid()}/comm").read().strip()  # noqa: SIM115, PTH123
    assert found == Socket(proto="tcp", port=port, address=address, exposed=False, program=comm)


def test_a_client_on_an_ephemeral_udp_port_is_not_listed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("0.0.0.0", 0))
        port = client.getsockname()[1]

        assert port not in {s.port for s in sockets(LocalHost()) if s.proto == "udp"}
