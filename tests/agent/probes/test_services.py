"""Units of systemd."""

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed
from verbundwacht_agent.probes.services import ENABLED, FAILED, parse_enabled, parse_failed, probe
from verbundwacht_wire.facts import Services


def services(host: RecordedHost) -> Services:
    body = probe(host).body
    assert isinstance(body, Services)
    return body


def unavailable(host: RecordedHost) -> tuple[str, str]:
    with pytest.raises(Unavailable) as error:
        probe(host)
    return error.value.status, error.value.reason


def test_failed_units_are_named() -> None:
    assert services(RecordedHost.named("debian12")).failed == (
        "apache2.service", "auditd.service", "nmbd.service", "podman-auto-update.service",
        "podman-restart.service", "podman.service",
    )  # fmt: skip


def test_only_known_network_services_are_named() -> None:
    assert services(RecordedHost.named("ubuntu2404")).network == ("apache2.service", "ssh.socket")


def test_no_failed_unit_is_a_good_answer() -> None:
    assert services(RecordedHost.named("debian13")).failed == ()


def test_no_enabled_unit_at_all_is_a_broken_answer() -> None:
    host = RecordedHost.named("debian12").answering(ENABLED, Completed(0, b"", b""))

    assert unavailable(host) == ("failed", "empty_output")


@pytest.mark.parametrize("command", [FAILED, ENABLED])
def test_an_exit_code_is_a_failure_whatever_was_printed(command: tuple[str, ...]) -> None:
    answer = Completed(1, b"ssh.service enabled enabled\n", b"Failed to connect to bus\n")

    host = RecordedHost.named("debian12").answering(command, answer)

    assert unavailable(host) == ("failed", "exit_code")


def test_without_systemd_as_process_1_the_section_is_absent() -> None:
    host = RecordedHost.named("debian12").without("/run/systemd/system")

    assert unavailable(host) == ("absent", "no_systemd")


def test_bullets_and_instances_are_understood() -> None:
    failed = (
        "● fstrim.service loaded failed failed Discard\n  x@a\\x2db.service loaded failed failed\n"
    )
    enabled = "openvpn@rathaus.service enabled\nphp8.2-fpm.service enabled\ncron.service enabled\n"

    assert parse_failed(failed) == ("fstrim.service", "x@a\\x2db.service")
    assert parse_enabled(enabled) == ("openvpn@rathaus.service", "php8.2-fpm.service")


def test_a_line_that_names_no_unit_fails() -> None:
    with pytest.raises(Unavailable) as error:
        parse_failed("System has not been booted with systemd as init system\n")

    assert error.value.reason == "bad_output"
