"""Container engines."""

from typing import Any

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.containers import daemon_options, docker, podman_hosts, probe
from verbundwacht_wire.facts import Containers
from verbundwacht_wire.facts.servers import Engine

DAEMON = "/etc/docker/daemon.json"


def engine(host: RecordedHost) -> Engine:
    body = probe(host).body
    assert isinstance(body, Containers)
    (found,) = body.engines
    return found


def configured(daemon: dict[str, Any], *units: str) -> Engine:
    return docker(daemon, daemon_options(units), None, None)


def test_a_daemon_that_was_opened_by_a_drop_in_is_exposed() -> None:
    assert engine(RecordedHost.named("debian13")) == Engine(
        name="docker",
        hosts=("fd://", "tcp://0.0.0.0:2375", "unix:///run/docker.sock"),
        exposed=True,
        tls_verify=False,
        userns=True,
        live_restore=True,
        no_new_privileges=True,
        insecure_registries=1,
        socket_mode="0660",
        socket_group="998",
    )


def test_podman_listens_on_what_its_socket_unit_adds() -> None:
    found = engine(RecordedHost.named("ubuntu2404"))

    assert (found.name, found.hosts, found.exposed) == ("podman", ("tcp://127.0.0.1:8888",), False)
    assert (found.socket_mode, found.socket_group) == ("0660", "root")


@pytest.mark.parametrize(
    ("hosts", "exposed"),
    [
        (["fd://"], False),
        (["tcp://127.0.0.1:2375"], False),
        (["tcp://[::1]:2375"], False),
        (["tcp://localhost:2375"], False),
        (["tcp://:2375"], False),
        (["tcp://0.0.0.0:2375"], True),
        (["tcp://[::]:2376"], True),
        (["rathaus.example:2375"], True),
        (["unix:///run/docker.sock", "tcp://10.0.0.1"], True),
    ],
)
def test_only_an_address_beyond_loopback_is_exposed(hosts: list[str], exposed: bool) -> None:
    assert configured({"hosts": hosts}).exposed is exposed


@pytest.mark.parametrize(
    "options",
    ["-H tcp://0.0.0.0:1", "-H=tcp://0.0.0.0:1", "-Htcp://0.0.0.0:1", "--host=tcp://0.0.0.0:1",
     "--host tcp://0.0.0.0:1", "-D -H 'tcp://0.0.0.0:1'"],
)  # fmt: skip
def test_an_interface_may_be_given_in_every_spelling(options: str) -> None:
    found = configured({}, f"[Service]\nExecStart=/usr/bin/dockerd {options} --tlsverify\n")

    assert (found.hosts, found.tls_verify) == (("tcp://0.0.0.0:1",), True)


def test_options_of_a_defaults_file_count() -> None:
    found = configured({}, 'DOCKER_OPTS="-H tcp://10.0.0.1:2375 --userns-remap=default"\n')

    assert (found.exposed, found.userns) == (True, True)


def test_an_empty_start_command_takes_back_the_ones_before() -> None:
    unit = "ExecStart=/usr/bin/dockerd -H tcp://0.0.0.0:1\n"

    assert configured({}, unit, "ExecStart=\nExecStart=/usr/bin/dockerd -H fd://\n").hosts == (
        "fd://",
    )


@pytest.mark.parametrize(
    "word", ["tcp://u:geheim@h:1", "http://geheim", "tcp://a b", "", "x" * 200]
)
def test_what_is_no_plain_address_is_never_sent(word: str) -> None:
    assert configured({"hosts": [word]}).hosts == ()


@pytest.mark.parametrize("content", ["{", "[]", "null", "1", "{" * 5000])
def test_a_broken_daemon_json_is_a_failure_and_no_default(content: str) -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian13").with_file(DAEMON, content))

    assert error.value.reason == "bad_config"


def test_a_daemon_without_its_file_has_the_defaults_of_docker() -> None:
    host = RecordedHost.named("debian13").without("/etc/docker").without("/etc/systemd")

    found = engine(host)

    assert (found.hosts, found.exposed, found.userns) == (("fd://",), False, False)


def test_a_group_that_may_bear_a_persons_name_is_not_named() -> None:
    host = RecordedHost.named("debian13").with_mode("/run/docker.sock", 0o666, gid=1000)

    assert (engine(host).socket_mode, engine(host).socket_group) == ("0666", "other")


def test_no_engine_is_absent_and_one_out_of_a_snap_unsupported() -> None:
    with pytest.raises(Unavailable) as absent:
        probe(RecordedHost.named("debian12"))
    with pytest.raises(Unavailable) as failed:
        probe(RecordedHost.named("debian12").with_file("/snap/bin/docker", ""))

    assert (absent.value.status, absent.value.reason) == ("absent", "no_container_engine")
    assert (failed.value.status, failed.value.reason) == ("failed", "unsupported")


@pytest.mark.parametrize(
    ("unit", "hosts"),
    [
        ("ListenStream=/run/podman/podman.sock", ()),
        ("ListenStream=%t/podman/podman.sock", ()),
        ("ListenStream=8080", ("tcp://*:8080",)),
        ("#ListenStream=8080", ()),
        ("ListenStream=0.0.0.0:1\nListenStream=[::1]:2", ("tcp://0.0.0.0:1", "tcp://[::1]:2")),
    ],
)
def test_a_port_of_podman_is_one_that_is_no_file(unit: str, hosts: tuple[str, ...]) -> None:
    assert podman_hosts([unit]) == hosts


@given(
    st.dictionaries(
        st.sampled_from(["hosts", "tlsverify", "userns-remap", "insecure-registries"]),
        st.one_of(st.none(), st.booleans(), st.text(max_size=5), st.lists(st.text(max_size=5))),
    ),
    st.text(max_size=40),
)
def test_any_settings_give_an_engine(daemon: dict[str, Any], options: str) -> None:
    found = configured(daemon, f"ExecStart=dockerd {options}")

    assert found.name == "docker"
