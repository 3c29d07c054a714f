"""Running and installed kernels."""

from datetime import UTC, datetime
from functools import cmp_to_key
from itertools import pairwise

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.kernel import (
    compare,
    installed,
    judge,
    newest,
    parse_boot_time,
    probe,
)
from verbundwacht_wire.facts import Kernel


def kernel(host: RecordedHost) -> Kernel:
    body = probe(host).body
    assert isinstance(body, Kernel)
    return body


def test_kernels_sort_by_number_and_not_by_letter() -> None:
    releases = [
        "5.15.0-91-generic",
        "5.15.0-119-generic",
        "6.1.0-9-amd64",
        "6.1.0-10-amd64",
        "6.12~rc7-amd64",
        "6.12-amd64",
        "6.12.9+bpo-amd64",
        "6.12.86+deb13-amd64",
        "6.12.90+deb13-amd64",
    ]

    assert sorted(set(releases), key=cmp_to_key(compare)) == releases
    assert all(compare(one, other) < 0 < compare(other, one) for one, other in pairwise(releases))
    assert compare("6.1.0-9-amd64", "6.1.0-9-amd64") == 0
    assert compare("6.01.0", "6.1.0") == 0


def test_a_kernel_older_than_the_installed_one_is_outdated() -> None:
    found = kernel(RecordedHost.named("debian12"))

    assert (found.running, found.newest_installed, found.outdated) == (
        "6.1.0-9-amd64",
        "6.1.0-10-amd64",
        True,
    )
    assert found.booted == datetime(2026, 11, 20, 18, 40, tzinfo=UTC)


def test_the_newest_kernel_is_not_outdated_even_when_older_ones_sort_after_it() -> None:
    found = kernel(RecordedHost.named("ubuntu2404"))

    assert (found.newest_installed, found.outdated) == ("6.8.0-87-generic", False)


def test_the_flag_of_the_package_manager_counts_by_itself() -> None:
    found = kernel(RecordedHost.named("ubuntu2204"))

    assert found.reboot_required
    assert not kernel(
        RecordedHost.named("ubuntu2204").without("/run/reboot-required")
    ).reboot_required


def test_kernels_of_another_flavour_are_not_compared() -> None:
    images = ("6.1.0-40-cloud-amd64", "6.1.0-41-cloud-amd64")

    assert judge("6.18.44-custom", images) == ("6.1.0-41-cloud-amd64", None)
    assert judge("6.1.0-40-cloud-amd64", (*images, "6.99.0-1-amd64")) == (images[1], True)
    assert judge("6.1.0-40-amd64", ()) == (None, None)
    assert newest(()) is None


def test_copies_and_rescue_images_are_no_kernels() -> None:
    names = (
        "vmlinuz-6.1.0-9-amd64",
        "vmlinuz-6.1.0-10-amd64.old",
        "vmlinuz-6.1.0-11-amd64.dpkg-tmp",
        "vmlinuz-0-rescue-0123456789abcdef",
        "initrd.img-6.1.0-12-amd64",
        "vmlinuz",
    )

    assert installed(names) == ("6.1.0-9-amd64",)


@pytest.mark.parametrize("marker", ["/run/systemd/container", "/.dockerenv", "/run/.containerenv"])
def test_in_a_container_nothing_is_said_about_installed_kernels(marker: str) -> None:
    host = RecordedHost.named("debian12").without("/proc/2").with_file(marker, "systemd-nspawn\n")

    found = kernel(host)

    assert (found.container, found.newest_installed, found.outdated) == (True, None, None)


def test_a_machine_made_from_a_container_image_is_no_container() -> None:
    host = RecordedHost.named("debian12").with_file("/.dockerenv", "")

    assert not kernel(host).container


def test_without_systemd_the_environment_of_process_1_decides() -> None:
    bare = RecordedHost.named("debian12").without("/proc/2").without("/run/systemd")

    inside = kernel(bare.with_file("/proc/1/environ", b"PATH=/bin\0container=lxc\0"))
    outside = kernel(bare.with_file("/proc/1/environ", b"PATH=/bin\0mycontainer=no\0"))

    assert (inside.container, outside.container) == (True, False)


def test_an_unreadable_environment_is_denied_and_not_taken_for_a_machine() -> None:
    bare = RecordedHost.named("debian12").without("/proc/2").without("/run/systemd")

    for host in (bare.denying("/proc/1/environ"), bare):
        with pytest.raises(Unavailable) as error:
            probe(host)
        assert error.value.status == "denied"


def test_a_folder_of_kernels_that_may_not_be_read_makes_the_answer_partial() -> None:
    collected = probe(RecordedHost.named("debian12").denying("/boot"))

    assert isinstance(collected.body, Kernel)
    assert (collected.reason, collected.body.outdated) == ("boot_denied", None)


@pytest.mark.parametrize("text", ["", "cpu 1 2 3\n", "btime \n", "btime abc\n"])
def test_a_missing_boot_time_fails(text: str) -> None:
    with pytest.raises(Unavailable) as error:
        parse_boot_time(text)

    assert error.value.reason == "no_boot_time"
