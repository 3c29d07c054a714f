"""The grammar of sudoers, as far as one must know it to say who may become root.

Pure. Hard-learned: tags and the user in parentheses hold for all commands after them in a list,
`NOPASSWD:` has the same colon that separates two hosts, and `(ALL, !root)` is not root.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_COMMENT: Final = re.compile(r"(\\#|\"[^\"]*\")|#(?!-?[0-9]).*")
_DIRECTIVE: Final = re.compile(r"#(include|includedir)\s")
_ITEM: Final = re.compile(r'(?:[^,"\\]|\\.|"[^"]*")+')
_ALIAS: Final = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.+)")
_ALIAS_PART: Final = re.compile(r"\s*([A-Z][A-Z0-9_]*)\s*=\s*(.+)", re.DOTALL)
_DEFAULTS: Final = re.compile(r"Defaults([@:!>]\s*\S+)?\s+(.+)")
_SETTING: Final = re.compile(r"(!*)\s*([a-z_]+)\s*(?:[-+]?=\s*(.*))?", re.DOTALL)
_TAG: Final = re.compile(
    r"\b((?:NO)?(?:EXEC|FOLLOW|INTERCEPT|LOG_INPUT|LOG_OUTPUT|MAIL|PASSWD|SETENV))\s*:\s*"
)
_DIGEST: Final = re.compile(r"\bsha(?:224|256|384|512)\s*:\s*[A-Za-z0-9+/=]+\s*,?")
_NEXT_HOST: Final = re.compile(r"(?<!\\):\s*(?=[^\s=():]+(?:\s*,\s*[^\s=():]+)*\s*=)")
_RUNAS: Final = re.compile(r"\(([^)]*)\)\s*")
_OPTION: Final = re.compile(r"(?:ROLE|TYPE|APPARMOR_PROFILE|PRIVS|LIMITPRIVS|CWD|CHROOT|TIMEOUT"
                            r"|NOTBEFORE|NOTAFTER)\s*=\s*\S+\s*")  # fmt: skip
_ESCAPED: Final = re.compile(r"\\([ ,:=#\\])")
_ROOTS: Final = ("ALL", "root", "#0")
_DEPTH: Final = 16


class Grant(NamedTuple):
    """What one list of commands allows. everything: `ALL` is among the commands."""

    users: tuple[str, ...]
    everything: bool
    as_root: bool
    nopasswd: bool
    negated: int


class Spec(NamedTuple):
    """One user specification; commands: (runas, tags in effect, command)."""

    users: list[str]
    commands: list[tuple[str | None, frozenset[str], str]]

    @property
    def nopasswd(self) -> bool:
        """True if some command of it wants no password."""
        return any("NOPASSWD" in tags for _, tags, _ in self.commands)

    def grants(self, aliases: "Aliases") -> Iterator[Grant]:
        """One grant per command."""
        users = tuple(
            name for name in aliases.expand("User", self.users) if not name.startswith("!")
        )
        for runas, tags, command in self.commands:
            expanded = aliases.expand("Cmnd", [command])
            yield Grant(
                users=users,
                everything="ALL" in expanded,
                as_root=runas is None or _is_root(aliases.expand("Runas", split(runas))),
                nopasswd="NOPASSWD" in tags,
                negated=sum(name.startswith("!") for name in expanded),
            )


class Aliases:
    """Names for lists, one name space per kind."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str], list[str]] = {}

    def add(self, kind: str, text: str) -> bool:
        """The aliases of one line are known; False if it is not understood."""
        for part in re.split(r"(?<!\\):(?=\s*[A-Z][A-Z0-9_]*\s*=)", _DIGEST.sub("", text)):
            found = _ALIAS_PART.fullmatch(part)
            if found is None:
                return False
            self._lists["Cmnd" if kind == "Cmd" else kind, found[1]] = split(found[2])
        return True

    def expand(self, kind: str, items: list[str], depth: int = 0) -> list[str]:
        """The items with every alias replaced by what it stands for."""
        found: list[str] = []
        for item in items:
            inner = self._lists.get((kind, item.lstrip("!").strip()))
            if inner is None or depth >= _DEPTH:
                found.append(item)
                continue
            negated = item.count("!") % 2 == 1
            names = self.expand(kind, inner, depth + 1)
            found += (f"!{name}" if negated else name for name in names)
        return found


class Defaults:
    """Settings in effect for everybody, and for whom no password is asked."""

    def __init__(self) -> None:
        self.values: dict[str, str | bool] = {}
        self.unasked: list[str] = []

    def add(self, scope: str, text: str) -> bool:
        """One line of settings counts; False if it is not understood."""
        for item in split(text):
            found = _SETTING.fullmatch(item)
            if found is None:
                return False
            off = len(found[1]) % 2 == 1
            if not scope:
                self.values[found[2]] = not off and (found[3] or True)
            elif found[2] == "authenticate" and off:
                self.unasked.append(scope)
        return True

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A setting that is on or off."""
        return bool(self.values.get(name, default))

    def seconds(self, name: str) -> int | None:
        """A setting in minutes, as seconds; None if it is not set to a number."""
        value = self.values.get(name)
        if value is False:
            return 0
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,7}(\.[0-9]{1,4})?", value):
            return None
        return round(float(value) * 60)

    def asks(self, user: str, aliases: Aliases) -> bool:
        """True if this user is asked for a password where no tag says otherwise."""
        scopes = (scope[1:] for scope in self.unasked if scope.startswith(":"))
        unasked = {name for scope in scopes for name in aliases.expand("User", split(scope))}
        return self.flag("authenticate", default=True) and not unasked & {user, "ALL"}


def logical_lines(text: str) -> Iterator[str]:
    """Lines with their continuations, without comments; #include is none."""
    for line in re.sub(r"\\\r?\n\s*", " ", text).split("\n"):
        kept = line.strip()
        if not _DIRECTIVE.match(kept):
            kept = _COMMENT.sub(lambda found: found[1] or "", kept).strip()
        if kept:
            yield kept


def read_line(line: str, aliases: Aliases, defaults: Defaults, specs: list[Spec]) -> bool:
    """One logical line has added to what is known; False if it is not understood."""
    if found := _ALIAS.fullmatch(line):
        return aliases.add(found[1], found[2])
    if found := _DEFAULTS.fullmatch(line):
        return defaults.add(found[1] or "", found[2])
    spec = _spec(line)
    if spec is None:
        return False
    specs.append(spec)
    return True


def _spec(line: str) -> Spec | None:
    line = _DIGEST.sub("", _TAG.sub(r"\1\0 ", line))
    head, equals, rest = line.partition("=")
    # Blanks around commas and after ! would look like the blank before the host.
    head = re.sub(r"!\s+", "!", re.sub(r"\s*,\s*", ",", head.strip()))
    users, blank, _ = head.rpartition(" ") if " " in head else head.rpartition("\t")
    if not (equals and blank and users.strip() and rest.strip()):
        return None
    commands: list[tuple[str | None, frozenset[str], str]] = []
    for number, part in enumerate(_NEXT_HOST.split(rest)):
        listed = part if number == 0 else part.partition("=")[2]
        commands += _commands(listed)
    return Spec(split(users), commands) if commands else None


def _commands(listed: str) -> Iterator[tuple[str | None, frozenset[str], str]]:
    runas: str | None = None
    tags: set[str] = set()
    # Commas inside parentheses belong to the list of users there.
    hidden = _RUNAS.sub(lambda found: found[0].replace(",", "\1"), listed)
    for shown in split(hidden):
        item = shown.replace("\1", ",")
        if found := _RUNAS.match(item):
            runas, item = found[1].partition(":")[0], item[found.end() :]
        while found := re.match(r"([A-Z_]+)\0\s*", item) or _OPTION.match(item):
            if "\0" in found[0]:
                tag = found[1]
                tags -= {f"NO{tag}", tag.removeprefix("NO")}
                tags.add(tag)
            item = item[found.end() :]
        if item:
            yield runas, frozenset(tags), re.sub(r"!\s+", "!", item)


def split(text: str) -> list[str]:
    """Items of a list, without quotes and the blanks around them."""
    items = (item.strip() for item in _ITEM.findall(text))
    return [_ESCAPED.sub(r"\1", item.replace('"', "")) for item in items if item]


def _is_root(names: list[str]) -> bool:
    barred = {name.lstrip("!") for name in names if name.startswith("!")}
    return not barred.intersection(("root", "#0")) and any(name in _ROOTS for name in names)
