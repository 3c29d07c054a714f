"""The only door from the agent to the machine: files and commands, all with limits.

Nothing here decides anything about security; probes read through `Host` and hand bytes to pure
parsers. Whatever cannot be read is `Unavailable`, with one subclass: `Missing` says that the
thing is *not there*, and only a probe may turn that into a proven `absent`.
Hard-learned: opening a FIFO blocks for ever, so files are opened non-blocking and must be
regular; a child may ignore TERM, fork, or leave its pipe open in a grandchild, so it gets its
own session, KILL goes to the whole group, and the end of the child ends the reading. A run does
not wait for a probe that hangs, so at its end it takes that probe's command with it.
"""

import atexit
import errno
import os
import signal
import stat as modes
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Protocol

from verbundwacht_agent.errors import Unavailable

if TYPE_CHECKING:
    # At run time it is imported by the first command: 8 ms that a run without commands saves.
    from subprocess import Popen

LIMIT: Final = 8 * 1024 * 1024
"""Bytes that one file or one stream of one command may have."""

TIMEOUT_S: Final = 10.0
"""Seconds that one command may take."""

SEARCH_PATH: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where programs are looked for; the caller's PATH is never used."""

_ENV: Final = {"PATH": ":".join(SEARCH_PATH), "LC_ALL": "C.UTF-8"}
_POLL_S: Final = 0.05
_CHUNK: Final = 64 * 1024
_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ENODEV, errno.ENXIO)
_DENIED: Final = (errno.EACCES, errno.EPERM)


class Missing(Unavailable):
    """The file, folder or program does not exist; what that means is the probe's decision."""

    def __init__(self, reason: str = "file_missing", hint: str = "") -> None:
        super().__init__("failed", reason, hint)


class FileStat(NamedTuple):
    """What stat(2) says about a path, links followed."""

    mtime: float  # Unix seconds
    mode: int  # permission bits only
    uid: int
    gid: int
    size: int  # bytes
    inode: int
    is_dir: bool


class Completed(NamedTuple):
    """A command that ended by itself; a negative code is the signal that ended it."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def message(self) -> str:
        """What the command wrote to standard error, as text."""
        return text(self.stderr)


class Host(Protocol):
    """A machine as the probes see it. Every method raises only `Unavailable`."""

    @property
    def euid(self) -> int:
        """The effective user id that reads."""

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        """Whole content of a regular file; more than `limit` bytes are a failure, never a cut."""

    def read_text(self, path: str, limit: int = LIMIT) -> str:
        r"""The same as text; bytes that are not UTF-8 come as `\xNN`."""
        return text(self.read_bytes(path, limit))

    def list_dir(self, path: str) -> tuple[str, ...]:
        r"""Names in a folder, sorted; a name that is not UTF-8 comes as `\xNN`."""

    def stat(self, path: str) -> FileStat:
        """Facts about a path, links followed."""

    def read_link(self, path: str) -> str:
        """Target of a symbolic link; `Missing` if the path is none."""

    def exists(self, path: str) -> bool:
        """True if the path is there; denied is an error, not a no."""

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        """Result of one program that ran to its end, without a shell and without input.

        argv[0] is a name in SEARCH_PATH or an absolute path. Not installed: `Missing`
        (program_missing); too slow: timeout; too loud: failed (output_too_large).
        """


def text(raw: bytes) -> str:
    r"""Bytes as text that can always be sent: what is not UTF-8 is escaped as `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def content(done: Completed) -> str:
    """Standard output of a command that must have succeeded and said something.

    Raises Unavailable `exit_code` or `empty_output`: exit 0 with nothing is no answer.
    """
    if done.code != 0:
        raise Unavailable("failed", "exit_code", "Den Befehl von Hand aufrufen und prüfen.")
    if not done.stdout.strip():
        raise Unavailable("failed", "empty_output", "Den Befehl von Hand aufrufen und prüfen.")
    return text(done.stdout)


class LocalHost(Host):
    """This machine."""

    @property
    def euid(self) -> int:
        """The effective user id of this process."""
        return os.geteuid()

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        """Content of a regular file. Raises Unavailable; see `Host`."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
                if not modes.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Unavailable("failed", "not_a_file", "Prüfen, was an diesem Ort liegt.")
                return _read_all(file.read, limit)
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error

    def list_dir(self, path: str) -> tuple[str, ...]:
        """Sorted names in a folder. Raises Unavailable; see `Host`."""
        try:
            return tuple(sorted(text(os.fsencode(name)) for name in os.listdir(path)))  # noqa: PTH208 - names only
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error

    def stat(self, path: str) -> FileStat:
        """What stat(2) says. Raises Unavailable; see `Host`."""
        try:
            found = os.stat(path)  # noqa: PTH116 - paths are text on this interface
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error
        return FileStat(
            mtime=found.st_mtime,
            mode=modes.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            size=found.st_size,
            inode=found.st_ino,
            is_dir=modes.S_ISDIR(found.st_mode),
        )

    def read_link(self, path: str) -> str:
        """Target of a link. Raises Unavailable; see `Host`."""
        try:
            return text(os.fsencode(os.readlink(path)))  # noqa: PTH115 - every open file of the host
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error

    def exists(self, path: str) -> bool:
        """True if the path is there. Raises Unavailable if that may not be known."""
        try:
            self.stat(path)
        except Missing:
            return False
        return True

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        """Result of a program that ran to its end. Raises Unavailable; see `Host`."""
        from subprocess import DEVNULL, PIPE, Popen

        try:
            child = Popen(
                (_program(argv[0]), *argv[1:]),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                env=_ENV,
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error
        _running.add(child.pid)
        try:
            stdout, stderr = _outputs(child, time.monotonic() + timeout_s, limit)
        finally:
            _running.discard(child.pid)  # first: after the wait the number may be another's
            code = _end(child)
        return Completed(code, stdout, stderr)


_running: Final[set[int]] = set()


@atexit.register
def end_commands() -> None:
    """No command of a probe that hangs outlives this process."""
    for pid in tuple(_running):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _program(name: str) -> str:
    """Absolute path of a program."""
    paths = (name,) if "/" in name else tuple(f"{folder}/{name}" for folder in SEARCH_PATH)
    for path in paths:
        if os.access(path, os.X_OK):
            return path
    raise Missing("program_missing", f"Das Programm {name} ist nicht installiert.")


def _read_all(read: Callable[[int], bytes | None], limit: int) -> bytes:
    """Everything up to the end; files under /proc come in pieces and have no size."""
    pieces: list[bytes] = []
    size = 0
    while piece := read(min(limit + 1 - size, 1024 * 1024)):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise Unavailable("failed", "file_too_large", "Die Datei ist ungewöhnlich groß.")
    return b"".join(pieces)


def _unavailable(error: OSError | ValueError) -> Unavailable:
    """The one place where an errno becomes a status; ValueError is a path no file can have."""
    number = error.errno if isinstance(error, OSError) else errno.ENOENT
    if number in _GONE:
        return Missing()
    if number in _DENIED:
        hint = "Mit den Rechten der ausgelieferten systemd-Unit (oder als root) ausführen."
        return Unavailable("denied", "read_denied", hint)
    return Unavailable("failed", "read_error", "Datenträger und Dateisystem prüfen.")


def _outputs(child: "Popen[bytes]", deadline: float, limit: int) -> tuple[bytes, bytes]:
    """Both streams until they close and the child has ended."""
    from selectors import EVENT_READ, DefaultSelector

    outputs: dict[IO[bytes], bytearray] = {}
    with DefaultSelector() as selector:
        for stream in (child.stdout, child.stderr):
            assert stream is not None  # both are pipes
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, EVENT_READ, stream)
            outputs[stream] = bytearray()
        while not (ended := _has_ended(child)) or selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                hint = "Der Befehl hängt; Last und Netzlaufwerke prüfen."
                raise Unavailable("timeout", "command_timeout", hint)
            # Both streams closed: the end is a moment away, and 50 ms would be half a run.
            pause = _POLL_S if selector.get_map() else 0.001
            # After the end one look without waiting takes what the child left in the pipe.
            ready = selector.select(0 if ended else min(left, pause))
            if ended and not ready:
                break  # a grandchild holds the pipe; the answer is complete
            for key, _ in ready:
                if not _take(key.data, outputs[key.data], limit):
                    selector.unregister(key.data)
    stdout, stderr = outputs.values()
    return bytes(stdout), bytes(stderr)


def _take(stream: IO[bytes], into: bytearray, limit: int) -> bool:
    """Move what is readable now; False at the end of the stream."""
    piece = os.read(stream.fileno(), _CHUNK)
    into += piece
    if len(into) > limit:
        raise Unavailable("failed", "output_too_large", "Die Ausgabe ist ungewöhnlich groß.")
    return bool(piece)


def _has_ended(child: "Popen[bytes]") -> bool:
    """True once the child has ended; it stays a zombie, so its group id cannot be reused yet."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: "Popen[bytes]") -> int:
    """The exit code; no process of the group, no open pipe and no zombie is left behind."""
    from subprocess import TimeoutExpired

    with suppress(ProcessLookupError, PermissionError):  # only another user's process is left
        os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    try:
        return child.wait(1)
    except TimeoutExpired:
        # Stuck in the kernel, even for KILL: waiting longer would hang this run as well.
        raise Unavailable(
            "timeout", "command_stuck", "Dateisystem und Datenträger prüfen."
        ) from None
