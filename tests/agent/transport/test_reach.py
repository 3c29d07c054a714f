"""`doctor --network`: what stands between this host and its collector, over real sockets."""

import contextlib
import socket
import ssl
import time

import pytest
from tests.agent.transport.doors import Server, behind_tls, swallow
from tests.agent.transport.fakes import EnrolledHost, Ports
from tests.collector.ingest.fakes import Site

from verbundwacht_agent.doctor import Finding
from verbundwacht_agent.reach import look_at_network


def looked(host: EnrolledHost) -> list[Finding]:
    """What this host says about both addresses."""
    return list(look_at_network(host.paths, round(time.time() * 1000)))


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_both_doors_of_a_collector_take_an_enrolled_host_in(
    host: EnrolledHost, ports: Ports
) -> None:
    host.reach(*ports)

    assert [(one.level, one.where.split()[0]) for one in looked(host)] == [
        ("ok", "MQTT"),
        ("ok", "HTTPS"),
    ]


def test_a_host_that_the_collector_does_not_know_is_told_so(
    host: EnrolledHost, ports: Ports, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = EnrolledHost(
        tmp_path_factory.mktemp("agent"), Site(tmp_path_factory.mktemp("elsewhere")).agent()
    )
    stranger.paths.ca.write_bytes(host.paths.ca.read_bytes())
    stranger.reach(*ports)

    for finding in looked(stranger):
        assert finding.level == "problem"
        assert "nimmt das Zertifikat dieses Servers nicht an" in finding.what


def test_a_collector_of_another_authority_is_not_ours(
    host: EnrolledHost, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = Site(tmp_path_factory.mktemp("foreign"))
    with Server(behind_tls(foreign, swallow)) as door:
        host.reach(door.port, door.port)
        findings = looked(host)

    assert ["nicht der Sammler" in one.what for one in findings] == [True, True]
    assert "Proxy" in findings[0].do


def test_a_closed_port_names_the_firewall_and_the_port(host: EnrolledHost) -> None:
    port = free_port()
    host.reach(port, port)

    for finding in looked(host):
        assert "Nicht erreichbar" in finding.what
        assert f"TCP zu localhost Port {port}" in finding.do


def test_a_name_that_nobody_knows_is_a_matter_of_names(host: EnrolledHost) -> None:
    host.reach(8883, 8443, host="sammler.invalid")

    assert {one.do for one in looked(host)} == {
        "Namensauflösung prüfen: getent hosts sammler.invalid"
    }


def test_something_that_speaks_no_tls_is_the_wrong_address(host: EnrolledHost) -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example ESMTP\r\n")
        swallow(connection)

    with Server(greet) as door:
        host.reach(door.port, door.port)
        findings = looked(host)

    assert ["Kein TLS" in one.what for one in findings] == [True, True]


def test_clocks_that_differ_are_named_in_minutes(host: EnrolledHost, site: Site) -> None:
    def old(tls: ssl.SSLSocket) -> None:
        tls.recv(4096)
        with contextlib.suppress(OSError):
            tls.sendall(b"HTTP/1.1 404 x\r\nDate: Mon, 01 Jan 2024 10:00:00 GMT\r\n\r\n")

    with Server(behind_tls(site, old)) as door:
        host.reach(free_port(), door.port)
        (_, https) = looked(host)

    assert "Die Uhren weichen um" in https.what


def test_settings_that_cannot_be_used_are_not_tried(host: EnrolledHost) -> None:
    host.paths.ca.write_text("x")

    (finding,) = looked(host)

    assert finding.where == "Netz"
