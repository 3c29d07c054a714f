"""Where rsyslog sends log entries, out of its configuration. Both of its grammars.

Pure. Hard-learned: one `@` is UDP and two are TCP, a filter in front of an action may keep most
of the log at home, and TLS is asked for in three different places.
"""

import re
from typing import Final

from verbundwacht_wire.facts.records import Forward

_COMMENT: Final = re.compile(r"^[ \t]*#.*$|[ \t]#(?![^\"\n]*\"[^\"\n]*$).*$", re.MULTILINE)
_INCLUDE: Final = re.compile(r"^[ \t]*\$IncludeConfig[ \t]+(/\S+)", re.MULTILINE | re.IGNORECASE)
_INCLUDE_NEW: Final = re.compile(r"\binclude\s*\(\s*file\s*=\s*\"(/[^\"]+)\"", re.IGNORECASE)
_ACTION: Final = re.compile(r"\baction\s*\(((?:[^()\"]|\"[^\"]*\")*)\)", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"([A-Za-z.]+)\s*=\s*\"([^\"]*)\"")
_OLD: Final = re.compile(
    r"^[ \t]*(\S[^\n]*?)[ \t]+-?(@@?)(?:\([^)\n]*\))?[\[A-Za-z0-9]", re.MULTILINE
)
_OLD_RELP: Final = re.compile(r"^[ \t]*(\S[^\n]*?)[ \t]+:omrelp:", re.MULTILINE)
_OLD_TLS: Final = re.compile(
    r"^\s*\$ActionSendStreamDriverMode\s+1\b", re.MULTILINE | re.IGNORECASE
)
_DRIVER: Final = re.compile(
    r"^\s*\$DefaultNetstreamDriver\s+(?:gtls|ossl)\b"
    r"|DefaultNetstreamDriver\s*=\s*\"(?:gtls|ossl)\"",
    re.MULTILINE | re.IGNORECASE,
)
_REMOTE: Final = {
    "omfwd": "udp", "omrelp": "relp", "omhttp": "http", "omkafka": "kafka",
    "omelasticsearch": "http", "omgssapi": "gssapi",
}  # fmt: skip
"""Modules that send over the network, and how if nothing else is said."""


def includes(config: str) -> list[str]:
    """Absolute patterns of files that this one takes in, in their order."""
    text = _COMMENT.sub("", config)
    return [*_INCLUDE.findall(text), *_INCLUDE_NEW.findall(text)]


def forwards(configs: list[str]) -> list[Forward]:
    """Every action that sends to another host; targets are not kept. Source: rsyslog.conf(5)."""
    text = "\n".join(_COMMENT.sub("", config) for config in configs)
    driver = _DRIVER.search(text) is not None
    return [*_new(text, driver=driver), *_old(text, driver=driver)]


def _new(text: str, *, driver: bool) -> list[Forward]:
    found: list[Forward] = []
    for action in _ACTION.finditer(text):
        given = {name.lower(): value.lower() for name, value in _PARAMETER.findall(action[1])}
        module = given.get("type", "")
        if module not in _REMOTE:
            continue
        protocol = given.get("protocol", _REMOTE[module]) if module == "omfwd" else _REMOTE[module]
        found.append(
            Forward(
                via="rsyslog",
                protocol=protocol if protocol in ("tcp", *_REMOTE.values()) else "udp",
                encrypted=_is_safe(module, given, driver=driver),
                everything=_is_unfiltered(text[: action.start()]),
            )
        )
    return found


def _is_safe(module: str, given: dict[str, str], *, driver: bool) -> bool:
    """True if the action demands TLS or Kerberos."""
    match module:
        case "omfwd":
            has_driver = given.get("streamdriver", "") in ("gtls", "ossl") or driver
            tcp = given.get("protocol") == "tcp"
            return tcp and has_driver and given.get("streamdrivermode") == "1"
        case "omrelp":
            return given.get("tls") == "on"
        case "omhttp" | "omelasticsearch":
            return given.get("usehttps") == "on" or given.get("server", "").startswith("https:")
    return module == "omgssapi"


def _is_unfiltered(before: str) -> bool:
    """True if an action after this text gets every entry: no selector, no block, no condition."""
    selector = before.rpartition("\n")[2].strip()
    inside = before.count("{") > before.count("}")
    ends = re.search(r"\b(?:then|else)\s*$", before) is not None
    return selector in ("", "*.*") and not inside and not ends


def _old(text: str, *, driver: bool) -> list[Forward]:
    safe = driver and _OLD_TLS.search(text) is not None
    found: list[Forward] = []
    everything = False
    for line in re.findall(r"^[^\n]+$", text, re.MULTILINE):
        one, relp = _OLD.match(line), _OLD_RELP.match(line)
        match = one or relp
        selector = match[1].strip() if match else line.split()[0] if line.split() else ""
        # `&` repeats the selector of the line before.
        if selector != "&":
            everything = selector == "*.*"
        if match is None or selector.startswith(("$", "module", "action")):
            continue
        protocol = "relp" if one is None else ("tcp" if one[2] == "@@" else "udp")
        found.append(
            Forward(
                via="rsyslog",
                protocol=protocol,
                encrypted=safe and protocol == "tcp",
                everything=everything,
            )
        )
    return found
