"""Bytes on the wire: what the agent's messages weigh, and what TLS and TCP carry for them.

Payload is the signed frame; the bytes beside it are counted by a proxy between a real agent and a
real collector: handshake, certificates, MQTT and the answer, both directions.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from io import StringIO
from pathlib import Path

from deploy.demo.recorded_host import RecordedHost
from tests.bench import process
from tests.bench.agent import BEATS_A_DAY, installed
from tests.bench.figures import Budget, Figure
from tests.bench.population import packages
from tests.system.enrolled import enrol_agent, reach_mqtt_at
from tests.system.running import HOST, new_stage, serving

from verbundwacht_agent.gather import gather
from verbundwacht_agent.paths import Paths
from verbundwacht_collector.app import now_ms


class Proxy:
    """Carries bytes between the agent and one door, and counts them."""

    def __init__(self, door: int) -> None:
        self._door, self.carried = door, 0

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection until both sides have ended it."""
        answers, door = await asyncio.open_connection(HOST, self._door)
        await asyncio.gather(self._carry(client, door), self._carry(answers, back))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                self.carried += len(data)
                target.write(data)
                await target.drain()
        target.close()

    def take(self) -> int:
        """Bytes since the last call; the agent's process has ended, its last bytes may not have."""
        time.sleep(0.2)
        carried, self.carried = self.carried, 0
        return carried


@contextmanager
def _proxy(door: int) -> Iterator[tuple[Proxy, int]]:
    """The proxy and its port, run by a thread of its own."""
    loop, proxy = asyncio.new_event_loop(), Proxy(door)
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, HOST, 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()


def recording() -> RecordedHost:
    """A Debian 12 with the 370 packages of a server for mail, web, files and a database."""
    stanzas = [
        f"Package: {p['name']}\nStatus: install ok installed\nVersion: {p['version']}\n"
        f"Architecture: {p['arch']}\nSource: {p.get('source', p['name'])}"
        f" ({p.get('source_version', p['version'])})\n"
        for p in packages()
    ]
    host = RecordedHost.named("debian12").with_file("/var/lib/dpkg/status", "\n".join(stanzas))
    return host.with_file("/proc/sys/kernel/random/boot_id", "recorded\n")


def measure(_quick: bool) -> list[Figure]:
    """Beat, full reports, and a day of beats with their answers."""
    with tempfile.TemporaryDirectory() as name:
        stage = new_stage(Path(name) / "collector")
        stage.add("aurach")
        with serving(stage), _proxy(stage.ports.mqtt) as (proxy, port):
            live = enrol_agent(stage, "aurach", Path(name) / "live")
            recorded = enrol_agent(stage, "aurach", Path(name) / "recorded")
            for folder in (live, recorded):
                reach_mqtt_at(port, folder)
            with redirect_stderr(StringIO()):  # its log
                gather(Paths(recorded), recording(), now_ms)
            process.agent(live, "gather")
            known = _sent(proxy, "370 packages", recorded, Budget(10 * 1024))
            here = _sent(proxy, f"this machine, {installed()} packages", live, None)
            process.agent(live, "gather")
            return [known, here, *_beat(proxy, live)]


def _sent(proxy: Proxy, which: str, folder: Path, budget: Budget | None) -> Figure:
    payload = sum(p.stat().st_size for p in (folder / "gather" / "spool").glob("*.vw"))
    process.agent(folder, "send")
    return Figure(f"wire: full report, {which}", payload, "B", budget, note=_tcp(proxy.take()))


def _tcp(carried: int) -> str:
    return f"{carried:,} B of TCP payload with TLS, MQTT and the answer"


def _beat(proxy: Proxy, folder: Path) -> list[Figure]:
    beat = (folder / "gather" / "beat.vw").stat().st_size
    inbox = folder / "send" / "inbox"
    before = set(inbox.glob("*.vw"))
    process.agent(folder, "send")
    answer = sum(p.stat().st_size for p in set(inbox.glob("*.vw")) - before)
    carried, day = proxy.take(), BEATS_A_DAY * (beat + answer)
    note = f"96 beats, 96 answers of {answer} B; {BEATS_A_DAY * carried / 1024:,.0f} KB of TCP"
    return [
        Figure("wire: beat", beat, "B", Budget(600), note=_tcp(carried)),
        Figure("wire: a quiet day", day, "B", Budget(80 * 1024), note=note),
    ]
