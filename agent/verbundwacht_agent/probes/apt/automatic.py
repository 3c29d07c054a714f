"""Automatic updates: switched on, last success, last error.

`parse_enabled` and `parse_log` are pure. Hard-learned: switched on is not working. A failing run
writes no stamp, so the stamp's time is the last success; the switch is void when the program was
removed or its timer masked; and on a German server the log is German.
"""

import re
from datetime import UTC, datetime
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing, content
from verbundwacht_wire.facts.software import Automatic

CONFIG: Final = ("apt-config", "dump", "APT")
STAMP: Final = "/var/lib/apt/periodic/upgrade-stamp"
LOG: Final = "/var/log/unattended-upgrades/unattended-upgrades.log"
_PROGRAMS: Final = ("/usr/bin/unattended-upgrade", "/usr/bin/unattended-upgrades")
_TIMER: Final = "/etc/systemd/system/apt-daily-upgrade.timer"
_SETTING: Final = re.compile(r'^APT::Periodic::([A-Za-z-]+) "(.*)";$', re.MULTILINE)
_SUCCESS: Final = (
    "All upgrades installed",
    "Alle Systemaktualisierungen installiert",
    "No packages found that can be upgraded unattended",
    "Es wurden keine Pakete gefunden",
)
_ENTRY: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) (.*)$")
_DETAIL: Final = ("error message:", "fehlermeldung:")
_KINDS: Final = (
    ("lock", "lock_held"),
    ("sperre", "lock_held"),
    ("broken packages", "dependencies_broken"),
    ("beschädigte pakete", "dependencies_broken"),
    ("auto-removing", "remove_failed"),
    ("automatisches entfernen", "remove_failed"),
    ("mail", "mail_failed"),
    ("fetch", "download_failed"),
    ("getarchives", "download_failed"),
    ("download", "download_failed"),
    ("herunterladen", "download_failed"),
    ("dpkg", "install_failed"),
    ("upgrade", "install_failed"),
    ("systemaktualisierung", "install_failed"),
    ("apt ", "apt_failed"),
)
"""(part of an error line in lower case, its kind), first match wins."""


def look(host: Host) -> tuple[Automatic, str | None]:
    """The three answers, and why they are partial if the log may not be read."""
    switched_on = parse_enabled(content(host.run(CONFIG)))
    there = any(host.exists(path) for path in _PROGRAMS) and not _is_masked(host)
    error, reason = _last_error(host)
    body = Automatic(
        enabled=switched_on and there, last_success=stamp(host, STAMP), last_error=error
    )
    return body, reason


def stamp(host: Host, path: str) -> datetime | None:
    """When a file was last touched, in whole seconds; None if it is not there."""
    try:
        return datetime.fromtimestamp(int(host.stat(path).mtime), UTC)
    except Missing:
        return None


def _is_masked(host: Host) -> bool:
    try:
        return host.read_link(_TIMER) == "/dev/null"
    except Unavailable:
        return False  # not there, or no link: nobody masked it


def _last_error(host: Host) -> tuple[str | None, str | None]:
    """Kind of the newest error, and the reason why it is not known."""
    try:
        return parse_log(host.read_text(LOG)), None
    except Missing:
        return None, None
    except Unavailable as error:
        return None, "log_denied" if error.status == "denied" else "log_unreadable"


def parse_enabled(dump: str) -> bool:
    """True if apt's daily job is to install updates. Source: /usr/lib/apt/apt.systemd.daily.

    dump: `apt-config dump APT`, which is never empty; the settings in question may be absent.
    """
    # apt's names ignore case, and packages spell them differently.
    settings = {name.lower(): value for name, value in _SETTING.findall(dump)}
    allowed = settings.get("enable", "1") not in ("0", "")
    return allowed and settings.get("unattended-upgrade", "0") not in ("0", "")


def parse_log(log: str) -> str | None:
    """Kind of the newest error after the last success, None without one.

    Never its wording, which names packages, hosts and paths.
    """
    kind: str | None = None
    for line in log.split("\n"):
        entry = _ENTRY.match(line)
        if entry is None:
            continue
        level, message = entry.groups()
        # Levels are never translated, messages are.
        if level in ("ERROR", "CRITICAL"):
            kind = _kind(message.lower()) or kind
        elif message.startswith(_SUCCESS):
            kind = None
    return kind


def _kind(message: str) -> str | None:
    """What went wrong, out of a message in lower case; None for lines that only give details."""
    if message.startswith(_DETAIL):
        return None
    return next((kind for part, kind in _KINDS if part in message), "other_error")
