"""AppArmor and SELinux. No machine of the tests has either: recordings and their variations."""

import pytest
from deploy.demo.recorded_host import RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.mac import parse_lsm, parse_profiles, probe
from verbundwacht_wire.facts import Mac
from verbundwacht_wire.facts.hardening import AppArmor, Selinux


def mac(host: RecordedHost) -> Mac:
    body = probe(host).body
    assert isinstance(body, Mac)
    return body


def redhat(enforce: str, configured: str) -> RecordedHost:
    """A host with SELinux in place of AppArmor."""
    host = RecordedHost.named("debian12").without("/sys/module/apparmor")
    host = host.with_file("/sys/fs/selinux/enforce", enforce)
    return host.with_file(
        "/etc/selinux/config", f"# SELINUX=x\nSELINUX={configured}\nSELINUXTYPE=targeted\n"
    )


def test_profiles_are_counted_by_what_they_do() -> None:
    found = mac(RecordedHost.named("ubuntu2404"))

    assert found.active == "apparmor"
    assert found.apparmor == AppArmor(enabled=True, enforce=4, complain=1, other=1)
    assert found.lsm == ("lockdown", "capability", "landlock", "yama", "apparmor")
    assert found.selinux is None


def test_a_profile_whose_name_looks_like_a_mode_counts_once() -> None:
    found = parse_profiles("/usr/bin/a (x) b (enforce)\nfoo//bar (complain)\n")

    assert (found.enforce, found.complain, found.other) == (1, 1, 0)


def test_apparmor_without_any_profile_is_a_true_answer() -> None:
    assert parse_profiles("") == AppArmor(enabled=True, enforce=0, complain=0, other=0)


def test_a_list_of_profiles_in_another_form_is_no_answer() -> None:
    with pytest.raises(Unavailable) as error:
        parse_profiles("/usr/bin/a enforce\n")

    assert error.value.reason == "bad_output"


def test_profiles_that_may_not_be_read_make_the_answer_partial_and_are_not_none() -> None:
    for host in (
        RecordedHost.named("ubuntu2404").denying("/sys/kernel/security/apparmor"),
        RecordedHost.named("ubuntu2404").without("/sys/kernel/security/apparmor"),
    ):
        found = probe(host)

        assert found.reason == "profiles_not_seen"
        assert isinstance(found.body, Mac)
        assert found.body.apparmor == AppArmor(enabled=True)


@pytest.mark.parametrize(
    ("enforce", "configured", "mode"),
    [("1", "enforcing", "enforcing"), ("0", "enforcing", "permissive")],
)
def test_selinux_is_told_as_it_is_now_and_as_it_will_start(
    enforce: str, configured: str, mode: str
) -> None:
    found = mac(redhat(enforce, configured))

    assert found.active == "selinux"
    assert isinstance(found.selinux, Selinux)
    assert (found.selinux.mode, found.selinux.configured) == (mode, configured)
    assert found.selinux.policy == "targeted"


def test_selinux_that_is_only_configured_is_disabled() -> None:
    found = mac(redhat("1", "enforcing").without("/sys/fs/selinux"))

    assert found.active == "none"
    assert found.selinux == Selinux(mode="disabled", configured="enforcing", policy="targeted")


def test_selinux_without_its_file_system_is_no_answer() -> None:
    host = redhat("1", "enforcing").without("/sys/fs/selinux").with_folder("/sys/fs/selinux")

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert error.value.reason == "selinux_not_mounted"


def test_a_machine_with_neither_says_none() -> None:
    found = mac(RecordedHost.named("debian12").without("/sys/module/apparmor"))

    assert (found.active, found.apparmor, found.selinux) == ("none", None, None)


def test_apparmor_switched_off_at_boot_is_not_active() -> None:
    host = RecordedHost.named("ubuntu2404")
    host = host.with_file("/sys/module/apparmor/parameters/enabled", "N\n")

    assert mac(host).active == "none"
    assert mac(host).apparmor == AppArmor(enabled=False)


def test_without_sysfs_there_is_no_answer() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").without("/sys/"))

    assert error.value.reason == "no_sysfs"
    assert parse_lsm("a,B C,yama\n") == ("a", "yama")
