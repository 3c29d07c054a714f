"""Slows down guessing at the login: a wait per account and per address, never a lock.

Pure but for its own memory. Attempts count before the password is checked, or a burst in
parallel would get all its guesses in. Accounts are counted by the name that was typed,
whether it exists or not, so the answer tells nothing about which accounts exist.
"""

from collections import OrderedDict, deque
from typing import Final

WINDOW_MS: Final = 15 * 60 * 1000
PER_ACCOUNT: Final = 5
PER_ADDRESS: Final = 20
MAX_KEYS: Final = 10_000


class Throttle:
    """Counts attempts in a sliding window of 15 minutes; forgets the least recent keys."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_ms(self, *, login: str, address: str, now: int) -> int:
        """How long this login must wait; 0 lets it pass and counts the attempt."""
        limits = ((_account(login), PER_ACCOUNT), (_address(address), PER_ADDRESS))
        waits = [self._wait(key, limit, now) for key, limit in limits]
        if wait := max(waits):
            return wait
        # Only now: an attempt that has to wait must not lengthen the wait.
        for key, _ in limits:
            self._recent(key, now).append(now)
        return 0

    def succeeded(self, *, login: str, address: str) -> None:
        """A correct password ends the account's count and was no guess of this address."""
        self._attempts.pop(_account(login), None)
        if attempts := self._attempts.get(_address(address)):
            attempts.pop()

    def _wait(self, key: str, limit: int, now: int) -> int:
        recent = self._recent(key, now)
        return 0 if len(recent) < limit else recent[-limit] + WINDOW_MS - now

    def _recent(self, key: str, now: int) -> deque[int]:
        attempts = self._attempts.setdefault(key, deque())
        self._attempts.move_to_end(key)
        while attempts and attempts[0] <= now - WINDOW_MS:
            attempts.popleft()
        # Bounded, or made-up names would fill the memory.
        while len(self._attempts) > MAX_KEYS:
            self._attempts.popitem(last=False)
        return attempts


def _account(login: str) -> str:
    # As the person means it: another spelling is not another account.
    return f"account:{login.strip().casefold()}"


def _address(address: str) -> str:
    return f"address:{address}"
