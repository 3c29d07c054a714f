"""What several probes ask of configuration: optional files, drop-ins, units of systemd.

`in_effect` and `ini` are pure. Hard-learned: a drop-in in /etc hides the one of the same name in
/usr/lib, an empty one or a link to /dev/null hides it just as well, and the last name in the
alphabet wins whatever folder it lies in.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing

_FOLDERS: Final = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
"""Where programs of systemd look, the first wins. Source: systemd-system.conf(5)."""

_TARGETS: Final = ("multi-user", "sysinit", "basic", "graphical", "sockets", "timers")
_UNITS: Final = "/etc/systemd/system"
_GROUPS: Final = (
    "/sys/fs/cgroup/system.slice",
    "/sys/fs/cgroup/unified/system.slice",
    "/sys/fs/cgroup/systemd/system.slice",
)
_SETTING: Final = re.compile(r"^[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def optional(host: Host, path: str) -> str | None:
    """The text of a file, None if there is none. Raises Unavailable if it may not be read."""
    try:
        return host.read_text(path)
    except Missing:
        return None


def names(host: Host, folder: str, suffix: str = "") -> tuple[str, ...]:
    """Sorted names in a folder that end like this, none if there is no folder."""
    try:
        found = host.list_dir(folder)
    except Missing:
        return ()
    return tuple(name for name in found if name.endswith(suffix))


def file_text(host: Host, path: str) -> str:
    """The text of a file, "" if there is none or it is a link to /dev/null."""
    try:
        return host.read_text(path)
    except Missing:
        return ""
    except Unavailable as error:
        if error.reason != "not_a_file":
            raise
        return ""


def drop_ins(host: Host, folder: str, roots: tuple[str, ...] = _FOLDERS) -> Iterator[str]:
    """Texts of `<root>/<folder>/*.conf` by name; of equal names the first root's only."""
    paths: dict[str, str] = {}
    for root in roots:
        for name in names(host, f"{root}/{folder}", ".conf"):
            paths.setdefault(name, f"{root}/{folder}/{name}")
    for name in sorted(paths):
        yield file_text(host, paths[name])


def systemd_settings(host: Host, file: str) -> dict[str, str]:
    """Settings of a program of systemd in effect, names as written. file: `journald.conf`."""
    mains = (optional(host, f"{root}/systemd/{file}") for root in _FOLDERS)
    main = next((text for text in mains if text is not None), "")
    return in_effect(main, *drop_ins(host, f"systemd/{file}.d"))


def in_effect(*texts: str) -> dict[str, str]:
    """Settings out of texts in the order in which they are read: the last value wins.

    An empty value takes back what was set before, as systemd.syntax(7) has it.
    """
    values: dict[str, str] = {}
    for text in texts:
        values.update(ini(text))
    return {name: value for name, value in values.items() if value}


def ini(text: str) -> Mapping[str, str]:
    """`Name=value` lines of a file; lines with # or ; in front are comments."""
    return dict(_SETTING.findall(text))


def enabled(host: Host, *units: str) -> bool:
    """True if one of these units starts with the machine: some target wants it."""
    return any(
        host.exists(f"{_UNITS}/{target}.target.wants/{unit}")
        for target in _TARGETS
        for unit in units
    )


def running(host: Host, *units: str) -> bool | None:
    """True if one of these units has processes; None where systemd does not run the machine.

    A running unit has a control group: one look, where `systemctl is-active` costs 5 ms each.
    """
    if not host.exists("/run/systemd/system"):
        return None
    for folder in _GROUPS:
        if host.exists(folder):
            return any(host.exists(f"{folder}/{unit}") for unit in units)
    return None
