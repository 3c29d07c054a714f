"""How often one person may do something costly: a sliding window per person.

Pure but for its own memory, which is bounded by the number of accounts.
"""

from collections import deque
from typing import Final

MINUTE_MS: Final = 60_000
SEARCHES_PER_MINUTE: Final = 30


class Pace:
    """At most `limit` times a minute for each person."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: dict[int, deque[int]] = {}

    def wait_ms(self, person_id: int, now: int) -> int:
        """How long to wait; 0 lets it pass and counts it. now: Unix ms."""
        times = self._times.setdefault(person_id, deque())
        while times and times[0] <= now - MINUTE_MS:
            times.popleft()
        if len(times) >= self._limit:
            return times[0] + MINUTE_MS - now
        times.append(now)
        return 0
