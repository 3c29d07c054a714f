"""Who may become root by sudo.

`parse` is pure; the grammar is in `sudoers.py`. Hard-learned: files in an @includedir whose name
has a dot or ends in ~ do not count, a file that others may write is refused by sudo but still a
door, and rules in a directory (LDAP, SSSD) are in none of these files.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import names, optional
from verbundwacht_agent.probes.sudoers import Aliases, Defaults, Spec, logical_lines, read_line
from verbundwacht_wire.facts import Sudo

BINARIES: Final = ("/usr/bin/sudo", "/usr/local/bin/sudo", "/bin/sudo")
_MAIN: Final = "/etc/sudoers"
_DEPTH: Final = 16
_INCLUDE: Final = re.compile(r"[@#](include|includedir)\s+(.+)")
_DIRECTORY: Final = re.compile(r"^sudoers:.*\b(sss|ldap)\b", re.MULTILINE)
_OTHER_PASSWORD: Final = ("rootpw", "targetpw", "runaspw")
_LOGS: Final = ("logfile", "log_input", "log_output")


class _File(NamedTuple):
    lines: list[str]
    loose: bool


def probe(host: Host) -> Collected:
    """What sudo allows. Raises Unavailable; `absent` only if sudo is not installed."""
    if not any(host.exists(binary) for binary in BINARIES):
        raise Unavailable("absent", "no_sudo", "")
    try:
        files = list(_files(host, _MAIN, 0))
    except Missing:
        hint = "/etc/sudoers fehlt, obwohl sudo installiert ist: Paket sudo neu einrichten."
        raise Unavailable("failed", "no_sudoers", hint) from None
    except Unavailable as error:
        if error.status != "denied":
            raise
        hint = "/etc/sudoers ist nur mit den Rechten der systemd-Unit (oder als root) lesbar."
        raise Unavailable("denied", "sudoers_denied", hint) from None
    lines = [line for file in files for line in file.lines]
    body, whole = parse(lines, loose_files=sum(file.loose for file in files))
    if _DIRECTORY.search(optional(host, "/etc/nsswitch.conf") or ""):
        return Collected(body, "sudo_directory_not_seen")
    return Collected(body, None if whole else "sudoers_not_understood")


def _files(host: Host, path: str, depth: int) -> Iterator[_File]:
    """A file and what it includes, in the order in which sudo reads them."""
    found = host.stat(path)
    loose = found.uid != 0 or bool(found.mode & 0o002) or bool(found.mode & 0o020 and found.gid)
    lines: list[str] = []
    yield _File(lines, loose)
    for line in logical_lines(host.read_text(path)):
        include = _INCLUDE.fullmatch(line)
        if include is None:
            lines.append(line)
        elif depth < _DEPTH:
            for included in _included(host, path, include[1], include[2]):
                yield from _files(host, included, depth + 1)
            # What follows an include is read after it: Defaults count in this order.
            lines = []
            yield _File(lines, False)


def _included(host: Host, path: str, kind: str, target: str) -> list[str]:
    """Files an include line names, those that exist."""
    target = target.strip().strip('"').replace("\\ ", " ")
    if not target.startswith("/"):
        target = f"{path.rpartition('/')[0]}/{target}"
    if kind == "include":
        return [target] if host.exists(target) else []
    paths = (f"{target}/{name}" for name in names(host, target) if _counts(name))
    return [path for path in paths if not host.stat(path).is_dir]


def _counts(name: str) -> bool:
    """sudoers(5): names with a dot or a ~ at their end are left out."""
    return "." not in name and not name.endswith("~")


def parse(lines: list[str], *, loose_files: int = 0) -> tuple[Sudo, bool]:
    """The facts in logical lines of sudoers(5), and whether every line was understood.

    A line that is not understood allows nothing here, as it does for sudo itself.
    """
    aliases, defaults, specs = Aliases(), Defaults(), list[Spec]()
    understood = [read_line(line, aliases, defaults, specs) for line in lines]
    grants = [grant for spec in specs for grant in spec.grants(aliases)]
    full = [grant for grant in grants if grant.everything and grant.as_root]
    free = [
        name
        for grant in full
        for name in grant.users
        if grant.nopasswd or not defaults.asks(name, aliases)
    ]
    body = Sudo(
        rules=len(specs),
        full=tuple(sorted({name for grant in full for name in grant.users})),
        full_nopasswd=tuple(sorted(set(free))),
        nopasswd=sum(spec.nopasswd for spec in specs) + len(defaults.unasked),
        negated=sum(grant.negated for grant in grants),
        authenticate=defaults.flag("authenticate", default=True),
        env_reset=defaults.flag("env_reset", default=True),
        secure_path=bool(defaults.values.get("secure_path")),
        other_password=any(defaults.flag(name, default=False) for name in _OTHER_PASSWORD),
        logs=any(defaults.values.get(name) for name in _LOGS),
        loose_files=loose_files,
        use_pty=defaults.flag("use_pty") if "use_pty" in defaults.values else None,
        timestamp_timeout=defaults.seconds("timestamp_timeout"),
    )
    return body, all(understood)
