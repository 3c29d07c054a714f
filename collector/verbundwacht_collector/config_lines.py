"""On which line of a TOML file a key stands. Pure.

No TOML reader of the standard library says so. It is found by reading ever longer beginnings of
the file: the key is on the line that follows the last beginning without it. So strings over
several lines, inline tables and dotted keys count as TOML counts them, and nothing is guessed.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from verbundwacht_collector.errors import ConfigError, Words

MOST_LINES: Final = 300
"""Of a longer file the lines are not told: the time grows with the square."""
_SECTION: Final = re.compile(r"(?P<name>.*) #(?P<number>\d+)")


def with_lines(found: list[ConfigError], file: Path, raw: bytes) -> list[ConfigError]:
    """The same problems; those about a key of this file name its line, too."""
    text = raw.decode("utf-8", "replace")
    return [_with_line(one, file, text) for one in found]


def _with_line(one: ConfigError, file: Path, text: str) -> ConfigError:
    key = one.values.get("key")
    if one.values.get("file") != file or not isinstance(key, str):
        return one
    line = line_of(text, key)
    if line is None:
        return one
    place = Words(f"{file}, Zeile {line}", f"{file}, line {line}")
    return type(one)(one.problem, **{**one.values, "file": place})


def line_of(text: str, key: str) -> int | None:
    """The line of `mail.host` or `webhook #2.url`; of its section if it is not there, or None.

    text: TOML that can be read.
    """
    lines, steps = text.split("\n"), key.split(".")
    if len(lines) > MOST_LINES:
        return None
    while steps:
        if line := _first_with(lines, steps):
            return line
        steps.pop()
    return None


def _first_with(lines: list[str], steps: list[str]) -> int | None:
    after = 0  # so many lines were read without meeting the key
    for count in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value
        if _holds(table, steps):
            return after + 1
        after = count
    return None


def _holds(value: Any, steps: list[str]) -> bool:
    for step in steps:
        if isinstance(value, list):  # the only entry, or it would have a number
            value = value[0] if value else None
        split = _SECTION.fullmatch(step)
        name, number = (split["name"], int(split["number"])) if split else (step, 0)
        value = value.get(name) if isinstance(value, dict) else None
        if number:
            value = value[number - 1] if isinstance(value, list) and number <= len(value) else None
        if value is None:
            return False
    return True
