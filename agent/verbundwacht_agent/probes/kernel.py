"""Running kernel, newest installed kernel, and whether a restart is due.

`parse_boot_time`, `compare`, `newest` and `judge` are pure. Hard-learned: kernels sort by number
(6.1.0-9 is older than 6.1.0-10), only kernels of one flavour (`-amd64`, `-generic`) can be
compared, and a container runs its host's kernel whatever lies in its own /boot.
"""

import re
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Kernel

_FLAGS: Final = ("/run/reboot-required", "/var/run/reboot-required")
_MARKERS: Final = ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")
_IMAGE: Final = "vmlinuz-"
_NOT_IMAGES: Final = (".old", ".bak", ".dpkg-tmp", ".dpkg-new", ".dpkg-bak", ".hmac")
_FLAVOUR: Final = re.compile(r"(.+?)-([A-Za-z].*)")
_PART: Final = re.compile(r"[0-9]+|[^0-9]+")


def probe(host: Host) -> Collected:
    """What runs and what would run after a restart. Raises Unavailable if that is hidden."""
    running = host.read_text("/proc/sys/kernel/osrelease").strip()
    if not running:
        raise Unavailable("failed", "empty_output", "/proc/sys/kernel/osrelease ist leer.")
    container = _in_container(host)
    try:
        images, reason = installed(host.list_dir("/boot")), None
    except Missing:
        images, reason = (), None
    except Unavailable as error:
        if error.status != "denied":
            raise
        images, reason = (), "boot_denied"
    # What lies in a container's /boot never boots.
    candidate, outdated = (None, None) if container else judge(running, images)
    body = Kernel(
        running=running,
        booted=parse_boot_time(host.read_text("/proc/stat")),
        container=container,
        reboot_required=any(host.exists(flag) for flag in _FLAGS),
        newest_installed=candidate,
        outdated=outdated,
    )
    return Collected(body, reason)


def _in_container(host: Host) -> bool:
    """True in a container. Raises Unavailable if nothing readable can tell.

    kthreadd is process 2 wherever the kernel is one's own; a marker file alone proves little,
    because images of machines are made from images of containers. systemd(1) writes
    /run/systemd/container at boot; at last the environment of process 1 decides.
    """
    if _is_kernel_visible(host):
        return False
    if any(host.exists(marker) for marker in _MARKERS):
        return True
    if host.exists("/run/systemd/system"):
        return False
    try:
        environment = host.read_bytes("/proc/1/environ")
    except Missing:
        hint = "/proc ist mit hidepid eingehängt; die ausgelieferte systemd-Unit verwenden."
        raise Unavailable("denied", "process_hidden", hint) from None
    return any(entry.startswith(b"container=") for entry in environment.split(b"\0"))


def _is_kernel_visible(host: Host) -> bool:
    try:
        return host.read_bytes("/proc/2/comm") == b"kthreadd\n"
    except Unavailable:
        return False


def parse_boot_time(stat: str) -> datetime:
    """When the kernel started, from `btime` in proc_stat(5). Raises Unavailable without it."""
    found = re.search(r"^btime (\d{1,11})$", stat, re.MULTILINE)
    if found is None:
        raise Unavailable("failed", "no_boot_time", "In /proc/stat fehlt die Zeile btime.")
    return datetime.fromtimestamp(int(found[1]), UTC)


def installed(names: tuple[str, ...]) -> tuple[str, ...]:
    """Kernel releases whose image lies in /boot; back-ups and rescue images do not count."""
    return tuple(
        name.removeprefix(_IMAGE)
        for name in names
        if name.startswith(_IMAGE) and not name.endswith(_NOT_IMAGES) and "-rescue-" not in name
    )


def judge(running: str, images: tuple[str, ...]) -> tuple[str | None, bool | None]:
    """Newest installed kernel, and whether it is newer than the running one.

    Kernels of the running flavour go first; without one there is nothing to compare: None.
    """
    flavour = _flavour(running)
    # A stray -rt or -cloud kernel beside the running one is no newer version of it.
    same = [image for image in images if _flavour(image) == flavour]
    if not same:
        return newest(images), None
    best = newest(tuple(same))
    assert best is not None  # `same` is not empty
    return best, compare(best, running) > 0


def newest(images: tuple[str, ...]) -> str | None:
    """The highest release by version, None without any."""
    return max(images, key=cmp_to_key(compare), default=None)


def compare(left: str, right: str) -> int:
    """Negative, 0 or positive like strcmp, numbers as numbers; `~` sorts before the end."""
    for one, other in zip(_key(left), _key(right), strict=False):
        if one != other:
            return -1 if one < other else 1
    return len(_key(left)) - len(_key(right))


def _key(release: str) -> list[tuple[int, int, str]]:
    """Comparable parts, closed by an end mark that sorts after `~` and before anything else."""
    return [*map(_part, _PART.findall(release)), (1, 0, "")]


def _part(part: str) -> tuple[int, int, str]:
    if part[0] in "0123456789":
        digits = part.lstrip("0")
        return 2, len(digits), digits  # longer is larger, without the cost and limits of int()
    return 0 if part[0] == "~" else 1, 0, part


def _flavour(release: str) -> str:
    """`amd64` of 6.1.0-10-amd64; empty if the release names none."""
    found = _FLAVOUR.fullmatch(release)
    return found[2] if found else ""
