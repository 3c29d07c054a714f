"""The files whose change starts a run, and what a run does because such a start can be lost.

systemd looks at no watched file while the run goes on that it started: so the run itself compares
the files before and after, and looks again. A package upgrade changes files for minutes: so runs
keep a distance, or else each file would start one.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host
from verbundwacht_agent.log import log_event
from verbundwacht_agent.probes import PROBES, Signature, signature

ALSO: Final = ("/etc/ssh", "/etc/sudoers.d", "/var/lib/dpkg")
"""Watched whatever the probes declare."""

REPEATS: Final = 2  # then the next start, or the timer, sees the rest
RUNS_A_MINUTE: Final = 3
_MINUTE_MS: Final = 60_000


def watched() -> tuple[str, ...]:
    """Every watched file and folder, sorted; a folder stands for its entries, one level deep."""
    return tuple(sorted({*ALSO, *(path for probe in PROBES.values() for path in probe.watches)}))


def look(host: Host) -> dict[str, Signature | None]:
    """What the watched paths look like now; None where that may not be known."""
    found: dict[str, Signature | None] = {}
    for path in watched():
        try:
            found[path] = signature(host, (path,))
        except Unavailable:
            found[path] = None
    return found


def settle(host: Host, once: Callable[[], str]) -> str:
    """`once` ran until no watched file changed meanwhile, REPEATS more times at most.

    Returns what the first of these runs wrote that was more than a beat.
    """
    before, done = look(host), [once()]
    for _ in range(REPEATS):
        after = look(host)
        changed = [path for path, seen in after.items() if seen != before[path]]
        if not changed:
            break
        log_event("files.changed", count=len(changed), first=changed[0])
        before = after
        done.append(once())
    return next((what for what in done if what != "beat"), "beat")


def pace(
    file: Path, now_ms: Callable[[], int], pause: Callable[[float], None] = time.sleep
) -> None:
    """This run may begin and is noted; it has waited if three began within the last minute."""
    starts = _starts(file, now_ms())
    if len(starts) >= RUNS_A_MINUTE:
        wait_s = (starts[-RUNS_A_MINUTE] + _MINUTE_MS - now_ms()) / 1000
        log_event("run.delayed", wait_s=round(wait_s, 1))
        pause(wait_s)
    kept = (*starts[1 - RUNS_A_MINUTE :], now_ms())
    # Lost with the machine, so it needs no fsync; and half a line only means no waiting.
    file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    file.write_text(" ".join(map(str, kept)), "ascii")


def _starts(file: Path, now_ms: int) -> list[int]:
    """Starts within the last minute, rising; a clock set back leaves none in the future."""
    try:
        starts = sorted(map(int, file.read_text("ascii").split()))
    except (OSError, ValueError):
        return []
    return [at for at in starts if now_ms - _MINUTE_MS < at <= now_ms]
