"""The named statements: each one is used, and each one is SQL that this database understands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collector.fakes import Collector

import verbundwacht_collector
from verbundwacht_collector.store.named import named

SOURCE = Path(next(iter(verbundwacht_collector.__path__)))
STATEMENTS = [
    (file, name, sql)
    for file in (
        "read.sql",
        "write.sql",
        "observed.sql",
        "notify.sql",
        "judged.sql",
        "evidence.sql",
    )
    for name, sql in named(file).items()
]
IDS = [name for _, name, _ in STATEMENTS]


@pytest.fixture(scope="module")
def source() -> str:
    """All of the collector's Python."""
    return "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with Collector(tmp_path_factory.mktemp("sql")) as collector:
        collector.store._db.create_function("is_stale", 4, lambda *_: True)
        yield collector


@pytest.mark.parametrize(("file", "name", "sql"), STATEMENTS, ids=IDS)
def test_every_named_statement_is_used(source: str, file: str, name: str, sql: str) -> None:
    assert re.search(rf'(_Q\[|_run\(\s*|_one\(\s*|_all\(\s*)"{name}"', source)


@pytest.mark.parametrize(("file", "name", "sql"), STATEMENTS, ids=IDS)
def test_every_named_statement_can_be_run(
    database: Collector, file: str, name: str, sql: str
) -> None:
    parts = {"own": "1 = 1", "scope": "m.id = :scope", "columns": "rule_id", "filter": "1 = 1"}
    parts |= {"named": "0", "order": "shown"}
    text = sql.format(**parts) if "{" in sql else sql
    values = dict.fromkeys(re.findall(r":([a-z_]+)", text), 0)

    assert database.store._db.execute(f"EXPLAIN {text}", values).fetchall()


def test_every_name_that_the_code_asks_for_exists(source: str) -> None:
    store = (SOURCE / "store" / "transaction.py").read_text("utf-8")
    asked = set(re.findall(r'(?:self\._run|self\._one|self\._all)\(\s*"([a-z_]+)"', store))
    asked |= set(re.findall(r'_Q\["([a-z_]+)"\]', source))

    assert asked <= set(IDS)
    assert len(asked) > 50


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("host_by_kid", "envelope"),
        ("envelope_at", "envelope"),
        ("open_alerts", "alert"),
        ("last_alert", "alert"),
        ("due_deliveries", "delivery"),
        ("due_deliveries", "alert_event"),
        ("due_notices", "notice"),
        ("direct_in_hour", "delivery"),
        ("being_sent", "delivery"),
        ("perhaps_in_hour", "delivery"),
        ("held_until", "delivery"),
        ("last_bundle", "notice"),
        ("bundle", "delivery"),
        ("bundled", "delivery"),
        ("return_bundled", "delivery"),
        ("finish_bundled", "delivery"),
        ("overtaken", "alert_event"),
        ("told_channels", "delivery"),
        ("supersede", "delivery"),
        ("failures", "delivery"),
        ("failures", "notice"),
        ("last_test", "notice"),
        ("events", "alert_event"),
        ("host_by_kid", "k"),
        ("host_by_id", "k"),
        ("chain", "k"),
        ("evidence", "k"),
    ],
)
def test_what_every_message_asks_never_reads_a_whole_table(
    database: Collector, statement: str, table: str
) -> None:
    sql = next(sql for _, name, sql in STATEMENTS if name == statement)
    values = dict.fromkeys(re.findall(r":([a-z_]+)", sql), 0)
    plan = database.store._db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()

    assert not [row for row in plan if re.match(rf"SCAN {table}\b(?!.* USING)", row[3])]
