"""Sockets that listen, and which program holds them.

`parse_table`, `merge` and the address functions are pure. Hard-learned: the kernel prints
addresses in the byte order of the processor, ports not; and without SYS_PTRACE the owner of a
socket is simply not found, which looks like "nobody".
"""

import re
import socket
import sys
from typing import Final, Literal, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Listening
from verbundwacht_wire.facts.network import Socket

Proto = Literal["tcp", "udp"]
TABLES: Final[tuple[tuple[str, Proto], ...]] = (
    ("/proc/net/tcp", "tcp"),
    ("/proc/net/tcp6", "tcp"),
    ("/proc/net/udp", "udp"),
    ("/proc/net/udp6", "udp"),
)
_OPTIONAL: Final = ("/proc/net/tcp6", "/proc/net/udp6")  # missing where IPv6 is switched off
_LIMIT: Final = 64 * 1024 * 1024
_ROW: Final = re.compile(
    rb"^ *[0-9]+: ((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4}) [0-9A-F]+:0000 (0A|07) "
    rb"\S+ \S+ \S+ +[0-9]+ +[0-9]+ +([0-9]+) ",
    re.MULTILINE,
)
_STATE: Final = {"tcp": b"0A", "udp": b"07"}
_LOOPBACK: Final = re.compile(r"127\.|::1$|::ffff:127\.")
_MANAGER: Final = "systemd"  # holds the sockets of others until they start


class Row(NamedTuple):
    """One listening socket of the kernel's tables."""

    proto: Proto
    port: int
    address: str
    inode: int


def probe(host: Host) -> Collected:
    """All listening sockets; partial if some owner could not be looked up."""
    rows: list[Row] = []
    for path, proto in TABLES:
        try:
            rows += parse_table(host.read_bytes(path, _LIMIT), proto)
        except Missing:
            if path not in _OPTIONAL:
                raise
    ephemeral = parse_range(host.read_text("/proc/sys/net/ipv4/ip_local_port_range"))
    # Resolvers and time clients hold such ports for seconds; facts must be stable.
    rows = [row for row in rows if row.proto == "tcp" or row.port not in ephemeral]
    owners, denied = _owners(host, {row.inode for row in rows})
    # Kernel sockets (NFS) have no owner for anybody; only a closed door makes one unknown.
    unknown = denied and any(row.inode not in owners for row in rows)
    return Collected(merge(rows, owners), "programs_denied" if unknown else None)


def parse_table(table: bytes, proto: Proto) -> list[Row]:
    """Listening rows of one table of proc_pid_net(5). Raises Unavailable if it has no header."""
    if b"local_address" not in table:
        raise Unavailable("failed", "empty_output", "Eine Tabelle unter /proc/net ist leer.")
    return [
        Row(proto, int(port, 16), parse_address(address), int(inode))
        for address, port, state, inode in _ROW.findall(table)
        if state == _STATE[proto] and len(address) in (8, 32)
    ]


def parse_address(digits: bytes) -> str:
    """An IPv4 or IPv6 address out of 8 or 32 hexadecimal digits of the kernel."""
    raw = bytes.fromhex(digits.decode("ascii"))
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def parse_range(pair: str) -> range:
    """Ports the kernel hands to clients. Raises Unavailable if it is not two numbers."""
    found = re.fullmatch(r"\s*([0-9]{1,5})\s+([0-9]{1,5})\s*", pair)
    if found is None:
        raise Unavailable("failed", "bad_value", "ip_local_port_range enthält keine zwei Zahlen.")
    return range(int(found[1]), int(found[2]) + 1)


def merge(rows: list[Row], owners: dict[int, str]) -> Listening:
    """One entry per protocol, port and address, sorted; several owners give the first by name."""
    programs: dict[tuple[Proto, int, str], set[str]] = {}
    for row in rows:
        found = programs.setdefault((row.proto, row.port, row.address), set())
        if row.inode in owners:
            found.add(owners[row.inode])
    return Listening(
        sockets=tuple(
            Socket(
                proto=proto,
                port=port,
                address=address,
                exposed=_LOOPBACK.match(address) is None,
                program=min(names, key=_by_name, default=None),
            )
            for (proto, port, address), names in sorted(programs.items())
        )
    )


def _by_name(program: str) -> tuple[bool, str]:
    return program == _MANAGER, program


def _owners(host: Host, wanted: set[int]) -> tuple[dict[int, str], bool]:
    """Socket inode -> program name, and whether some process did not let us look."""
    owners: dict[int, str] = {}
    denied = False
    sockets = {f"socket:[{inode}]": inode for inode in wanted}
    for process in host.list_dir("/proc") if wanted else ():
        if not process.isdecimal():
            continue
        try:
            held = _held(host, process, sockets)
            program = host.read_text(f"/proc/{process}/comm").rstrip("\n") if held else ""
        except Missing:
            continue  # ended while we looked
        except Unavailable as error:
            denied = denied or error.status == "denied"
            continue
        for inode in held:
            owners[inode] = min(program, owners.get(inode, program), key=_by_name)
    return owners, denied


def _held(host: Host, process: str, sockets: dict[str, int]) -> set[int]:
    """Which of the wanted sockets a process has open."""
    held: set[int] = set()
    for descriptor in host.list_dir(f"/proc/{process}/fd"):
        try:
            target = host.read_link(f"/proc/{process}/fd/{descriptor}")
        except Missing:
            continue  # closed while we looked
        if target in sockets:
            held.add(sockets[target])
    return held
