"""Messages per second and core through the real MQTT door: mutual TLS, one message a connection.

The collector is a process of its own, so only its CPU is counted, log included; the hosts that
speak to it live here. Measured with the event loop of the standard library and with uvloop.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench import population
from tests.bench.figures import Budget, Figure, Ratio
from tests.bench.machine import verify_us
from tests.bench.pipeline import open_committer, take
from tests.collector.ingest.fakes import Identity
from tests.system.doors import identity, line
from tests.system.fleet import Member
from tests.system.running import Serve, Stage, quiet_log, serving

from verbundwacht_collector.pipeline import Received

AT_ONCE: Final = 16
BEATS_PER_S: Final = 100_000 / 900  # of 100,000 hosts, one every 15 minutes
WINDOW: Final = 8


def measure(quick: bool) -> list[Figure]:
    """Beats, the mix, and eight messages a connection, on both event loops."""
    hosts, many = (20, 40) if quick else (400, 1_200)
    with tempfile.TemporaryDirectory() as name:
        stage, members = population.alliance(Path(name), hosts)
        files = {one.agent: identity(one, Path(name)) for one in members}
        with open_committer(stage) as committer, quiet_log():
            for reports in population.first_reports(members):
                take(committer, reports)
        return [
            *_on("stdlib", stage, members, files, many),
            *_on("uvloop", stage, members, files, many),
        ]


def _on(
    loop: str,
    stage: Stage,
    members: Sequence[Member],
    files: dict[bytes, Identity],
    many: int,
) -> list[Figure]:
    with serving(stage, uvloop=loop == "uvloop") as serve:
        crowd = Crowd(serve, members, files)
        beats = crowd.bring(population.beats(members, many), 1)
        mix = crowd.bring(population.mix(members, many), 1)
        window = crowd.bring(population.beats(members, many * 4), WINDOW)
        peak = serve.peak_kib() / 1024
    raw = verify_us()
    return [
        _figure(f"beats, {loop}, one per connection", beats, raw),
        _figure(f"mix 70/29/1, {loop}, one per connection", mix, raw),
        _figure(f"beats, {loop}, {WINDOW} per connection", window, raw),
        Figure(
            f"door: beats of 100,000 hosts, {loop}",
            BEATS_PER_S * beats,
            "cores",
            Budget(0.4),
            note="one every 15 min, a new mTLS connection each; computed from the first line",
        ),
        Figure(f"door: peak of the collector, {loop}", peak, "MiB", note=f"{len(members)} hosts"),
    ]


def _figure(name: str, cpu_s: float, verify_raw_us: float) -> Figure:
    ratio = Ratio(cpu_s * 1e6 / verify_raw_us, "one raw verification")
    note = f"{cpu_s * 1e6:,.0f} µs CPU each"
    return Figure(f"door: {name}", 1 / cpu_s, "/s·core", ratio=ratio, note=note)


class Crowd:
    """All hosts, some of them at the door at any moment."""

    def __init__(
        self, serve: Serve, members: Sequence[Member], files: dict[bytes, Identity]
    ) -> None:
        self._serve = serve
        self._files = files
        self._members = {one.agent: one for one in members}

    def bring(self, messages: Sequence[Received], per_connection: int) -> float:
        """All messages are acknowledged; CPU seconds of the collector for each.

        Each host's messages come in their order, so many per connection.
        """
        by_host: dict[bytes, list[bytes]] = {}
        for message in messages:
            by_host.setdefault(message.peer.agent, []).append(message.raw)
        before = self._serve.cpu_s()
        asyncio.run(self._all(by_host, per_connection))
        return (self._serve.cpu_s() - before) / len(messages)

    async def _all(self, by_host: dict[bytes, list[bytes]], per_connection: int) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(agent: bytes, frames: list[bytes]) -> None:
            for start in range(0, len(frames), per_connection):
                async with places:
                    await self._deliver(agent, frames[start : start + per_connection])

        await asyncio.gather(*(one(*entry) for entry in by_host.items()))

    async def _deliver(self, agent: bytes, frames: list[bytes]) -> None:
        member = self._members[agent]
        async with line(member, self._files[agent], self._serve.stage.ports.mqtt) as open_line:
            await open_line.publish(*frames)
            await open_line.acknowledged(len(frames))
