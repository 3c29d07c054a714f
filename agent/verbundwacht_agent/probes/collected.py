"""What a probe hands back, apart from the table of probes so that each probe can import it."""

from collections.abc import Callable
from typing import NamedTuple

from verbundwacht_agent.host import Host, Missing
from verbundwacht_wire.facts.base import Section

Signature = tuple[tuple[float, int, int] | None, ...]
"""(mtime, size, inode) per watched path, None where nothing is."""


class Collected(NamedTuple):
    """One section body, and why it is not the whole truth if it is not."""

    body: Section
    reason: str | None = None  # set: reach is "partial"; fixed English phrase like a status reason


class Probe(NamedTuple):
    """One section's collector: `probe` returns a body or raises `Unavailable`, nothing else."""

    section: str
    probe: Callable[[Host], Collected]
    costly: bool = False
    watches: tuple[str, ...] = ()


def signature(host: Host, probe: Probe) -> Signature:
    """Equal signatures mean: the costly probe would find the same facts again.

    Raises Unavailable if a watched path may not be looked at; then run the probe.
    """
    return tuple(_mark(host, path) for path in probe.watches)


def _mark(host: Host, path: str) -> tuple[float, int, int] | None:
    try:
        found = host.stat(path)
    except Missing:
        return None
    return found.mtime, found.size, found.inode
