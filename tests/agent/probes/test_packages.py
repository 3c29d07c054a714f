"""dpkg's database, and its lock."""

import fcntl
import subprocess
from pathlib import Path

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LocalHost
from verbundwacht_agent.probes import package_manager_busy
from verbundwacht_agent.probes.packages import STATUS_PATH, holds_lock, parse_status, probe
from verbundwacht_wire.facts import Packages
from verbundwacht_wire.facts.software import Package


def packages(host: RecordedHost) -> dict[str, Package]:
    body = probe(host).body
    assert isinstance(body, Packages)
    return {package.name: package for package in body.installed}


def reason(status: bytes) -> str:
    with pytest.raises(Unavailable) as error:
        parse_status(status)
    return error.value.reason


def test_a_rebuilt_package_keeps_the_version_of_its_source() -> None:
    found = packages(RecordedHost.named("debian12"))

    assert found["bash"] == Package(
        name="bash", version="5.2.15-2+b13", arch="amd64", source_version="5.2.15-2"
    )
    assert (found["bsdutils"].source, found["bsdutils"].source_version) == (
        "util-linux",
        "2.38.1-5+deb12u3",
    )
    assert (found["libc6"].source, found["libc6"].source_version) == ("glibc", None)


def test_a_half_configured_package_counts_and_says_so() -> None:
    found = packages(RecordedHost.named("debian12"))

    assert found["nginx"].state == "half-configured"
    assert found["bash"].state is None


def test_removed_packages_are_not_installed() -> None:
    assert not {"nano", "vim"} & packages(RecordedHost.named("debian12")).keys()


def test_what_is_on_hold_is_known() -> None:
    entries = parse_status(RecordedHost.named("debian12").read_bytes(STATUS_PATH))

    assert [entry.package.name for entry in entries if entry.held] == ["perl"]


def test_our_reading_of_this_machine_is_that_of_dpkg() -> None:
    form = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version} ${Status}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, check=True)
    theirs = sorted(
        tuple(fields[:5])
        for line in listed.stdout.decode().splitlines()
        if (fields := line.split(" "))[-1] not in ("not-installed", "config-files")
    )

    ours = sorted(
        (p.name, p.version, p.arch, p.source or p.name, p.source_version or p.version)
        for p, _ in parse_status(Path(STATUS_PATH).read_bytes())
    )

    assert ours == theirs


def test_a_database_that_stops_in_the_middle_is_broken() -> None:
    whole = RecordedHost.named("debian12").read_bytes(STATUS_PATH)

    assert reason(whole[: len(whole) // 2].rstrip(b"\n")) == "status_broken"
    assert reason(b"Package: a\nStatus: install ok installed\n\n") == "status_broken"
    assert reason(b"Package: a\nVersion: 1\nArchitecture: all\n\n") == "status_broken"


@pytest.mark.parametrize("status", [b"", b"\n", b"Package: a\nStatus: purge ok not-installed\n\n"])
def test_a_database_without_packages_is_a_failure_and_not_an_empty_host(status: bytes) -> None:
    assert reason(status) == "empty_status"


def test_a_host_without_dpkg_is_unsupported() -> None:
    host = RecordedHost.named("debian12").without(STATUS_PATH)

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert (error.value.status, error.value.reason) == ("failed", "unsupported")


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    entries = parse_status(
        b"Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\xff\n\n"
    )

    assert entries[0].package.version == "1\\xff"


def test_a_lock_that_somebody_holds_is_seen_and_a_free_one_is_not(tmp_path: Path) -> None:
    """A real lock of fcntl(2) as dpkg takes it, held by another process than the one that looks."""
    lock = tmp_path / "lock"
    lock.touch()
    assert not package_manager_busy(LocalHost(), (str(lock),))

    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        busy = package_manager_busy(LocalHost(), (str(tmp_path / "other"), str(lock)))

    assert busy
    assert not package_manager_busy(LocalHost(), (str(lock),))


def test_looking_at_a_lock_takes_none(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    before = lock.stat()

    package_manager_busy(LocalHost(), (str(lock),))

    assert lock.stat() == before
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_waits_for_a_lock_does_not_hold_it() -> None:
    table = (
        b"1: POSIX  ADVISORY  WRITE 402 fe:00:131 0 EOF\n"
        b"1: -> POSIX  ADVISORY  WRITE 403 fe:00:555 0 EOF\n"
        b"2: FLOCK  ADVISORY  WRITE 311 00:16:712 0 EOF\n"
    )

    assert holds_lock(table, 131)
    assert not holds_lock(table, 555)
    assert not holds_lock(table, 31)
    assert not holds_lock(b"", 131)


def test_a_recorded_lock_is_matched_by_inode() -> None:
    host = RecordedHost.named("debian12")
    inode = host.stat("/var/lib/dpkg/lock-frontend").inode
    row = f"1: POSIX  ADVISORY  WRITE 402 fe:00:{inode} 0 EOF\n"

    assert not package_manager_busy(host)
    assert package_manager_busy(host.with_file("/proc/locks", row))
    assert not package_manager_busy(host.with_file("/proc/locks", row).denying("/proc/locks"))
