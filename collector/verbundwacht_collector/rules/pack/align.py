"""Finds where the characters of a YAML scalar's value stand in the file. Pure.

YAML folds lines, strips indentation and resolves escapes; only then is the value an
expression. An author needs the column in the file, not the offset in the value.
"""

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|.)")
_BLOCK_HEADER: Final = re.compile(r"[|>][^\n]*\n?")


def offsets(raw: str, value: str, style: str) -> list[int]:
    """For each character of `value`, and for its end, the index in `raw` where it is written.

    raw: the scalar as in the file, with quotes or block header. style: as YAML events name it
    ("" plain, "'" , '"', "|", ">"). White space that folding changed maps to its neighbourhood.
    """
    position = 0
    if style in ("|", ">"):
        header = _BLOCK_HEADER.match(raw)
        position = header.end() if header else 0
    elif style:
        position = 1
    found: list[int] = []
    for character in value:
        position = _seek(raw, position, character, style)
        found.append(min(position, len(raw)))
        position += _width(raw, position, character, style)
    end = min(position, len(raw))
    return [*found, end]


def _seek(raw: str, position: int, character: str, style: str) -> int:
    """Skips what folding swallowed in front of a character."""
    # A backslash at the end of a line joins it with the next; neither is in the value.
    if style == '"':
        while (escape := _ESCAPE.match(raw, position)) and escape.group()[1] in "\r\n":
            position = escape.end()
    if not character.isspace():
        while position < len(raw) and raw[position].isspace():
            position += 1
    return position


def _width(raw: str, position: int, character: str, style: str) -> int:
    """How many characters of the file stand for this one."""
    if style == '"' and (escape := _ESCAPE.match(raw, position)):
        return len(escape.group())
    # In single quotes a quote is written twice.
    if style == "'" and character == "'":
        return 2
    # A folded line break stands for a blank; the indentation after it belongs to neither.
    if character.isspace() and raw[position : position + 1] != character:
        return 0
    return 1
