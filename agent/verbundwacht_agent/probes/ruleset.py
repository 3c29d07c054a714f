"""What a ruleset of nftables does, out of `nft -j list ruleset`.

Pure. Hard-learned: a policy of "accept" says nothing (firewalld rejects with its last rule), a
policy of "drop" in one table cannot be undone by an "accept" in another, and counters, handles
and the elements of sets change all the time.
"""

import hashlib
import json
from typing import Any, Final, Literal, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_wire.facts.hardening import Hook

_VOLATILE: Final = ("f2b-", "KUBE-", "cali-", "CILIUM_", "sshg-")
_NEUTRAL: Final = ("counter", "log", "mangle", "notrack")
_VERDICTS: Final = ("accept", "drop", "reject", "return", "jump", "goto")
_XT_REJECT: Final = {"type": "target", "name": "REJECT"}
_XT_NEUTRAL: Final = (
    {"type": "match", "name": "comment"},
    {"type": "target", "name": "LOG"},
    {"type": "target", "name": "NFLOG"},
)
_DEPTH: Final = 16
_FAMILIES: Final = {"ipv4": ("ip", "inet"), "ipv6": ("ip6", "inet")}

Version = Literal["ipv4", "ipv6"]
ChainKey = tuple[str, str, str]  # family, table, chain
Expressions = list[dict[str, Any]]


class Ruleset(NamedTuple):
    """Base chains, and the rules of every chain in their order."""

    base: dict[ChainKey, dict[str, Any]]
    rules: dict[ChainKey, list[Expressions]]


EMPTY: Final = Ruleset({}, {})


def parse(output: str) -> Ruleset:
    """The ruleset, without what changes by itself. Raises Unavailable `bad_output`.

    Source: libnftables-json(5).
    """
    try:
        objects = json.loads(output)["nftables"]
        if not any("metainfo" in entry for entry in objects):
            raise _unknown()
        chains = [entry["chain"] for entry in objects if "chain" in entry]
        rules: dict[ChainKey, list[Expressions]] = {_key(c, "name"): [] for c in chains}
        for entry in objects:
            if "rule" in entry and not _is_volatile(entry["rule"]):
                rules[_key(entry["rule"], "chain")].append(_stable(entry["rule"]["expr"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _unknown() from None
    kept = {key: listed for key, listed in rules.items() if not _written_by_services(key)}
    base = {_key(c, "name"): c for c in chains if "hook" in c and _key(c, "name") in kept}
    return Ruleset(base, kept)


def _unknown() -> Unavailable:
    hint = "nft -j list ruleset von Hand aufrufen; Version von nftables prüfen."
    return Unavailable("failed", "bad_output", hint)


def _key(entry: dict[str, Any], chain: str) -> ChainKey:
    return str(entry["family"]), str(entry["table"]), str(entry[chain])


def _written_by_services(key: ChainKey) -> bool:
    return key[2].startswith(_VOLATILE) or key[1].startswith(_VOLATILE)


def _is_volatile(rule: dict[str, Any]) -> bool:
    """True for a jump into a chain that a service rewrites; it comes with the first ban."""
    return any(str(_target(part)).startswith(_VOLATILE) for part in rule["expr"])


def _target(part: dict[str, Any]) -> str | None:
    for verdict in ("jump", "goto"):
        if isinstance(part.get(verdict), dict):
            return str(part[verdict].get("target"))
    return None


def _stable(parts: Expressions) -> Expressions:
    if not all(isinstance(part, dict) for part in parts):
        raise TypeError
    return [{"counter": None} if "counter" in part else part for part in parts]


def hooks(ruleset: Ruleset) -> tuple[Hook, ...]:
    """Base chains, sorted."""
    found = [
        Hook(
            family=family,
            table=table,
            hook=str(chain["hook"]),
            type=str(chain.get("type", "")),
            priority=chain["prio"] if isinstance(chain.get("prio"), int) else 0,
            policy=str(chain.get("policy", "accept")),
            rules=len(ruleset.rules[family, table, name]),
        )
        for (family, table, name), chain in sorted(ruleset.base.items())
    ]
    return tuple(sorted(found, key=lambda hook: (hook.family, hook.hook, hook.priority)))


def count(ruleset: Ruleset) -> int:
    """Number of rules."""
    return sum(len(listed) for listed in ruleset.rules.values())


def digest(ruleset: Ruleset) -> str:
    """SHA-256 in hexadecimal; the order of chains does not count, that of rules does."""
    policies = [(*key, chain.get("policy")) for key, chain in sorted(ruleset.base.items())]
    whole = json.dumps([policies, sorted(ruleset.rules.items())], sort_keys=True)
    return hashlib.sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()


def drops(ruleset: Ruleset, version: Version) -> bool:
    """True if an incoming packet that no rule matches is dropped or rejected."""
    return any(
        _fate(ruleset, key, version, 0) is True
        or (_fate(ruleset, key, version, 0) is None and chain.get("policy") == "drop")
        for key, chain in ruleset.base.items()
        if chain["hook"] == "input" and chain.get("type") == "filter"
        and key[0] in _FAMILIES[version]
    )  # fmt: skip


def _fate(ruleset: Ruleset, key: ChainKey, version: Version, depth: int) -> bool | None:
    """What a chain does to a packet that matches nothing: drop, let pass, None: go back."""
    if depth > _DEPTH:
        return None
    for parts in ruleset.rules.get(key, []):
        verdict = _verdict(parts, version)
        if verdict in ("drop", "reject"):
            return True
        if verdict == "accept":
            return False
        if verdict == "return":
            return None
        target = next(filter(None, map(_target, parts)), None)
        if verdict in ("jump", "goto") and target is not None:
            fate = _fate(ruleset, (key[0], key[1], target), version, depth + 1)
            if fate is not None or verdict == "goto":
                return fate
    return None


def _verdict(parts: Expressions, version: Version) -> str | None:
    """The verdict of a rule without conditions, None for one with any."""
    verdict = None
    for part in parts:
        for name, value in part.items():
            # Rules of iptables: some targets come under the name of their extension only.
            if value == _XT_REJECT or name in _VERDICTS:
                verdict = "reject" if name == "xt" else name
            elif value in _XT_NEUTRAL:
                continue
            elif name not in _NEUTRAL and not _is_about(value, version):
                return None
    return verdict


def _is_about(match: Any, version: Version) -> bool:
    """True for `meta nfproto ipv4` and the like: holds for every packet of this version."""
    return bool(
        isinstance(match, dict)
        and match.get("left") == {"meta": {"key": "nfproto"}}
        and match.get("op") == "=="
        and match.get("right") == version
    )
