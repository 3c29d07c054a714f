"""Facts of invented hosts: the well-kept server of the pack `linux-basis`, and ways to change it.

Bodies are made by the Structs of the vocabulary and encoded as the agent does it, so a changed
vocabulary breaks here and not in the middle of a run.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

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
    """What would age: the package lists of the fixture were fetched an hour before the run."""
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    automatic = {"enabled": True, "last_success": hour_ago}
    return {
        "updates": {"lists_date": hour_ago, "lists_checked": hour_ago, "automatic": automatic},
    }


def section(name: str, /, **changes: Any) -> bytes:
    """The body of one section of the well-kept server, with these fields instead."""
    fields = {**basis().fixtures["debian"][name], **_fresh().get(name, {}), **changes}
    return encode_body(msgspec.convert(fields, SECTIONS[name]))


def well_kept() -> Bodies:
    """All sections of a server that every rule is content with."""
    return {name: section(name) for name in SECTIONS if name in basis().fixtures["debian"]}
