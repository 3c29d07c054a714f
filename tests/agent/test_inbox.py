"""What answers may do: nothing until they are proven, and then very little."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.agent.fakes import Machine, admit
from tests.collector.fakes import Collector
from tests.fakes import NEIGHBOUR

from verbundwacht_agent.enrol import accept
from verbundwacht_agent.gather import gather
from verbundwacht_agent.inbox import MAX_SIZE
from verbundwacht_collector import pki
from verbundwacht_wire.codes import Code
from verbundwacht_wire.keys import P256Signer
from verbundwacht_wire.messages import RECEIPT, Ack


@pytest.fixture
def waiting(machine: Machine) -> Machine:
    """Three reports without an answer; the next run has nothing new to say."""
    for line in "abc":
        machine.change(line)
        machine.gather()
    return machine


def all_of(machine: Machine, **more: object) -> Ack:
    """An answer that empties the spool."""
    seq = machine.spooled()[-1]
    head = machine.frame(seq).entry_hash.hex()
    return Ack(**({"upto": seq, "upto_hash": head, "hi": seq, "head": head} | more))  # type: ignore[arg-type]


def test_a_signed_answer_empties_the_spool_but_for_the_newest(waiting: Machine) -> None:
    waiting.hears(waiting.answer(all_of(waiting)))
    waiting.gather()

    assert waiting.spooled() == [3]
    assert not list(waiting.paths.inbox.iterdir())


STRANGER = P256Signer(pki.new_key())
FORGED: dict[str, Callable[[Machine], bytes]] = {
    "by another key": lambda m: m.answer(all_of(m), signer=STRANGER),
    "by the host's own key": lambda m: m.answer(all_of(m), signer=_own(m)),
    "for another municipality": lambda m: m.answer(all_of(m), tenant=NEIGHBOUR),
    "for another host": lambda m: m.answer(all_of(m), agent=bytes(16)),
    "of another type": lambda m: m.answer(all_of(m), typ=RECEIPT),
    "of an invented type": lambda m: m.answer(all_of(m), typ="vw-run/1"),
    "a changed signature": lambda m: m.answer(all_of(m))[:-1] + b"\x00",
    "a changed byte": lambda m: _changed(m.answer(all_of(m))),
    "cut": lambda m: m.answer(all_of(m))[:-9],
    "too large": lambda m: m.answer(all_of(m)) + bytes(MAX_SIZE),
    "empty": lambda m: b"",
    "no frame": lambda m: b"rm -rf /",
    "an own report": lambda m: (m.paths.spool / f"{1:020d}.vw").read_bytes(),
}


def _own(machine: Machine) -> P256Signer:
    from verbundwacht_agent.keys import load_signer

    return load_signer(machine.paths)


def _changed(raw: bytes) -> bytes:
    return raw[:200] + bytes((raw[200] ^ 1,)) + raw[201:]


@pytest.mark.parametrize("kind", FORGED)
def test_what_is_not_a_proven_answer_changes_nothing_but_is_taken_away(
    waiting: Machine, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting.gather()
    before = waiting.state()
    waiting.hears(FORGED[kind](waiting))
    waiting.gather()
    after = waiting.state()
    after.pop("gather/doubt", None)  # by which the next run of send begins with HTTPS

    assert before.keys() == after.keys()
    assert {k for k in before if before[k] != after[k]} == {"gather/beat.vw"}
    assert "answer.refused" in capsys.readouterr().err


def test_the_same_answer_is_believed_once(waiting: Machine) -> None:
    raw = waiting.answer(all_of(waiting))
    waiting.hears(raw)
    waiting.gather()
    waiting.change("d")
    waiting.gather()
    waiting.change("e")
    waiting.gather()
    waiting.hears(waiting.answer(all_of(waiting), seq=7))  # older than the one before
    waiting.hears(raw)
    waiting.gather()

    assert waiting.spooled() == [3, 4, 5]


@pytest.mark.parametrize("wrong", ["", "ab" * 32, "not hex"])
def test_an_acknowledgement_deletes_nothing_whose_hash_it_does_not_name(
    waiting: Machine, wrong: str
) -> None:
    named = ((1, Code.GAP.value, wrong), (2, Code.OK.value, wrong), (99, 0, wrong))
    waiting.hears(waiting.answer(all_of(waiting, upto_hash=wrong, sel=named)))
    waiting.gather()

    assert waiting.spooled() == [1, 2, 3]


def test_an_acknowledgement_of_a_number_that_never_was_deletes_nothing(waiting: Machine) -> None:
    waiting.hears(waiting.answer(all_of(waiting, upto=1 << 60)))
    waiting.gather()

    assert waiting.spooled() == [1, 2, 3]


def test_single_frames_above_a_gap_are_forgotten_by_their_hash(waiting: Machine) -> None:
    named = tuple((s, Code.GAP.value, waiting.frame(s).entry_hash.hex()) for s in (2, 3))
    waiting.hears(waiting.answer(all_of(waiting, upto=0, upto_hash="", sel=named)))
    waiting.gather()

    assert waiting.spooled() == [1, 3]


@pytest.mark.parametrize("code", [Code.FORK, Code.SIGNATURE, Code.KEY_STATE, Code.CLONED])
def test_a_refusal_that_is_not_the_frames_own_fault_deletes_nothing(
    waiting: Machine, code: Code
) -> None:
    named = ((1, code.value, "ab" * 32),)
    waiting.hears(waiting.answer(all_of(waiting, upto=0, upto_hash="", sel=named)))
    waiting.gather()

    assert waiting.spooled() == [1, 2, 3]


def test_a_wish_for_everything_is_met_with_a_full_report(waiting: Machine) -> None:
    waiting.hears(waiting.answer(all_of(waiting, want="full")))
    waiting.gather()

    assert waiting.spooled() == [3, 4]
    report = waiting.report()
    assert report.bodies.keys() == {n for n, e in report.manifest.items() if e.status == "ok"}


def test_the_newest_answer_says_what_is_wanted(waiting: Machine) -> None:
    waiting.hears(waiting.answer(all_of(waiting, want="full")))
    waiting.hears(waiting.answer(all_of(waiting), seq=waiting.clock.now + 2))

    assert waiting.gather() == "beat"


def fork_of(machine: Machine, seq: int, **more: object) -> Ack:
    """The collector knows another branch, up to number 8."""
    named = ((seq, Code.FORK.value, machine.frame(seq).entry_hash.hex()),)
    known: dict[str, object] = {"upto": 0, "upto_hash": "", "hi": 8, "head": "cd" * 32}
    return Ack(**(known | {"sel": named} | more))  # type: ignore[arg-type]


def test_a_fork_is_met_by_one_message_that_continues_the_known_branch(waiting: Machine) -> None:
    epoch = waiting.frame(3).header.epoch
    waiting.hears(waiting.answer(fork_of(waiting, 3)))
    done = waiting.gather()
    header = waiting.frame(9).header

    assert (done, waiting.spooled(), header.prev.hex()) == ("rebase", [9], "cd" * 32)
    assert (header.typ, header.epoch) == ("vw-rebase/1", epoch + 1)
    assert len(list(waiting.paths.parked.iterdir())) == 3


def test_a_branch_that_begins_below_what_was_acknowledged_is_sent_all_the_same(
    waiting: Machine,
) -> None:
    from verbundwacht_agent.post import letters

    waiting.hears(waiting.answer(all_of(waiting)))
    waiting.gather()
    waiting.change("d")
    waiting.gather()
    later = waiting.answer(fork_of(waiting, 4, hi=1), seq=waiting.clock.now + 2)
    waiting.hears(later)
    waiting.gather()

    assert [letter.seq for letter in letters(waiting.paths)] == [2]


def test_a_late_answer_to_a_parked_frame_does_not_cost_the_new_branch(waiting: Machine) -> None:
    late = waiting.answer(fork_of(waiting, 2), seq=waiting.clock.now + 5)
    waiting.hears(waiting.answer(fork_of(waiting, 3)))
    waiting.gather()
    waiting.hears(late)
    done = waiting.gather()

    assert (done, waiting.spooled()) == ("beat", [9])


@pytest.mark.parametrize("head", ["", "cd", "cd" * 33, "none of these", "cd" * 31 + "zz"])
def test_a_fork_without_a_usable_head_changes_nothing(waiting: Machine, head: str) -> None:
    waiting.hears(waiting.answer(fork_of(waiting, 3, head=head)))
    done = waiting.gather()

    assert (done, waiting.spooled()) == ("beat", [1, 2, 3])


def test_two_copies_of_a_host_take_turns_and_neither_stops(
    machine: Machine, sammler: Collector, tmp_path: Path
) -> None:
    machine.round(sammler)
    twin = machine.copy(tmp_path / "twin")
    for line in "abcd":
        for one in (machine, twin):
            one.clock.now = max(machine.clock.now, twin.clock.now)
            one.change(f"{line}{one.paths.root.name}")
            one.round(sammler)
            one.round(sammler)
    twin.round(sammler)

    ((hi, upto),) = sammler.rows("SELECT hi, upto FROM chain")
    assert hi == upto > 4


@pytest.mark.parametrize("thing", ["pipe", "folder", "link", "denied"])
def test_odd_things_in_the_inbox_never_hold_or_end_a_run(waiting: Machine, thing: str) -> None:
    inbox = waiting.paths.inbox
    if thing == "pipe":
        os.mkfifo(inbox / "0001.vw")
    elif thing == "folder":
        (inbox / "0001.vw").mkdir()
    elif thing == "link":
        (inbox / "0001.vw").symlink_to(waiting.paths.signing_key)
    else:
        (inbox / "0001.vw").write_bytes(b"")
        (inbox / "0001.vw").chmod(0)
    waiting.hears(waiting.answer(all_of(waiting)))
    waiting.gather()

    assert waiting.spooled() == [3]
    assert waiting.paths.signing_key.exists()


def test_leavings_of_the_sender_do_not_crowd_out_answers(waiting: Machine) -> None:
    for number in range(80):
        (waiting.paths.inbox / f".{number}.part").write_bytes(b"half")
    waiting.hears(waiting.answer(all_of(waiting)))
    waiting.gather()

    assert waiting.spooled() == [3]


def test_an_answer_of_another_collector_is_no_answer(
    machine: Machine, sammler: Collector, tmp_path: Path
) -> None:
    other = Machine(tmp_path / "other")
    accept(other.paths, admit(sammler, other.prepare()))
    machine.gather()
    machine.hears(other.answer(all_of(machine)))
    machine.change()
    gather(machine.paths, machine.host, machine.clock)

    assert machine.spooled() == [1, 2]
