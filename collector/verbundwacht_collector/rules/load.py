"""Loads and checks rule packs. The only module of the rules that reads files.

A pack is one YAML file, or a folder with `pack.yaml` and further files that hold only `rules:`
or `fixtures:`.
Loading refuses what has no clear meaning; `lint` also says what an author should not ship.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from verbundwacht_collector.rules.errors import PackError, Problem
from verbundwacht_collector.rules.language.types import Type, facts_type
from verbundwacht_collector.rules.model import Pack, Parameter, Test
from verbundwacht_collector.rules.pack.build import Context, Draft, read_rule
from verbundwacht_collector.rules.pack.document import MAX_BYTES, Document, Entries
from verbundwacht_collector.rules.pack.facts import read_facts
from verbundwacht_collector.rules.pack.maps import catalogue_ids
from verbundwacht_collector.rules.pack.parameters import read_parameters
from verbundwacht_collector.rules.pack.reader import Reader, Record
from verbundwacht_collector.rules.pack.review import review
from verbundwacht_collector.rules.pack.tests import TestReader
from verbundwacht_wire.facts import FACTS_VERSION
from verbundwacht_wire.schema import facts_schema

MAIN: Final = "pack.yaml"
FORMAT: Final = 1
_REQUIRED: Final = ("format", "pack", "version", "facts", "groups")
_OPTIONAL: Final = ("catalogues", "parameters", "fixtures", "rules")


def load_pack(path: Path) -> Pack:
    """The pack in a folder or file, ready to be evaluated.

    Raises PackError with every problem; a missing folder or file is one, too.
    """
    return load_pack_bytes(read_files(path))


def load_pack_bytes(files: Mapping[str, bytes]) -> Pack:
    """The pack in these files (name -> bytes). Pure. Raises PackError with every problem."""
    loading = _Loading(files)
    # All at once: an author who sees one mistake per run gives up after the third.
    errors = tuple(one for one in loading.problems() if one.severity == "error")
    if errors or loading.pack is None:
        raise PackError(errors)
    return loading.pack


def lint(files: Mapping[str, bytes], *, catalogue: bytes | None = None) -> list[Problem]:
    """Everything that is wrong with a pack, in the order of files and lines. Pure.

    catalogue: the OSCAL kernel catalogue (JSON) to compare UUIDs and ids with. Raises PackError
    if it is none.
    """
    loading = _Loading(files)
    ids = None if catalogue is None else _ids(catalogue)
    # The review looks at meaning; on a pack with mistakes it would only repeat them.
    if loading.pack is not None:
        review(loading.main, loading.head, loading.drafts, loading.pack, ids)
        if catalogue is not None:
            _pinned(loading, loading.pack, hashlib.sha256(catalogue).hexdigest())
    return loading.problems()


def _pinned(loading: "_Loading", pack: Pack, actual: str) -> None:
    """Warns if the catalogue is another edition than the one that the pack was written against."""
    named = pack.catalogues.get("gspp", {}).get("sha256", "")
    if not actual.startswith(named):
        message = f"the catalogue given has the sum {actual[:12]}, the pack names {named}"
        loading.main.warn(loading.head["catalogues"], message)


def _ids(catalogue: bytes) -> dict[str, str]:
    try:
        return catalogue_ids(catalogue)
    except (ValueError, KeyError, TypeError, AttributeError):
        message = "this is no OSCAL catalogue (JSON)"
        raise PackError((Problem("catalogue", 1, 1, message),)) from None


def read_files(path: Path) -> dict[str, bytes]:
    """The files of a pack by name. Raises PackError if there are none."""
    found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    try:
        files = {file.name: _read(file) for file in found}
    except OSError as error:
        message = f"the pack cannot be read: {error.strerror}"
        raise PackError((Problem(str(path), 1, 1, message),)) from None
    if path.is_dir() and MAIN not in files:
        raise PackError((Problem(str(path), 1, 1, f"the folder has no {MAIN}"),))
    return files


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        # One byte more than allowed is enough to refuse; a huge file never enters memory.
        return stream.read(MAX_BYTES + 1)


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) of a pack: of the bytes of its only file, or of all names and digests."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    # What sha256sum prints for the file: people compare digests by hand.
    if len(sums) == 1:
        return next(iter(sums.values()))
    lines = "".join(f"{name}\0{one}\n" for name, one in sums.items())
    return hashlib.sha256(lines.encode()).hexdigest()


@cache
def vocabulary() -> Type:
    """The type of `facts` by the schema of this version."""
    return facts_type(facts_schema())


class _Loading:
    """One pass over the files of a pack; `pack` stays None if it has errors."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.facts = vocabulary()
        self.pack: Pack | None = None
        self.drafts: list[Draft] = []
        self.fixtures: dict[str, dict[str, Any]] = {}
        self.tests: list[Test] = []
        # The head first: the rules of other files refer to its groups and parameters.
        names = sorted(files, key=lambda name: (name != MAIN, name))
        self.documents = [Document(name, files[name]) for name in names]
        self.main = Reader(self.documents[0])
        self.head = self.main.record(self.documents[0].root, "the pack", _REQUIRED, _OPTIONAL)
        self.parts = [(self.main, self.head), *map(_further, self.documents[1:])]
        if self.documents[0].root is not None:
            self._load(files)

    def problems(self) -> list[Problem]:
        """All problems so far, sorted and each once."""
        # A set, because some checks read a part of the tree twice and note a mistake twice.
        return sorted({one for document in self.documents for one in document.problems})

    def _load(self, files: Mapping[str, bytes]) -> None:
        self._versions()
        main, head = self.main, self.head
        parameters = read_parameters(main, head.get("parameters"))
        groups = {
            name: main.bilingual(body, f"the group {name}")
            for name, (_, body) in main.named(head.get("groups"), "groups").items()
        }
        # All fixtures before any rule: a test may use one of whatever file.
        for reader, record in self.parts:
            self._fixtures(reader, record)
        context = Context(self.facts, parameters, groups)
        for reader, record in self.parts:
            self._rules(reader, record, context)
        self._unique()
        if any(problem.severity == "error" for problem in self.problems()):
            return
        self.pack = Pack(
            name=main.text(head.get("pack"), "pack"),
            version=main.text(head.get("version"), "version"),
            digest=digest(files),
            groups=groups,
            parameters=parameters,
            rules=tuple(draft.rule for draft in self.drafts if draft.rule),
            fixtures=self.fixtures,
            tests=tuple(self.tests),
            catalogues=self._catalogues(),
        )

    def _versions(self) -> None:
        main, head = self.main, self.head
        main.text(head.get("pack"), "pack")
        main.text(head.get("version"), "version")
        self._catalogues()
        for key, known in (("format", FORMAT), ("facts", FACTS_VERSION)):
            number = main.number(head.get(key), key)
            if number not in (None, known):
                message = f"{key} {number} is not known here; this version knows {known}"
                main.error(head[key], message)

    def _catalogues(self) -> dict[str, dict[str, str]]:
        main = self.main
        return {
            name: {
                key: main.text(value, key)
                for key, value in main.record(body, name, ("kernel", "sha256")).items()
            }
            for name, (_, body) in main.named(self.head.get("catalogues"), "catalogues").items()
        }

    def _fixtures(self, reader: Reader, record: Record) -> None:
        for name, (key, body) in reader.named(record.get("fixtures"), "fixtures").items():
            if name in self.fixtures:
                reader.error(key, f"the fixture {name} is already in another file of the pack")
            self.fixtures[name] = read_facts(reader, body, self.facts)

    def _rules(self, reader: Reader, record: Record, context: Context) -> None:
        for part in reader.items(record.get("rules"), "rules"):
            draft = read_rule(reader, part, context)
            self.drafts.append(draft)
            # Also of a rule with mistakes: its tests' mistakes shall be named in the same run.
            self._read_tests(draft, context.parameters)

    def _read_tests(self, draft: Draft, parameters: Mapping[str, Parameter]) -> None:
        tests = TestReader(draft.reader, self.facts, self.fixtures, parameters)
        rule_id = _rule_id(draft.record)
        parts = draft.reader.items(draft.record.get("tests"), "tests")
        self.tests += [tests.test(part, rule_id, index) for index, part in enumerate(parts)]

    def _unique(self) -> None:
        seen: dict[str, Draft] = {}
        for draft in self.drafts:
            rule_id = _rule_id(draft.record)
            if rule_id and rule_id in seen:
                other = seen[rule_id]
                document = other.reader.document
                where = f"{document.file}:{document.place(other.place('id'))[0]}"
                draft.reader.error(draft.place("id"), f"the id is already used in {where}")
            seen.setdefault(rule_id, draft)
        if not self.drafts and isinstance(self.main.document.root, Entries):
            self.main.error(self.head.start, "a pack has at least one rule")


def _further(document: Document) -> tuple[Reader, Record]:
    """A file beside the head. A second head would raise the question which one counts."""
    reader = Reader(document)
    what = "a further file of the pack"
    record = reader.record(document.root, what, (), ("rules", "fixtures"))
    if isinstance(document.root, Entries) and not record:
        reader.error(document.root, f"{what} has rules or fixtures")
    return reader, record


def _rule_id(record: Record) -> str:
    part = record.get("id")
    value = None if part is None or isinstance(part, Entries) else getattr(part, "value", None)
    return value if isinstance(value, str) else ""


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that are more than a warning."""
    return [problem for problem in problems if problem.severity == "error"]
