"""Doors without logic: each takes bytes from a proven peer and gives the answer of `receive`."""

from verbundwacht_collector.peer import Answer, Peer, Receive

__all__ = ["Answer", "Peer", "Receive"]
