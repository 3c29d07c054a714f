"""The seam between a door and the pipeline: who speaks, what to take in, what to answer.

`receive` returns after the commit, so whatever a door says to the peer is already durable.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from verbundwacht_wire.codes import Code


class Peer(NamedTuple):
    """Who the client certificate says is speaking (SAN URI urn:vw:agent:<municipality>:<hex>)."""

    municipality: str
    agent: bytes  # 16 bytes


class Answer(NamedTuple):
    """What became of one message. `ack` is a signed frame, or None where silence is the answer."""

    code: Code
    ack: bytes | None


Receive = Callable[[bytes, Peer], Awaitable[Answer]]
"""Take one message in; returns after the commit. Raises only if nothing could be stored."""
