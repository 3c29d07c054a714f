"""What the numbers mean: thresholds, and that a missing number is never good news."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from verbundwacht_collector import i18n
from verbundwacht_collector.observe import status as rules
from verbundwacht_collector.observe.machine import Disk
from verbundwacht_collector.observe.status import (
    CHECKS,
    ClockState,
    Door,
    Numbers,
    PackState,
    Refusal,
    Status,
    assess,
    not_running,
)
from verbundwacht_collector.store.observed import OutboxState
from verbundwacht_collector.web.views.status import status_view, verdict
from verbundwacht_collector.web.views.status_words import CODES, SENTENCES, STEPS
from verbundwacht_wire.codes import Code

NOW = 1_790_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
GB = 1_000_000_000


def well() -> Numbers:
    """A collector that has nothing to complain about."""
    nothing = not_running(NOW, "0.1.0").numbers
    ingest = replace(
        nothing.ingest,
        recent_messages=40,
        worst_lag_ms=120,
        committed_at=NOW - 2 * SECOND,
        store_answered_at=NOW - SECOND,
    )
    return replace(
        nothing,
        serving_since=NOW - DAY,
        ingest=ingest,
        outbox=OutboxState({}, None, 1),
        hosts={"fresh": 4, "silent": 1},
        facts_unknown=0,
        stale_findings=0,
        set_aside=0,
        disk=Disk(50 * GB, 100 * GB, GB, 4096),
        clock=ClockState(-800, 4),
        packs=[PackState("verbund/linux-basis", "1", "ab" * 32, 60)],
        doors=[Door("mqtt", "0.0.0.0:8883", True), Door("web", "127.0.0.1:8443", True)],
    )


def ingest(**changes: Any) -> Numbers:
    return replace(well(), ingest=replace(well().ingest, **changes))


def outbox(oldest: int | None = None, channels: int = 1, **states: int) -> Numbers:
    return replace(well(), outbox=OutboxState(states, oldest, channels))


def refused(code: Code, last_at: int | None) -> Numbers:
    return replace(well(), refusals=[Refusal(code.value, code.name.lower(), 3, 3, last_at)])


def level(numbers: Numbers, check: str) -> tuple[str, str]:
    (found,) = [one for one in assess(numbers).checks if one.name == check]
    return found.level, found.note


def test_a_healthy_collector_is_good_and_says_so_in_one_sentence() -> None:
    found = assess(well())

    assert found.level == "good"
    assert verdict(found) == "Die Anzeige ist aktuell. 4 von 5 Servern melden sich."


@pytest.mark.parametrize(
    ("numbers", "check", "expected"),
    [
        (ingest(store_answered_at=NOW - 31 * SECOND), "store", ("bad", "stuck")),
        (ingest(failed_at=NOW - SECOND), "store", ("bad", "failing")),
        (ingest(failed_at=NOW - 3 * SECOND), "store", ("good", "answers")),
        (ingest(worst_lag_ms=11 * SECOND), "ingest", ("warn", "slow")),
        (ingest(worst_lag_ms=61 * SECOND), "ingest", ("bad", "stuck")),
        (ingest(oldest_waiting_at=NOW - 61 * SECOND), "ingest", ("bad", "stuck")),
        (replace(well(), hosts={"silent": 3}), "hosts", ("bad", "all_silent")),
        (replace(well(), hosts={"fresh": 1, "silent": 3}), "hosts", ("warn", "half_silent")),
        (replace(well(), hosts={"fresh": 1, "never": 1}), "hosts", ("good", "heard")),
        (replace(well(), hosts={"never": 4}), "hosts", ("unknown", "never")),
        (replace(well(), packs=[]), "packs", ("bad", "none")),
        (replace(well(), doors=[Door("mqtt", "", False)]), "doors", ("bad", "closed")),
        (outbox(NOW - 14 * MINUTE), "outbox", ("good", "empty")),
        (outbox(NOW - 16 * MINUTE), "outbox", ("warn", "late")),
        (outbox(NOW - 61 * MINUTE), "outbox", ("bad", "stuck")),
        (outbox(failed=1), "outbox", ("warn", "failed")),
        (outbox(channels=0), "outbox", ("warn", "nobody")),
        (replace(well(), disk=Disk(9 * GB, 100 * GB)), "disk", ("warn", "low")),
        (replace(well(), disk=Disk(2 * GB, 100 * GB)), "disk", ("bad", "full")),
        (replace(well(), disk=Disk(10 * GB, 100 * GB)), "disk", ("good", "room")),
        (replace(well(), clock=ClockState(61 * SECOND, 1)), "clock", ("warn", "off")),
        (replace(well(), clock=ClockState(-HOUR, 3)), "clock", ("bad", "wrong")),
        (replace(well(), clock=ClockState(-HOUR, 2)), "clock", ("warn", "off")),
        (refused(Code.SIGNATURE, NOW - HOUR), "refusals", ("warn", "alarming")),
        (refused(Code.FORK, NOW - HOUR), "refusals", ("warn", "alarming")),
        (refused(Code.SIGNATURE, NOW - 2 * DAY), "refusals", ("good", "none")),
        (refused(Code.DUPLICATE, NOW - HOUR), "refusals", ("good", "none")),
    ],
)
def test_each_limit_has_its_level(numbers: Numbers, check: str, expected: tuple[str, str]) -> None:
    assert level(numbers, check) == expected


MISSING: dict[str, Callable[[], Numbers]] = {
    "store": lambda: ingest(store_answered_at=None),
    "ingest": lambda: ingest(worst_lag_ms=None),
    "doors": lambda: replace(well(), doors=[]),
    "hosts": lambda: replace(well(), hosts={}),
    "outbox": lambda: replace(well(), outbox=None),
    "disk": lambda: replace(well(), disk=Disk()),
    "clock": lambda: replace(well(), clock=ClockState(None, 0)),
    "refusals": lambda: refused(Code.SIGNATURE, None),
}


@pytest.mark.parametrize("check", MISSING)
def test_what_is_missing_is_unknown_and_never_good(check: str) -> None:
    found = assess(MISSING[check]())

    assert level(found.numbers, check)[0] == "unknown"
    assert found.level == "unknown"
    assert "soweit bekannt" in verdict(found)


def test_an_outbox_that_is_stuck_does_not_make_the_display_wrong_and_a_dead_store_does() -> None:
    unsent, dead = outbox(NOW - 2 * HOUR), ingest(store_answered_at=NOW - HOUR)

    assert verdict(assess(unsent)).startswith("Die Anzeige ist aktuell, aber etwas ist gestört.")
    assert "telefonisch" in verdict(assess(unsent))
    assert verdict(assess(dead)).startswith("Die Anzeige ist nicht verlässlich. Der Speicher")


def test_a_collector_that_does_not_answer_is_bad_and_has_no_good_check() -> None:
    found = not_running(NOW, "0.1.0")

    assert (found.level, found.running, found.checks) == ("bad", False, [])
    assert verdict(found) == "Der Sammler läuft nicht."


def answers() -> set[tuple[str, str, str]]:
    """(check, level, note) of every answer that stands in the code."""
    found = set()
    for name, judge in CHECKS.items():
        text = inspect.getsource(judge)
        for one in re.findall(r'"(good|unknown|warn|bad)", "([a-z_]+)"', text):
            found.add((name, *one))
    return found


def test_every_answer_has_a_sentence_and_whatever_is_not_good_a_next_step() -> None:
    found = answers()

    assert len(found) > 25
    assert {(name, note) for name, _, note in found} == SENTENCES.keys()
    without = {(name, note) for name, kind, note in found if kind in ("warn", "bad")} - STEPS.keys()
    assert without == set()


def test_every_code_of_messages_going_up_has_a_meaning() -> None:
    assert CODES.keys() == {code for code in Code if code and code < Code.DOWN_FRAME}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_every_sentence_can_be_filled_in_every_language(name: str, language: str) -> None:
    numbers = refused(Code.SIGNATURE, NOW)
    notes = [(check, kind, note) for check, kind, note in answers() if check == name]
    checks = [rules.Check(check, kind, note) for check, kind, note in notes]  # type: ignore[arg-type]
    found = Status(level="bad", running=True, checks=checks, numbers=numbers)
    with i18n.use(language):
        view = status_view(found)

    assert view.verdict
    assert all(line.text and "%(" not in line.text + line.step for line in view.lines)
