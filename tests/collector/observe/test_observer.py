"""The observer over the real committer and store: stuck, read-only, odd hosts, many askers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.collector.fakes import ALERTING, Collector, downlink
from tests.fakes import DAY, FAR, HOUR, MINUTE, system

from verbundwacht_collector.committer import Committer
from verbundwacht_collector.observe import observer as observing
from verbundwacht_collector.observe.metrics import Metrics
from verbundwacht_collector.observe.observer import Observer
from verbundwacht_collector.observe.socket_file import StatusSocket, ask
from verbundwacht_collector.observe.status import Door
from verbundwacht_collector.packs import JudgeSource
from verbundwacht_collector.scope import AllianceScope, OperatorScope
from verbundwacht_collector.store.observed import Observed, observed
from verbundwacht_collector.store.sqlite import SqliteStore
from verbundwacht_collector.web.readers import Readers

SOON_S = 0.3


class Running(NamedTuple):
    """A collector without its doors, and who watches it."""

    collector: Collector
    store: SqliteStore
    committer: Committer
    observer: Observer
    doors: list[Door]


@pytest.fixture
async def running(collector: Collector) -> AsyncIterator[Running]:
    store, readers = SqliteStore(collector.path), Readers(collector.path, threads=1)
    source = JudgeSource(ALERTING)
    committer = Committer(store, source.current, downlink(), collector.clock)
    doors = [Door("mqtt", "0.0.0.0:8883", True), Door("https", "0.0.0.0:8884", True)]
    observer = Observer(
        readers,
        committer,
        database=collector.path,
        packs=lambda: source.packs,
        doors=lambda: list(doors),
        clock=collector.clock,
        serving_since=collector.clock(),
        keep_s=0.0,
        patience_s=SOON_S,
    )
    yield Running(collector, store, committer, observer, doors)
    observer.close()
    await committer.close()
    readers.close()
    store.close()


async def test_a_stopped_writer_is_neither_alive_nor_ready_and_recovers(running: Running) -> None:
    go = threading.Event()
    stuck = asyncio.create_task(running.committer.run(lambda _tx, _judge: go.wait(30)))
    await asyncio.sleep(0)
    alive, ready = await running.observer.alive(), await running.observer.ready()
    go.set()
    await stuck
    for _ in range(1000):
        await asyncio.sleep(0.01)
        later = [*await running.observer.alive(), *await running.observer.ready()]
        if not later:
            break

    assert alive == ["Schreiber: antwortet nicht (writer does not answer)"]
    assert ready == ["Speicher: nimmt nichts an (store does not accept writes)"]
    assert later == []


async def test_a_store_that_takes_no_writes_is_alive_and_not_ready(running: Running) -> None:
    running.store._db.execute("PRAGMA query_only = ON")
    alive, ready = await running.observer.alive(), await running.observer.ready()
    running.store._db.execute("PRAGMA query_only = OFF")

    assert (alive, len(ready)) == ([], 1)
    assert await running.observer.ready() == []


async def test_a_closed_door_is_named_and_the_writer_still_lives(running: Running) -> None:
    running.doors[0] = Door("mqtt", "0.0.0.0:8883", False)

    assert await running.observer.ready() == ["mqtt: geschlossen (closed)"]
    assert await running.observer.alive() == []
    status = await running.observer.status(OperatorScope())
    assert [one.note for one in status.checks if one.name == "doors"] == ["closed"]


async def test_forks_gaps_and_wrong_clocks_are_counted_for_their_host(running: Running) -> None:
    collector, committer = running.collector, running.committer
    agent = collector.host()
    await committer.receive(agent.report({"os": system()}), agent.peer)
    twin = agent.clone()
    for version, one in (("13", agent), ("14", twin)):
        await committer.receive(one.report({"os": system(version)}), agent.peer)
    agent.report({"os": system("15")})  # never arrives
    await committer.receive(agent.report({"os": system("16")}), agent.peer)
    late = agent.report({"os": system("17")}, time=collector.clock() - 2 * DAY)
    await committer.receive(late, agent.peer)
    found = (await running.observer.status(AllianceScope("verbund"))).numbers

    (odd,) = found.odd
    assert (odd.id, odd.forks, odd.gaps, odd.clock_flags) == (agent.agent.hex(), 1, 1, 1)
    assert odd.skew_ms == -2 * DAY
    codes = {one.code: (one.count, one.last_at) for one in found.refusals}
    assert codes[203] == (1, collector.clock())
    assert codes[213] == (1, collector.clock())
    assert (await running.observer.status(AllianceScope("anderswo"))).numbers.odd == []


async def test_the_median_of_the_clocks_is_told_by_beats_and_not_by_old_reports(
    running: Running,
) -> None:
    collector, committer = running.collector, running.committer
    for name, ahead in (("a", 90_000), ("b", 100_000), ("c", 110_000)):
        host = collector.host(name)
        await committer.receive(host.report({"os": system()}, time=collector.clock()), host.peer)
        await committer.receive(host.beat(time=collector.clock() + ahead), host.peer)
    clock = (await running.observer.status(OperatorScope())).numbers.clock

    assert (clock.offset_ms, clock.hosts) == (100_000, 3)


async def test_many_askers_are_one_look_at_the_store(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    real: Callable[..., Observed] = observed

    def counted(*args: object, **kwargs: object) -> Observed:
        nonlocal looks
        looks += 1
        return real(*args, **kwargs)

    monkeypatch.setattr(observing, "observed", counted)
    metrics = Metrics(running.observer)
    running.observer._keep_s = 60.0
    await asyncio.gather(
        *(running.observer.status(OperatorScope()) for _ in range(50)),
        *(metrics.scrape("text/plain") for _ in range(50)),
    )

    assert looks == 1


async def test_the_socket_file_has_room_for_any_path_and_is_its_owners_alone(
    running: Running, tmp_path: Path
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    await running.committer.run(lambda _tx, _judge: None)  # as at the start: the packs are read
    path = deep / "status.sock"
    socket_file = StatusSocket(path, running.observer)
    nobody = await asyncio.to_thread(ask, path)
    await socket_file.open()
    mode = path.stat().st_mode & 0o777
    found = await asyncio.to_thread(ask, path)
    await socket_file.close()

    assert nobody is None
    assert mode == 0o600
    assert found is not None
    assert found.running
    assert found.numbers.packs
    assert not path.exists()


async def test_a_text_that_is_no_status_is_no_running_collector(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"

    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"{}")
        writer.close()

    server = await asyncio.start_unix_server(nonsense, path)
    found = await asyncio.to_thread(ask, path)
    server.close()

    assert found is None


async def test_hosts_are_counted_by_freshness_and_foreign_ones_not_at_all(
    running: Running,
) -> None:
    collector = running.collector
    for town in ("musterdorf", FAR):
        agent = collector.host(municipality=town)
        await running.committer.receive(agent.report({"os": system()}), agent.peer)
    collector.clock.advance(HOUR + MINUTE)
    own = (await running.observer.status(AllianceScope("verbund"))).numbers.hosts
    everybody = (await running.observer.status(OperatorScope())).numbers.hosts

    assert (own, everybody) == ({"silent": 1}, {"silent": 2})
