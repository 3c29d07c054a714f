"""The configuration of nginx as a tree, includes resolved.

`parse` is pure; `load` reads the files. Hard-learned: blocks of Lua are no configuration and hold
braces of their own, and `include` may stand anywhere, with wildcards that match nothing.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.conf.files import Budget, config, expand, is_pattern

PROGRAMS: Final = ("/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/nginx/sbin/nginx")
CONFIG: Final = "/etc/nginx/nginx.conf"
_FOLDER: Final = "/etc/nginx"
WATCHES: Final = (
    CONFIG,
    *(f"{_FOLDER}/{name}" for name in ("sites-enabled", "sites-available", "conf.d", "snippets")),
)
_NESTING: Final = 40
_ENDLESS: Final = "mime.types"  # a hundred lines that say nothing about the server
_TOKEN: Final = re.compile(
    r"""\s+|\#[^\n]*|(?P<mark>[{};])
    |"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'
    |(?!["'])(?P<word>(?:\\.|\$\{[^}\s]*\}|[^\s{};\\])+)""",
    re.VERBOSE | re.DOTALL,
)

_LUA: Final = re.compile(r"""[{}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|--[^\n]*""", re.DOTALL)


class Directive(NamedTuple):
    """One directive with its words and, if it has braces, what is inside."""

    name: str
    args: tuple[str, ...]
    block: "tuple[Directive, ...]" = ()


def load(host: Host) -> tuple[Directive, ...]:
    """The whole tree. Raises Unavailable, also if an included file may not be read."""
    return _resolve(host, parse(config(host, CONFIG)), Budget(), 0)


def _resolve(
    host: Host, tree: tuple[Directive, ...], budget: Budget, depth: int
) -> tuple[Directive, ...]:
    found: list[Directive] = []
    for directive in tree:
        if directive.name == "include" and directive.args:
            if directive.args[0].endswith(_ENDLESS):
                continue
            for included in _included(host, directive.args[0]):
                budget.take(depth)
                found += _resolve(host, included, budget, depth + 1)
        else:
            block = _resolve(host, directive.block, budget, depth)
            found.append(directive._replace(block=block))
    return tuple(found)


def _included(host: Host, pattern: str) -> Iterator[tuple[Directive, ...]]:
    path = absolute(pattern)
    for file in expand(host, path):
        try:
            yield parse(host.read_text(file))
        except Missing:
            if is_pattern(path):
                continue  # a link to nowhere
            hint = "nginx -t ausführen: Eine eingebundene Datei fehlt."
            raise Unavailable("failed", "include_missing", hint) from None


def absolute(path: str) -> str:
    """A path of the configuration; relative ones start at its folder."""
    return path if path.startswith("/") else f"{_FOLDER}/{path}"


def parse(text: str) -> tuple[Directive, ...]:
    """Directives of one file. Raises Unavailable `bad_config` if a brace or quote is open."""
    tree, end = _block(text, 0, 0)
    if end != len(text):
        raise _broken()
    return tree


def _block(text: str, at: int, nesting: int) -> tuple[tuple[Directive, ...], int]:
    """Directives from `at` to the closing brace or the end, and the place behind."""
    found: list[Directive] = []
    words: list[str] = []
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or nesting > _NESTING:
            raise _broken()
        at = token.end()
        mark = token["mark"]
        if mark is None:
            words += (part for part in token.group("double", "single", "word") if part is not None)
        elif mark == ";" and words:
            found.append(Directive(words[0], tuple(words[1:])))
        elif mark == "{":
            inner: tuple[Directive, ...] = ()
            if words and words[0].endswith("_by_lua_block"):
                at = _behind_brace(text, at)
            else:
                inner, at = _block(text, at, nesting + 1)
            found.append(Directive(words[0] if words else "", tuple(words[1:]), inner))
        elif mark == "}":
            if words or not nesting:
                raise _broken()
            return tuple(found), at
        if mark:
            words = []
    if words or nesting:
        raise _broken()
    return tuple(found), at


def _behind_brace(text: str, at: int) -> int:
    depth = 1
    for found in _LUA.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    raise _broken()


def _broken() -> Unavailable:
    return Unavailable("failed", "bad_config", "nginx -t ausführen: Die Konfiguration ist falsch.")


def walk(tree: tuple[Directive, ...]) -> Iterator[Directive]:
    """Every directive of a tree, outer ones first."""
    for directive in tree:
        yield directive
        yield from walk(directive.block)
