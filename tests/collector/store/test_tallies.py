"""Numbers of findings are tallied, lines are read: both are what the table of findings says."""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.fakes import empty_database
from yoyo import get_backend, read_migrations

from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, OperatorScope, Scope
from verbundwacht_collector.store import judged, read
from verbundwacht_collector.store.records import FindingRecord
from verbundwacht_collector.store.sqlite import MIGRATIONS, SqliteStore, migrate
from verbundwacht_collector.store.views import FindingQuery, FindingRow

NOW = 10_000_000_000
INTERVAL_S = 900
TOWNS = {"musterdorf": "Musterdorf", "nebenan": "Nebenan", "fernab": "Fernab"}
OUTCOMES = ("pass", "fail", "error", "not_applicable")
URGENCY = ("fail", "error", "stale", "pass", "not_applicable")
RULES = ("linux.ssh-root", "linux.ssh-empty", "linux.update")


class HostDraw(NamedTuple):
    """One host as the test wants it."""

    town: str
    name: str
    state: str
    quiet_s: int
    silent: bool
    facts_unknown: bool


class Act(NamedTuple):
    """One finding is written, or dropped with outcome None."""

    host: int
    rule: str
    subject: str
    outcome: str | None


HOSTS = st.lists(
    st.builds(
        HostDraw,
        st.sampled_from(sorted(TOWNS)),
        st.sampled_from(["web01", "web02"]),
        st.sampled_from(["active", "active", "retired"]),
        st.sampled_from([0, 5 * INTERVAL_S]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
ACTS = st.lists(
    st.builds(
        Act,
        st.integers(0, 4),
        st.sampled_from(RULES),
        st.sampled_from(["", "eth0"]),
        st.sampled_from([*OUTCOMES, None]),
    ),
    max_size=40,
)
SCOPES: st.SearchStrategy[Scope] = st.sampled_from(
    [OperatorScope(), AllianceScope("verbund"), MunicipalityScope("fernab")]
)
QUERIES = st.builds(
    FindingQuery,
    outcome=st.lists(st.sampled_from(URGENCY), unique=True, max_size=3).map(tuple),
    municipality=st.sampled_from(["", "", *TOWNS]),
    rules=st.sampled_from([(), (), RULES[:1], RULES[1:]]),
    q=st.sampled_from(["", "", "SSH", "web02", "b02 must", "eth", "nebenan", "y"]),
    limit=st.integers(1, 7),
    offset=st.integers(0, 12),
)


@contextmanager
def _stored(hosts: list[HostDraw], acts: list[Act]) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collector.db"
        path.write_bytes(empty_database())
        store = SqliteStore(path)
        store._db.execute("PRAGMA synchronous = OFF")
        try:
            with store.transaction() as tx:
                for i, host in enumerate(hosts):
                    _insert(tx, i, host)
                for act in acts:
                    _carry_out(tx, act._replace(host=act.host % len(hosts)))
            yield store._db
        finally:
            store.close()


def _insert(tx: Any, i: int, host: HostDraw) -> None:
    tx.execute(
        "INSERT INTO host (id, agent, municipality_id, name, os, state, binding, receipt,"
        " created_at, last_seen, interval_s, silent, facts_unknown) VALUES (:id, :agent, :town,"
        " :name, '', :state, '', x'', 0, :seen, :interval, :silent, :unknown)",
        {
            "id": i,
            "agent": bytes([i]) * 16,
            "town": host.town,
            "name": host.name,
            "state": host.state,
            "seen": NOW - host.quiet_s * 1000,
            "interval": INTERVAL_S,
            "silent": host.silent,
            "unknown": host.facts_unknown,
        },
    )


def _carry_out(tx: Any, act: Act) -> None:
    if act.outcome is None:
        tx.drop_finding(act.host, act.rule, act.subject)
        return
    row = FindingRecord(act.rule, act.subject, act.outcome, 0, 1, 1, 0, "", "[]", "d")
    tx.put_finding(act.host, row)


def _expected(
    hosts: list[HostDraw], acts: list[Act], query: FindingQuery, scope: Scope
) -> list[tuple[str, ...]]:
    """What a reader of the raw rows would write down: host, rule, subject, outcome as shown."""
    now: dict[tuple[int, str, str], str | None] = {}
    for act in acts:
        now[act.host % len(hosts), act.rule, act.subject] = act.outcome
    found = []
    for (place, rule, subject), outcome in now.items():
        host = hosts[place]
        stale = host.silent or host.quiet_s > 3 * INTERVAL_S or host.facts_unknown
        shown = "stale" if stale else outcome
        text = f"{rule} {subject} {host.name} {TOWNS[host.town]}".lower()
        if (
            outcome is not None
            and shown is not None
            and host.state == "active"
            and _within(scope, host.town)
            and query.municipality in ("", host.town)
            and (not query.outcome or shown in query.outcome)
            and (not query.rules or rule in query.rules)
            and query.q.lower() in text
        ):
            order = (URGENCY.index(shown), TOWNS[host.town], host.name, place, rule, subject)
            found.append((order, (bytes([place] * 16).hex(), rule, subject, shown)))
    return [line for _, line in sorted(found)]


def _within(scope: Scope, town: str) -> bool:
    if isinstance(scope, MunicipalityScope):
        return town == scope.municipality_id
    return not isinstance(scope, AllianceScope) or town != "fernab"


def _line(row: FindingRow) -> tuple[str, ...]:
    return row.host_id, row.rule_id, row.subject, row.outcome


@settings(max_examples=150, deadline=None)
@given(HOSTS, ACTS, QUERIES, SCOPES)
def test_numbers_and_pages_are_what_the_findings_say(
    hosts: list[HostDraw], acts: list[Act], query: FindingQuery, scope: Scope
) -> None:
    expected = _expected(hosts, acts, query, scope)

    with _stored(hosts, acts) as db:
        page = judged.finding_page(db, query, scope=scope, now=NOW)
        counts = judged.outcome_counts(db, query, scope=scope, now=NOW)
        cells = judged.finding_counts(db, query, scope=scope, now=NOW)

    assert [_line(row) for row in page] == expected[query.offset : query.offset + query.limit]
    assert counts == Counter(line[3] for line in expected)
    assert sum(cell.count for cell in cells) == len(expected)
    by_cell = Counter((hosts[int(line[0][:2], 16)].town, line[1], line[3]) for line in expected)
    assert {(c.municipality_id, c.rule_id, c.outcome): c.count for c in cells} == by_cell


def test_the_findings_of_a_host_move_with_it() -> None:
    acts = [
        Act(0, RULES[0], "", "fail"),
        Act(0, RULES[1], "", "pass"),
        Act(1, RULES[0], "", "fail"),
    ]
    hosts = [HostDraw("nebenan", name, "active", 0, False, False) for name in ("web01", "web02")]

    with _stored(hosts, acts) as db:
        db.execute("UPDATE host SET municipality_id = 'fernab' WHERE id = 0")
        cells = judged.finding_counts(db, FindingQuery(), scope=OperatorScope(), now=NOW)

    assert {(c.municipality_id, c.rule_id, c.outcome): c.count for c in cells} == {
        ("fernab", RULES[0], "fail"): 1,
        ("fernab", RULES[1], "pass"): 1,
        ("nebenan", RULES[0], "fail"): 1,
    }


@settings(max_examples=60, deadline=None)
@given(HOSTS, ACTS)
def test_the_tallies_are_the_findings_counted(hosts: list[HostDraw], acts: list[Act]) -> None:
    with _stored(hosts, acts) as db:
        by_host = db.execute(
            "SELECT * FROM host_tally WHERE findings <> 0 ORDER BY 1, 2"
        ).fetchall()
        by_rule = db.execute(
            "SELECT * FROM rule_tally WHERE findings <> 0 ORDER BY 1, 2, 3"
        ).fetchall()
        listed = read.hosts(db, scope=OperatorScope(), now=NOW)

        assert (
            by_host
            == db.execute(
                "SELECT host_id, outcome, count(*) FROM finding GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
        )
        assert (
            by_rule
            == db.execute(
                "SELECT h.municipality_id, f.rule_id, f.outcome, count(*) FROM finding f"
                " JOIN host h ON h.id = f.host_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
            ).fetchall()
        )
        assert sum(sum(row.outcomes.values()) for row in listed) == sum(n for *_, n in by_host)


def test_findings_of_an_older_database_are_tallied_when_it_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "collector.db"
    older = read_migrations(str(MIGRATIONS)).filter(lambda one: one.id < "0005")
    with get_backend(f"sqlite:///{path}") as backend:
        backend.apply_migrations(backend.to_apply(older))
    db = sqlite3.connect(path)
    with db:
        db.execute("INSERT INTO alliance VALUES ('a', 'A', '')")
        db.execute("INSERT INTO municipality VALUES ('m', 'M', 'a', NULL, 0)")
        db.execute(
            "INSERT INTO host (id, agent, municipality_id, name, os, binding, receipt, created_at,"
            " interval_s) VALUES (1, x'01', 'm', 'web', '', '', x'', 0, 900)"
        )
        for rule, outcome in (("r1", "fail"), ("r2", "fail"), ("r3", "pass")):
            db.execute(
                "INSERT INTO finding VALUES (1, ?, '', ?, 0, 1, 1, 0, '', '[]', 'd')",
                (rule, outcome),
            )
    db.close()

    migrate(path)

    db = sqlite3.connect(path)
    assert db.execute("SELECT * FROM host_tally").fetchall() == [(1, "fail", 2), (1, "pass", 1)]
    assert (
        db.execute("SELECT count(*) FROM rule_tally WHERE municipality_id = 'm'").fetchone()[0] == 3
    )
    db.close()
