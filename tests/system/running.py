"""A collector in a folder of its own, and `verbundwacht serve` as the process people start."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from tests.collector.ingest.mosquitto import Mosquitto

from verbundwacht_collector.admin import add_municipality, bundled_pack, init
from verbundwacht_collector.broker_files import prepare
from verbundwacht_collector.config import Config, Folder, Listen, Public, load
from verbundwacht_collector.enrolment import Addresses
from verbundwacht_collector.store.sqlite import SqliteStore

HOST: Final = "127.0.0.1"
READY_S: Final = 30.0
_MAIN: Final = "import sys; from verbundwacht_collector.cli import main; sys.exit(main())"
_PLAIN: Final = "import sys; sys.modules['uvloop'] = None; "

_TOML = """\
alliance = "Verbund"
[public]
mqtt = "localhost:{mqtt}"
https = "localhost:{https}"
[listen]
mqtt = "127.0.0.1:{mqtt}"
https = "127.0.0.1:{https}"
web = "127.0.0.1:{web}"
[alerts]
baseline = "{baseline}"
[notify]
per_hour = {per_hour}
digest = ""
[web]
insecure_loopback = true
"""
_MAIL = """\
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "verbundwacht@example.org"
recipients = ["soc@example.org"]
"""


class Ports(NamedTuple):
    """Where the doors and the pages are."""

    mqtt: int
    https: int
    web: int


def free_ports(many: int) -> list[int]:
    """Ports of loopback that nobody listens on; all different."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(many):
            one = stack.enter_context(socket.socket())
            one.bind((HOST, 0))
            found.append(one.getsockname()[1])
        return found


class Stage(NamedTuple):
    """A collector that can be served."""

    folder: Folder
    ports: Ports

    @property
    def addresses(self) -> Addresses:
        """What a receipt tells a host."""
        return Addresses(f"localhost:{self.ports.mqtt}", f"localhost:{self.ports.https}", 900)

    def put_broker_in_front(self, port: int | None = None) -> Mosquitto:
        """The collector reads at this broker, which is not started.

        Without a port it takes the place of the embedded endpoint, as an operator would do it;
        with one it stands beside it.
        """
        files, text = self.folder.root / "broker", self.folder.config.read_text()
        prepare(self.folder, ["localhost"], files)
        if port is None:
            port = self.ports.mqtt
            text = text.replace(f'mqtt = "{HOST}:{port}"\n', "")
        self.folder.config.write_text(f'broker_url = "mqtts://localhost:{port}"\n{text}')
        load(self.folder)
        return Mosquitto(files, port)

    def add(self, *municipalities: str, contact: str | None = None) -> None:
        """The municipalities exist; mail about their alerts goes to the contact, too."""
        store = SqliteStore(self.folder.database)
        with contextlib.closing(store), store.transaction() as tx:
            for one in municipalities:
                add_municipality(tx, municipality_id=one, name=one.title(), contact=contact)


def new_stage(
    root: Path,
    *,
    mail_port: int | None = None,
    baseline: str = "alert",
    pack: Path | None = None,
    per_hour: int = 10,
) -> Stage:
    """A fresh collector on free ports of loopback, as `init` makes it."""
    folder, ports = Folder(root), Ports(*free_ports(3))
    toml = _TOML.format(**ports._asdict(), baseline=baseline, per_hour=per_hour)
    if mail_port is not None:
        toml += _MAIL.format(port=mail_port)
    public = Public(mqtt=f"localhost:{ports.mqtt}", https=f"localhost:{ports.https}")
    config = Config(alliance="Verbund", public=public, listen=Listen())
    init(folder, toml, config, ["localhost", HOST], pack or bundled_pack())
    load(folder)
    return Stage(folder, ports)


def cpu_s_of(pid: int) -> float:
    """CPU seconds of a process so far, user and system (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Serve:
    """The running process. `kill` is a power cut for it; `stop` is how an operator ends it."""

    def __init__(self, stage: Stage, *, uvloop: bool = True) -> None:
        self.stage = stage
        self._log = stage.folder.root / "serve.log"
        with self._log.open("ab") as log:
            self._from = log.tell()
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    ("" if uvloop else _PLAIN) + _MAIN,
                    "--dir",
                    str(stage.folder.root),
                    "serve",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def log(self) -> str:
        """What it has said since it was started."""
        with self._log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode()

    def wait_ready(self) -> "Serve":
        """All doors are open; a process that does not get there is ended."""
        until = time.monotonic() + READY_S
        while "Bereit." not in self.log():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise AssertionError(f"serve does not serve:\n{self.log()}")
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        """Gone in the middle of whatever it did."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ended in order; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(READY_S)

    def cpu_s(self) -> float:
        """CPU seconds so far, user and system."""
        return cpu_s_of(self.pid)

    def peak_kib(self) -> int:
        """The most memory it ever had resident (VmHWM of proc_pid_status(5))."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])

    def forget_peak(self) -> None:
        """The peak is what is resident now (proc_pid_clear_refs(5))."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def serving(stage: Stage, *, uvloop: bool = True) -> Iterator[Serve]:
    """A collector that serves within the block and is ended after it, whatever happens."""
    serve = Serve(stage, uvloop=uvloop)
    try:
        yield serve.wait_ready()
    finally:
        serve.stop()


@contextlib.contextmanager
def quiet_log() -> Iterator[None]:
    """What the collector does in this process, it does not log."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
