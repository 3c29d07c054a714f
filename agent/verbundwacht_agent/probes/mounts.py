"""Mounted file systems of process 1.

`parse_mountinfo` is pure. Always process 1: in the unit's sandbox the own table shows `/` as
read-only and a private `/tmp`. Hard-learned: with hidepid the folder of process 1 does not look
denied but missing.
"""

import re
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing, text
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Mounts
from verbundwacht_wire.facts.system import Mount

_KERNEL: Final = frozenset(
    b"autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs"
    b" fuse.lxcfs fusectl hugetlbfs mqueue nsfs proc pstore rpc_pipefs securityfs selinuxfs"
    b" sysfs tracefs".split()
)
"""File systems without files of anybody."""

_BELOW: Final = (
    b"/home/", b"/media/", b"/run/media/", b"/run/user/",
)  # fmt: skip
"""Mounts below these belong to ordinary users and may be named after them."""

_WITHIN: Final = (
    b"/proc/", b"/sys/",
    b"/run/containerd/", b"/run/credentials/", b"/run/docker/", b"/run/host/", b"/snap/",
    b"/var/lib/containerd/", b"/var/lib/containers/", b"/var/lib/docker/", b"/var/lib/kubelet/",
    b"/var/lib/lxcfs/", b"/var/snap/",
)  # fmt: skip
"""The kernel's own trees, and layers of containers and images, which come and go with them."""

_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


def probe(host: Host) -> Collected:
    """What process 1 sees. Raises Unavailable if its table is hidden or unreadable."""
    try:
        table = host.read_bytes("/proc/1/mountinfo")
    except Missing:
        hint = "/proc ist mit hidepid eingehängt; die ausgelieferte systemd-Unit verwenden."
        raise Unavailable("denied", "process_hidden", hint) from None
    return Collected(parse_mountinfo(table))


def parse_mountinfo(table: bytes) -> Mounts:
    """The visible mount of every path that matters, sorted by path.

    Of several mounts on one path only the last counts: it covers the others.
    Raises Unavailable if the table is empty or a line is not one of proc_pid_mountinfo(5).
    """
    if not table.strip():
        raise Unavailable("failed", "empty_output", "/proc/1/mountinfo ist leer.")
    visible: dict[bytes, tuple[bytes, bytes]] = {}
    for line in filter(None, table.split(b"\n")):  # a path may hold a carriage return
        fields = line.split(b" ")
        try:
            # The number of optional fields before the dash varies from mount to mount.
            separator = fields.index(b"-", 6)
            visible[_unescape(fields[4])] = (fields[separator + 1], fields[5])
        except (ValueError, IndexError):
            raise Unavailable("failed", "bad_mountinfo", "") from None
    return Mounts(
        points=tuple(
            Mount(
                path=text(path),
                fstype=text(fstype),
                options=tuple(sorted(text(options).split(","))),
            )
            for path, (fstype, options) in sorted(visible.items())
            if _matters(path, fstype)
        )
    )


def _matters(path: bytes, fstype: bytes) -> bool:
    if fstype in _KERNEL or path.startswith(_BELOW):
        return False
    return not (path + b"/").startswith(_WITHIN)


def _unescape(path: bytes) -> bytes:
    r"""Octal escapes resolved: a blank is \040 in the table."""
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), path)
