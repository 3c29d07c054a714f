"""One small pack per mistake: the file's name says which, its first lines what lint must say.

Such a line reads `# LINE:COLUMN SEVERITY at 'TEXT': MESSAGE`; the text must stand at that place.
"""

import re
from pathlib import Path

import pytest

from verbundwacht_collector.rules.errors import PackError, Problem
from verbundwacht_collector.rules.load import lint, load_pack_bytes

PACKS = sorted((Path(__file__).parent / "packs").glob("*.yaml"))
_EXPECTED = re.compile(r"# (\d+):(\d+) (error|warning) at '(.*?)': (.*)")


@pytest.mark.parametrize("file", PACKS, ids=lambda file: file.stem)
def test_lint_says_what_is_wrong_and_where(file: Path) -> None:
    data = file.read_bytes()
    lines = data.decode().splitlines()
    expected = []
    for line in lines:
        if found := _EXPECTED.fullmatch(line):
            row, column, severity, text, message = found.groups()
            assert lines[int(row) - 1][int(column) - 1 :].startswith(text)
            expected.append((int(row), int(column), severity, message))

    problems = lint({"pack.yaml": data})

    assert [(one.line, one.column, one.severity, one.message) for one in problems] == expected
    assert bool(expected) is (file.stem != "a-good-pack")


@pytest.mark.parametrize("file", PACKS, ids=lambda file: file.stem)
def test_a_pack_loads_unless_a_mistake_makes_it_meaningless(file: Path) -> None:
    """What only an author should not ship (a missing test) does not stop a collector."""
    files = {"pack.yaml": file.read_bytes()}
    try:
        load_pack_bytes(files)
        refused: tuple[Problem, ...] = ()
    except PackError as error:
        refused = error.problems

    errors = {one for one in lint(files) if one.severity == "error"}
    only_reviewed = ("no test expects", "never depends", "no rule reads")
    assert set(refused) == {
        one for one in errors if not any(text in one.message for text in only_reviewed)
    }
