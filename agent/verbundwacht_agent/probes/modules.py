"""Kernel modules that servers hardly need, lockdown, boot parameters, flaws of the processors.

All parsers and tables are pure. Hard-learned: `blacklist` only keeps a module from loading by
itself, `install … /bin/false` blocks it; the boot line may hold passwords, so only words of the
tables leave the host; and /proc/modules is missing where a kernel cannot load any.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import drop_ins, names, optional
from verbundwacht_wire.facts import Modules

_RARE_WORDS: Final = """
    afs appletalk ax25 bluetooth btusb can cifs cramfs dccp exfat firewire_core firewire_ohci
    firewire_sbp2 floppy freevxfs gfs2 hfs hfsplus jffs2 ksmbd n_hdlc netrom nfsd ntfs3 p8022
    psnap rds rose sctp squashfs thunderbolt tipc udf uas usb_storage uvcvideo x25
"""
RARE: Final = frozenset(_RARE_WORDS.split())
"""Drivers of removable media, rare file systems and rare protocols."""

_WEAKENING_WORDS: Final = """
    apparmor=0 audit=0 debugfs=on enforcing=0 init_on_alloc=0 init_on_free=0 kpti=0 l1tf=off
    lockdown=none mds=off mitigations=off mmio_stale_data=off module.sig_enforce=0 nokaslr
    nopti nosmap nosmep nospectre_v1 nospectre_v2 pti=off retbleed=off security=none selinux=0
    slab_merge spec_rstack_overflow=off spec_store_bypass_disable=off spectre_v2=off srbds=off
    systemd.debug_shell systemd.debug-shell systemd.debug_shell=1 systemd.debug-shell=1
    tsx=on tsx_async_abort=off vsyscall=emulate vsyscall=xonly
"""
_WEAKENING: Final = frozenset(_WEAKENING_WORDS.split())
_HARDENING_WORDS: Final = """
    apparmor=1 audit=1 debugfs=no-mount debugfs=off enforcing=1 init_on_alloc=1 init_on_free=1
    iommu=force kpti=1 l1tf=full,force lockdown=confidentiality lockdown=integrity
    mds=full,nosmt mitigations=auto,nosmt module.sig_enforce module.sig_enforce=1 nosmt
    nosmt=force page_alloc.shuffle=1 pti=on randomize_kstack_offset=1 randomize_kstack_offset=on
    security=apparmor security=selinux selinux=1 slab_nomerge spec_store_bypass_disable=on
    spectre_v2=on tsx=off vsyscall=none
"""
_HARDENING: Final = frozenset(_HARDENING_WORDS.split())
_STARTS: Final = ("init=", "rdinit=")
"""Told without their value: another first program than the system's own."""

_FLAWS: Final = "/sys/devices/system/cpu/vulnerabilities"
_FOLDERS: Final = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")  # modprobe.d(5)
_BLOCK: Final = re.compile(
    r"^[ \t]*install[ \t]+(\S+)[ \t]+(?:/usr)?/s?bin/(?:true|false)\b", re.MULTILINE
)
_CHOSEN: Final = re.compile(r"\[([a-z]{1,20})\]")
_NAME: Final = re.compile("[a-z0-9_]{1,40}")


class Flaws(NamedTuple):
    """Names of processor flaws by how they stand; those that are not there are left out."""

    vulnerable: tuple[str, ...]
    mitigated: tuple[str, ...]
    undetermined: tuple[str, ...]


def probe(host: Host) -> Collected:
    """The kernel's doors. Raises Unavailable if the boot line is not there."""
    try:
        weakening, hardening = parse_boot_line(host.read_text("/proc/cmdline"))
    except Missing:
        raise Unavailable("failed", "no_boot_line", "/proc/cmdline fehlt.") from None
    table = optional(host, "/proc/modules")
    disabled = optional(host, "/proc/sys/kernel/modules_disabled")
    enforced = optional(host, "/sys/module/module/parameters/sig_enforce")
    flaws = parse_flaws(_flaws(host))
    body = Modules(
        loadable=table is not None and (disabled or "").strip() != "1",
        loaded=parse_modules(table or ""),
        blocked=parse_blocked(drop_ins(host, "modprobe.d", _FOLDERS)),
        weakening=weakening,
        hardening=hardening,
        signed_only=None if enforced is None else enforced.strip() in ("Y", "1"),
        lockdown=parse_lockdown(optional(host, "/sys/kernel/security/lockdown") or ""),
        vulnerable=flaws.vulnerable if flaws else None,
        mitigated=flaws.mitigated if flaws else None,
        undetermined=flaws.undetermined if flaws else None,
    )
    return Collected(body)


def _flaws(host: Host) -> dict[str, str]:
    return {name: optional(host, f"{_FLAWS}/{name}") or "" for name in names(host, _FLAWS)}


def parse_modules(table: str) -> tuple[str, ...]:
    """Modules of the list that /proc/modules names, sorted. Source: proc_modules(5)."""
    loaded = {line.partition(" ")[0] for line in table.split("\n")}
    return tuple(sorted(loaded & RARE))


def parse_blocked(configs: Iterable[str]) -> tuple[str, ...]:
    """Modules of the list that modprobe is told never to load, sorted. Source: modprobe.d(5)."""
    found = {name.replace("-", "_") for config in configs for name in _BLOCK.findall(config)}
    return tuple(sorted(found & RARE))


def parse_boot_line(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what weakens, what hardens): words of the two tables, sorted; nothing else is kept.

    What follows `--` belongs to the first program. Source: kernel-command-line(7).
    """
    words = set(line.partition(" -- ")[0].split())
    starts = {start for start in _STARTS if any(word.startswith(start) for word in words)}
    return tuple(sorted(words & _WEAKENING | starts)), tuple(sorted(words & _HARDENING))


def parse_lockdown(text: str) -> str | None:
    """The word in brackets, None where the kernel has no lockdown."""
    found = _CHOSEN.search(text)
    return found[1] if found else None


def parse_flaws(texts: dict[str, str]) -> Flaws | None:
    """Names by state; None if the kernel tells nothing. texts: name -> content of its file."""
    states: dict[str, list[str]] = {"vulnerable": [], "mitigated": [], "undetermined": []}
    for name, text in sorted(texts.items()):
        if _NAME.fullmatch(name) and (state := _state(text.strip())):
            states[state].append(name)
    return Flaws(*(tuple(found) for found in states.values())) if texts else None


def _state(text: str) -> str:
    """One of the states, "" if this processor does not have the flaw."""
    text = text.removeprefix("KVM: ").removeprefix("Processor ").lower()
    if text.startswith("not affected"):
        return ""
    if text.startswith("mitigation"):
        return "mitigated"
    return "vulnerable" if text.startswith("vulnerable") else "undetermined"
