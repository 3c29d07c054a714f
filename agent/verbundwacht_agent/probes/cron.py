"""Who may plant commands that cron runs with the rights of root.

Modes, owners and counts only; what the files say is never read. Hard-learned: the names in the
spool are names of users, so they are counted, and Debian keeps the spool one folder deeper.
"""

from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import FileStat, Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import enabled
from verbundwacht_wire.facts import Cron
from verbundwacht_wire.facts.hardening import CronPath

BINARIES: Final = ("/usr/sbin/cron", "/usr/sbin/crond", "/usr/sbin/anacron", "/usr/sbin/fcron")
_SYSTEM: Final = (
    "/etc/anacrontab", "/etc/at.allow", "/etc/at.deny", "/etc/cron.allow", "/etc/cron.d",
    "/etc/cron.daily", "/etc/cron.deny", "/etc/cron.hourly", "/etc/cron.monthly",
    "/etc/cron.weekly", "/etc/cron.yearly", "/etc/crontab",
)  # fmt: skip
_SPOOLS: Final = ("/var/spool/cron", "/var/spool/cron/crontabs")
WATCHES: Final = (*_SYSTEM, *_SPOOLS)
_ALLOW: Final = "/etc/cron.allow"


def probe(host: Host) -> Collected:
    """Modes and owners. Raises Unavailable; `absent` only if no cron is installed."""
    if not any(host.exists(binary) for binary in BINARIES):
        raise Unavailable("absent", "no_cron", "")
    paths, reason = [], None
    for path in WATCHES:
        try:
            paths.append(_look(host, path))
        except Missing:
            continue
        except Unavailable as error:
            # Only root may list the spool; everything else is still worth telling.
            if error.status != "denied" or path not in _SPOOLS:
                raise
            reason = "spool_denied"
    if not paths:
        hint = "Cron ist installiert, seine Ordner fehlen: Paket neu einrichten."
        raise Unavailable("failed", "no_cron_folders", hint)
    body = Cron(
        enabled=enabled(host, "cron.service", "crond.service", "cronie.service", "anacron.timer"),
        allow_list=any(found.path == _ALLOW for found in paths),
        paths=tuple(paths),
    )
    return Collected(body, reason)


def _look(host: Host, path: str) -> CronPath:
    found = host.stat(path)
    inside = None
    if found.is_dir:
        names = (name for name in host.list_dir(path) if name[0] != ".")
        entries = (_entry(host, f"{path}/{name}") for name in names)
        inside = [entry for entry in entries if entry is not None and not entry.is_dir]
    return describe(path, found, inside)


def _entry(host: Host, path: str) -> FileStat | None:
    try:
        return host.stat(path)
    except Missing:
        return None  # a dangling link, or gone while we looked


def describe(path: str, found: FileStat, inside: list[FileStat] | None) -> CronPath:
    """One place. inside: the files of a folder, None for a file."""
    return CronPath(
        path=path,
        mode=f"{found.mode:04o}",
        root_owned=found.uid == 0,
        entries=None if inside is None else len(inside),
        loose=None if inside is None or path in _SPOOLS else sum(map(is_loose, inside)),
    )


def is_loose(found: FileStat) -> bool:
    """True if somebody else than root, or group root, may write it."""
    by_group = bool(found.mode & 0o020) and found.gid != 0
    return found.uid != 0 or bool(found.mode & 0o002) or by_group
