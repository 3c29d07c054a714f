"""100,000 hosts that report every 15 minutes: one beat of each, as fast as the door takes them.

Every beat comes over a new mutual TLS connection, made by the generator in `deploy/load`; counted
is the CPU of the collector's process. What time alone costs, the minute's work over so many hosts,
is measured afterwards while nobody speaks, and added for the real 900 seconds. The hosts have few
facts: a beat's cost does not depend on them, and 100,000 full reports would take half an hour.
As it is, a quarter of an hour on two cores.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from deploy.load.collector import Process, found, serving
from deploy.load.doors import door_at
from deploy.load.drive import Drive, Plan, Tally
from deploy.load.fleet import Fleet
from deploy.load.host import Host
from tests.bench.figures import Budget, Figure
from tests.bench.pipeline import open_committer
from tests.bench.region import received, take_all
from tests.system.running import Ports, Stage, quiet_log

from verbundwacht_collector.config import Folder
from verbundwacht_collector.pipeline import Received

EVERY_S: Final = 900
HOSTS, QUICK_HOSTS = 100_000, 300
MUNICIPALITIES: Final = 1_000
SECTIONS: Final = ("kernel", "os", "sshd")
AT_ONCE: Final = 16


def measure(quick: bool) -> list[Figure]:
    """Enrolment, beats, the minute's work, and what all of it is for 100,000 hosts."""
    with tempfile.TemporaryDirectory() as name:
        return measure_in(Path(name) / "collector", QUICK_HOSTS if quick else HOSTS)


def measure_in(root: Path, many: int) -> list[Figure]:
    """The same in this folder, which keeps its hosts."""
    folder, config = found(root)
    fleet = Fleet(folder, config)
    fleet.facts.sections = SECTIONS
    start = time.perf_counter()
    with quiet_log():
        new = fleet.enrol(many, min(MUNICIPALITIES, many))
        took_s = time.perf_counter() - start
        hosts = fleet.hosts(many)
        _tell_first(folder, fleet, [one for one in hosts if not one.told])
    door = door_at("mqtt", config.public.mqtt, fleet.issuing)
    with serving(folder, door.port) as collector:
        drive = Drive(fleet, hosts, door, Plan(many, 0, (1, 0, 0), AT_ONCE))
        tally, beats_s = drive.run(), collector.cpu_s()
        assert tally.acked == many, f"{tally.lost} lost, {tally.refused} refused"
        minute_s = _minute(collector) if many == HOSTS else None
        peak_mib = collector.peak_mib()
    enrolled = Figure("load: enrolment", new / took_s, "hosts/s", note=f"{new:,} hosts")
    return [*([enrolled] if new else []), *_figures(many, tally, beats_s, minute_s, peak_mib)]


def _figures(
    many: int, tally: Tally, beats_s: float, minute_s: float | None, peak_mib: float
) -> list[Figure]:
    said = f"{many:,} hosts, a new mTLS connection each"
    cores = HOSTS / EVERY_S * beats_s / many + (minute_s or 0.0) / 60
    parts = f"{HOSTS / EVERY_S:.0f} beats a second and the minute's work"
    if minute_s is None:
        parts = f"computed from {many:,} hosts, without the minute's work"
    waits = f"answer after {tally.wait_ms(50):.0f} ms, p95 {tally.wait_ms(95):.0f}"
    whole = "load: 100,000 hosts, a beat every 15 min"
    work = Figure("load: the minute's work", minute_s or 0.0, "CPU s", note="nobody speaks")
    return [
        Figure("load: 1,000 beats", 1000 * beats_s / many, "CPU s", note=f"{said}; {waits}"),
        *([work] if minute_s is not None else []),
        Figure(whole, cores, "cores", Budget(0.4), note=parts),
        Figure("load: peak of the collector", peak_mib, "MiB", Budget(1536), note=said),
    ]


def _tell_first(folder: Folder, fleet: Fleet, hosts: list[Host]) -> None:
    """The collector knows the facts of all of them."""

    def reports() -> Iterator[Received]:
        with closing(fleet.open_keys()) as keys:
            for host in hosts:
                yield received(host, host.full(fleet.facts, keys.of(host).signer))

    with open_committer(Stage(folder, Ports(0, 0, 0))) as committer:
        take_all(committer, reports())


def _minute(collector: Process) -> float:
    """CPU seconds of one minute in which nobody speaks."""
    before = collector.cpu_s()
    time.sleep(60)
    return collector.cpu_s() - before
