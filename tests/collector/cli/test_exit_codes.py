"""Exit codes: what --help and README say is what happens."""

import re
from pathlib import Path
from typing import Final

import pytest
from tests.collector.cli.operator import Operator, write_pack
from tests.collector.cli.provoked import GOOD
from tests.collector.cli.test_commands import COMMANDS
from tests.collector.rulebook import REBOOT
from tests.system.running import new_stage, serving

from verbundwacht_collector import admin
from verbundwacht_collector.commands.exits import SPECIAL, USUAL, explained

README: Final = Path(__file__).parents[3] / "README.md"
ROW: Final = re.compile(r"\| (?:`(?P<command>[a-z -]+)`|every other one) \|(?P<cells>.*)\|")


def promised() -> dict[str, set[int]]:
    """Command -> codes, as the table in README has them; "" stands for every other one."""
    text = README.read_text("utf-8").partition("| command | 0 | 1 | 2 |\n")[2]
    found = {}
    for line in text.partition("\n\n")[0].splitlines()[1:]:
        row = ROW.fullmatch(line)
        assert row, line
        cells = [cell.strip() for cell in row["cells"].split("|")]
        found[row["command"] or ""] = {code for code, text in enumerate(cells) if text != "–"}
    return found


def test_readme_has_the_codes_of_the_program() -> None:
    expected = {"": USUAL, **SPECIAL}

    assert promised() == {name: set(codes) for name, codes in expected.items()}


def test_only_real_commands_have_codes_of_their_own() -> None:
    assert {tuple(name.split()) for name in SPECIAL} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_its_codes(operator: Operator, words: tuple[str, ...]) -> None:
    ran = operator.run(*words, "--help", with_dir=False)

    assert explained(" ".join(words)) in ran.out


def _pack(tmp_path: Path, *rules: str) -> str:
    return str(write_pack(tmp_path / "pack", *rules))


BAD: Final = REBOOT.replace("kernel", "kernal")


@pytest.mark.parametrize(
    ("command", "rules", "code"),
    [
        ("init --pack PACK", (), 0),
        ("init --pack PACK", (BAD,), 1),
        ("init --pack PACK --public a:b", (), 2),
        ("serve --dir NOWHERE", (), 2),
        ("check-config", (), 0),
        ("check-config --dir NOWHERE", (), 2),
        ("certificate renew", (), 0),
        ("certificate renew --dir NOWHERE", (), 2),
        ("status --dir NOWHERE", (), 2),
        ("pack lint BUNDLED", (), 0),
        ("pack lint PACK", (BAD,), 1),
        ("pack lint", (), 2),
        ("pack test BUNDLED", (), 0),
        ("pack test PACK", (BAD,), 1),
        ("pack test", (), 2),
        ("evidence verify PACK", (), 2),
        ("evidence verify EMPTY", (), 2),
        ("audit verify", (), 0),
        ("audit verify --dir NOWHERE", (), 2),
    ],
)
def test_the_codes_are_those_that_are_explained(
    operator: Operator, tmp_path: Path, command: str, rules: tuple[str, ...], code: int
) -> None:
    operator.settings(GOOD)
    names = {
        "PACK": _pack(tmp_path, *rules),
        "BUNDLED": str(admin.bundled_pack()),
        "NOWHERE": str(tmp_path / "nirgends"),
        "EMPTY": "/dev/null",
    }
    words = [names.get(word, word) for word in command.split()]

    ran = operator.run(*words, with_dir="--dir" not in words)

    assert ran.code == code, ran
    name = next(one for one in SPECIAL if command.startswith(one))
    assert code in SPECIAL[name]


def test_a_collector_that_serves_has_a_status_and_ends_with_0(
    operator: Operator, tmp_path: Path
) -> None:
    stage = new_stage(tmp_path / "collector", pack=write_pack(tmp_path / "pack"))
    with serving(stage) as running:
        ran = operator.run("status", "--dir", str(stage.folder.root), with_dir=False)
        code = running.stop()

    assert code == 0
    assert ran.code == 1  # nobody has reported yet: unknown is not good
