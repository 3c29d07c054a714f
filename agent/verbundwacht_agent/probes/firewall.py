"""The packet filter: what it does now, and who sets it up at the next start.

`refusal` and the parsers are pure; what the rules do is in `ruleset.py`. Hard-learned: a firewall
that is "active" need not drop anything, tables of the old iptables are invisible to nft, and
without the program nothing is known unless the kernel has no packet filter loaded at all.
"""

import re
from typing import Final, Literal

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed, Host, Missing, content
from verbundwacht_agent.probes import ruleset
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import enabled, in_effect, optional
from verbundwacht_wire.facts import Firewall
from verbundwacht_wire.facts.hardening import FirewallManager

LIST: Final = ("nft", "-j", "list", "ruleset")
_LEGACY: Final = {
    "ipv4": "/proc/net/ip_tables_names",
    "ipv6": "/proc/net/ip6_tables_names",
}
_NO_KERNEL: Final = ("Protocol not supported", "Operation not supported")
_TABLE: Final = re.compile("[a-z0-9_-]{1,32}")
_ZONE: Final = re.compile("[A-Za-z0-9_-]{1,32}")
_TARGET: Final = re.compile(r"<zone\b[^>]*\btarget=\"([^\"]*)\"")
_INPUT: Final = re.compile(r"^:INPUT (ACCEPT|DROP)\b", re.MULTILINE)

Policy = Literal["accept", "drop", "reject"]
_POLICIES: Final[dict[str, Policy]] = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "reject",
    "%%REJECT%%": "reject",
    "default": "reject",
}


def probe(host: Host) -> Collected:
    """The rules in the kernel and the files they come from. Raises Unavailable."""
    legacy = {version: _legacy(host, path) for version, path in _LEGACY.items()}
    rules = _rules(host)
    unseen = {version for version, tables in legacy.items() if "filter" in tables}
    drops = {
        version: True if found else (None if version in unseen else False)
        for version, found in (
            ("ipv4", ruleset.drops(rules, "ipv4")),
            ("ipv6", ruleset.drops(rules, "ipv6")),
        )
    }
    body = Firewall(
        hooks=ruleset.hooks(rules),
        rules=ruleset.count(rules),
        digest=ruleset.digest(rules),
        legacy_tables=tuple(sorted(set(legacy["ipv4"]) | set(legacy["ipv6"]))),
        managers=_managers(host),
        drops_ipv4=drops["ipv4"],
        drops_ipv6=drops["ipv6"],
    )
    return Collected(body, "legacy_not_seen" if body.legacy_tables else None)


def _legacy(host: Host, path: str) -> tuple[str, ...]:
    """Tables of the old iptables that are in the kernel."""
    try:
        if path.rpartition("/")[2] not in host.list_dir("/proc/net"):
            return ()
    except Missing:
        raise Unavailable("failed", "no_proc_net", "/proc ist nicht eingehängt.") from None
    return tuple(name for name in host.read_text(path).split("\n") if _TABLE.fullmatch(name))


def _rules(host: Host) -> ruleset.Ruleset:
    try:
        done = host.run(LIST)
    except Missing:
        if _no_filter_loaded(host):
            return ruleset.EMPTY
        hint = "Paket nftables installieren: Ohne nft sind die Regeln nicht lesbar."
        raise Unavailable("failed", "no_nft", hint) from None
    if done.code != 0 and any(part in done.message for part in _NO_KERNEL):
        return ruleset.EMPTY
    if done.code != 0:
        raise refusal(done)
    return ruleset.parse(content(done))


def _no_filter_loaded(host: Host) -> bool:
    """True if nf_tables is a module of this kernel's and not loaded: then it has no rules."""
    table = optional(host, "/proc/modules")
    return bool(table) and not re.search("^nf_tables ", table or "", re.MULTILINE)


def refusal(done: Completed) -> Unavailable:
    """Why nft refused, out of what it wrote to standard error."""
    if "Operation not permitted" in done.message or "Permission denied" in done.message:
        hint = "Regeln sind nur mit den Rechten der systemd-Unit (oder als root) lesbar."
        return Unavailable("denied", "firewall_denied", hint)
    return Unavailable("failed", "exit_code", "nft list ruleset von Hand aufrufen und prüfen.")


def _managers(host: Host) -> tuple[FirewallManager, ...]:
    """Programs whose configuration is there, sorted by name."""
    found = (_firewalld(host), _iptables(host), _nftables(host), _ufw(host))
    return tuple(manager for manager in found if manager is not None)


def _firewalld(host: Host) -> FirewallManager | None:
    config = optional(host, "/etc/firewalld/firewalld.conf")
    if config is None:
        return None
    zone = in_effect(config).get("DefaultZone", "public")
    paths = (f"{folder}/firewalld/zones/{zone}.xml" for folder in ("/etc", "/usr/lib"))
    texts = (optional(host, path) for path in paths if _ZONE.fullmatch(zone))
    text = next((text for text in texts if text is not None), None)
    policy = None if text is None else parse_zone(text)
    on = enabled(host, "firewalld.service")
    return FirewallManager(name="firewalld", enabled=on, default_input=policy)


def parse_zone(text: str) -> Policy | None:
    """What a zone does with a packet that nothing in it matches. Source: firewalld.zone(5)."""
    found = _TARGET.search(text)
    return _POLICIES.get(found[1] if found else "default")


def _iptables(host: Host) -> FirewallManager | None:
    texts = (optional(host, path) for path in ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"))
    text = next((text for text in texts if text is not None), None)
    if text is None:
        return None
    found = _INPUT.search(text)
    on = enabled(host, "netfilter-persistent.service", "iptables.service")
    policy = _POLICIES[found[1]] if found else None
    return FirewallManager(name="iptables", enabled=on, default_input=policy)


def _nftables(host: Host) -> FirewallManager | None:
    if not any(
        host.exists(path) for path in ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")
    ):
        return None
    return FirewallManager(name="nftables", enabled=enabled(host, "nftables.service"))


def _ufw(host: Host) -> FirewallManager | None:
    config = optional(host, "/etc/ufw/ufw.conf")
    if config is None:
        return None
    on = in_effect(config).get("ENABLED", "").lower() == "yes"
    defaults = in_effect(optional(host, "/etc/default/ufw") or "")
    policy = _POLICIES.get(defaults.get("DEFAULT_INPUT_POLICY", "").strip('"').upper())
    return FirewallManager(name="ufw", enabled=on, default_input=policy)
