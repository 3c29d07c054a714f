"""Is this message what it says, and from whom it says? Pure: bytes, registry rows, now.

Cheapest first, and nothing from the database before the frame is one. The steps:
(1) size and frame, (2) key known, (3) identity, (4) signature, (5) key state.
Sequence and chain follow in `chain.py`, the content in `content.py`.
"""

from functools import lru_cache

from verbundwacht_collector.peer import Peer
from verbundwacht_collector.store.records import HostRecord
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import Frame
from verbundwacht_wire.keys import PublicKey, check_signature, load_spki
from verbundwacht_wire.messages import DOWN

MAX_CLOCK_AHEAD_MS = 5 * 60 * 1000


class Rejected(WireError):  # noqa: N818 - it is the collector's decision, not a fault
    """The message is refused under its code; what is stored does not change."""


@lru_cache(maxsize=4096)
def _key(spki: bytes) -> PublicKey:
    return load_spki(spki)


def check_sender(frame: Frame, host: HostRecord | None, peer: Peer) -> HostRecord:
    """The frame comes from the host its header, its key and its connection all name.

    Raises Rejected with 103, 105, 107, 109 or WireError with 104, 108.
    """
    header = frame.header
    if header.typ in DOWN:
        raise Rejected(Code.HEADER, f"{header.typ} is spoken by collectors only")
    if host is None:
        raise Rejected(Code.UNKNOWN_KEY, f"key {header.kid.hex()} belongs to no host")
    registered = Peer(host.municipality_id, host.agent)
    if peer != registered or Peer(header.tenant, header.agent) != registered:
        raise Rejected(
            Code.IDENTITY,
            f"key of {host.municipality_id}/{host.agent.hex()}, header says "
            f"{header.tenant}/{header.agent.hex()}, connection {peer.municipality}/"
            f"{peer.agent.hex()}",
        )
    check_signature(frame, _key(host.spki))
    if host.key_state != "active" or host.state != "active":
        raise Rejected(Code.KEY_STATE, f"host {host.name} is {host.state}, key {host.key_state}")
    return host
