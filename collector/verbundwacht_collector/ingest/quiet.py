"""Refusals in the log: a flood of one kind becomes one line a second, the rest a number in it."""

import asyncio
from typing import Final

import structlog

QUIET_S: Final = 1.0  # one log line per reason in this time; the rest is counted

log = structlog.get_logger(__name__)


class Refusals:
    """What one door refused. event: the name of its log lines."""

    def __init__(self, event: str, door: str) -> None:
        self._event, self._door = event, door
        self._quiet: dict[str, tuple[float, int]] = {}

    def tell(self, reason: str, detail: str = "") -> None:
        """The refusal is in the log, or in the number that the next line of its kind carries."""
        now = asyncio.get_running_loop().time()
        last, silenced = self._quiet.get(reason, (-QUIET_S, 0))
        if now - last < QUIET_S:
            self._quiet[reason] = (last, silenced + 1)
            return
        self._quiet[reason] = (now, 0)
        log.warning(self._event, door=self._door, reason=reason, detail=detail, silenced=silenced)
