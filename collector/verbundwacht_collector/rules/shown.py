"""How values look in explanations: as JSON writes them, short enough for an alert. Pure."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from verbundwacht_collector.rules.language.values import timestamp_text

MAX_CHARS: Final = 120
MAX_ITEMS: Final = 5


def shown(value: Any) -> str:
    """A value as short text; long strings are cut, long lists give their first items."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return f"{value // timedelta(seconds=1)}s"
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, dict):
        return f"{len(value)} fields"
    return json.dumps(value)


def _text(value: str) -> str:
    cut = value if len(value) <= MAX_CHARS else f"{value[:MAX_CHARS]}…"
    # A host may send half a surrogate pair; no database takes that.
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def _list(value: list[Any]) -> str:
    if value and isinstance(value[0], dict | list):
        return f"{len(value)} elements"
    # The count matters more than the sixth value; a list may have a thousand.
    more = [f"… {len(value)} in all"] if len(value) > MAX_ITEMS else []
    return f"[{', '.join([*map(shown, value[:MAX_ITEMS]), *more])}]"
