"""One run of the sender: what gather wrote goes to the collector, the answers come back as files.

The sender holds no signing key and decides nothing; what it carries is in `post`. A run that is
killed at any moment loses nothing: the next one sends again what is not acknowledged yet. MQTT,
TLS and HTTPS are imported when they are needed, so a run with nothing to send costs a start of
the interpreter.
"""

import os
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.fence import fenced
from verbundwacht_agent.log import log_event
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.peer import Peer, load_peer, tls_context
from verbundwacht_agent.post import Post, clear_leavings, letters
from verbundwacht_agent.wishes import is_doubtful, postponed_s

if TYPE_CHECKING:
    import ssl

DONE: Final = 0
MISCONFIGURED: Final = 2
LEFT_OVER: Final = 75  # EX_TEMPFAIL of sysexits(3)
_MARGIN_S: Final = 2.0  # for leaving in order before the end


class Timing(NamedTuple):
    """Seconds from the start of the run; the timer that starts the runs is the back-off."""

    tries_s: tuple[float, ...] = (0, 5, 15, 45)
    patience_s: float = 10  # without an answer; then HTTPS
    end_s: float = 120  # the process is gone by then, whatever hangs


def run(paths: Paths, timing: Timing = Timing()) -> int:  # noqa: B008 - immutable
    """Deliver what there is. 0: all answered; 75: something is left for the next run; 2: settings.

    70: something in this process tried to start a program or to load machine code (`fence`).
    A setting that cannot be used is one line of log whose `problem` names file, value and next
    step. Name resolution cannot be interrupted: when it hangs past the end, the process leaves
    without tidying up, which costs nothing, because every file is whole or absent.
    """
    with fenced():
        return _run(paths, timing)


def _run(paths: Paths, timing: Timing) -> int:
    try:
        waiting = letters(paths)
        if not waiting:
            return DONE
        away_s = postponed_s(paths, int(time.time() * 1000))
        if away_s:
            log_event("run.postponed", later_s=round(away_s), left=len(waiting))
            return LEFT_OVER
        peer = load_peer(paths.peer)
        context = tls_context(paths)
        clear_leavings(paths.inbox)
    except ConfigError as problem:
        log_event("send.misconfigured", "error", problem=str(problem))
        return MISCONFIGURED
    guard = threading.Timer(timing.end_s, os._exit, args=(LEFT_OVER,))
    guard.daemon = True
    guard.start()
    try:
        post = Post(waiting, paths.inbox)
        _deliver(post, peer, context, timing, wary=is_doubtful(paths))
        return _result(post)
    finally:
        guard.cancel()


def _result(post: Post) -> int:
    if not post.left:
        return DONE
    log_event("run.unfinished", "warning", left=post.left, inbox_full=post.full)
    return LEFT_OVER


def _deliver(
    post: Post, peer: Peer, context: "ssl.SSLContext", timing: Timing, *, wary: bool = False
) -> None:
    """Try by the timetable until everything is answered or the time is up.

    wary: over HTTPS first, where nobody between us and the collector can answer for it.
    """
    from verbundwacht_agent import mqtt

    start = time.monotonic()

    def left_s() -> float:
        return start + timing.end_s - _MARGIN_S - time.monotonic()

    def wait_until(moment_s: float) -> None:
        time.sleep(max(0.0, min(start + moment_s - time.monotonic(), left_s())))

    if wary:
        from verbundwacht_agent import https

        log_event("way.changed", "warning", via=https.VIA, problem="answers were forged")
        https.carry(post, peer, context, timing.patience_s, max(0.0, left_s()))
    later = (*timing.tries_s[1:], timing.end_s)
    for begin, following in zip(timing.tries_s, later, strict=True):
        if post.over or left_s() <= 0:
            return
        wait_until(begin)
        mqtt.carry(post, peer, context, timing.patience_s, max(0.0, left_s()))
        turn = post.last_news - start + timing.patience_s
        if not post.over and (turn <= following or time.monotonic() - start >= turn):
            wait_until(turn)
            from verbundwacht_agent import https  # code that a good run never loads

            https.carry(post, peer, context, timing.patience_s, max(0.0, left_s()))
