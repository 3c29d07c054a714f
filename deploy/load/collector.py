"""The collector under load: started here as a process of its own, or found where it runs.

Only a process that was started here is ever ended here, by its number.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
from deploy.load.errors import LoadError

from verbundwacht_collector.admin import bundled_pack, init
from verbundwacht_collector.config import Config, Folder, Listen, Public, load

HOST: Final = "127.0.0.1"
READY_S: Final = 60.0
_MAIN: Final = "import sys; from verbundwacht_collector.cli import main; sys.exit(main())"
_TOML: Final = """\
alliance = "Lastverbund"
[public]
mqtt = "localhost:{mqtt}"
https = "localhost:{https}"
[listen]
mqtt = "127.0.0.1:{mqtt}"
https = "127.0.0.1:{https}"
web = "127.0.0.1:{web}"
[alerts]
baseline = "alert"
[web]
insecure_loopback = true
"""


def found(root: Path) -> tuple[Folder, Config]:
    """The collector in this folder; a fresh one on free ports if there is none yet."""
    folder = Folder(root)
    if not folder.config.exists():
        names = ("mqtt", "https", "web")
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        public = Public(mqtt=f"localhost:{ports['mqtt']}", https=f"localhost:{ports['https']}")
        config = Config(alliance="Lastverbund", public=public, listen=Listen())
        init(folder, _TOML.format(**ports), config, ["localhost", HOST], bundled_pack())
    return folder, load(folder)


def _free_ports(many: int) -> list[int]:
    sockets = [socket.socket() for _ in range(many)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Process:
    """A running collector, seen from outside (proc(5)). CPU counts from the moment of this."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._last_cpu, self._last_peak = 0.0, 0.0
        self._began = self._cpu()

    def _cpu(self) -> float:
        with suppress(OSError):
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            self._last_cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return self._last_cpu

    def cpu_s(self) -> float:
        """CPU seconds so far, user and system; the last that was seen if it has ended."""
        return self._cpu() - self._began

    def peak_mib(self) -> float:
        """The most memory that it ever had resident; the last that was seen if it has ended."""
        with suppress(OSError, IndexError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            self._last_peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        return self._last_peak

    @property
    def alive(self) -> bool:
        """It can still answer."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False


def running_at(port: int) -> int | None:
    """The process that listens on this port of the machine; None if nobody does.

    Raises LoadError if somebody does who cannot be looked at.
    """
    for line in psutil.net_connections("tcp"):
        if line.status == psutil.CONN_LISTEN and line.laddr.port == port:
            if line.pid is None:
                raise LoadError(
                    f"Port {port} belongs to another user's process. Run this as that user, or "
                    "leave --collector out."
                )
            return int(line.pid)
    return None


@contextmanager
def serving(folder: Folder, port: int) -> Iterator[Process]:
    """The collector that runs already, or one that runs until the block ends."""
    pid = running_at(port)
    if pid is not None:
        yield Process(pid)
        return
    log = folder.root / "load-serve.log"
    with log.open("wb") as out:
        command = [sys.executable, "-c", _MAIN, "--dir", str(folder.root), "serve"]
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait_ready(child, log)
        yield Process(child.pid)
    finally:
        _end(child)


def _wait_ready(child: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S
    while b"Bereit." not in log.read_bytes():
        if child.poll() is not None or time.monotonic() > until:
            raise LoadError(f"The collector does not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
