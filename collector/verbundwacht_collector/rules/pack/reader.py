"""Takes values out of a document and notes what is wrong, with its place. Pure.

Every method returns something usable even after a mistake, so that one run names them all.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from verbundwacht_collector.rules.language.scope import suggestion
from verbundwacht_collector.rules.pack.document import Document, Entries, Items, Leaf, Part

T = TypeVar("T")

LANGUAGES: Final = ("de", "en")
_NO_NUMBER: Final = -(2**80)
_KINDS: Final[dict[type, str]] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
}


class Record(dict[str, Part]):
    """The values of a mapping by key. start: where it begins, for what is missing in it."""

    def __init__(self, values: Mapping[str, Part], start: int) -> None:
        super().__init__(values)
        self.start = start


class Reader:
    """Reads one document."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def error(self, part: Part | int, message: str) -> None:
        """Notes an error at a part of the document."""
        self.document.add(part if isinstance(part, int) else part.start, message)

    def warn(self, part: Part | int, message: str) -> None:
        """Notes a warning at a part of the document."""
        index = part if isinstance(part, int) else part.start
        self.document.add(index, message, warning=True)

    def record(
        self, part: Part | None, what: str, required: Iterable[str], optional: Iterable[str] = ()
    ) -> Record:
        """The values of a mapping; unknown and missing keys are noted."""
        if not isinstance(part, Entries):
            if part is not None:
                self.error(part, f"{what} must be a mapping (key: value)")
            return Record({}, 0)
        known = [*required, *optional]
        for key, _ in part.entries.values():
            if key.value not in known:
                hint = suggestion(str(key.value), known)
                self.error(key, f"unknown key {key.value!r} in {what}{hint}")
        # Named at the mapping, because the missing key has no place of its own.
        for key_name in required:
            if key_name not in part.entries:
                self.error(part, f"{what} lacks the key {key_name!r}")
        # Unknown keys are gone from here on, so nobody can come to rely on one.
        values = {key: value for key, (_, value) in part.entries.items() if key in known}
        return Record(values, part.start)

    def named(self, part: Part | None, what: str) -> dict[str, tuple[Leaf, Part]]:
        """The entries of a mapping whose keys the author chooses."""
        if isinstance(part, Entries):
            return part.entries
        if part is not None:
            self.error(part, f"{what} must be a mapping (name: …)")
        return {}

    def items(self, part: Part | None, what: str) -> list[Part]:
        """The items of a sequence."""
        if isinstance(part, Items):
            return part.items
        if part is not None:
            self.error(part, f"{what} must be a list")
        return []

    def each(self, part: Part | None, what: str, read: Callable[[Part], T]) -> tuple[T, ...]:
        """Every item of a sequence, read by a function."""
        return tuple(read(item) for item in self.items(part, what))

    def scalar(self, part: Part | None, what: str, kind: type[T], default: T) -> T:
        """A value of one Python type; `default` if it is missing or of another type."""
        if part is None:
            return default
        # Exact types: `true` must not pass for the number 1.
        if isinstance(part, Leaf) and type(part.value) is kind:
            value: T = part.value
            return value
        hint = ""
        if kind is str and isinstance(part, Leaf) and part.value is not None:
            hint = "; put it in quotes"
        self.error(part, f"{what} must be {_KINDS[kind]}{hint}")
        return default

    def text(self, part: Part | None, what: str) -> str:
        """Some text; "" after a mistake. Empty text is a mistake."""
        value = self.scalar(part, what, str, "")
        if part is not None and isinstance(part, Leaf) and part.value == "":
            self.error(part, f"{what} is empty")
        return value

    def number(self, part: Part | None, what: str) -> int | None:
        """A whole number; None if it is missing or not one."""
        found = self.scalar(part, what, int, _NO_NUMBER)
        return None if found is _NO_NUMBER else found

    def word(self, part: Part | None, what: str, allowed: Iterable[str]) -> str:
        """One of a fixed set of words; "" after a mistake."""
        value = self.scalar(part, what, str, "")
        known = list(allowed)
        if value and value not in known and part is not None:
            hint = suggestion(value, known) or f"; it is one of {', '.join(known) or 'none'}"
            self.error(part, f"{value!r} is no {what}{hint}")
            return ""
        return value

    def bilingual(self, part: Part | None, what: str) -> dict[str, str]:
        """A text in German and English; both must be there."""
        found = self.record(part, what, LANGUAGES)
        return {name: self.text(found.get(name), f"{what}.{name}") for name in LANGUAGES}


def plain(part: Part) -> Any:
    """The part as plain Python values, without its places."""
    if isinstance(part, Leaf):
        return part.value
    if isinstance(part, Items):
        return [plain(item) for item in part.items]
    return {key: plain(value) for key, (_, value) in part.entries.items()}
