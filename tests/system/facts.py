"""Facts of invented hosts: the well-kept server of the pack `linux-basis`, and ways to change it.

Bodies are made by the Structs of the vocabulary and encoded as the agent does it, so a changed
vocabulary breaks here and not in the middle of a run.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from deploy.load.facts import moved

from verbundwacht_collector.admin import bundled_pack
from verbundwacht_collector.rules.load import load_pack
from verbundwacht_collector.rules.model import Pack
from verbundwacht_wire.facts import SECTIONS
from verbundwacht_wire.manifest import encode_body

Bodies = dict[str, bytes]
"""Section -> body, as the agent writes it."""


@cache
def basis() -> Pack:
    """The pack that ships with the collector."""
    return load_pack(bundled_pack())


@cache
def _fresh() -> Mapping[str, Mapping[str, Any]]:
    """The fixture as of now: its lists are an hour old, its backup and certificates do not age."""
    now = datetime.now(UTC)
    hour_ago = (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    automatic = {"enabled": True, "last_success": hour_ago}
    updates = {"lists_date": hour_ago, "lists_checked": hour_ago, "automatic": automatic}
    kept: dict[str, dict[str, Any]] = moved(dict(basis().fixtures["debian"]), now)
    return {**kept, "updates": {**kept["updates"], **updates}}


def section(name: str, /, **changes: Any) -> bytes:
    """The body of one section of the well-kept server, with these fields instead."""
    fields = {**_fresh()[name], **changes}
    return encode_body(msgspec.convert(fields, SECTIONS[name]))


def well_kept() -> Bodies:
    """All sections of a server that every rule is content with."""
    return {name: section(name) for name in SECTIONS if name in basis().fixtures["debian"]}
