"""How often keys that belong to no host may be looked up: five a second per peer, fifty in all.

Pure but for its own memory. Only peers that TLS or a broker has named come this far, so the peer
pays: one that never showed an unknown key is always looked up, and so is the key that a peer was
last proven by. A thousand made-up keys therefore cost other agents nothing, not even right after
a start, when nobody has been proven yet.
"""

from typing import Final

from verbundwacht_collector.peer import Peer

PER_PEER: Final = 5
IN_ALL: Final = 50
FORGET_S: Final = 60
MOST_PEERS: Final = 20_000  # a hostile broker can name peers that do not exist


class Strangers:
    """Counts keys that were not found, per second; forgets peers after a quiet minute."""

    def __init__(self) -> None:
        self._proven: dict[Peer, bytes] = {}
        self._missed: dict[Peer, tuple[int, int]] = {}  # peer -> (second, misses in it)
        self._all = (0, 0)
        self.held_back = 0  # refused without a look since somebody last set it back

    def may_ask(self, peer: Peer, kid: bytes, now: int) -> bool:
        """The key may be looked up; otherwise it counts as held back. now: Unix ms."""
        if self._proven.get(peer) == kid:
            return True
        missed = self._missed.get(peer)
        if missed is None and len(self._missed) < MOST_PEERS:
            return True
        second = now // 1000
        if _within(missed, second) < PER_PEER and _within(self._all, second) < IN_ALL:
            return True
        self.held_back += 1
        return False

    def unknown(self, peer: Peer, now: int) -> None:
        """The key was looked up and belongs to no host."""
        second = now // 1000
        self._all = (second, _within(self._all, second) + 1)
        if len(self._missed) >= MOST_PEERS:
            self._forget(second)
        if peer in self._missed or len(self._missed) < MOST_PEERS:
            self._missed[peer] = (second, _within(self._missed.get(peer), second) + 1)

    def proven(self, peer: Peer, kid: bytes) -> None:
        """The peer signed with this key: from now on it is no stranger."""
        if len(self._proven) >= MOST_PEERS:
            self._proven.clear()  # the next message of each puts it back
        self._proven[peer] = kid

    def _forget(self, second: int) -> None:
        for peer, (last, _) in list(self._missed.items()):
            if last < second - FORGET_S:
                del self._missed[peer]


def _within(window: tuple[int, int] | None, second: int) -> int:
    return window[1] if window is not None and window[0] == second else 0
