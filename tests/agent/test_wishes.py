"""What the collector wishes: bounded at the agent, and with `uplink_only` not heard at all."""

import os
from typing import Any

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector
from tests.fakes import MINUTE

from verbundwacht_agent import spool
from verbundwacht_agent.config import Config, told_interval_s
from verbundwacht_agent.wishes import (
    MAX_LATER_S,
    is_doubtful,
    may_report_fully,
    postpone,
    postponed_s,
)
from verbundwacht_collector import pki
from verbundwacht_wire.codes import Code
from verbundwacht_wire.keys import P256Signer
from verbundwacht_wire.messages import Ack


@pytest.fixture
def waiting(machine: Machine) -> Machine:
    """Three reports without an answer; the next run has nothing new to say."""
    for line in "abc":
        machine.change(line)
        machine.gather()
    return machine


def wish(machine: Machine, **more: Any) -> str:
    """What the next run does with an answer that also empties the spool."""
    seq = machine.spooled()[-1]
    head = machine.frame(seq).entry_hash.hex()
    fields: dict[str, Any] = {"upto": seq, "upto_hash": head, "hi": seq, "head": head} | more
    machine.clock.advance(1)
    machine.hears(machine.answer(Ack(**fields)))
    return machine.gather()


@pytest.mark.parametrize(
    "absurd",
    [
        {"upto": -1},
        {"hi": -1},
        {"beat": -1},
        {"now": -5},
        {"sel": ((-1, 0, ""),)},
        {"sel": tuple((n, 0, "") for n in range(65))},
    ],
    ids=str,
)
def test_an_answer_with_a_number_that_no_collector_means_is_refused_as_a_whole(
    waiting: Machine, absurd: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    done = wish(waiting, **absurd, want="full")

    assert (done, waiting.spooled()) == ("beat", [1, 2, 3])
    assert f'"code": {Code.DOWN_BOUNDS.value}' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("later_s", "away_s"), [(900, 900), (10**9, MAX_LATER_S), (-900, 0), (0, 0), (None, 0)]
)
def test_a_wish_to_wait_is_kept_for_an_hour_at_most(
    waiting: Machine, later_s: int | None, away_s: int
) -> None:
    wish(waiting, later_s=later_s)

    assert postponed_s(waiting.paths, waiting.clock.now) == away_s
    assert waiting.spooled() == [3]


def test_a_wish_to_wait_runs_from_its_arrival_and_not_from_its_reading(waiting: Machine) -> None:
    machine = waiting
    machine.hears(machine.answer(Ack(upto=0, upto_hash="", hi=0, head="", later_s=1000)))
    (path,) = machine.paths.inbox.glob("*.vw")
    came = machine.clock.now / 1000
    os.utime(path, (came, came))
    machine.clock.advance(15 * MINUTE)
    machine.gather()

    assert postponed_s(machine.paths, machine.clock.now) == 100


def test_the_next_answer_ends_the_waiting(waiting: Machine) -> None:
    wish(waiting, later_s=900)
    wish(waiting)

    assert postponed_s(waiting.paths, waiting.clock.now) == 0


@pytest.mark.parametrize("until", [-1, 2 * MAX_LATER_S * 1000])
def test_a_clock_that_jumps_ends_the_waiting(machine: Machine, until: int) -> None:
    now = machine.clock.now
    postpone(machine.paths, now + 60_000, now)
    (machine.paths.gather / "later").write_text(str(now + until))

    assert postponed_s(machine.paths, now) == 0


def test_everything_on_demand_is_sent_every_ten_minutes_at_most(machine: Machine) -> None:
    machine.gather()
    done = []
    for _ in range(4):
        done.append(wish(machine, want="full"))
        machine.clock.advance(4 * MINUTE)

    assert done == ["report", "beat", "beat", "report"]


def test_a_clock_set_back_does_not_refuse_for_ever(machine: Machine) -> None:
    assert may_report_fully(machine.paths, machine.clock.now)
    assert may_report_fully(machine.paths, machine.clock.now - 60 * MINUTE)


@pytest.mark.parametrize(("told", "held"), [(0, 60), (-5, 60), (900, 900), (10**9, 86_400)])
def test_the_interval_of_a_receipt_is_held_to_the_bounds_of_the_setting(
    told: int, held: int
) -> None:
    assert told_interval_s(Config(), told) == held
    assert told_interval_s(Config(interval_s=300), told) == 300


def uplink_only(machine: Machine) -> None:
    (machine.paths.root / "agent.toml").write_text("uplink_only = true\n")


def test_with_uplink_only_answers_empty_the_spool_and_do_nothing_else(
    waiting: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    uplink_only(waiting)
    done = wish(waiting, want="full", later_s=900)

    assert (done, waiting.spooled()) == ("beat", [3])
    assert postponed_s(waiting.paths, waiting.clock.now) == 0
    assert '"wishes": "want,later_s"' in capsys.readouterr().err


def test_with_uplink_only_single_frames_are_still_forgotten_by_their_hash(
    waiting: Machine,
) -> None:
    uplink_only(waiting)
    named = tuple((s, Code.GAP.value, waiting.frame(s).entry_hash.hex()) for s in (2, 3))
    wish(waiting, upto=0, upto_hash="", sel=named)

    assert waiting.spooled() == [1, 3]


def test_with_uplink_only_no_branch_is_given_up(waiting: Machine) -> None:
    uplink_only(waiting)
    named = ((3, Code.FORK.value, waiting.frame(3).entry_hash.hex()),)
    done = wish(waiting, upto=0, upto_hash="", hi=8, head="cd" * 32, sel=named)

    assert (done, waiting.spooled()) == ("beat", [1, 2, 3])
    assert not waiting.paths.parked.exists()


def test_switching_to_uplink_only_ends_a_wish_that_was_heard_before(waiting: Machine) -> None:
    wish(waiting, later_s=900)
    uplink_only(waiting)
    waiting.gather()

    assert postponed_s(waiting.paths, waiting.clock.now) == 0


def test_branches_given_up_again_and_again_do_not_fill_the_disk(
    waiting: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = max(p.stat().st_size for p in waiting.paths.spool.glob("*.vw"))
    monkeypatch.setattr(spool, "MAX_PARKED", 2 * largest)
    for turn in range(6):
        seq = waiting.spooled()[-1]
        named = ((seq, Code.FORK.value, waiting.frame(seq).entry_hash.hex()),)
        wish(waiting, upto=0, upto_hash="", hi=100 + turn, head="cd" * 32, sel=named)
    parked = list(waiting.paths.parked.glob("*.vw"))

    assert 0 < sum(p.stat().st_size for p in parked) <= 2 * largest
    assert waiting.spooled() == [106]


def test_a_collector_that_asks_for_patience_gets_everything_afterwards(
    machine: Machine, sammler: Collector
) -> None:
    machine.gather()
    wish(machine, upto=0, upto_hash="", hi=0, head="", later_s=600)
    machine.change()
    codes = [machine.round(sammler), machine.round(sammler)]

    assert codes[-1] == "beat"
    assert sammler.rows("SELECT hi, upto FROM chain") == [(2, 2)]


def test_a_forged_answer_makes_the_next_run_begin_with_https_until_all_are_real_again(
    waiting: Machine,
) -> None:
    stranger = P256Signer(pki.new_key())
    real = waiting.answer(seq=waiting.clock.now + 1)
    waiting.hears(waiting.answer(signer=stranger))
    waiting.hears(real)
    waiting.gather()
    doubtful = [is_doubtful(waiting.paths)]
    waiting.hears(real)  # played once more: nobody has forged it
    waiting.gather()
    doubtful.append(is_doubtful(waiting.paths))
    wish(waiting)
    doubtful.append(is_doubtful(waiting.paths))

    assert doubtful == [True, True, False]
