"""Updates that wait (Debian and derivatives), with everything that makes the number believable.

`believable` is pure and decides when an answer may say "nothing waits"; the parsing is in `apt/`.
Nothing is downloaded, locked or written. Hard-learned: with missing lists apt answers "0
upgraded" and exit 0, which is the most dangerous green there is.
"""

from contextlib import suppress
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.apt.answer import judge
from verbundwacht_agent.probes.apt.automatic import LOG, STAMP, look, stamp
from verbundwacht_agent.probes.apt.lists import FOLDER, RELEASES, Lists, assess
from verbundwacht_agent.probes.apt.pending import ask
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.packages import STATUS_PATH, read
from verbundwacht_wire.facts import Updates
from verbundwacht_wire.facts.software import PendingUpdate

_FOLDERS: Final = ("/etc/apt/sources.list.d", "/etc/apt/preferences.d", "/etc/apt/apt.conf.d")
_FILES: Final = ("/etc/apt/sources.list", "/etc/apt/preferences")
_FETCHED: Final = (
    f"{FOLDER}/partial",
    "/var/lib/apt/periodic/update-stamp",
    "/var/lib/apt/periodic/update-success-stamp",
)
"""Whatever an attempt to fetch the lists touches."""

WATCHES: Final = (
    STATUS_PATH,
    FOLDER,
    *_FETCHED,
    STAMP,
    LOG,
    *_FILES,
    *_FOLDERS,
)


def probe(host: Host) -> Collected:
    """What the host's own package manager would install now. Raises Unavailable."""
    entries = read(host)
    _check_settings(host)
    # Looked at before apt is asked: a list that comes meanwhile can only make us too careful.
    sizes, releases = _lists(host)
    answer = ask(host, frozenset(entry.package.name for entry in entries if entry.held))
    lists = assess(answer.targets, sizes, releases)
    pending = judge(answer.updates)
    incomplete = believable(lists, pending)
    automatic, unread = look(host)
    body = Updates(
        manager="dpkg",
        pending=pending,
        automatic=automatic,
        lists_date=lists.date,
        lists_checked=max(
            (moment for path in _FETCHED if (moment := stamp(host, path))), default=None
        ),
    )
    return Collected(body, incomplete or unread)


def believable(lists: Lists, pending: tuple[PendingUpdate, ...]) -> str | None:
    """The reason why the answer is partial, None if it is whole.

    What waits is reported in any case; that *nothing* waits only with all lists. Raises
    Unavailable `security_lists_missing` if no security update could be installed now and some
    security list is missing, `lists_incomplete` if nothing waits and any list is missing.
    """
    to_install = [update for update in pending if not update.held and not update.phased]
    if not lists.security and not any(update.security for update in to_install):
        hint = "Die Paketlisten des Sicherheitsarchivs fehlen: Quelle eintragen, apt-get update."
        raise Unavailable("failed", "security_lists_missing", hint)
    if lists.complete:
        return None
    if not to_install:
        hint = "Listen einer Paketquelle fehlen: apt-get update ausführen, Meldungen beachten."
        raise Unavailable("failed", "lists_incomplete", hint)
    return "lists_incomplete"


def _lists(host: Host) -> tuple[dict[str, int], dict[str, str]]:
    """Size of every file in the lists' folder, and content of the Release files."""
    try:
        names = host.list_dir(FOLDER)
    except Missing:
        hint = "Der Ordner der Paketlisten fehlt: apt-get update ausführen."
        raise Unavailable("failed", "lists_missing", hint) from None
    sizes = {name: host.stat(f"{FOLDER}/{name}").size for name in names}
    releases = {
        name: host.read_text(f"{FOLDER}/{name}") for name in names if name.endswith(RELEASES)
    }
    return sizes, releases


def _check_settings(host: Host) -> None:
    """Raises Unavailable if a setting of apt may not be read.

    apt itself only warns, leaves the source out, and finds fewer updates.
    """
    try:
        for path in _setting_files(host):
            with suppress(Missing):
                if not host.stat(path).is_dir:
                    host.read_bytes(path)
    except Unavailable as error:
        if error.status != "denied":
            raise
        hint = "Eine Einstellung unter /etc/apt ist nicht lesbar."
        raise Unavailable("denied", "apt_settings_denied", hint) from None


def _setting_files(host: Host) -> list[str]:
    paths = [*_FILES]
    for folder in _FOLDERS:
        with suppress(Missing):
            paths += (f"{folder}/{name}" for name in host.list_dir(folder))
    return paths
