"""Mandatory access control: AppArmor, SELinux, or nothing.

`parse_profiles`, `parse_lsm` and `judge` are pure. Hard-learned: a loaded profile in complain
mode stops nothing, the list of profiles opens for root and its group only, and SELinux that is
"permissive" until the next start is not the mode of the configuration.
"""

import re
from typing import Final, Literal

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import in_effect, optional
from verbundwacht_wire.facts import Mac
from verbundwacht_wire.facts.hardening import AppArmor, Selinux

_APPARMOR: Final = "/sys/module/apparmor"
_PROFILES: Final = "/sys/kernel/security/apparmor/profiles"
_SELINUX: Final = "/sys/fs/selinux"
_CONFIG: Final = "/etc/selinux/config"
_PROFILE: Final = re.compile(r"^.+ \(([a-z]+)\)$", re.MULTILINE)
_WORD: Final = re.compile("[a-z0-9_-]{1,32}")


def probe(host: Host) -> Collected:
    """What confines programs. Raises Unavailable if /sys cannot tell."""
    try:
        host.list_dir("/sys/kernel")
    except Missing:
        hint = "/sys ist nicht eingehängt; ohne es ist keine Aussage möglich."
        raise Unavailable("failed", "no_sysfs", hint) from None
    apparmor, reason = _apparmor(host)
    selinux = _selinux(host)
    lsm = optional(host, "/sys/kernel/security/lsm")
    body = Mac(
        active=judge(apparmor, selinux),
        lsm=parse_lsm(lsm) if lsm and lsm.strip() else None,
        apparmor=apparmor,
        selinux=selinux,
    )
    return Collected(body, reason)


def _apparmor(host: Host) -> tuple[AppArmor | None, str | None]:
    """AppArmor, None if the kernel lacks it; and why its profiles are not counted."""
    if not host.exists(_APPARMOR):
        return None, None
    if host.read_text(f"{_APPARMOR}/parameters/enabled").strip() != "Y":
        return AppArmor(enabled=False), None
    try:
        return parse_profiles(host.read_text(_PROFILES)), None
    except Missing:
        return AppArmor(enabled=True), "profiles_not_seen"
    except Unavailable as error:
        if error.status != "denied":
            raise
        return AppArmor(enabled=True), "profiles_not_seen"


def parse_profiles(text: str) -> AppArmor:
    """Loaded profiles by mode; names are not kept, because some are paths of users.

    An empty list is a true answer: AppArmor runs and confines nobody. Raises Unavailable
    `bad_output` for a line without a mode.
    """
    modes = _PROFILE.findall(text)
    if len(modes) != len(text.splitlines()):
        hint = "Die Liste der AppArmor-Profile hat ein unbekanntes Format."
        raise Unavailable("failed", "bad_output", hint)
    enforce = sum(mode in ("enforce", "kill") for mode in modes)
    complain = modes.count("complain")
    other = len(modes) - enforce - complain
    return AppArmor(enabled=True, enforce=enforce, complain=complain, other=other)


def _selinux(host: Host) -> Selinux | None:
    config = in_effect(optional(host, _CONFIG) or "")
    configured, policy = (_word(config.get(name, "")) for name in ("SELINUX", "SELINUXTYPE"))
    if host.exists(_SELINUX):
        enforce = optional(host, f"{_SELINUX}/enforce")
        if enforce is None:
            hint = "SELinux läuft, aber /sys/fs/selinux ist nicht eingehängt."
            raise Unavailable("failed", "selinux_not_mounted", hint)
        mode: Literal["enforcing", "permissive"] = (
            "enforcing" if enforce.strip() == "1" else "permissive"
        )
        return Selinux(mode=mode, configured=configured, policy=policy)
    if configured is None:
        return None
    return Selinux(mode="disabled", configured=configured, policy=policy)


def _word(value: str) -> str | None:
    word = value.strip().strip('"').lower()
    return word if _WORD.fullmatch(word) else None


def parse_lsm(text: str) -> tuple[str, ...]:
    """Names of the kernel's security modules in the order in which they are asked."""
    return tuple(word for word in text.strip().split(",") if _WORD.fullmatch(word))


def judge(
    apparmor: AppArmor | None, selinux: Selinux | None
) -> Literal["apparmor", "selinux", "none"]:
    """Which of the two works now; in neither case that it confines what it should."""
    if selinux is not None and selinux.mode != "disabled":
        return "selinux"
    return "apparmor" if apparmor is not None and apparmor.enabled else "none"
