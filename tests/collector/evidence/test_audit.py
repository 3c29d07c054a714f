"""The audit log: whatever is done to it afterwards is found, and the first bad entry is named."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.collector.alerts.story import Story
from tests.collector.fakes import Collector
from tests.fakes import kernel, listening

from verbundwacht_collector.evidence.audit import AuditResult, check_log, digest
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store.evidence import audit_log, audited_events


def check(collector: Collector) -> AuditResult:
    """The log as it is stored now."""
    db, scope = collector.store._db, OperatorScope()
    return check_log(audit_log(db, scope=scope), audited_events(db, scope=scope))


@pytest.fixture
def log(collector: Collector) -> Iterator[Collector]:
    """A collector whose log has a dozen entries, people's words among them."""
    story = Story(collector, collector.host())
    story.says(kernel=kernel(reboot=True), listening=listening(22, 23))
    story.takes("t.reboot")
    story.comments("t.reboot", "Grüße „aus“ \x00\u2028 dem Rathaus")
    story.says(kernel=kernel())
    story.beats()
    yield collector


def run(collector: Collector, sql: str, **values: Any) -> None:
    """A statement of somebody who has the database in hand."""
    db = collector.store._db
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(sql, values)


def test_an_untouched_log_holds(log: Collector) -> None:
    result = check(log)

    assert (result.holds, result.problems, result.first_bad) == (True, [], None)
    assert result.entries == log.value("SELECT count(*) FROM audit") >= 7
    assert result.events == log.value("SELECT count(*) FROM alert_event") >= 5
    assert result.head == log.value("SELECT hex(hash) FROM audit ORDER BY id DESC LIMIT 1").lower()


@pytest.mark.parametrize("column", ["at", "actor", "action", "object", "detail"])
def test_an_edited_entry_is_named(log: Collector, column: str) -> None:
    for (entry,) in log.rows("SELECT id FROM audit"):
        before = log.value(f"SELECT {column} FROM audit WHERE id = :id", id=entry)
        sql = f"UPDATE audit SET {column} = :value WHERE id = :id"
        run(log, sql, id=entry, value=before + 1 if column == "at" else before + "x")

        assert check(log).first_bad == entry
        run(log, sql, id=entry, value=before)


def test_a_removed_entry_is_named_by_its_number(log: Collector) -> None:
    count = log.value("SELECT count(*) FROM audit")
    entry = random.Random(7).randrange(2, count)
    run(log, "DELETE FROM audit WHERE id = :id", id=entry)

    result = check(log)

    assert result.first_bad in (entry, entry + 1)
    assert any(f"Nr. {entry}" in one.text for one in result.problems)


def test_swapped_entries_are_found(log: Collector) -> None:
    for old, new in ((3, -1), (4, 3), (-1, 4)):
        run(log, "UPDATE audit SET id = :new WHERE id = :old", old=old, new=new)

    assert check(log).first_bad == 3


def test_a_replaced_entry_whose_own_hash_is_right_is_found_by_the_next(log: Collector) -> None:
    at, actor, action, obj, prev = log.rows(
        "SELECT at, actor, action, object, prev_hash FROM audit WHERE id = 2"
    )[0]
    forged = digest(prev, at, actor, action, obj, "{}")
    run(log, "UPDATE audit SET detail = '{}', hash = :hash WHERE id = 2", hash=forged)

    assert check(log).first_bad in (2, 3)


def test_entries_cut_off_at_the_end_are_missed_by_their_events(log: Collector) -> None:
    last = log.value("SELECT max(audit_id) FROM alert_event")
    run(log, "DELETE FROM audit WHERE id >= :id", id=last)

    assert check(log).first_bad == last


def test_an_event_without_an_entry_of_its_own_is_found(log: Collector) -> None:
    run(
        log,
        "INSERT INTO alert_event (alert_id, at, kind, reason, audit_id)"
        " SELECT alert_id, at, kind, reason, audit_id FROM alert_event WHERE id = 1",
    )

    assert not check(log).holds


@pytest.mark.parametrize("change", ["text = 'Alles gut.'", "kind = 'closed'", "at = at + 1"])
def test_an_event_that_says_something_else_is_found(log: Collector, change: str) -> None:
    entry = log.value("SELECT audit_id FROM alert_event WHERE kind = 'commented'")
    run(log, f"UPDATE alert_event SET {change} WHERE audit_id = :id", id=entry)

    assert check(log).first_bad == entry
