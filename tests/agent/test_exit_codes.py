"""Exit codes: what --help and README say is what happens."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.agent.fakes import Machine, recorded
from tests.agent.test_cli import COMMANDS

from verbundwacht_agent import cli, host
from verbundwacht_agent.exits import SPECIAL, USUAL, explained

README: Final = Path(__file__).parents[2] / "README.md"
CODES: Final = (0, 1, 2, 70, 75)
ROW: Final = re.compile(r"\| (?:`(?P<command>[a-z]+)`|every other one) \|(?P<cells>.*)\|")


def promised() -> dict[str, set[int]]:
    """Command -> codes, as the table in README has them; "" stands for every other one."""
    text = README.read_text("utf-8").partition("| command | 0 | 1 | 2 | 70 | 75 |\n")[2]
    found = {}
    for line in text.partition("\n\n")[0].splitlines()[1:]:
        row = ROW.fullmatch(line)
        assert row, line
        cells = zip(CODES, row["cells"].split("|"), strict=True)
        found[row["command"] or ""] = {code for code, cell in cells if cell.strip() != "–"}
    return found


def test_readme_has_the_codes_of_the_program() -> None:
    assert promised() == {name: set(codes) for name, codes in {"": USUAL, **SPECIAL}.items()}
    assert SPECIAL.keys() <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])

    assert explained(command) in capsys.readouterr().out


@contextmanager
def busy(machine: Machine) -> Iterator[None]:
    machine.paths.lock.touch()
    with machine.paths.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def run(machine: Machine, line: str) -> int:
    """The exit code of the real command, argparse's own included."""
    try:
        return cli.main([*line.split(), "--dir", str(machine.paths.root)])
    except SystemExit as end:
        return int(end.code or 0)


@pytest.fixture
def enrolled(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(host, "LocalHost", lambda: recorded().denying("/etc/shadow"))
    return machine


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("gather", 0),
        ("status", 0),
        ("show --section kernel", 0),
        ("announce --for 1h --reason Umbau", 0),
        ("doctor", 1),
        ("announce --for 9h --reason Umbau", 2),
        ("accept /nowhere", 2),
        ("prepare", 2),
        ("show --section xyz", 2),
        ("fly", 2),
    ],
)
def test_the_codes_are_those_that_are_explained(enrolled: Machine, line: str, code: int) -> None:
    assert run(enrolled, line) == code
    assert code in SPECIAL.get(line.split(maxsplit=1)[0], USUAL)


@pytest.mark.parametrize("command", ["gather", "once"])
def test_beside_another_run_it_is_75(enrolled: Machine, command: str) -> None:
    with busy(enrolled):
        code = run(enrolled, command)

    assert code == 75
    assert code in SPECIAL[command]


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_host_that_is_not_enrolled_is_1(enrolled: Machine, command: str) -> None:
    enrolled.paths.receipt.unlink()

    assert run(enrolled, command) == 1


@pytest.mark.parametrize("command", ["gather", "send", "once"])
def test_a_wrong_setting_is_2(enrolled: Machine, command: str) -> None:
    assert run(enrolled, "gather") == 0
    (enrolled.paths.root / "agent.toml").write_text("interval_s = 5\n")
    enrolled.paths.peer.write_text("{}")

    assert run(enrolled, command) == 2
