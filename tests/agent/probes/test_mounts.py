"""Mounted file systems."""

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.mounts import parse_mountinfo, probe
from verbundwacht_wire.facts import Mounts
from verbundwacht_wire.facts.system import Mount


def mounts(name: str) -> dict[str, Mount]:
    body = probe(RecordedHost.named(name)).body
    assert isinstance(body, Mounts)
    return {point.path: point for point in body.points}


def line(path: str, options: str = "rw,relatime", fstype: str = "ext4") -> bytes:
    return f"36 35 98:0 / {path} {options} shared:1 master:2 - {fstype} /dev/x rw\n".encode()


def test_options_are_those_of_the_mount_in_sorted_order() -> None:
    assert mounts("ubuntu2404")["/tmp"] == Mount(
        path="/tmp", fstype="tmpfs", options=("nodev", "noexec", "nosuid", "rw")
    )


def test_escaped_blanks_and_letters_are_resolved() -> None:
    assert "/srv/Akten und Pläne" in mounts("debian12")


def test_a_backslash_in_a_path_survives() -> None:
    (point,) = parse_mountinfo(line(r"/srv/a\134b\011c")).points

    assert point.path == "/srv/a\\b\tc"


def test_a_carriage_return_in_a_path_ends_no_line() -> None:
    (point,) = parse_mountinfo(line("/srv/a\rb")).points

    assert point.path == "/srv/a\rb"


def test_kernel_trees_containers_and_home_folders_are_left_out() -> None:
    assert sorted(mounts("debian12")) == [
        "/", "/dev", "/dev/shm", "/home", "/run", "/run/lock", "/srv/Akten und Pläne", "/tmp",
    ]  # fmt: skip
    assert sorted(mounts("ubuntu2204")) == ["/", "/boot", "/dev/shm", "/run", "/srv/daten"]
    assert sorted(mounts("ubuntu2404")) == ["/", "/boot", "/boot/efi", "/dev/shm", "/run", "/tmp"]


def test_of_two_mounts_on_one_path_the_upper_one_counts() -> None:
    (point,) = parse_mountinfo(line("/tmp", "rw,nosuid,noexec") + line("/tmp", "rw")).points

    assert point.options == ("rw",)


def test_optional_fields_may_be_missing_or_many() -> None:
    table = b"1 2 8:1 / / rw - ext4 /dev/a rw\n1 2 8:2 / /b rw a:1 b:2 c:3 - xfs /dev/b rw\n"

    assert [point.fstype for point in parse_mountinfo(table).points] == ["ext4", "xfs"]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"", "empty_output"),
        (b"\n", "empty_output"),
        (b"garbage\n", "bad_mountinfo"),
        (b"1 2 8:1 / / rw ext4 /dev/a rw\n", "bad_mountinfo"),
    ],
)
def test_a_table_that_cannot_be_understood_fails(table: bytes, reason: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_mountinfo(table)

    assert (error.value.status, error.value.reason) == ("failed", reason)


def test_a_hidden_process_1_is_denied_and_not_an_empty_table() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").without("/proc/1/"))

    assert (error.value.status, error.value.reason) == ("denied", "process_hidden")
