"""Every reader sees what the scope allows, and nothing else: for each read of the store."""

import hashlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.collector.alerts.story import Story
from tests.collector.fakes import Collector
from tests.fakes import FAR, HOME, NEIGHBOUR, body, kernel

from verbundwacht_collector import store
from verbundwacht_collector.errors import NotFound
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, OperatorScope, Scope
from verbundwacht_collector.store import evidence, judged, news, observed, overlays, read, search
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import OverlayRecord
from verbundwacht_collector.store.views import AlertQuery, FindingQuery

PURE = {"freshness", "shown", "serving_since", "fence", "newest"}
"""They say nothing about anybody."""
MODULES = [
    importlib.import_module(f"{store.__name__}.{found.name}")
    for found in pkgutil.iter_modules(store.__path__)
    if found.name != "people"  # who may see what begins there, before any scope
]
READS = {
    name: function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__
    and "db" in inspect.signature(function).parameters
    and not name.startswith("_")
    and name not in PURE | {"version_of"}
}
SEES: dict[Scope, set[str]] = {
    MunicipalityScope(HOME): {HOME},
    MunicipalityScope(NEIGHBOUR): {NEIGHBOUR},
    MunicipalityScope(FAR): {FAR},
    MunicipalityScope("nowhere"): set(),
    MunicipalityScope("verbund"): set(),
    MunicipalityScope(""): set(),
    MunicipalityScope("%"): set(),
    AllianceScope("verbund"): {HOME, NEIGHBOUR},
    AllianceScope("anderswo"): {FAR},
    AllianceScope(HOME): set(),
    AllianceScope("' OR 1 = 1 --"): set(),
    OperatorScope(): {HOME, NEIGHBOUR, FAR},
}


OPENSSL = body(manager="dpkg", installed=[{"name": "openssl", "version": "3.0.1", "arch": "amd64"}])


class Town(NamedTuple):
    """What there is to be seen of one municipality."""

    host: str
    alert: str
    evidence: str


def _muted(tx: Transaction, town: str) -> None:
    """The municipality has a maintenance."""
    overlay = OverlayRecord(
        kind="maintenance",
        municipality_id=town,
        starts_at=1,
        ends_at=2,
        reason="Umbau",
        created_at=1,
    )
    tx.add_overlay(overlay)


def _broken(tx: Transaction, town: str) -> None:
    """All of the municipality fell silent."""
    tx.execute(
        "INSERT INTO alert (number, fingerprint, municipality_id, rule_id, subject, severity,"
        " title, state, opened_at, changed_at, evidence) VALUES ('L-' || :town, :mark, :town,"
        " 'system.municipality-silent', '', 'high', '', 'new', 0, 0, x'')",
        {"town": town, "mark": town.encode()},
    )


@pytest.fixture
def towns(collector: Collector) -> dict[str, Town]:
    """One host with one alert in each of three municipalities, under the same name."""
    found = {}
    for town in (HOME, NEIGHBOUR, FAR):
        story = Story(collector, collector.host(municipality=town))
        story.says(kernel=kernel(reboot=True), packages=OPENSSL)
        ((alert, evidence),) = collector.rows(
            "SELECT number, evidence FROM alert WHERE municipality_id = :m", m=town
        )
        collector.act(lambda tx, town=town: _muted(tx, town))  # type: ignore[misc]
        found[town] = Town(story.agent.agent.hex(), alert, evidence.hex())
    return found


@pytest.mark.parametrize("name", READS)
def test_every_read_takes_a_scope_by_name_and_has_no_default(name: str) -> None:
    scope = inspect.signature(READS[name]).parameters["scope"]

    assert scope.kind is inspect.Parameter.KEYWORD_ONLY
    assert scope.default is inspect.Parameter.empty
    assert scope.annotation == Scope


Lists = Callable[[Any, Scope, int], list[str]]
LISTS: dict[str, Lists] = {
    "alerts": lambda db, scope, now: [
        row.municipality_id for row in read.alerts(db, AlertQuery(), scope=scope, now=now)[0]
    ],
    "findings": lambda db, scope, now: [
        row.municipality_id for row in read.findings(db, scope=scope, now=now)
    ],
    "hosts": lambda db, scope, now: [
        row.municipality_id for row in read.hosts(db, scope=scope, now=now)
    ],
    "finding_page": lambda db, scope, now: [
        row.municipality_id for row in judged.finding_page(db, FindingQuery(), scope=scope, now=now)
    ],
    "finding_counts": lambda db, scope, now: [
        row.municipality_id
        for row in judged.finding_counts(db, FindingQuery(), scope=scope, now=now)
    ],
    "overlays": lambda db, scope, _: [
        row.overlay.municipality_id for row in overlays.overlays(db, scope=scope, since=0)
    ],
    "municipalities": lambda db, scope, _: [row.id for row in read.municipalities(db, scope=scope)],
}


OTHERS = {
    "outcome_counts",
    "newest_seen",
    "since",
    "unjudged_hosts",
    "packages",
    "observed",
    # tests/collector/store/test_channels.py
    "channels",
    "broken",
    "deliveries",
    "digest",
    "broken_lines",
    "stored_body",
    "audit_log",
    "audited_events",
}
SINGLE = {"alert", "host", "host_row", "evidence_frame", "stored_host", "stored_alert"}


def test_the_tests_below_know_every_read() -> None:
    assert set(READS) == SINGLE | OTHERS | set(LISTS)


@pytest.mark.parametrize("scope", SEES, ids=repr)
@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_what_is_in_the_scope(
    collector: Collector, towns: dict[str, Town], name: str, scope: Scope
) -> None:
    found = LISTS[name](collector.store._db, scope, collector.clock())

    assert set(found) == SEES[scope]


@pytest.mark.parametrize("scope", SEES, ids=repr)
def test_broken_lines_are_known_inside_the_scope(
    collector: Collector, towns: dict[str, Town], scope: Scope
) -> None:
    for town in towns:
        collector.act(lambda tx, town=town: _broken(tx, town))  # type: ignore[misc]

    assert overlays.broken_lines(collector.store._db, scope=scope) == SEES[scope]


@pytest.mark.parametrize("scope", SEES, ids=repr)
def test_counts_count_what_is_in_the_scope(
    collector: Collector, towns: dict[str, Town], scope: Scope
) -> None:
    db, now = collector.store._db, collector.clock()
    _, total = read.alerts(db, AlertQuery(limit=1), scope=scope, now=now)

    assert total == len(SEES[scope])
    for row in read.hosts(db, scope=scope, now=now):
        assert row.open_alerts == 1
        assert sum(row.outcomes.values()) == 6
    for town in read.municipalities(db, scope=scope):
        assert (town.hosts, town.open_alerts) == (1, 1)


@pytest.mark.parametrize("scope", SEES, ids=repr)
def test_news_is_of_the_scope_only(
    collector: Collector, towns: dict[str, Town], scope: Scope
) -> None:
    db = collector.store._db
    told = news.since(db, 0, limit=100, scope=scope)

    assert {one.number for one in told} == {towns[town].alert for town in SEES[scope]}
    assert news.newest_seen(db, scope=scope) == max((one.id for one in told), default=0)
    assert set(judged.unjudged_hosts(db, scope=scope)) <= SEES[scope]
    counts = judged.outcome_counts(db, FindingQuery(), scope=scope, now=collector.clock())
    page = judged.finding_page(db, FindingQuery(limit=10_000), scope=scope, now=collector.clock())
    assert sum(counts.values()) == len(page)


@pytest.mark.parametrize("scope", SEES, ids=repr)
def test_what_is_said_about_the_collector_itself_is_of_the_scope_only(
    collector: Collector, towns: dict[str, Town], scope: Scope
) -> None:
    def forks(tx: Transaction) -> None:
        tx.count("code:108")
        for (host,) in tx.execute("SELECT id FROM host", {}):
            tx.count(f"host:{host}:203")

    collector.act(forks)
    found = observed.observed(collector.store._db, scope=scope, now=collector.clock())

    many = len(SEES[scope])
    assert {one.id for one in found.odd} == {towns[town].host for town in SEES[scope]}
    assert (sum(found.hosts.values()), sum(found.alerts_open.values())) == (many, many)
    channel_is_theirs = bool({HOME, NEIGHBOUR} & SEES[scope])
    assert found.outbox.channels == channel_is_theirs
    assert bool(found.codes) != isinstance(scope, MunicipalityScope)


@pytest.mark.parametrize("scope", SEES, ids=repr)
def test_a_package_is_found_on_the_hosts_of_the_scope(
    collector: Collector, towns: dict[str, Town], scope: Scope
) -> None:
    found = search.packages(collector.store._db, "ssl", scope=scope, now=collector.clock())

    hosts = {host.id for package in found for host in package.hosts}
    assert hosts == {towns[town].host for town in SEES[scope]}


@pytest.mark.parametrize("scope", SEES, ids=repr)
@pytest.mark.parametrize("town", [HOME, NEIGHBOUR, FAR])
def test_a_body_for_evidence_is_of_the_scope_only(
    collector: Collector, towns: dict[str, Town], scope: Scope, town: str
) -> None:
    digest = hashlib.sha256(OPENSSL).hexdigest()
    found = evidence.stored_body(collector.store._db, town, "packages", digest, scope=scope)

    assert (found is not None and found[1]) == (town in SEES[scope] and OPENSSL)


@pytest.mark.parametrize("scope", SEES, ids=repr)
def test_the_audit_log_is_for_the_operator_only(
    collector: Collector, towns: dict[str, Town], scope: Scope
) -> None:
    db, theirs = collector.store._db, isinstance(scope, OperatorScope)

    assert bool(list(evidence.audit_log(db, scope=scope))) == theirs
    assert bool(list(evidence.audited_events(db, scope=scope))) == theirs


@pytest.mark.parametrize("scope", SEES, ids=repr)
@pytest.mark.parametrize("town", [HOME, NEIGHBOUR, FAR])
def test_a_foreign_id_is_not_found(
    collector: Collector, towns: dict[str, Town], scope: Scope, town: str
) -> None:
    db, now, target = collector.store._db, collector.clock(), towns[town]
    single: list[Callable[[], object]] = [
        lambda: read.alert(db, target.alert, scope=scope, now=now),
        lambda: read.host(db, target.host, scope=scope, now=now),
        lambda: read.host_row(db, target.host, scope=scope, now=now),
        lambda: read.evidence_frame(db, target.evidence, scope=scope),
        lambda: evidence.stored_host(db, target.host, scope=scope),
        lambda: evidence.stored_alert(db, target.alert, scope=scope),
    ]
    for question in single:
        if town in SEES[scope]:
            assert question()
        else:
            with pytest.raises(NotFound):
                question()
    assert bool(read.findings(db, scope=scope, now=now, host=target.host)) == (town in SEES[scope])


@pytest.mark.parametrize(
    "query",
    [
        AlertQuery(municipality=FAR),
        AlertQuery(q="Fernab"),
        AlertQuery(q="%"),
        AlertQuery(state=(), severity=("critical",), municipality=NEIGHBOUR),
        AlertQuery(municipality="' OR '1' = '1"),
    ],
)
def test_no_filter_reaches_beyond_the_scope(
    collector: Collector, towns: dict[str, Town], query: AlertQuery
) -> None:
    rows, total = read.alerts(
        collector.store._db, query, scope=MunicipalityScope(HOME), now=collector.clock()
    )

    assert (rows, total) == ([], 0)


def test_the_filter_for_a_foreign_host_finds_nothing(
    collector: Collector, towns: dict[str, Town]
) -> None:
    query = AlertQuery(host=towns[FAR].host)
    scope = MunicipalityScope(HOME)

    assert read.alerts(collector.store._db, query, scope=scope, now=0) == ([], 0)


@pytest.mark.parametrize("host", ["", "zz", "0", "00" * 16, "' OR 1 = 1 --"])
def test_an_id_that_is_none_is_not_found(
    collector: Collector, towns: dict[str, Town], host: str
) -> None:
    with pytest.raises(NotFound):
        read.host(collector.store._db, host, scope=OperatorScope(), now=0)


def test_a_municipality_that_moved_is_seen_by_its_new_alliance_only(
    collector: Collector, towns: dict[str, Town]
) -> None:
    sql = "UPDATE municipality SET alliance_id = 'anderswo' WHERE id = :m"
    collector.act(lambda tx: tx.execute(sql, {"m": NEIGHBOUR}))
    db, now = collector.store._db, collector.clock()

    def seen(alliance: str) -> set[str]:
        rows = read.hosts(db, scope=AllianceScope(alliance), now=now)
        return {row.municipality_id for row in rows}

    assert (seen("verbund"), seen("anderswo")) == ({HOME}, {NEIGHBOUR, FAR})
