"""Costly sections from run to run: with what was seen of their inputs before they were collected.

A file here is never the truth about the host, only a reason not to look again; a damaged one
means that the probe runs once more.
"""

from collections.abc import Mapping

import msgspec

from verbundwacht_agent.collect import Kept, Section, inputs, marks
from verbundwacht_agent.files import write
from verbundwacht_agent.host import Host
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.probes import PROBES


def load_kept(paths: Paths) -> dict[str, Kept]:
    """Costly sections of earlier runs; a damaged file only means that the probe runs again."""
    kept = {}
    for name, probe in PROBES.items():
        if probe.costly:
            try:
                raw = (paths.sections / f"{name}.json").read_bytes()
                kept[name] = msgspec.json.decode(raw, type=Kept)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                continue
    return kept


def costly_marks(host: Host, kept: Mapping[str, Kept]) -> dict[str, str]:
    """What the inputs of the costly probes look like now."""
    found = {}
    for name, probe in PROBES.items():
        if probe.costly:
            found[name] = marks(host, probe, kept[name].body if name in kept else None)
    return found


def keep(
    paths: Paths,
    sections: Mapping[str, Section],
    kept: Mapping[str, Kept],
    seen: Mapping[str, str],
) -> None:
    """Costly sections just collected are kept for the next runs, with what was seen before."""
    for name, mark in seen.items():
        entry, body, _ = sections[name]
        old = kept.get(name)
        if body is None or (old is not None and old.entry == entry):
            continue  # an old section with a new signature would pass for a new one
        if inputs(PROBES[name], body) != inputs(PROBES[name], old.body if old else None):
            mark = ""  # noqa: PLW2901 - nobody looked at the new ones before: once more next time
        write(
            paths.sections / f"{name}.json", msgspec.json.encode(Kept(entry, body.decode(), mark))
        )
