"""The configuration of Apache as a list of directives, each with the virtual host it is in.

`read_lines` is pure; `load` reads the files. Hard-learned: on Debian the TLS host stands in
`<IfModule mod_ssl.c>`, so the modules loaded so far decide what counts, in the order of reading;
what only a directory or a location says is not about the server and is left out.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.conf.files import Budget, config, expand, first_there, is_pattern

PROGRAMS: Final = ("/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/sbin/httpd")
CONFIGS: Final = ("/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf")
_ROOTS: Final = ("/etc/apache2", "/etc/httpd")
_ENABLED: Final = ("sites-enabled", "sites-available", "conf-enabled", "mods-enabled")
WATCHES: Final = (
    *CONFIGS, *(f"/etc/apache2/{name}" for name in _ENABLED), "/etc/httpd/conf.d",
)  # fmt: skip
_BUILT_IN: Final = frozenset({"core", "so", "http", "log_config", "logio", "unixd", "version"})
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9_]+)\}")
_WORD: Final = re.compile(r""" "((?:\\.|[^"\\])*)"|'([^']*)'|(\S+)""", re.VERBOSE)
_TRANSPARENT: Final = ("ifmodule", "ifdefine", "ifversion", "iffile", "virtualhost")


class Line(NamedTuple):
    """One directive. host: 0 for the main server, else the number of the virtual host."""

    name: str  # lower case
    args: tuple[str, ...]
    host: int


class Config(NamedTuple):
    """What the server would use."""

    lines: tuple[Line, ...]
    hosts: tuple[tuple[str, ...], ...]  # addresses of the virtual hosts; number 1 is the first
    root: str  # where relative paths start

    def last(self, name: str, host: int) -> tuple[str, ...] | None:
        """Words of the last such directive of a virtual host, else of the main server."""
        for wanted in (host, 0):
            found = [line.args for line in self.lines if (line.name, line.host) == (name, wanted)]
            if found:
                return found[-1]
        return None


def load(host: Host) -> Config:
    """The whole configuration. Raises Unavailable, also if an included file may not be read."""
    path = first_there(host, CONFIGS) or CONFIGS[0]
    reader = _Reader(host, _ROOTS[CONFIGS.index(path)])
    reader.read(config(host, path), 0)
    return Config(tuple(reader.lines), tuple(reader.hosts), reader.root)


def read_lines(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """(directive in lower case, words) of one file; a container's name keeps its `<`."""
    found = []
    for line in re.sub(r"\\\r?\n", " ", text).split("\n"):
        words = _words(line.strip())
        if words and words[0] and words[0][0] != "#":
            found.append((words[0].lower(), tuple(words[1:])))
    return found


def _words(line: str) -> list[str]:
    if line.startswith("<"):
        line = line.removesuffix(">")
    return [double or single or word for double, single, word in _WORD.findall(line)]


class _Reader:
    def __init__(self, host: Host, root: str) -> None:
        self.lines: list[Line] = []
        self.hosts: list[tuple[str, ...]] = []
        self.root = root
        self._host, self._budget = host, Budget()
        self._modules = set(_BUILT_IN)
        self._defines: dict[str, str] = {}
        self._current = 0

    def read(self, text: str, depth: int) -> None:
        """One file with everything it includes, in order."""
        open_: list[tuple[str, bool]] = []  # containers, and whether what is inside counts
        for name, raw in read_lines(text):
            args = tuple(self._filled(word) for word in raw)
            if name.startswith("</"):
                if open_ and open_.pop()[0] == "virtualhost":
                    self._current = 0
            elif name.startswith("<"):
                counts = all(counts for _, counts in open_)
                open_.append((name[1:], counts and self._enters(name[1:], args)))
            elif all(counts for _, counts in open_):
                self._take(name, args, depth)

    def _enters(self, name: str, args: tuple[str, ...]) -> bool:
        """True if what the container holds counts for the server."""
        word = args[0] if args else ""
        wanted = not word.startswith("!")
        if name == "virtualhost":
            self.hosts.append(args)
            self._current = len(self.hosts)
        if name == "ifmodule":
            return (_module(word.lstrip("!")) in self._modules) == wanted
        if name == "ifdefine":
            return (word.lstrip("!") in self._defines) == wanted
        if name == "iffile":
            return self._host.exists(self._absolute(word.lstrip("!"))) == wanted
        return name in _TRANSPARENT

    def _take(self, name: str, args: tuple[str, ...], depth: int) -> None:
        if name == "loadmodule" and args:
            self._modules.add(_module(args[0]))
        elif name == "define" and args:
            self._defines[args[0]] = args[1] if len(args) > 1 else ""
        elif name == "serverroot" and args:
            self.root = args[0].rstrip("/")
        elif name in ("include", "includeoptional") and args:
            for text in self._included(args[0], optional=name == "includeoptional"):
                self._budget.take(depth)
                self.read(text, depth + 1)
        else:
            self.lines.append(Line(name, args, self._current))

    def _included(self, pattern: str, *, optional: bool) -> Iterator[str]:
        path = self._absolute(pattern)
        for file in expand(self._host, path):
            try:
                if self._host.stat(file).is_dir:
                    yield from self._included(f"{file}/*", optional=True)
                else:
                    yield self._host.read_text(file)
            except Missing:
                if optional or is_pattern(path):
                    continue
                hint = "apachectl -t ausführen: Eine eingebundene Datei fehlt."
                raise Unavailable("failed", "include_missing", hint) from None

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.root}/{path}"

    def _filled(self, word: str) -> str:
        return _VARIABLE.sub(lambda found: self._defines.get(found[1], found[0]), word)


def _module(name: str) -> str:
    """One name for `ssl_module`, `mod_ssl.c` and `mod_ssl`."""
    return name.lower().removesuffix(".c").removesuffix("_module").removeprefix("mod_")
