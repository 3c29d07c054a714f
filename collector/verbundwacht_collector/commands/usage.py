"""What argparse itself says, in German: Python has it in English only.

argparse looks its texts up under the name `_` of its own module; that is the only door it has.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

GERMAN: Final = {
    "usage: ": "Aufruf: ",
    "options": "Optionen",
    "positional arguments": "Argumente",
    "show this help message and exit": "diese Hilfe zeigen",
    "the following arguments are required: %s": "es fehlt: %s",
    "unrecognized arguments: %s": "unbekannte Argumente: %s",
    "invalid choice: %(value)r (choose from %(choices)s)": (
        "%(value)r gibt es nicht (möglich: %(choices)s)"
    ),
    "invalid %(type)s value: %(value)r": "%(value)r ist kein Wert für %(type)s",
    "expected one argument": "es fehlt ein Wert",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "%(prog)s: error: %(message)s\n": "%(prog)s: Fehler: %(message)s\n",
}
"""Text of CPython 3.11 to 3.13 -> ours; one that is not here stays English."""


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """argparse speaks `language` inside the block."""
    module: Any = argparse
    before = module._
    module._ = (lambda text: GERMAN.get(text, text)) if language == "de" else (lambda text: text)
    try:
        yield
    finally:
        module._ = before
