"""The collector's numbers in the form that Prometheus reads.

A registry per collector and none of the process's own: several collectors may run in one
process. No label names a host or a municipality: whoever may scrape learns numbers only.
"""

import asyncio
import platform
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from verbundwacht_collector.observe.observer import Observer
from verbundwacht_collector.observe.status import ACCEPTED, LEVELS, REMARKS, Numbers, Status
from verbundwacht_collector.observe.tally import Buckets, Tally
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_wire.codes import Code

FRESHNESS: Final = ("fresh", "late", "silent", "never")
SEVERITIES: Final = ("critical", "high", "medium", "low")
OUTBOX: Final = ("waiting", "sending", "failed", "expired")
_P: Final = "verbundwacht_"


class Metrics:
    """Makes the answer to a scrape."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._turn = asyncio.Lock()
        self._figures = _Figures(observer.tally)
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self._figures)
        ProcessCollector(registry=self.registry)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """(text, content type) in the best form that the asker accepts."""
        encode, content_type = choose_encoder(accept)
        async with self._turn:
            self._figures.status = await self._observer.status(OperatorScope())
            return await asyncio.to_thread(encode, self.registry), content_type


def metrics_app(metrics: Metrics) -> web.Application:
    """GET /metrics and nothing else."""

    async def scrape(request: web.Request) -> web.Response:
        text, content_type = await metrics.scrape(request.headers.get("Accept", ""))
        headers = {"Content-Type": content_type, "Server": "verbundwacht"}
        return web.Response(body=text, headers=headers)

    app = web.Application()
    app.router.add_get("/metrics", scrape)
    return app


class _Figures(Collector):
    """Everything of one collector; the process itself is counted by the library."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.status: Status | None = None

    def collect(self) -> Iterable[Metric]:
        yield from _messages(self._tally)
        yield from _batches(self._tally)
        if self.status is not None:
            numbers = self.status.numbers
            yield from _build(numbers)
            yield from _state(self.status)
            yield from _store(numbers)
            yield from _machine(numbers)


def _messages(tally: Tally) -> Iterator[Metric]:
    count = CounterMetricFamily(
        f"{_P}messages",
        "Messages answered since the start, by door, code and what became of them.",
        labels=["door", "code", "reason", "result"],
    )
    for (door, code), many in sorted(tally.messages.items()):
        count.add_metric([door, str(code.value), code.name.lower(), _result(code)], many)
    yield count
    signatures = sum(n for (_, code), n in tally.messages.items() if code == Code.SIGNATURE)
    yield CounterMetricFamily(
        f"{_P}signature_failures", "Messages whose signature did not hold.", value=signatures
    )
    yield CounterMetricFamily(
        f"{_P}messages_not_stored", "Messages that no commit took; sent again.", value=tally.lost
    )
    size = CounterMetricFamily(f"{_P}message_bytes", "Bytes of messages.", labels=["door"])
    for door, many in sorted(tally.bytes.items()):
        size.add_metric([door], many)
    yield size


def _result(code: Code) -> str:
    if code in ACCEPTED:
        return "accepted"
    return "repeated" if code in REMARKS else "refused"


def _batches(tally: Tally) -> Iterator[Metric]:
    for name, text, buckets in (
        ("batch_messages", "Messages per batch.", tally.batch),
        ("commit_seconds", "From the begin of a transaction to its end.", tally.commit_s),
        ("receive_to_commit_seconds", "How long a message waited.", tally.lag_s),
    ):
        yield _histogram(f"{_P}{name}", text, buckets)


def _histogram(name: str, text: str, buckets: Buckets) -> HistogramMetricFamily:
    running, pairs = 0, []
    for bound, count in zip([*buckets.bounds, float("inf")], buckets.counts, strict=True):
        running += count
        pairs.append(("+Inf" if bound == float("inf") else str(bound), float(running)))
    return HistogramMetricFamily(name, text, buckets=pairs, sum_value=buckets.sum)


def _build(numbers: Numbers) -> Iterator[Metric]:
    build = GaugeMetricFamily(
        f"{_P}build_info", "What runs.", labels=["version", "python", "sqlite"]
    )
    build.add_metric([numbers.version, platform.python_version(), sqlite3.sqlite_version], 1)
    yield build
    packs = GaugeMetricFamily(
        f"{_P}pack_info", "Rule packs in force.", labels=["name", "version", "digest"]
    )
    for pack in numbers.packs:
        packs.add_metric([pack.name, pack.version, pack.digest], 1)
    yield packs
    yield from _gauge("start_time_seconds", "When it began to serve.", _s(numbers.serving_since))


def _state(status: Status) -> Iterator[Metric]:
    numbers = status.numbers
    checks = GaugeMetricFamily(
        f"{_P}check", "0 good, 1 unknown, 2 look at it, 3 bad.", labels=["check"]
    )
    for check in status.checks:
        checks.add_metric([check.name], LEVELS.index(check.level))
    yield checks
    doors = GaugeMetricFamily(f"{_P}door_open", "1 while it can be reached.", labels=["door"])
    for door in numbers.doors:
        doors.add_metric([door.name], door.open)
    yield doors
    ingest = numbers.ingest
    oldest = ingest.oldest_waiting_at
    age = 0 if oldest is None else max(0, numbers.at - oldest)
    yield from _gauge("queue_messages", "Messages without an answer.", ingest.waiting)
    yield from _gauge("queue_oldest_seconds", "Age of the oldest of them.", age / 1000)
    yield from _gauge(
        "last_commit_timestamp_seconds", "Of messages.", _s(numbers.ingest.committed_at)
    )
    yield from _gauge(
        "clock_offset_seconds", "Median of hosts' clocks minus ours.", _s(numbers.clock.offset_ms)
    )
    yield from _gauge("clock_offset_hosts", "Hosts behind that median.", numbers.clock.hosts)


def _store(numbers: Numbers) -> Iterator[Metric]:
    """Nothing where the store could not be read: no sample is better than an invented zero."""
    yield from _gauge("store_readable", "1 if the figures below are there.", _readable(numbers))
    if numbers.outbox is None:
        return
    odd = CounterMetricFamily(
        f"{_P}codes", "Codes given since the collector was made.", labels=["code", "reason"]
    )
    for one in numbers.refusals:
        odd.add_metric([str(one.code), one.name], one.count)
    yield odd
    for name, text, label, keys, values in (
        ("hosts", "Active hosts.", "freshness", FRESHNESS, numbers.hosts),
        ("alerts_open", "Open alerts.", "severity", SEVERITIES, numbers.alerts_open),
        ("outbox_deliveries", "Waiting, or ended badly within a day.", "state", OUTBOX,
         numbers.outbox.by_state),
    ):  # fmt: skip
        family = GaugeMetricFamily(f"{_P}{name}", text, labels=[label])
        for key in keys:
            family.add_metric([key], values.get(key, 0))
        yield family
    oldest = numbers.outbox.oldest_waiting_at
    age = 0 if oldest is None else max(0, numbers.at - oldest)
    yield from _gauge("outbox_oldest_seconds", "Age of the oldest unsent delivery.", age / 1000)
    yield from _gauge("findings_stale", "Findings nobody attests now.", numbers.stale_findings)
    yield from _gauge("hosts_facts_unknown", "Hosts with older facts.", numbers.facts_unknown)
    yield from _gauge("hosts_odd", "Hosts with forks, gaps or a wrong clock.", len(numbers.odd))
    set_aside = CounterMetricFamily(
        f"{_P}reports_set_aside", "Signed, stored and not applicable.", value=numbers.set_aside or 0
    )
    yield set_aside


def _machine(numbers: Numbers) -> Iterator[Metric]:
    disk = numbers.disk
    yield from _gauge("disk_free_bytes", "Of the database's file system.", disk.free)
    yield from _gauge("disk_total_bytes", "Of the database's file system.", disk.total)
    yield from _gauge("database_bytes", "The database file.", disk.database)
    yield from _gauge("wal_bytes", "Its journal.", disk.journal)


def _readable(numbers: Numbers) -> int:
    return int(numbers.outbox is not None)


def _s(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _gauge(name: str, text: str, value: float | None) -> Iterator[Metric]:
    """One number, or no sample at all where it is not known."""
    if value is not None:
        yield GaugeMetricFamily(f"{_P}{name}", text, value=value)
