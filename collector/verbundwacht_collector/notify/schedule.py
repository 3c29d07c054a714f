"""When a delivery is tried again. Pure."""

import hashlib
from typing import Final

_BACKOFF_S: Final = (10, 30, 120, 600, 1_800, 7_200)
_LATER_S: Final = 21_600
LEASE_MS: Final = 60_000
"""How long a worker may hold a delivery; longer than any channel's own timeout."""


def next_try(delivery_id: str, attempts: int, now: int) -> int:
    """Unix ms of the next try after `attempts` failed ones, spread by ±20 % per delivery."""
    wait_s = _BACKOFF_S[attempts - 1] if attempts <= len(_BACKOFF_S) else _LATER_S
    mark = hashlib.sha256(f"{delivery_id}:{attempts}".encode()).digest()[0]
    return now + int(wait_s * 1000 * (0.8 + 0.4 * mark / 255))
