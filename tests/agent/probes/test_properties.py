"""Whatever bytes a machine hands out, a parser answers or says why not; it never breaks."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from deploy.demo.recorded_host import NAMES, RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed, text
from verbundwacht_agent.probes import (
    PROBES,
    accounts,
    audit,
    firewall,
    kernel,
    listening,
    mac,
    modules,
    mounts,
    os,
    packages,
    pam,
    rsyslog,
    ruleset,
    services,
    settings,
    sshd,
    sudo,
    sudoers,
    sysctl,
    time,
)
from verbundwacht_agent.probes.apt import answer, automatic, commands, lists, pending
from verbundwacht_agent.probes.packages import STATUS_PATH
from verbundwacht_wire.facts import SECTIONS

HOSTS = {name: RecordedHost.named(name) for name in NAMES}

LIST = {"a_Packages": None}

PARSERS: dict[str, Callable[[bytes], object]] = {
    "os": lambda raw: os.parse_os_release(text(raw)),
    "boot": lambda raw: kernel.parse_boot_time(text(raw)),
    "kernels": lambda raw: kernel.judge(text(raw), tuple(text(raw).split("\n"))),
    "packages": packages.parse_status,
    "locks": lambda raw: packages.holds_lock(raw, 131),
    "sshd": lambda raw: sshd.parse_effective(text(raw), 0),
    "refusal": lambda raw: sshd.refusal(text(raw), keys_hidden=False),
    "includes": lambda raw: (sshd.includes(text(raw)), sshd.count_matches(text(raw))),
    "sysctl": sysctl.parse_value,
    "mounts": mounts.parse_mountinfo,
    "accounts": lambda raw: accounts.parse_accounts(
        passwd=text(raw), group=text(raw), shadow=text(raw), login_defs=text(raw)
    ),
    "failed": lambda raw: services.parse_failed(text(raw)),
    "enabled": lambda raw: services.parse_enabled(text(raw)),
    "tcp": lambda raw: listening.parse_table(raw, "tcp"),
    "range": lambda raw: listening.parse_range(text(raw)),
    "child": lambda raw: pending.parse_child(Completed(0, raw, b"")),
    "apt error": lambda raw: answer.refusal(text(raw)),
    "simulation": lambda raw: commands.parse_simulation(text(raw)),
    "policy": lambda raw: commands.parse_policy(text(raw)),
    "lists": lambda raw: lists.assess(LIST, {"a_Packages": 1}, {"a_Release": text(raw)}),
    "date": lambda raw: lists.parse_date(text(raw)),
    "periodic": lambda raw: automatic.parse_enabled(text(raw)),
    "log": lambda raw: automatic.parse_log(text(raw)),
    "sudo": lambda raw: sudo.parse(list(sudoers.logical_lines(text(raw))))[0],
    "profiles": lambda raw: mac.parse_profiles(text(raw)),
    "lsm": lambda raw: mac.parse_lsm(text(raw)),
    "modules": lambda raw: modules.parse_modules(text(raw)),
    "blocked": lambda raw: modules.parse_blocked([text(raw)]),
    "boot line": lambda raw: modules.parse_boot_line(text(raw)),
    "flaws": lambda raw: modules.parse_flaws({text(raw): text(raw)}),
    "ruleset": lambda raw: ruleset.hooks(ruleset.parse(text(raw))),
    "zone": lambda raw: firewall.parse_zone(text(raw)),
    "audit rules": lambda raw: audit.syscalls(audit.parse_rules(text(raw).split("\n"))),
    "audit mode": lambda raw: audit.is_immutable(text(raw).split("\n")),
    "rsyslog": lambda raw: (rsyslog.forwards([text(raw)]), rsyslog.includes(text(raw))),
    "time": lambda raw: time.parse_sources(text(raw)),
    "pam": lambda raw: pam.parse(text(raw).split("\n"), {"pam_unix": text(raw)}),
    "settings": lambda raw: settings.in_effect(text(raw)),
}  # fmt: skip

SEEDS = [
    b"root:x:0:0:root:/root:/bin/bash\n",
    b"a:$1$x:99999999999999999999:0:99999999999999999999:7:::\n",
    b"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n",
    b"36 35 98:0 / /a\\040b rw - ext4 /dev/x rw\n",
    b"btime 99999999999\n",
    b"   0: 0100007F:0016 00000000:0000 0A 0:0 0:0 0 0 0 99 1\n  sl  local_address\n",
    b"vmlinuz-6.1.0-10-amd64\n6.1.0-999999999999999999999999999-amd64\n",
    b"Date: Sat, 99 Jul 9999 99:99:99 UTC\n",
    b"1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\nInst a [1] (2 D:1/s [all])\n",
    b"a:\n  Installed: 1\n  Candidate: 2\n  Version table:\n     2 500 (phased 999%)\n *** 1 100\n",
    b"2026-11-23 06:21:40,012 ERROR x\n",
    b'port 22\nmaxauthtries 99999999999\nlogingracetime -1\nport x\nMatch a\nInclude "*"\n',
    b"ID=\"\nPRETTY_NAME='\n",
    b'{"nftables": [{"metainfo": {}}]}',
    b"a, %b ALL=(ALL) NOPASSWD: ALL\nDefaults:a !x=1\nUser_Alias A = a : B = b\n",
    b'*.* @@h\n& action(type="omfwd" a="b")\n-w /etc/shadow\n-e 9\n',
    b"auth [a=1 b=2] pam_unix.so deny=5\nserver a key 1\ninstall sctp /bin/true\n",
    b"\xe2\x80\xa8\xc2\x85\x0b\x0c\x1c\x00\xff",
]
RAW = st.lists(st.one_of(st.sampled_from(SEEDS), st.binary(max_size=40)), max_size=6).map(b"".join)


@pytest.mark.parametrize("name", PARSERS)
@given(raw=RAW)
def test_a_parser_answers_or_says_why_not(name: str, raw: bytes) -> None:
    try:
        found = PARSERS[name](raw)
    except Unavailable as error:
        assert error.status in ("failed", "denied")
        assert error.reason.replace("_", "").isalnum()
    else:
        sendable(found)


def sendable(found: object) -> None:
    """Facts can be written as UTF-8, whatever they were made of."""
    if isinstance(found, msgspec.Struct):
        msgspec.json.encode(found).decode()


@given(name=st.sampled_from(NAMES), data=st.data())
def test_a_host_with_one_damaged_file_is_answered_for_or_says_why_not(
    name: str, data: st.DataObject
) -> None:
    host = HOSTS[name]
    path = data.draw(st.sampled_from(sorted(host.paths)))
    whole = host.read_bytes(path) if path not in host.denied else b""
    at = data.draw(st.integers(0, len(whole)))
    damaged = data.draw(st.sampled_from([whole[:at], whole[:at] + data.draw(RAW) + whole[at:]]))
    changed = host.with_file(path, damaged)

    for section, probe in PROBES.items():
        try:
            body: Any = probe.probe(changed).body
        except Unavailable:
            continue
        encoded = msgspec.json.encode(body)
        assert msgspec.json.decode(encoded, type=SECTIONS[section]) == body


@given(st.integers(0, 400_000))
def test_a_cut_database_is_broken_or_a_whole_number_of_packages(at: int) -> None:
    """A cut is never read as a package with half of its fields."""
    whole = HOSTS["debian12"].read_bytes(STATUS_PATH)
    try:
        entries = packages.parse_status(whole[: at % len(whole)])
    except Unavailable:
        return

    assert {entry.package for entry in entries} <= {e.package for e in packages.parse_status(whole)}


@given(st.lists(st.sampled_from(["1", "10", "9", "09", ".", "-", "~", "+deb", "rc", "amd64"])))
def test_the_order_of_kernels_is_a_total_order(parts: list[str]) -> None:
    releases = ["".join(parts[:end]) for end in range(len(parts) + 1)]

    for one in releases:
        for other in releases:
            forth, back = kernel.compare(one, other), kernel.compare(other, one)
            assert (forth > 0, forth < 0) == (back < 0, back > 0)
            assert forth == 0 or one != other
