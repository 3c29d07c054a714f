"""The real mosquitto from Debian with the configuration that ships, on a free port of loopback.

Started, frozen, killed and started again by tests; ended by its process, whatever happens.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import aiomqtt
from tests.collector.ingest.fakes import Counts, Identity, Receiver, Site, until

from verbundwacht_collector import pki
from verbundwacht_collector.ingest.broker import BrokerDoor, Pace
from verbundwacht_collector.ingest.mqtt import MqttDoor
from verbundwacht_collector.ingest.subscriber import Bounds
from verbundwacht_collector.ingest.tls import Target, broker_context

SHIPPED: Final = Path(__file__).parents[3] / "deploy" / "broker"
PROGRAM: Final = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NAME: Final = "verbundwacht-collector"
UP_S: Final = 20.0


def write_broker_files(folder: Path, authority: pki.Authority) -> None:
    """What `verbundwacht broker prepare` writes, for localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    key, now = pki.new_key(), datetime.now(UTC)
    certificate = pki.issue_server(authority, ["localhost"], key.public_key(), now)
    (folder / "broker-key.pem").write_bytes(pki.key_pem(key))
    (folder / "broker.pem").write_bytes(pki.pem(certificate) + authority.chain)
    (folder / "ca.pem").write_bytes(pki.pem(authority.root) + authority.chain)
    shutil.copyfile(SHIPPED / "acl", folder / "acl")


class Mosquitto:
    """One broker: its files in `folder`, its process as often as a test wants one."""

    def __init__(self, folder: Path, port: int, *, extra: str = "", leave_out: str = "") -> None:
        self.folder, self.port = folder, port
        self.config = folder / "mosquitto.conf"
        shipped = (SHIPPED / "mosquitto.conf").read_text()
        text = shipped.replace("listener 8883", f"listener {port} 127.0.0.1")
        text = text.replace("/etc/mosquitto/verbundwacht", str(folder))
        kept = [line for line in text.splitlines() if not leave_out or leave_out not in line]
        # Debian's own file has the persistence; as root it would leave its user behind
        debian = f"persistence true\npersistence_location {folder}/\nuser root\nlog_dest stderr\n"
        self.config.write_text(debian + "\n".join(kept) + "\n" + extra)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said, over all its lives."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> "Mosquitto":
        """It takes connections."""
        assert PROGRAM, "mosquitto is missing: apt-get install mosquitto"
        with (self.folder / "mosquitto.log").open("ab") as log:
            command = [PROGRAM, "-c", str(self.config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + UP_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise AssertionError(f"mosquitto does not start:\n{self.log}")
            time.sleep(0.01)
        return self

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        """Gone in the middle of whatever it did; what was not on disk is lost."""
        if self._process is not None:
            self._process.kill()  # a frozen one, too
            self._process.wait()

    def freeze(self, frozen: bool = True) -> None:
        """It does nothing, and its connections stay; or goes on."""
        os.kill(self.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def stop(self) -> None:
        """Ended in order, its sessions on disk."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(UP_S)


@contextlib.contextmanager
def broker(
    folder: Path, authority: pki.Authority, *, extra: str = "", leave_out: str = ""
) -> Iterator[Mosquitto]:
    """A broker that runs within the block."""
    write_broker_files(folder, authority)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    mosquitto = Mosquitto(folder, port, extra=extra, leave_out=leave_out)
    try:
        yield mosquitto.start()
    finally:
        mosquitto.kill()


def reader_files(folder: Path, authority: pki.Authority, name: str = NAME) -> tuple[Path, Path]:
    """Certificate and key by which a collector reads at the broker."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    if not certificate.exists():
        key = pki.new_key()
        issued = pki.issue_reader(authority, name, key.public_key(), datetime.now(UTC))
        key_file.write_bytes(pki.key_pem(key))
        certificate.write_bytes(pki.pem(issued) + authority.chain)
    return certificate, key_file


def target(port: int, folder: Path, authority: pki.Authority, name: str = NAME) -> Target:
    """What the collector connects with."""
    certificate, key = reader_files(folder, authority, name)
    root = folder / "root.pem"
    root.write_bytes(pki.pem(authority.root))
    context = broker_context(root, certificate, key)
    return Target("localhost", port, context, name, datetime(2100, 1, 1, tzinfo=UTC))


SOON: Final = Pace(first_s=0.1, most_s=0.5)


class Entrance(NamedTuple):
    """A door of either kind, and where agents connect."""

    door: BrokerDoor | MqttDoor
    port: int
    receiver: Receiver
    counts: Counts

    @property
    def behind_a_broker(self) -> bool:
        """Agents speak to a broker, and PUBACKs say nothing."""
        return isinstance(self.door, BrokerDoor)


class Brokered(NamedTuple):
    """The door behind a broker, and where agents connect."""

    door: BrokerDoor
    port: int
    receiver: Receiver
    counts: Counts


@contextlib.asynccontextmanager
async def brokered(
    site: Site,
    mosquitto: Mosquitto,
    *,
    name: str = NAME,
    bounds: Bounds | None = None,
    listening: bool = True,
) -> AsyncIterator[Brokered]:
    """The door, connected unless told otherwise; closed at the end."""
    receiver, counts = Receiver(), Counts()
    where = target(mosquitto.port, site.folder / "readers", site.authority, name)
    door = BrokerDoor(where, receiver, counts, bounds or Bounds(), SOON)
    await door.open()
    try:
        if listening:
            await until(lambda: door.status.connected, within_s=UP_S)
        yield Brokered(door, mosquitto.port, receiver, counts)
    finally:
        receiver.open.set()
        await door.close()


async def lose_connection(house: Brokered) -> None:
    """As if the network had gone; the door is connected again."""
    lost = house.door.status.lost
    subscriber = house.door._subscriber
    assert subscriber is not None
    await until(lambda: not subscriber._client.want_write())  # PUBACKs are written by the loop
    subscriber.fail("the network is gone")
    await until(lambda: house.door.status.lost > lost and house.door.status.connected)


async def flood(port: int, agent: Identity, many: int) -> None:
    """So many messages of 20 KB are with the broker, numbered."""
    async with aiomqtt.Client(
        "localhost",
        port,
        identifier=agent.name,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=agent.context(),
    ) as client:
        rest = bytes(20_480 - 8)
        for start in range(0, many, 8):
            numbers = range(start, min(start + 8, many))
            some = [agent.peer.agent[-4:] + n.to_bytes(4, "big") + rest for n in numbers]
            await asyncio.gather(*(client.publish(agent.up, one, qos=1) for one in some))
