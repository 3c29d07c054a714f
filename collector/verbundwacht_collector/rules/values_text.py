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
        # Text from a host may hold control characters; json escapes them.
        cut = value if len(value) <= MAX_CHARS else f"{value[:MAX_CHARS]}…"
        return json.dumps(cut, ensure_ascii=False)
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return f"{value // timedelta(seconds=1)}s"
    if isinstance(value, list):
        if value and isinstance(value[0], dict | list):
            return f"{len(value)} elements"
        more = [f"… {len(value)} in all"] if len(value) > MAX_ITEMS else []
        return f"[{', '.join([*map(shown, value[:MAX_ITEMS]), *more])}]"
    if isinstance(value, dict):
        return fields(value, tuple(value)[:MAX_ITEMS])
    return json.dumps(value)


def fields(value: dict[str, Any], names: tuple[str, ...]) -> str:
    """Some fields of an object, `name="docker" gid=999`."""
    return " ".join(f"{name}={shown(value[name])}" for name in names if name in value)
