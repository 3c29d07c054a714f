"""`verbundwacht --lang en`: help, output and refusals hold no German; without it no English."""

import argparse
import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collector.german import GERMAN

from verbundwacht_collector import i18n
from verbundwacht_collector.cli import build_parser, main


def commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """The words of every command, groups included."""
    yield list(words)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from commands(command, (*words, name))


COMMANDS = list(commands(build_parser()))


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What the command prints, whatever its exit code."""
    with contextlib.suppress(SystemExit):
        main(list(argv))
    out, err = capsys.readouterr()
    return out + err


def test_there_are_commands_to_ask() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_is_in_one_language(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    english = said(capsys, "--lang", "en", *words, "--help")
    german = said(capsys, *words, "--help")

    assert GERMAN.search(english) is None, english
    assert english.startswith("usage: ")
    assert german.startswith("Aufruf: ")
    for word in ("usage", "options", "positional", "show this", "show program", "Exit codes"):
        assert word not in german, german
    assert i18n.current() == "de"


def test_a_day_with_the_commands_is_english(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERBUNDWACHT_LANG", "en")
    folder, password = tmp_path / "collector", tmp_path / "password"
    password.write_text("church-tower-in-fog-47\n")
    base = ("--dir", str(folder))
    runs = (
        ("alerts",),
        ("init", "--alliance", "Hochwald"),
        ("municipality", "list"),
        ("municipality", "add", "Town Hall"),
        ("municipality", "add", "town", "--name", "Town", "--contact", "it@town.example"),
        ("municipality", "add", "town"),
        ("municipality", "list"),
        ("user", "add", "jana", "--password-file", str(password)),
        ("user", "add", "j", "--password-file", str(tmp_path / "missing")),
        ("host", "list"),
        ("host", "show", "web01"),
        ("host", "add", "--municipality", "town", "--request", "none", "--receipt", "r"),
        ("findings",),
        ("alerts", "--all"),
        ("alert", "show", "W-2026-0001"),
        ("alert", "take", "W-2026-0001", "--by", "jana"),
        ("overlay", "list"),
        ("overlay", "maintenance", "--municipality", "town", "--for", "2h", "--reason", "update"),
        ("overlay", "list"),
        ("overlay", "end", "1"),
        ("channel", "list"),
        ("channel", "test", "nobody@town.example"),
        ("status",),
        ("pack", "lint", str(folder)),
        ("host",),
        ("alert", "close", "W-2026-0001", "--reason", "boredom"),
    )

    for run in runs:
        text = said(capsys, *base, *run)
        assert text, run
        assert GERMAN.search(text.replace(str(tmp_path), "")) is None, (run, text)


def test_a_wrong_call_is_explained_in_german_without_the_switch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VERBUNDWACHT_LANG", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    missing = said(capsys, "host", "add")
    unknown = said(capsys, "alerts", "--limit", "viele")

    assert "Fehler: es fehlt: --municipality" in missing
    assert "'viele' ist kein Wert für int" in unknown
