"""How far the collector's wishes go: bounds that hold whatever its signature says.

A collector that somebody has taken over can make a host report later, but not so late that nobody
notices, and again in full, but not all day. Only gather writes here, after the signature; send
reads, and believes no time further off than the longest that could have been wished.
"""

from typing import Final

from verbundwacht_agent.files import write
from verbundwacht_agent.log import log_event
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.codes import Code
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.messages import Ack

MAX_LATER_S: Final = 3600
FULL_EVERY_MS: Final = 10 * 60_000  # below the usual interval, so a host that reports asks again
MAX_SELECTED: Final = 64


def check_bounds(ack: Ack) -> None:
    """No number is negative, no list too long. Raises WireError (606) for the whole answer.

    How large a number may be is bounded where JSON is read.
    """
    numbers = [("upto", ack.upto), ("hi", ack.hi), ("beat", ack.beat or 0), ("now", ack.now)]
    numbers += [("sel", seq) for seq, _, _ in ack.sel]
    for name, value in numbers:
        if value < 0:
            raise WireError(Code.DOWN_BOUNDS, f"answer with {name} = {value}")
    if len(ack.sel) > MAX_SELECTED:
        raise WireError(Code.DOWN_BOUNDS, f"answer that names {len(ack.sel)} frames")


def later_s(ack: Ack) -> int:
    """For how many seconds the collector may keep us away: 0 to MAX_LATER_S."""
    wished = ack.later_s or 0
    allowed = min(max(wished, 0), MAX_LATER_S)
    if allowed != wished:
        log_event("wish.limited", "warning", later_s=str(wished)[:40], allowed_s=allowed)
    return allowed


def may_report_fully(paths: Paths, now_ms: int) -> bool:
    """True, and noted, unless everything was sent on demand a short while ago."""
    last = _read(paths, "wanted")
    if 0 <= now_ms - last < FULL_EVERY_MS:
        log_event("wish.refused", "warning", code=Code.DOWN_RATE.value, wish="full")
        return False
    write(paths.gather / "wanted", str(now_ms).encode())
    return True


def postpone(paths: Paths, until_ms: int, now_ms: int) -> None:
    """send stays away until then; at once again if that is over."""
    if until_ms > now_ms:
        write(paths.gather / "later", str(until_ms).encode())
    else:
        (paths.gather / "later").unlink(missing_ok=True)


def postponed_s(paths: Paths, now_ms: int) -> float:
    """For how many seconds send has to stay away. 0 if nothing was wished, or nothing possible."""
    left = (_read(paths, "later") - now_ms) / 1000
    return left if 0 < left <= MAX_LATER_S else 0


def doubt(paths: Paths, forged: bool) -> None:
    """Whether send should begin with HTTPS: on the other way somebody has put in answers.

    send cannot tell a forged answer from a real one and would take it for the end of its work.
    """
    if forged:
        write(paths.gather / "doubt", b"forged answers")
    else:
        (paths.gather / "doubt").unlink(missing_ok=True)


def is_doubtful(paths: Paths) -> bool:
    """The last answers that gather saw were not all the collector's."""
    return (paths.gather / "doubt").exists()


def _read(paths: Paths, name: str) -> int:
    try:
        return int((paths.gather / name).read_text("ascii"))
    except (OSError, ValueError):
        return 0
