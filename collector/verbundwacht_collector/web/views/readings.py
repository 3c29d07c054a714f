"""What a rule read, with the label of each value from the facts schema."""

import json
import re
from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.i18n import _
from verbundwacht_collector.web import words
from verbundwacht_collector.web.views.schema import resolved, section_schema, title

_PART: Final = re.compile(r"([A-Za-z_]\w*)|\[(\d+)\]")


@dataclass(frozen=True)
class ReadingLine:
    """One value that decided: „SSH-Server: PermitRootLogin“, its path, and what was found."""

    label: str
    path: str
    value: str
    missing: bool


def reading_line(path: str, value: str) -> ReadingLine:
    """One reading; text loses the quotes that JSON puts around it."""
    return ReadingLine(label(path), path, _plain(value), value == "missing")


def label(path: str) -> str:
    """The label of a path such as `facts.sshd.port[0]`; "" if the schema has none."""
    names = [match[1] or f"[{match[2]}]" for match in _PART.finditer(path)]
    if names[:1] == ["params"] and len(names) > 1:
        return _("Vorgabe des Regelpakets")
    if names[:1] != ["facts"] or len(names) < 2:
        return ""
    part = section_schema(names[1])
    labels = [words.section(names[1])]
    for name in names[2:]:
        if name.startswith("["):
            part = resolved(part.get("items", {}))
            continue
        part = part.get("properties", {}).get(name, {})
        # A label as far as the schema goes; the path beside it says the rest.
        if "title" not in part:
            return ": ".join(labels)
        labels.append(title(part, name))
        part = resolved(part)
    return ": ".join(labels)


def _plain(value: str) -> str:
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, str) else value
