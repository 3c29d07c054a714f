"""What the pages are built from. They never hold a connection: they hand a question or an act
to the reader or the writer, which run it off the event loop.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from verbundwacht_collector import __version__
from verbundwacht_collector.observe.observer import Observer
from verbundwacht_collector.rules.model import Pack
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.web.passwords import Verifier
from verbundwacht_collector.web.throttle import Throttle

T = TypeVar("T")


class Reader(Protocol):
    """Answers a question on a connection that cannot write."""

    async def __call__(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The question's answer."""


class Writer(Protocol):
    """Runs an act in a transaction of its own; all of it is durable afterwards, or nothing."""

    async def __call__(self, act: Callable[[Transaction], T]) -> T:
        """What the act returned."""


@dataclass(frozen=True, kw_only=True)
class WebDeps:
    """Everything the pages need; `clock` returns Unix ms, `packs` the rule packs in force.

    observer: knows how the collector itself is.

    insecure_loopback: plain HTTP on loopback (the demo): a cookie without `Secure`.
    """

    read: Reader
    write: Writer
    packs: Callable[[], Sequence[Pack]]
    clock: Callable[[], int]
    observer: Observer
    insecure_loopback: bool = False
    version: str = __version__
    verifier: Verifier = field(default_factory=Verifier)
    throttle: Throttle = field(default_factory=Throttle)
