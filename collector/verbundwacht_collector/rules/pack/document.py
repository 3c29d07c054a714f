"""Reads YAML into a tree in which every part knows where it stands. Pure.

YAML is a trap for settings of sshd: here only `true` and `false` are bools, `no` and `yes`
stay words, there are no dates, aliases, tags, merge keys or second documents, and a key may
not be there twice. The events of ruamel.yaml are read one by one, so an alias is refused
before anything could be expanded.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from verbundwacht_collector.rules.errors import Problem
from verbundwacht_collector.rules.pack.align import offsets

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 24

_INT: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None}


@dataclass(frozen=True, eq=False)
class Leaf:
    """A scalar. value: str, int, float, bool or None by YAML 1.2; end: index after its text."""

    start: int
    end: int
    value: Any
    style: str


@dataclass(frozen=True, eq=False)
class Items:
    """A sequence."""

    start: int
    items: list["Part"] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Entries:
    """A mapping: key -> (the key's own leaf, the value)."""

    start: int
    entries: dict[str, tuple[Leaf, "Part"]] = field(default_factory=dict)


Part = Leaf | Items | Entries


class Document:
    """One file: its text, its tree (None if it is no YAML of ours) and what is wrong with it."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.root: Part | None = None
        self.text = ""
        self._lines = [0]
        # Before decoding: the limit is what keeps the parser's time bounded.
        if len(data) > MAX_BYTES:
            self.add(0, f"the file has {len(data)} bytes; at most {MAX_BYTES} are allowed")
            return
        try:
            self.text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.problems.append(Problem(file, line, 1, "the file is not UTF-8"))
            return
        self._lines += [match.end() for match in re.finditer("\n", self.text)]
        self.root = _Composer(self).compose()

    def add(self, index: int, message: str, *, warning: bool = False) -> None:
        """Notes a problem at a position in the text."""
        line, column = self.place(index)
        severity: Any = "warning" if warning else "error"
        self.problems.append(Problem(self.file, line, column, message, severity))

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1, of an index into the text."""
        line = bisect_right(self._lines, index)
        return line, index - self._lines[line - 1] + 1

    def inside(self, leaf: Leaf, offset: int) -> int:
        """The index at which character `offset` of a leaf's value is written in the file."""
        raw = self.text[leaf.start : leaf.end]
        return leaf.start + offsets(raw, str(leaf.value), leaf.style)[offset]


class _RefusedError(Exception):
    """The rest of the file cannot be read; the problem is noted already."""


class _Composer:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.stack: list[tuple[Items | Entries, Leaf | None]] = []
        self.root: Part | None = None
        self.documents = 0

    def compose(self) -> Part | None:
        try:
            for event in YAML(typ="safe", pure=True).parse(self.document.text):
                self.event(event)
        except _RefusedError:
            return None
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            index = mark.index if mark else getattr(error, "position", 0) or 0
            message = getattr(error, "problem", None) or str(error).splitlines()[0]
            self.document.add(index, f"not YAML: {message}")
            return None
        if self.root is None:
            self.document.add(0, "the file is empty")
        return self.root

    def refuse(self, index: int, message: str) -> NoReturn:
        self.document.add(index, message)
        raise _RefusedError

    def event(self, event: Any) -> None:
        index = event.start_mark.index
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.refuse(index, "a second document in one file; make it a file of its own")
        elif isinstance(event, AliasEvent):
            self.refuse(index, f"aliases are not allowed (*{event.anchor}); write it out")
        elif isinstance(event, NodeEvent):
            self.node(event, index)
        elif self.stack and type(event).__name__ in ("SequenceEndEvent", "MappingEndEvent"):
            self.stack.pop()

    def node(self, event: Any, index: int) -> None:
        # Without an alias an anchor is harmless, but an author who sets one means to use it.
        if event.anchor:
            self.refuse(index, f"anchors are not allowed (&{event.anchor}); write it out")
        if event.tag and not (isinstance(event, ScalarEvent) and any(event.implicit)):
            self.refuse(index, f"tags are not allowed ({event.tag})")
        if isinstance(event, ScalarEvent):
            self.attach(_leaf(event))
            return
        part: Part = Items(index) if isinstance(event, SequenceStartEvent) else Entries(index)
        assert isinstance(event, SequenceStartEvent | MappingStartEvent)
        self.attach(part)
        # The tree is read by recursion later; here, event by event, depth costs nothing.
        if len(self.stack) > MAX_DEPTH:
            self.refuse(index, f"nested deeper than {MAX_DEPTH} levels")

    def attach(self, part: Part) -> None:
        """Puts a part where it belongs: root, next item, next key or the value of the last key."""
        if not self.stack:
            self.root = part
        else:
            owner, key = self.stack[-1]
            if isinstance(owner, Items):
                owner.items.append(part)
            elif key is None:
                self.stack[-1] = (owner, self.key(part))
            else:
                self.pair(owner, key, part)
                self.stack[-1] = (owner, None)
        if not isinstance(part, Leaf):
            self.stack.append((part, None))

    def key(self, part: Part) -> Leaf:
        if not isinstance(part, Leaf) or not isinstance(part.value, str):
            self.refuse(part.start, "a key must be a word or a string in quotes")
        return part

    def pair(self, owner: Entries, key: Leaf, part: Part) -> None:
        if key.value in owner.entries:
            first = self.document.place(owner.entries[key.value][0].start)[0]
            message = f"the key {key.value!r} is already there in line {first}"
            self.document.add(key.start, message)
        else:
            owner.entries[key.value] = (key, part)


def _leaf(event: Any) -> Leaf:
    text: str = event.value
    style: str = event.style or ""
    value: Any = text
    # Only an unquoted word can be a number or a bool; quotes always make text.
    if not style:
        value = _plain(text)
    return Leaf(event.start_mark.index, event.end_mark.index, value, style)


def _plain(text: str) -> Any:
    """An unquoted scalar by the core schema of YAML 1.2, without octal, hex and infinities."""
    if text in _WORDS:
        return _WORDS[text]
    if not text:
        return None
    # Longer digit strings stay text: no section has such numbers, and int() is quadratic.
    if len(text) <= 20 and _INT.fullmatch(text):
        return int(text)
    if len(text) <= 40 and _FLOAT.fullmatch(text):
        return float(text)
    return text
