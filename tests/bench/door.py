"""Messages per second and core through the real MQTT door: mutual TLS, one message a connection.

The collector is a process of its own, so only its CPU is counted, log included; the hosts that
speak to it live here. Measured with the event loop of the standard library and with uvloop; then
the same through a broker, until the signed answers are there. The broker carries the handshakes
of the agents, so its CPU is named beside the collector's and counted in the ratio.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import population
from tests.bench.figures import Budget, Figure, Ratio
from tests.bench.machine import verify_us
from tests.bench.pipeline import open_committer, take
from tests.collector.ingest.fakes import Identity
from tests.system.doors import identity, line
from tests.system.fleet import Member
from tests.system.running import Serve, Stage, cpu_s_of, quiet_log, serving

from verbundwacht_collector.pipeline import Received
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.messages import BEAT, Ack, Beat
from verbundwacht_wire.payload import decode, inflate

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
        direct = [
            *_on("stdlib", stage, members, files, many),
            *_on("uvloop", stage, members, files, many),
        ]
        return direct + _through_a_broker(stage, members, files, many, direct)


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


def _through_a_broker(
    stage: Stage,
    members: Sequence[Member],
    files: dict[bytes, Identity],
    many: int,
    direct: Sequence[Figure],
) -> list[Figure]:
    """The same traffic on uvloop, beside the figures of the embedded endpoint."""
    per_s = {one.name.removeprefix("door: "): one.value for one in direct}
    names = f"beats, uvloop, {WINDOW} per connection", "mix 70/29/1, uvloop, one per connection"
    mosquitto = stage.put_broker_in_front().start()
    try:
        with serving(stage) as serve:
            crowd = Crowd(serve, members, files, mosquitto.pid)
            beats = crowd.bring(population.beats(members, many * 4), WINDOW)
            with_broker = [crowd.broker_cpu_s / (many * 4)]
            mix = crowd.bring(population.mix(members, many), 1)
            with_broker.append(crowd.broker_cpu_s / many)
    finally:
        mosquitto.kill()
    return [
        Figure(
            f"door: {name}, through a broker",
            1 / cpu_s,
            "/s·core",
            ratio=Ratio((cpu_s + broker_s) * per_s[name], "CPU of the embedded endpoint"),
            note=f"{cpu_s * 1e6:,.0f} µs CPU each, answers included; broker {broker_s * 1e6:,.0f}",
        )
        for name, cpu_s, broker_s in zip(names, (beats, mix), with_broker, strict=True)
    ]


def _figure(name: str, cpu_s: float, verify_raw_us: float) -> Figure:
    ratio = Ratio(cpu_s * 1e6 / verify_raw_us, "one raw verification")
    note = f"{cpu_s * 1e6:,.0f} µs CPU each"
    return Figure(f"door: {name}", 1 / cpu_s, "/s·core", ratio=ratio, note=note)


class Crowd:
    """All hosts, some of them at the door at any moment."""

    def __init__(
        self,
        serve: Serve,
        members: Sequence[Member],
        files: dict[bytes, Identity],
        broker_pid: int | None = None,
    ) -> None:
        self._serve, self._broker_pid = serve, broker_pid
        self.broker_cpu_s = 0.0  # for the last messages that were brought
        self._files = files
        self._members = {one.agent: one for one in members}

    def bring(self, messages: Sequence[Received], per_connection: int) -> float:
        """All messages are acknowledged; CPU seconds of the collector for each.

        Each host's messages come in their order, so many per connection.
        """
        by_host: dict[bytes, list[bytes]] = {}
        for message in messages:
            by_host.setdefault(message.peer.agent, []).append(message.raw)
        pid = self._broker_pid
        before, broker = self._serve.cpu_s(), cpu_s_of(pid) if pid else 0.0
        asyncio.run(self._all(by_host, per_connection))
        self.broker_cpu_s = cpu_s_of(pid) - broker if pid else 0.0
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
            if self._broker_pid is None:
                await open_line.acknowledged(len(frames))
            else:  # whose PUBACKs say nothing
                waiting = [_Sent.of(frame) for frame in frames]
                while waiting:
                    ack = await open_line.answer()
                    waiting = [one for one in waiting if not one.is_in(ack)]


class _Sent(NamedTuple):
    """What an answer has to name."""

    seq: int
    beat: int | None

    @classmethod
    def of(cls, raw: bytes) -> "_Sent":
        frame = read_frame(raw)
        header = frame.header
        if header.typ != BEAT:
            return cls(header.seq, None)
        return cls(header.seq, decode(inflate(frame.payload, header.coding, header.ulen), Beat).n)

    def is_in(self, ack: Ack) -> bool:
        if self.beat is None:
            return ack.upto >= self.seq
        return ack.beat is not None and ack.beat >= self.beat
