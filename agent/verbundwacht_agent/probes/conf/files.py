"""Which files a configuration consists of: patterns of glob(7), programs that are there.

Everything reads through `Host`. Hard-learned: a removed package leaves its configuration behind,
so the program and not the file says whether a server is installed.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing

MAX_FILES: Final = 1000
"""Files that one configuration may consist of; hosting servers have hundreds of sites."""

MAX_DEPTH: Final = 12
_WILD: Final = re.compile(r"[*?\[]")


class Budget:
    """Counts the files of one configuration, so that a loop of includes ends."""

    def __init__(self) -> None:
        self._left = MAX_FILES

    def take(self, depth: int) -> None:
        """One more file at this depth. Raises Unavailable `too_many_includes`."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            hint = "Die Konfiguration bindet sich selbst oder sehr viele Dateien ein."
            raise Unavailable("failed", "too_many_includes", hint)


def first_there(host: Host, paths: Iterable[str]) -> str | None:
    """The first of the paths that exists."""
    return next((path for path in paths if host.exists(path)), None)


def is_pattern(path: str) -> bool:
    """True if the path has wildcards; only then may it match nothing."""
    return _WILD.search(path) is not None


def expand(host: Host, pattern: str) -> list[str]:
    """Paths that match an absolute pattern, sorted; wildcards may be in any part."""
    paths = [""]
    for part in filter(None, pattern.split("/")):
        if _WILD.search(part):
            paths = [f"{path}/{name}" for path in paths for name in _names(host, path, part)]
        else:
            paths = [f"{path}/{part}" for path in paths]
    return paths


def _names(host: Host, folder: str, pattern: str) -> list[str]:
    try:
        names = host.list_dir(folder or "/")
    except Missing:
        return []
    return [name for name in names if fnmatchcase(name, pattern) and name[0] != "."]


def config(host: Host, path: str) -> str:
    """Content of a server's main configuration. Raises Unavailable `config_missing` without."""
    try:
        return host.read_text(path)
    except Missing:
        hint = "Der Server ist installiert, seine Konfiguration liegt nicht am üblichen Ort."
        raise Unavailable("failed", "config_missing", hint) from None
