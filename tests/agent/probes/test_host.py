"""The door to the machine, against real files and real processes."""

import inspect
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import TIMEOUT_S, Completed, LocalHost, Missing, content

HOST = LocalHost()


def python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


def refused(argv: tuple[str, ...], *, timeout_s: float = 5.0, limit: int = 1000) -> Unavailable:
    with pytest.raises(Unavailable) as error:
        HOST.run(argv, timeout_s=timeout_s, limit=limit)
    return error.value


def test_a_command_returns_code_and_both_streams() -> None:
    done = HOST.run(python("import sys; print('out'); print('err', file=sys.stderr); exit(7)"))

    assert done == Completed(7, b"out\n", b"err\n")


def test_a_hanging_command_is_a_timeout_and_leaves_no_process() -> None:
    started = time.monotonic()

    error = refused(("sleep", "60"), timeout_s=0.2)

    assert (error.status, error.reason) == ("timeout", "command_timeout")
    assert time.monotonic() - started < 2


def test_a_command_may_take_ten_seconds_unless_told_otherwise() -> None:
    parameter = inspect.signature(LocalHost.run).parameters["timeout_s"]

    assert parameter.default == TIMEOUT_S == 10.0


def test_a_child_that_ignores_term_and_forks_is_killed_as_a_group(tmp_path: Path) -> None:
    mark = tmp_path / "grandchild"
    source = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"if os.fork() == 0: open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)"
    )

    error = refused(python(source), timeout_s=1.0)

    assert error.status == "timeout"
    assert ends_soon(int(mark.read_text()))


def ends_soon(pid: int) -> bool:
    """True once the process is gone; KILL reaches all, but not within the same instant."""
    for _ in range(100):
        if not is_running(pid):
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    """True unless the process is gone or a zombie that only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_grandchild_that_keeps_the_pipe_open_does_not_hold_the_answer_up() -> None:
    source = "import os, time\nif os.fork() == 0: time.sleep(60)\nelse: print('done', flush=True)"
    started = time.monotonic()

    done = HOST.run(python(source), timeout_s=10)

    assert done.stdout == b"done\n"
    assert time.monotonic() - started < 3


def test_a_child_that_closes_its_streams_and_lives_on_is_a_timeout() -> None:
    error = refused(
        python("import os, time; os.close(1); os.close(2); time.sleep(60)"), timeout_s=0.5
    )

    assert error.status == "timeout"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_beyond_the_limit_is_a_failure_and_never_a_cut(stream: str) -> None:
    error = refused(python(f"import sys\nwhile True: sys.{stream}.write('x' * 4096)"))

    assert (error.status, error.reason) == ("failed", "output_too_large")


def test_a_command_sees_neither_input_nor_the_callers_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD_TEST", "secret")

    done = HOST.run(("env",))
    read = HOST.run(("cat",))

    assert sorted(line.split(b"=")[0] for line in done.stdout.split()) == [b"LC_ALL", b"PATH"]
    assert read == Completed(0, b"", b"")


def test_nothing_goes_through_a_shell() -> None:
    assert HOST.run(("echo", "$HOME; id")).stdout == b"$HOME; id\n"


def test_a_program_outside_the_fixed_folders_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Missing) as error:
        HOST.run(("mine",))

    assert error.value.reason == "program_missing"


def test_commands_of_several_threads_do_not_wait_for_each_other() -> None:
    threads = [threading.Thread(target=HOST.run, args=(("sleep", "0.5"),)) for _ in range(4)]
    started = time.monotonic()

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - started < 1.5


def test_a_file_that_is_not_there_is_missing_and_not_a_status(tmp_path: Path) -> None:
    for read in (HOST.read_bytes, HOST.list_dir, HOST.stat, HOST.read_link):
        with pytest.raises(Missing):
            read(str(tmp_path / "nothing"))
    assert not HOST.exists(str(tmp_path / "nothing"))


def test_a_fifo_does_not_block_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Unavailable) as error:
        HOST.read_bytes(str(tmp_path / "pipe"))

    assert error.value.reason == "not_a_file"


def test_a_file_beyond_the_limit_is_a_failure_and_never_a_cut(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 101)

    with pytest.raises(Unavailable) as error:
        HOST.read_bytes(str(tmp_path / "large"), 100)

    assert error.value.reason == "file_too_large"
    assert HOST.read_bytes(str(tmp_path / "large"), 101) == b"x" * 101


def test_bytes_that_are_not_utf8_arrive_escaped(tmp_path: Path) -> None:
    (tmp_path / "latin1").write_bytes("Pläne".encode("latin-1"))
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT | os.O_WRONLY))

    assert HOST.read_text(str(tmp_path / "latin1")) == "Pl\\xe4ne"
    assert HOST.list_dir(str(tmp_path)) == ("\\xff", "latin1")


def test_a_path_that_no_file_can_have_is_missing() -> None:
    with pytest.raises(Missing):
        HOST.read_bytes("/etc/\0passwd")


def test_a_link_is_read_and_a_file_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "file").touch()

    assert HOST.read_link(str(tmp_path / "link")) == "/dev/null"
    with pytest.raises(Unavailable):
        HOST.read_link(str(tmp_path / "file"))


def test_stat_gives_what_a_signature_needs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("12345")
    (tmp_path / "file").chmod(0o640)
    os.utime(tmp_path / "file", (1_000_000, 1_000_000))

    found = HOST.stat(str(tmp_path / "file"))

    assert (found.mtime, found.mode, found.size, found.is_dir) == (1_000_000, 0o640, 5, False)
    assert HOST.stat(str(tmp_path)).is_dir


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (Completed(0, b"", b""), "empty_output"),
        (Completed(0, b" \n", b""), "empty_output"),
        (Completed(1, b"something", b""), "exit_code"),
        (Completed(-9, b"something", b""), "exit_code"),
    ],
)
def test_an_empty_answer_with_exit_0_is_a_failure_like_any_other(
    done: Completed, reason: str
) -> None:
    with pytest.raises(Unavailable) as error:
        content(done)

    assert (error.value.status, error.value.reason) == ("failed", reason)
