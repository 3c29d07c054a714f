"""Modules, lockdown, boot parameters, flaws of the processors."""

from pathlib import Path

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LocalHost
from verbundwacht_agent.probes.modules import (
    parse_blocked,
    parse_boot_line,
    parse_flaws,
    parse_lockdown,
    parse_modules,
    probe,
)
from verbundwacht_wire.facts import Modules


def modules(host: RecordedHost) -> Modules:
    body = probe(host).body
    assert isinstance(body, Modules)
    return body


def test_a_neglected_and_a_hardened_kernel_are_told_apart() -> None:
    neglected = modules(RecordedHost.named("debian12"))
    hardened = modules(RecordedHost.named("debian13"))

    assert neglected.loaded == ("squashfs", "usb_storage")
    assert (neglected.blocked, neglected.weakening) == ((), ("mitigations=off",))
    assert neglected.vulnerable == ("mds", "spectre_v2")
    assert hardened.blocked == ("cramfs", "dccp", "usb_storage")
    assert (hardened.weakening, hardened.vulnerable) == ((), ())
    assert (hardened.lockdown, hardened.signed_only) == ("integrity", True)


def test_a_drop_in_of_the_administrator_hides_the_one_of_the_distribution() -> None:
    host = RecordedHost.named("debian12")
    host = host.with_file("/usr/lib/modprobe.d/usb.conf", "install usb-storage /bin/true\n")

    assert modules(host).blocked == ("usb_storage",)
    assert modules(host.with_file("/etc/modprobe.d/usb.conf", "# no\n")).blocked == ()


def test_a_blacklisted_module_is_not_blocked() -> None:
    assert parse_blocked(["blacklist dccp\n# install sctp /bin/false\n"]) == ()
    assert parse_blocked(["  install\tsctp   /usr/bin/false\n"]) == ("sctp",)


def test_nothing_of_the_boot_line_leaves_the_host_but_words_of_the_tables() -> None:
    line = "root=UUID=1 rd.luks.key=GEHEIM init=/bin/GEHEIM audit=1 nokaslr -- mitigations=off\n"
    host = RecordedHost.named("debian12").with_file("/proc/cmdline", line)

    found = modules(host)

    assert (found.weakening, found.hardening) == (("init=", "nokaslr"), ("audit=1",))
    assert b"GEHEIM" not in msgspec.json.encode(found)


@given(st.text())
def test_any_boot_line_gives_words_that_it_holds(line: str) -> None:
    weakening, hardening = parse_boot_line(line)

    assert all(word in line for word in (*weakening, *hardening))


def test_a_kernel_that_cannot_load_modules_says_so() -> None:
    host = RecordedHost.named("debian12")

    assert modules(host).loadable
    assert not modules(host.without("/proc/modules")).loadable
    assert not modules(host.with_file("/proc/sys/kernel/modules_disabled", "1\n")).loadable


def test_only_modules_of_the_list_are_told() -> None:
    assert parse_modules("sctp 1 0 - Live 0x0\nsecret_driver 1 0 - Live 0x0\nsctpx 1\n") == (
        "sctp",
    )


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Not affected\n", None),
        ("Mitigation: PTI\n", "mitigated"),
        ("KVM: Mitigation: VMX disabled\n", "mitigated"),
        ("Vulnerable: Clear CPU buffers attempted, no microcode\n", "vulnerable"),
        ("Processor vulnerable\n", "vulnerable"),
        ("KVM: Vulnerable\n", "vulnerable"),
        ("Unknown: Dependent on hypervisor status\n", "undetermined"),
        ("", "undetermined"),
    ],
)
def test_a_flaw_stands_as_the_kernel_says_and_an_unknown_word_is_never_good(
    text: str, state: str | None
) -> None:
    found = parse_flaws({"mds": text})

    assert found is not None
    assert {name for name, flaws in found._asdict().items() if flaws} == ({state} - {None})


def test_what_an_old_kernel_does_not_tell_is_left_out() -> None:
    found = modules(RecordedHost.named("debian12").without("/sys/"))

    assert (found.vulnerable, found.mitigated, found.lockdown) == (None, None, None)
    assert parse_lockdown("none integrity\n") is None


def test_without_a_boot_line_there_is_no_answer() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").without("/proc/cmdline"))

    assert error.value.reason == "no_boot_line"


def test_this_machine_tells_its_flaws() -> None:
    found = probe(LocalHost()).body

    assert isinstance(found, Modules)
    told = Path("/sys/devices/system/cpu/vulnerabilities")
    assert (found.vulnerable is None) == (not told.exists())
