"""The packet filter: recordings, and real rulesets in network namespaces of their own."""

import json
import os
import shlex
from typing import Any

import msgspec
import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed, LocalHost
from verbundwacht_agent.probes import ruleset
from verbundwacht_agent.probes.firewall import LIST, parse_zone, probe
from verbundwacht_wire.facts import Firewall
from verbundwacht_wire.facts.hardening import FirewallManager

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces, needs root")
META = {"metainfo": {"version": "1.0.6", "json_schema_version": 1}}


class Namespace(LocalHost):
    """This machine with a packet filter of its own, set up by shell commands."""

    def __init__(self, setup: str) -> None:
        self.setup = setup

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        script = f"{self.setup}\nexec {shlex.join(argv)}"
        return super().run(("unshare", "--net", "sh", "-ec", script))

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        if path.startswith("/proc/net/"):
            script = f"{self.setup}\nexec cat /proc/self/net/{path.removeprefix('/proc/net/')}"
            return super().run(("unshare", "--net", "sh", "-ec", script)).stdout
        return super().read_bytes(path, limit)


def firewall(host: RecordedHost | LocalHost) -> Firewall:
    body = probe(host).body
    assert isinstance(body, Firewall)
    return body


def nft(rules: str) -> Firewall:
    """The facts about rules in the language of nft(8), loaded into a real kernel."""
    return firewall(Namespace(f"nft {shlex.quote(rules)}"))


def chain(policy: str, *rules: str, name: str = "entry") -> str:
    body = "; ".join(("type filter hook input priority 0", f"policy {policy}", *rules))
    return f"chain {name} {{ {body}; }};"


def test_a_host_that_drops_and_one_that_is_only_active_are_told_apart() -> None:
    """ubuntu2404 has ufw with its chains, debian12 a firewalld whose zone trusts everybody."""
    tidy, open_ = (firewall(RecordedHost.named(name)) for name in ("ubuntu2404", "debian12"))

    assert (tidy.drops_ipv4, tidy.drops_ipv6) == (True, True)
    assert (open_.drops_ipv4, open_.drops_ipv6) == (False, False)
    assert open_.hooks
    assert open_.rules > 10


def test_firewalld_rejects_though_its_policies_accept() -> None:
    found = firewall(RecordedHost.named("debian13"))

    assert {hook.policy for hook in found.hooks} == {"accept"}
    assert (found.drops_ipv4, found.drops_ipv6) == (True, True)


@pytest.mark.parametrize(
    ("name", "manager"),
    [
        ("debian12", FirewallManager(name="firewalld", enabled=True, default_input="accept")),
        ("debian13", FirewallManager(name="firewalld", enabled=True, default_input="reject")),
        ("ubuntu2404", FirewallManager(name="ufw", enabled=True, default_input="drop")),
        ("ubuntu2204", FirewallManager(name="ufw", enabled=False, default_input="drop")),
    ],
)
def test_who_sets_the_rules_up_at_the_next_start_is_told(
    name: str, manager: FirewallManager
) -> None:
    assert firewall(RecordedHost.named(name)).managers == (manager,)


def test_files_of_nftables_and_iptables_are_managers_too() -> None:
    host = RecordedHost.named("debian12").without("/etc/firewalld")
    host = host.with_file("/etc/nftables.conf", "").with_file(
        "/etc/iptables/rules.v4", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    )
    host = host.with_link("/etc/systemd/system/sysinit.target.wants/nftables.service", "/lib")

    assert firewall(host).managers == (
        FirewallManager(name="iptables", enabled=False, default_input="drop"),
        FirewallManager(name="nftables", enabled=True),
    )


@needs_root
@pytest.mark.parametrize(
    ("rules", "ipv4", "ipv6"),
    [
        ("add table inet a", False, False),
        (f"table inet a {{ {chain('drop')} }}", True, True),
        (f"table ip a {{ {chain('drop')} }}", True, False),
        (f"table ip6 a {{ {chain('drop')} }}", False, True),
        (f"table inet a {{ {chain('drop', 'accept')} }}", False, False),
        (f"table inet a {{ {chain('drop', 'tcp dport 22 accept')} }}", True, True),
        (f"table inet a {{ {chain('accept', 'tcp dport 22 drop')} }}", False, False),
        (f"table inet a {{ {chain('accept', 'counter log drop')} }}", True, True),
        (f"table inet a {{ {chain('accept', 'meta nfproto ipv4 drop')} }}", True, False),
        (f"table inet a {{ {chain('accept', 'limit rate 1/second reject')} }}", False, False),
        (f"table inet a {{ chain b {{ reject; }}; {chain('accept', 'goto b')} }}", True, True),
        (f"table inet a {{ chain b {{ accept; }}; {chain('drop', 'jump b')} }}", False, False),
        (
            f"table inet a {{ chain b {{ return; }}; {chain('accept', 'jump b', 'drop')} }}",
            True,
            True,
        ),
        (
            f"table inet a {{ chain b {{ return; }}; {chain('accept', 'goto b', 'drop')} }}",
            False,
            False,
        ),
        (f"table inet a {{ {chain('accept', 'accept')} {chain('drop', name='c')} }}", True, True),
        ("table inet a { chain f { type filter hook forward priority 0; policy drop; }; }", False,
         False),
    ],
)  # fmt: skip
def test_what_the_kernel_would_do_is_read_from_its_rules(
    rules: str, ipv4: bool, ipv6: bool
) -> None:
    found = nft(rules)

    assert (found.drops_ipv4, found.drops_ipv6) == (ipv4, ipv6)


@needs_root
def test_rules_of_iptables_are_seen_through_nft() -> None:
    found = firewall(
        Namespace("iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT\n"
                  "ip6tables -A INPUT -m comment --comment x -j REJECT")
    )  # fmt: skip

    assert (found.drops_ipv4, found.drops_ipv6, found.rules) == (True, True, 2)
    assert [(hook.family, hook.hook, hook.policy) for hook in found.hooks] == [
        ("ip", "input", "drop"),
        ("ip6", "input", "accept"),
    ]


@needs_root
def test_tables_of_the_old_iptables_leave_it_open_whether_anything_is_dropped() -> None:
    host = Namespace("iptables-legacy -P INPUT DROP")

    found = probe(host)

    assert found.reason == "legacy_not_seen"
    assert isinstance(found.body, Firewall)
    assert found.body.legacy_tables == ("filter",)
    assert (found.body.drops_ipv4, found.body.drops_ipv6) == (None, False)


@needs_root
def test_a_banned_attacker_is_no_change_of_the_firewall_and_a_rule_is() -> None:
    setup = (
        "iptables -P INPUT DROP; iptables -A INPUT -p tcp --dport 22 -j ACCEPT\n"
        "nft 'table inet s { set bad { type ipv4_addr; }; }'"
    )
    ban = (
        "iptables -N f2b-sshd; iptables -I INPUT -p tcp -j f2b-sshd\n"
        "iptables -A f2b-sshd -s 192.0.2.9 -j DROP; nft 'add element inet s bad { 192.0.2.7 }'"
    )

    before, banned = firewall(Namespace(setup)), firewall(Namespace(f"{setup}\n{ban}"))
    changed = firewall(Namespace(f"{setup}\niptables -A INPUT -p tcp --dport 23 -j ACCEPT"))

    assert msgspec.json.encode(before) == msgspec.json.encode(banned)
    assert before.digest != changed.digest
    assert changed.rules == before.rules + 1


def test_no_address_and_no_comment_of_a_rule_leaves_the_host() -> None:
    body = msgspec.json.encode(firewall(RecordedHost.named("ubuntu2404")))

    assert b"192.0.2" not in body
    assert b"dport" not in body


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (
            Completed(1, b"", b"netlink: Error: Operation not permitted"),
            "denied",
            "firewall_denied",
        ),
        (Completed(1, b"", b"Error: syntax error"), "failed", "exit_code"),
        (Completed(0, b"", b""), "failed", "empty_output"),
        (Completed(0, b"{}", b""), "failed", "bad_output"),
        (Completed(0, b'{"nftables": []}', b""), "failed", "bad_output"),
        (Completed(0, b'{"nftables": [1]}', b""), "failed", "bad_output"),
    ],
)
def test_an_answer_without_rules_is_never_a_firewall_without_rules(
    answer: Completed, status: str, reason: str
) -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").answering(LIST, answer))

    assert (error.value.status, error.value.reason) == (status, reason)


class WithoutNft(RecordedHost):
    """A recorded host where nft is not installed."""

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        return super().run(("no-such-program", *argv[1:]), timeout_s=timeout_s, limit=limit)


def test_without_the_program_only_a_kernel_without_filter_has_no_rules() -> None:
    host = WithoutNft.named("debian12")
    with pytest.raises(Unavailable) as error:
        probe(host)
    empty = firewall(host.with_file("/proc/modules", "ext4 1 0 - Live 0x0\n"))
    with pytest.raises(Unavailable) as without_modules:
        probe(host.without("/proc/modules"))

    assert (error.value.reason, without_modules.value.reason) == ("no_nft", "no_nft")
    assert (empty.hooks, empty.rules, empty.drops_ipv4) == ((), 0, False)


def test_a_kernel_without_nf_tables_has_no_rules() -> None:
    answer = Completed(
        1, b"", b"netlink: Error: cache initialization failed: Protocol not supported"
    )

    assert firewall(RecordedHost.named("debian12").answering(LIST, answer)).rules == 0


@pytest.mark.parametrize(
    ("text", "policy"),
    [('<zone target="DROP">', "drop"), ('<zone version="1"\n target="ACCEPT">', "accept"),
     ("<zone>", "reject"), ('<zone target="%%REJECT%%">', "reject"), ('<zone target="x">', None)],
)  # fmt: skip
def test_the_target_of_a_zone_is_its_policy(text: str, policy: str | None) -> None:
    assert parse_zone(text) == policy


def test_chains_that_jump_in_a_circle_end() -> None:
    def jump(source: str, target: str) -> dict[str, Any]:
        key = {"family": "inet", "table": "a", "chain": source}
        return {"rule": {**key, "expr": [{"jump": {"target": target}}]}}

    base = {"family": "inet", "table": "a", "name": "x", "type": "filter", "hook": "input"}
    other = {"family": "inet", "table": "a", "name": "y"}
    objects = [META, {"chain": base}, {"chain": other}, jump("x", "y"), jump("y", "x")]

    rules = ruleset.parse(json.dumps({"nftables": objects}))

    assert ruleset.drops(rules, "ipv4") is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["chain", "rule", "expr", "family", "table", "name", "hook", "jump",
                         "target", "drop", "type", "policy", "prio"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(JSON, max_size=4))
def test_any_json_is_answered_or_refused(entries: list[Any]) -> None:
    try:
        rules = ruleset.parse(json.dumps({"nftables": [META, *entries]}))
    except Unavailable as error:
        assert error.reason == "bad_output"
        return

    assert len(ruleset.digest(rules)) == 64
    assert ruleset.count(rules) >= 0
    msgspec.json.encode(ruleset.hooks(rules))
    assert ruleset.drops(rules, "ipv4") in (True, False)
