"""Mappings of a rule to requirements: BSI Grundschutz++, IT-Grundschutz, WiBA, CIS. Pure.

Ids of Grundschutz++ controls move between versions of the catalogue (143 of 882 came to mean
another control within a year), UUIDs of the kernel catalogue hardly do: so a rule gives both,
and the review compares the pair with the catalogue.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from verbundwacht_collector.rules.language.scope import suggestion
from verbundwacht_collector.rules.pack.document import Part
from verbundwacht_collector.rules.pack.reader import Reader, Record

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "gspp": ("uuid", "id", "as"),
    "itgs2023": ("id", "as"),
    "wiba": ("list", "topic"),
    "cis": ("doc", "id"),
}
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Maps = Mapping[str, tuple[Mapping[str, str], ...]]


def read_maps(reader: Reader, part: Part | None) -> Maps:
    """Catalogue -> entries; every entry has the keys of its catalogue."""
    found = reader.record(part, "maps", (), KEYS)
    return {
        name: tuple(_entry(reader, item, name) for item in reader.items(body, name))
        for name, body in found.items()
    }


def _entry(reader: Reader, item: Part, catalogue: str) -> Mapping[str, str]:
    record: Record = reader.record(item, f"an entry of {catalogue}", KEYS[catalogue])
    entry = {key: reader.text(value, key) for key, value in record.items() if key != "as"}
    if "as" in record:
        entry["as"] = reader.word(record["as"], "value of as", ("partial", "full"))
    if "uuid" in record and not _UUID.fullmatch(entry["uuid"]):
        reader.error(record["uuid"], f"{entry['uuid']!r} is no UUID in small letters")
    return entry


def catalogue_ids(catalogue: bytes) -> dict[str, str]:
    """UUID -> id of every control of an OSCAL catalogue; the UUID is the `alt-identifier`."""
    found: dict[str, str] = {}
    # Controls lie inside groups and inside other controls, at any depth.
    stack: list[Any] = [json.loads(catalogue)["catalog"]]
    while stack:
        part = stack.pop()
        for prop in part.get("props", ()):
            if prop["name"] == "alt-identifier" and "id" in part:
                found[prop["value"]] = part["id"]
        stack += [*part.get("groups", ()), *part.get("controls", ())]
    return found


def wrong_pair(uuid: str, control: str, ids: Mapping[str, str]) -> str:
    """Why UUID and id do not name the same control; "" if they do."""
    actual = ids.get(uuid)
    # The UUID leads: ids are reused for other controls, UUIDs are not.
    if actual is None:
        return f"the catalogue has no control {uuid}{suggestion(uuid, ids)}"
    return "" if actual == control else f"{uuid} is {actual} in the catalogue, not {control}"
