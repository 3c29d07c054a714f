"""The PAM stacks for logging in and for changing passwords, normalised.

`parse` is pure apart from the texts that `lines` reads. Hard-learned: half of the options of
pwquality, faillock and pwhistory stand in files of their own under /etc/security, where an
argument in the stack beats them, and pwquality reads its drop-ins before its main file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from verbundwacht_agent.host import Host
from verbundwacht_agent.probes.settings import drop_ins, optional
from verbundwacht_wire.facts.access import PamModule

_FOLDERS: Final = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d")
STACKS: Final = {
    "auth": ("common-auth", "system-auth", "password-auth"),
    "password": ("common-password", "system-auth", "password-auth"),
}
"""Type -> files that may hold the stack of all services, the first that exists counts."""

_CONFIGS: Final = {
    "pam_pwquality": "pwquality.conf",
    "pam_faillock": "faillock.conf",
    "pam_pwhistory": "pwhistory.conf",
}
_NUMBERS_WORDS: Final = """
    dcredit deny dictcheck difok enforcing fail_interval lcredit maxclassrepeat maxrepeat
    maxsequence minclass minlen ocredit remember retry root_unlock_time rounds ucredit unlock_time
    usercheck
"""
_FLAGS_WORDS: Final = """
    authfail authsucc blowfish bigcrypt enforce_for_root even_deny_root gost_yescrypt
    local_users_only md5 nullok nullok_secure obscure preauth sha256 sha512 try_first_pass
    use_authtok use_first_pass yescrypt
"""
_RESULTS_WORDS: Final = """
    abort acct_expired auth_err authinfo_unavail authtok_disable_aging authtok_err authtok_expired
    authtok_lock_busy authtok_recover_err bad_item buf_err conv_again conv_err cred_err
    cred_expired cred_insufficient cred_unavail default ignore incomplete maxtries module_unknown
    new_authtok_reqd no_module_data open_err perm_denied service_err session_err success symbol_err
    system_err try_again user_unknown
"""
_RESULTS: Final = frozenset(_RESULTS_WORDS.split())
_CONTROLS: Final = ("required", "requisite", "sufficient", "optional")
_EFFECT: Final = re.compile("[0-9]{1,3}|ignore|bad|die|ok|done|reset")
_NUMBERS: Final = frozenset(_NUMBERS_WORDS.split())
_FLAGS: Final = frozenset(_FLAGS_WORDS.split())
_LINE: Final = re.compile(r"-?(auth|password)\s+(\[[^\]]*\]|[a-z]+)\s+(\S+)\s*(.*)")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_VALUE: Final = re.compile(r"-?[0-9]{1,7}|never")
_SETTING: Final = re.compile(
    r"^[ \t]*([a-z_]+)[ \t]*(?:=[ \t]*(\S+))?[ \t]*(?:#.*)?$", re.MULTILINE
)
_DEPTH: Final = 8


def stack(host: Host, kind: str) -> tuple[PamModule, ...] | None:
    """The modules of one type in their order; None if the host has no such file."""
    for name in STACKS[kind]:
        text = _text(host, name)
        if text is not None:
            return parse(list(_lines(host, text, kind, 0)), _configs(host))
    return None


def _text(host: Host, name: str) -> str | None:
    texts = (optional(host, f"{folder}/{name}") for folder in _FOLDERS)
    return next((text for text in texts if text is not None), None)


def _configs(host: Host) -> dict[str, str]:
    """Text of the modules' own files, in the order in which their settings count."""
    found = {m: optional(host, f"/etc/security/{f}") or "" for m, f in _CONFIGS.items()}
    extra = drop_ins(host, "security/pwquality.conf.d", ("/etc",))
    found["pam_pwquality"] = "\n".join((*extra, found["pam_pwquality"]))
    return found


def _lines(host: Host, text: str, kind: str, depth: int) -> Iterator[str]:
    """Lines of one type with those of included files in their place. Source: pam.d(5)."""
    for whole in re.sub(r"\\\n", " ", text).split("\n"):
        line = whole.partition("#")[0].strip()
        include = re.fullmatch(r"@include\s+(\S+)|-?[a-z]+\s+(?:include|substack)\s+(\S+)", line)
        if include is None:
            if line.lstrip("-").startswith(kind):
                yield line
        elif depth < _DEPTH and (include[1] or line.lstrip("-").startswith(kind)):
            name = include[1] or include[2]
            inner = _text(host, name) if _NAME.fullmatch(name) else None
            yield from _lines(host, inner or "", kind, depth + 1)


def parse(lines: list[str], configs: Mapping[str, str]) -> tuple[PamModule, ...]:
    """Modules with the options of the two lists; all others may name users or hosts."""
    modules = []
    for line in lines:
        if found := _LINE.fullmatch(line):
            name = found[3].rpartition("/")[2].removesuffix(".so")
            name = name if _NAME.fullmatch(name) else "other"
            settings = _settings(configs.get(name, "")) | _arguments(found[4])
            options = (f"{key}={value}" if value else key for key, value in settings.items())
            control = parse_control(found[2])
            modules.append(PamModule(module=name, control=control, options=tuple(sorted(options))))
    return tuple(modules)


def parse_control(text: str) -> str:
    """What a module's answer does, in words of pam.d(5) only."""
    if not text.startswith("["):
        return text if text in _CONTROLS else "other"
    pairs = (pair.partition("=") for pair in text.strip("[] ").split())
    known = (f"{k}={v}" for k, _, v in pairs if k in _RESULTS and _EFFECT.fullmatch(v))
    return f"[{' '.join(known)}]"


def _settings(config: str) -> dict[str, str]:
    return _kept(_SETTING.findall(config))


def _arguments(text: str) -> dict[str, str]:
    return _kept((key, value) for key, _, value in (word.partition("=") for word in text.split()))


def _kept(pairs: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> dict[str, str]:
    return {
        key: value
        for key, value in pairs
        if (key in _NUMBERS and _VALUE.fullmatch(value)) or (key in _FLAGS and not value)
    }
