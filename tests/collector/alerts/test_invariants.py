"""What must be true of every history, drawn at random: the life cycle's invariants."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collector.alerts.history import OVERLAY, History, Step, histories, perform
from tests.collector.fakes import FACTS, JUDGED, Collector
from tests.fakes import DAY, HOUR

from verbundwacht_collector.alerts.model import HOST_SILENT
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store import read
from verbundwacht_wire.frame import read_frame

EXAMPLES = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of messages, and nobody reads their log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def result(collector: Collector) -> dict[str, list[tuple[Any, ...]]]:
    return collector.dump(*JUDGED, *FACTS)


@EXAMPLES
@given(drawn=histories, data=st.data())
def test_any_split_into_batches_with_crashes_and_repeats_gives_the_same(
    tmp_path: Path, drawn: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """Invariant 2."""
    history = History(tmp_path, drawn)
    with history.replay() as collector:
        for step in history.steps:
            perform(collector, [step])
        expected = result(collector)
    with history.replay() as collector:
        perform(collector, history.steps)

        assert result(collector) == expected
    with history.replay() as collector:
        left = list(history.steps)
        known: list[Step] = []
        while left:
            size = data.draw(st.integers(1, 6), "batch")
            crash: bool = data.draw(st.booleans(), "crash")
            if crash:
                perform(collector, left[:size], crash=True)
                continue
            batch, left = left[:size], left[size:]
            perform(collector, batch)
            known += [step for step in batch if step.message is not None]
            lost: bool = data.draw(st.booleans(), "answer lost")
            if known and lost:
                perform(collector, known[-size:])  # sent again, as after a lost answer

        assert result(collector) == expected


@EXAMPLES
@given(drawn=histories)
def test_the_invariants_hold_after_every_step(tmp_path: Path, drawn: list[tuple[Any, ...]]) -> None:
    """Invariants 1, 3, 5 and 6."""
    history = History(tmp_path, drawn)
    with history.replay() as collector:
        watch = Watch(collector)
        for step in history.steps:
            perform(collector, [step])
            watch.look(step)


@EXAMPLES
@given(drawn=histories)
def test_overlays_hold_messages_back_and_change_no_state(
    tmp_path: Path, drawn: list[tuple[Any, ...]]
) -> None:
    """Invariant 4: the same history without its overlays has the same alerts and events."""
    history = History(tmp_path, drawn)
    with history.replay() as collector:
        for step in history.steps:
            perform(collector, [step])
            nobody_is_told_of_what_is_covered(collector)
        covered = life(collector)
        end_of_all_overlays(collector)

        assert collector.rows("SELECT 1 FROM alert WHERE held = 1") == []
        assert untold(collector) == []
    with history.replay() as collector:
        for step in history.steps:
            if step.what != OVERLAY:
                perform(collector, [step])

        assert life(collector) == covered


def life(collector: Collector) -> list[list[tuple[Any, ...]]]:
    """Alerts, events and findings, without what overlays add."""
    return [
        collector.rows(
            "SELECT number, state, severity, opened_at, evidence, resolved_by, claimed_at,"
            " assignee_id, repeated FROM alert ORDER BY id"
        ),
        collector.rows(
            "SELECT alert_id, at, kind, reason, text, actor_id, evidence FROM alert_event"
            " WHERE kind NOT IN ('paused', 'cover_ended') ORDER BY id"
        ),
        collector.table("finding"),
        collector.table("finding_transition"),
    ]


def nobody_is_told_of_what_is_covered(collector: Collector) -> None:
    told = collector.rows(
        "SELECT e.id FROM delivery d JOIN alert_event e ON e.id = d.event_id"
        " JOIN alert a ON a.id = e.alert_id JOIN overlay o ON e.at >= o.starts_at"
        " AND e.at < min(o.ends_at, coalesce(o.ended_at, o.ends_at)) AND o.created_at < e.at"
        " AND (o.fingerprint = a.fingerprint OR (o.kind = 'maintenance'"
        "      AND o.municipality_id = a.municipality_id"
        "      AND coalesce(o.host_id, a.host_id) = a.host_id))"
        " WHERE e.kind IN ('opened', 'reopened', 'raised', 'cover_ended')"
    )
    assert told == []


def end_of_all_overlays(collector: Collector) -> None:
    """Four days later: everything has ended, and since its start all hosts had their time."""
    collector.clock.advance(4 * DAY)
    collector.tick(serving_since=collector.clock() - 3 * HOUR)


def untold(collector: Collector) -> list[tuple[Any, ...]]:
    """Open alerts about whose last opening, or end of cover, nobody has a message."""
    return collector.rows(
        "SELECT number FROM alert a WHERE state IN ('new', 'taken', 'fix_claimed')"
        " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id ="
        "   (SELECT max(id) FROM alert_event e WHERE e.alert_id = a.id"
        "     AND e.kind IN ('opened', 'reopened', 'cover_ended')))"
    )


class Watch:
    """Looks at the whole store after each step and compares with the step before."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.events = 0
        self.accepted: dict[bytes, int] = {}  # entry hash -> number of the step
        self.opened: dict[int, int] = {}  # alert -> number of the step that (re)opened it
        self.seen: dict[int, list[int]] = {}  # host -> steps in which it was heard
        self.step = 0

    def look(self, step: Step) -> None:
        self.step += 1
        if step.message is not None:
            entry = read_frame(step.message.raw).entry_hash
            self.accepted.setdefault(entry, self.step)
            for (host,) in self.collector.rows(
                "SELECT id FROM host WHERE last_seen = :at", at=step.at
            ):
                self.seen.setdefault(host, []).append(self.step)
        self.one_open_alert_per_problem()
        self.every_ending_has_evidence()
        self.nothing_of_a_silent_host_looks_good()
        self.all_is_in_the_audit_log()

    def one_open_alert_per_problem(self) -> None:
        """Invariant 1."""
        doubles = self.collector.rows(
            "SELECT fingerprint FROM alert WHERE state IN ('new', 'taken', 'fix_claimed')"
            " GROUP BY fingerprint HAVING count(*) > 1"
        )
        assert doubles == []

    def every_ending_has_evidence(self) -> None:
        """Invariant 3."""
        fresh = self.collector.rows(
            "SELECT e.id, e.alert_id, e.kind, e.evidence, e.actor_id, a.host_id, a.rule_id,"
            " a.resolved_by, h.silent FROM alert_event e JOIN alert a ON a.id = e.alert_id"
            " JOIN host h ON h.id = a.host_id WHERE e.id > :seen ORDER BY e.id",
            seen=self.events,
        )
        for event, alert, kind, evidence, actor, host, rule, resolved_by, silent in fresh:
            self.events = event
            if kind in ("opened", "reopened"):
                self.opened[alert] = self.step
            if kind != "resolved":
                continue
            assert actor is None, "no person resolves"
            assert self.accepted[evidence] > self.opened[alert]
            assert resolved_by == evidence
            assert not silent, "invariant 5"
            heard = [step for step in self.seen[host] if step > self.opened[alert]]
            assert len(heard) >= (1 if rule == HOST_SILENT else 2)

    def nothing_of_a_silent_host_looks_good(self) -> None:
        """Invariant 5."""
        db, now = self.collector.store._db, self.collector.clock()
        silent = {
            agent.hex() for (agent,) in self.collector.rows("SELECT agent FROM host WHERE silent")
        }
        for host in read.hosts(db, scope=OperatorScope(), now=now):
            if host.id in silent or host.freshness in ("silent", "never") or host.facts_unknown:
                assert set(host.outcomes) <= {"stale"}
                found = read.findings(db, scope=OperatorScope(), now=now, host=host.id)
                assert {finding.outcome for finding in found} <= {"stale"}
            if host.id in silent:
                assert host.freshness == "silent"

    def all_is_in_the_audit_log(self) -> None:
        """Invariant 6, and that nobody can take an entry out."""
        rows = self.collector.rows
        assert not rows("SELECT 1 FROM delivery WHERE event_id NOT IN (SELECT id FROM alert_event)")
        assert not rows(
            "SELECT 1 FROM alert_event e LEFT JOIN audit a ON a.id = e.audit_id"
            " WHERE a.id IS NULL OR a.action <> 'alert.' || e.kind OR a.at <> e.at"
            " OR a.object <> 'alert ' || e.alert_id"
        )
        assert not rows("SELECT 1 FROM alert WHERE id NOT IN (SELECT alert_id FROM alert_event)")
        before = bytes(32)
        for *entry, prev, digest in rows(
            "SELECT at, actor, action, object, detail, prev_hash, hash FROM audit ORDER BY id"
        ):
            text = json.dumps(entry, ensure_ascii=False).encode()
            assert (prev, digest) == (before, hashlib.sha256(before + text).digest())
            before = digest
