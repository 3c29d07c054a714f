"""What a probe hands back, apart from the table of probes so that each probe can import it.

`signature` says whether files have changed, without reading them. Hard-learned: an edit in place
leaves the folder as it was, so of a watched folder every entry is looked at, one level deep.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from verbundwacht_agent.host import FileStat, Host, Missing
from verbundwacht_wire.facts.base import Section

Mark = tuple[str, FileStat | None]
"""A path and what stat(2) says about it, None where nothing is."""

Signature = tuple[Mark, ...]

MAX_ENTRIES: Final = 200
"""Of a folder with more than that, such as that of all the CAs, only itself is looked at."""


class Collected(NamedTuple):
    """One section body, and why it is not the whole truth if it is not."""

    body: Section
    reason: str | None = None  # set: reach is "partial"; fixed English phrase like a status reason


def _none(_body: bytes) -> tuple[str, ...]:
    return ()


class Probe(NamedTuple):
    """One section's collector: `probe` returns a body or raises `Unavailable`, nothing else."""

    section: str
    probe: Callable[[Host], Collected]
    costly: bool = False
    watches: tuple[str, ...] = ()  # files and folders; a change starts a run
    inputs: Callable[[bytes], tuple[str, ...]] = _none  # further files that a body was made from


def signature(host: Host, paths: Iterable[str]) -> Signature:
    """Equal signatures mean: nothing has changed at these paths.

    Raises Unavailable if one of them may not be looked at.
    """
    return tuple(mark for path in paths for mark in _marks(host, path))


def _marks(host: Host, path: str) -> Iterator[Mark]:
    found = _stat(host, path)
    yield path, found
    if found is None or not found.is_dir:
        return
    try:
        names = host.list_dir(path)
    except Missing:  # it went away between two looks, and the next signature will say so
        return
    if len(names) <= MAX_ENTRIES:
        for name in names:
            entry = f"{path}/{name}"
            yield entry, _stat(host, entry)


def _stat(host: Host, path: str) -> FileStat | None:
    try:
        return host.stat(path)
    except Missing:
        return None
