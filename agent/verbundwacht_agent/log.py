"""One JSON line per event on stderr, in the shape structlog gives the interactive commands.

Written by hand because importing structlog costs a quiet run a fifth of its CPU time. Events are
`noun.past_verb` from a fixed set, values are keys with units, and never a secret.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Literal

Level = Literal["debug", "info", "warning", "error"]


def log_event(event: str, level: Level = "info", **values: str | float | bool | None) -> None:
    """One line is on stderr; bytes that are no text and objects do not belong in it."""
    line = {"event": event, "level": level, "timestamp": _now(), **values}
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
