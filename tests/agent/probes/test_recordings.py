"""All probes on four recorded hosts: Debian 12 and 13, Ubuntu 22.04 and 24.04."""

import msgspec
import pytest
from deploy.demo.recorded_host import NAMES, RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed
from verbundwacht_agent.probes import PROBES, Collected, signature
from verbundwacht_agent.probes.services import FAILED
from verbundwacht_wire.facts import SECTIONS

PARTIAL = {
    ("debian12", "certificates"): "certificates_unread",
    ("ubuntu2204", "accounts"): "directory_not_seen",
}

ABSENT = {
    "sshd",
    "services",
    "sudo",
    "cron",
    "web",
    "certificates",
    "samba",
    "database",
    "snmp",
    "containers",
}
"""Sections of programs that need not be installed."""

NOT_INSTALLED = {
    "debian12": {"containers"},
    "debian13": {"certificates", "web", "samba", "database", "snmp"},
    "ubuntu2204": {"samba", "database", "snmp", "containers"},
    "ubuntu2404": {"certificates", "web", "samba", "database", "snmp"},
}
"""Servers that the recorded hosts do not have."""

every_section = pytest.mark.parametrize(
    ("name", "section"),
    [(name, x) for name in NAMES for x in SECTIONS if x not in NOT_INSTALLED[name]],
)


def collect(name: str, section: str) -> Collected:
    return PROBES[section].probe(RecordedHost.named(name))


def test_there_is_one_probe_per_section_in_the_order_of_the_vocabulary() -> None:
    assert list(PROBES) == list(SECTIONS)
    assert all(section == probe.section for section, probe in PROBES.items())


@every_section
def test_every_section_of_every_recorded_host_is_found_and_survives_the_wire(
    name: str, section: str
) -> None:
    collected = collect(name, section)
    encoded = msgspec.json.encode(collected.body, order="sorted")

    assert type(collected.body) is SECTIONS[section]
    assert msgspec.json.decode(encoded, type=SECTIONS[section]) == collected.body
    assert collected.reason == PARTIAL.get((name, section))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_recorded_host_does_not_have_is_absent_and_nothing_else_is(name: str) -> None:
    absent = set()
    for section, probe in PROBES.items():
        try:
            probe.probe(RecordedHost.named(name))
        except Unavailable as error:
            assert error.status == "absent"
            absent.add(section)

    assert absent == NOT_INSTALLED[name] & SECTIONS.keys()


@every_section
def test_the_same_host_gives_the_same_bytes_again(name: str, section: str) -> None:
    first, second = (
        msgspec.json.encode(collect(name, section).body, order="sorted") for _ in range(2)
    )

    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_without_any_source_fails_with_a_reason_and_gives_no_default(name: str) -> None:
    host = RecordedHost.named(name).without("/")
    statuses = {}

    for section, probe in PROBES.items():
        with pytest.raises(Unavailable) as error:
            probe.probe(host)
        statuses[section] = error.value.status

    # What is not installed, and systemd, are proven by their absence; nothing else is.
    assert {section for section, status in statuses.items() if status == "absent"} == ABSENT


@pytest.mark.parametrize("name", NAMES)
def test_a_host_that_denies_everything_is_denied_and_never_absent(name: str) -> None:
    host = RecordedHost.named(name).denying("/etc", "/proc", "/run", "/usr", "/boot", "/var", "/")

    for probe in PROBES.values():
        with pytest.raises(Unavailable) as error:
            probe.probe(host)
        assert error.value.status == "denied", probe.section


@pytest.mark.parametrize("name", NAMES)
def test_a_hanging_command_does_not_stop_the_other_probes(name: str) -> None:
    hanging = Unavailable("timeout", "command_timeout")
    host = RecordedHost.named(name).answering(FAILED, hanging)
    found = []

    for section, probe in PROBES.items():
        try:
            probe.probe(host)
        except Unavailable as error:
            assert error is hanging or error.status == "absent"
        else:
            found.append(section)

    assert found == [x for x in SECTIONS if x not in {"services", *NOT_INSTALLED[name]}]


def test_no_ordinary_user_is_named_anywhere() -> None:
    """debian12 has postgres with a shell and anna's mount in her home; only groups name people."""
    host = RecordedHost.named("ubuntu2204")
    bodies = b"".join(
        msgspec.json.encode(probe.probe(host).body)
        for section, probe in PROBES.items()
        if section not in {"accounts", *NOT_INSTALLED["ubuntu2204"]}
    )
    homes = msgspec.json.encode(collect("debian12", "mounts").body)

    assert b"fach" not in bodies
    assert b"anna" not in homes


def test_no_hash_of_a_password_leaves_the_host() -> None:
    for name in NAMES:
        body = msgspec.json.encode(collect(name, "accounts").body)

        assert b"$" not in body


def test_a_signature_changes_with_what_a_probe_watches() -> None:
    host = RecordedHost.named("debian12")

    for probe in PROBES.values():
        before = signature(host, probe.watches)
        assert signature(host, probe.watches) == before
        for path in probe.watches:
            changed = host.without(path).with_file(path, b"was never recorded like this")
            assert signature(changed, probe.watches) != before, path


def test_costly_are_those_that_read_much_and_change_little() -> None:
    costly = [probe.section for probe in PROBES.values() if probe.costly]

    assert costly == ["packages", "updates", "certificates", "samba"]
    assert all(PROBES[section].watches for section in costly)


def test_a_recording_refuses_arguments_it_does_not_know() -> None:
    """Otherwise a changed argument list would look like a program that is not installed."""
    host = RecordedHost.named("debian12")

    with pytest.raises(AssertionError, match="not recorded"):
        host.run(("systemctl", "reboot"))
    assert host.answering(("true",), Completed(0, b"", b"")).run(("true",)).code == 0
