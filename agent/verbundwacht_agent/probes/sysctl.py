"""The kernel's hardening keys, read from /proc/sys.

`parse_value` and the table are pure. The table is explicit because a field name cannot be turned
back into a path: `kernel_yama_ptrace_scope` is kernel/yama/ptrace_scope. Hard-learned: /proc/sys
ignores CAP_DAC_READ_SEARCH, so a key that opens for root only (net.core.bpf_jit_harden) would
leave this section incomplete wherever the agent runs as its unit; none of those is in the table.
"""

from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Sysctl

KEYS: Final = {
    "kernel_randomize_va_space": "kernel/randomize_va_space",
    "kernel_kptr_restrict": "kernel/kptr_restrict",
    "kernel_dmesg_restrict": "kernel/dmesg_restrict",
    "kernel_yama_ptrace_scope": "kernel/yama/ptrace_scope",
    "kernel_sysrq": "kernel/sysrq",
    "kernel_unprivileged_bpf_disabled": "kernel/unprivileged_bpf_disabled",
    "kernel_kexec_load_disabled": "kernel/kexec_load_disabled",
    "kernel_perf_event_paranoid": "kernel/perf_event_paranoid",
    "fs_protected_hardlinks": "fs/protected_hardlinks",
    "fs_protected_symlinks": "fs/protected_symlinks",
    "fs_protected_fifos": "fs/protected_fifos",
    "fs_protected_regular": "fs/protected_regular",
    "fs_suid_dumpable": "fs/suid_dumpable",
    "net_ipv4_ip_forward": "net/ipv4/ip_forward",
    "net_ipv4_tcp_syncookies": "net/ipv4/tcp_syncookies",
    "net_ipv4_icmp_echo_ignore_broadcasts": "net/ipv4/icmp_echo_ignore_broadcasts",
    "net_ipv4_conf_all_rp_filter": "net/ipv4/conf/all/rp_filter",
    "net_ipv4_conf_all_accept_redirects": "net/ipv4/conf/all/accept_redirects",
    "net_ipv4_conf_all_send_redirects": "net/ipv4/conf/all/send_redirects",
    "net_ipv4_conf_all_accept_source_route": "net/ipv4/conf/all/accept_source_route",
    "net_ipv4_conf_all_log_martians": "net/ipv4/conf/all/log_martians",
    "net_ipv6_conf_all_accept_redirects": "net/ipv6/conf/all/accept_redirects",
    "net_ipv6_conf_all_accept_source_route": "net/ipv6/conf/all/accept_source_route",
}
"""Field of the Struct -> path below /proc/sys."""


def probe(host: Host) -> Collected:
    """Every key this kernel has; denied ones are left out and make the reach partial.

    Raises Unavailable if not one key could be read.
    """
    values: dict[str, int] = {}
    denied = False
    # Files one by one: `sysctl -a` would cost 11 ms and print 30 KB.
    for field, path in KEYS.items():
        try:
            values[field] = parse_value(host.read_bytes(f"/proc/sys/{path}"))
        except Missing:
            continue
        except Unavailable as error:
            if error.status != "denied":
                raise
            denied = True
    if not values:
        raise Unavailable(
            "denied" if denied else "failed", "no_keys", "/proc/sys ist nicht lesbar."
        )
    return Collected(Sysctl(**values), "keys_denied" if denied else None)


def parse_value(raw: bytes) -> int:
    """The one whole number a key holds. Raises Unavailable if there is none or are several."""
    try:
        return int(raw.decode("ascii"))
    except ValueError:
        hint = "Ein Schlüssel unter /proc/sys enthält keine Zahl."
        raise Unavailable("failed", "bad_value", hint) from None
