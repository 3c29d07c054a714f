"""How long people wait for a page of a large region: every address that the pages have.

The table of routes says which there are, so a new page is measured by itself; one with a new kind
of part in its address stops the run until somebody says what to put there. Asked is `serve` over
HTTP, by one person after the other; a page has to be whole.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
from deploy.load.collector import Process, found, serving
from tests.bench import region
from tests.bench.figures import Budget, Figure, percentile

from verbundwacht_collector.app import now_ms
from verbundwacht_collector.config import Folder
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store import people as stored
from verbundwacht_collector.store import read, views
from verbundwacht_collector.store.sqlite import SqliteStore, connect
from verbundwacht_collector.web import people, sessions
from verbundwacht_collector.web.app import ROUTES

LIMIT_MS: Final = 300.0
MORE: Final = {
    "/alerts": ("state=all", "q=last-0001", "sort=municipality", "group=ssh"),
    "/findings": ("outcome=fail", "outcome=pass&page=400", "q=last-0001", "group=ssh"),
    "/hosts": ("freshness=fresh", "q=last-0001", "sort=name&page=9"),
    "/search": ("q=last-0001", "q=ssh", "q=package-12&packages=1", "q=package-1&packages=1"),
}
"""Further addresses of lists; the plain ones are measured anyway."""
PART: Final = re.compile(r"\{(\w+)[^/]*\}")


class Reader(NamedTuple):
    """Who asks."""

    name: str
    scope: Scope
    grant: views.Grant


def measure(quick: bool) -> list[Figure]:
    """Every page for the three kinds of reader, at 3,700 hosts."""
    size = region.Size(120, 12, 4) if quick else region.Size()
    with tempfile.TemporaryDirectory() as name:
        folder = region.settle(Path(name) / "collector", size)
        return read_all(folder, 3 if quick else 20)


def read_all(folder: Folder, rounds: int) -> list[Figure]:
    """All pages of a settled region, which is one alliance afterwards."""
    config = found(folder.root)[1]
    soc, town = views.Grant("soc", None, "v-00"), views.Grant("municipal", "last-000", None)
    web_port = int(config.listen.web.rpartition(":")[2])
    with serving(folder, web_port) as collector:
        site = Site(folder, f"http://{config.listen.web}", rounds, collector)
        figures = site.read(Reader("municipality", MunicipalityScope("last-000"), town))
        figures += site.read(Reader("SOC of one alliance", AllianceScope("v-00"), soc))
        region.one_alliance(folder)
        return [*figures, *site.read(Reader("SOC of everything", AllianceScope("v-00"), soc))]


class Site:
    """The pages of a running collector."""

    def __init__(self, folder: Folder, base: str, rounds: int, collector: Process) -> None:
        self._folder, self._base, self._rounds = folder, base, rounds
        self._collector = collector

    def read(self, reader: Reader) -> list[Figure]:
        """One figure per address."""
        figures = []
        for one in self._addresses(reader):
            before = self._collector.cpu_s()
            times = asyncio.run(self._times(reader, one))
            cpu_ms = 1000 * (self._collector.cpu_s() - before) / (self._rounds + 1)
            if times:
                figures.append(_figure(reader, one, times, cpu_ms))
        return figures

    def _addresses(self, reader: Reader) -> Iterator[str]:
        """Every address that can be read, and some more of the lists."""
        with closing(connect(self._folder.database, readonly=True)) as db:
            rows, _ = read.alerts(db, views.AlertQuery(limit=1), scope=reader.scope, now=now_ms())
        assert rows, f"no alert is open for {reader.name}"
        known = {"number": rows[0].number, "host": rows[0].host_id}
        role = reader.grant.role
        for path in sorted({r.path for r in ROUTES if r.method == "GET" and role in r.roles}):
            plain = PART.sub(lambda part: known[part[1]], path)
            yield plain
            yield from (f"{plain}?{query}" for query in MORE.get(path, ()))

    def _session(self, reader: Reader) -> str:
        """A person who has not asked for anything yet: searches are counted per person."""
        token = sessions.new_token()
        with closing(SqliteStore(self._folder.database)) as store, store.transaction() as tx:
            login = f"reader-{token[:8]}"
            person = stored.add_person(
                tx, login=login, name=reader.name, password_hash="!", now=now_ms()
            )
            stored.add_grant(tx, person, reader.grant)
            people.open_session(tx, person, token, replaces="", now=now_ms())
        return token

    async def _times(self, reader: Reader, where: str) -> Sequence[float]:
        """Milliseconds of each answer; none for a stream, which never ends."""
        cookie = {sessions.cookie_name(insecure_loopback=True): self._session(reader)}
        jar, times = aiohttp.CookieJar(unsafe=True), []
        async with aiohttp.ClientSession(cookies=cookie, cookie_jar=jar) as client:
            for _ in range(self._rounds + 1):
                start = time.perf_counter()
                async with client.get(self._base + where, allow_redirects=False) as answer:
                    if answer.content_type == "text/event-stream":
                        return ()
                    body = await answer.read()
                times.append((time.perf_counter() - start) * 1000)
                assert answer.status == 200 and body, f"{where}: status {answer.status}"
        return times[1:]  # the first one compiles templates


def _figure(reader: Reader, where: str, times: Sequence[float], cpu_ms: float) -> Figure:
    shown = re.sub(r"[0-9a-f]{32}", "ID", re.sub(r"W-\d{4}-\d+", "NR", where))
    note = f"p50 {percentile(times, 50):.0f} ms; {cpu_ms:.0f} ms CPU of the collector"
    name = f"pages: {reader.name}, {shown}"
    return Figure(name, percentile(times, 95), "ms p95", Budget(LIMIT_MS), note=note)
