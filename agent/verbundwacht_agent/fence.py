"""What a run of the sender must never do, refused by the interpreter itself while it goes on.

An audit hook (PEP 578) sees what Python code and its libraries ask for, so it catches a mistake or
a library that starts a helper. It is no sandbox: whoever already runs machine code in the process
gets around it, and the limits of the service unit hold him. A hook can never be taken out again,
so it is put in once and asks whether a run goes on.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from verbundwacht_agent.log import log_event

REFUSED: Final = 70  # EX_SOFTWARE of sysexits.h

_FORBIDDEN: Final = frozenset(
    {
        *("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.startfile"),
        *("os.fork", "os.forkpty", "os.exec", "pty.spawn"),
    }
)
_NATIVE: Final = "ctypes."  # loading, finding, calling: code that no hook sees any more


class _Fence:
    """Whether it is closed; the hook is the interpreter's and not ours to remove."""

    closed = False
    placed = False


@contextmanager
def fenced() -> Iterator[None]:
    """Until the end of the block, in every thread, starting a program ends this process: 70."""
    if not _Fence.placed:
        sys.addaudithook(_refuse)
        _Fence.placed = True
    _Fence.closed = True
    try:
        yield
    finally:
        _Fence.closed = False


def is_forbidden(event: str) -> bool:
    """This audit event starts a program, copies the process, or reaches for machine code."""
    return event in _FORBIDDEN or event.startswith(_NATIVE)


def _refuse(event: str, _args: tuple[object, ...]) -> None:
    if not _Fence.closed or not is_forbidden(event):
        return
    _Fence.closed = False  # writing the line must not come back here
    try:
        log_event(
            "run.refused",
            "error",
            attempted=event,
            problem="send may start no program and load no machine code; it has ended itself. "
            "Nothing is lost. Please report this line.",
        )
    finally:
        os._exit(REFUSED)  # an exception could be caught by whoever tried
