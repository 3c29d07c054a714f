"""kill -9 at every write to the disk, in a real process: what is there afterwards is whole.

`test_crash` walks through the same points with an exception, which runs `finally` blocks on its
way; SIGKILL does not. The child is a copy of this process (fork), so that each point costs
milliseconds and not a start of the interpreter.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector

from verbundwacht_agent import spool
from verbundwacht_agent.post import Post, clear_leavings, letters
from verbundwacht_wire.frame import read_frame

POINTS: Final = ("fsync", "rename", "replace", "unlink", "mkdir")


def killed(work: Callable[[], object], at: int, *, after: bool) -> bool:
    """`work` ran in a child that was killed at its at-th point; False if it has fewer.

    after: the call at that point still happened.
    """
    child = os.fork()
    if child == 0:
        _die_at(at, after)
        try:
            work()
        except BaseException as problem:  # the copy must never go on as a test
            print(repr(problem), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the run itself has failed"
    return False


def _die_at(at: int, after: bool) -> None:
    calls = 0

    def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **options)
            finally:
                if calls == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name in POINTS:
        setattr(os, name, deadly(getattr(os, name)))


def backlog(machine: Machine, sammler: Collector) -> None:
    """Reports wait, the first ones are answered, and something has changed."""
    for line in "abc":
        machine.change(line)
        machine.gather()
    machine.send(sammler)
    for line in "de":
        machine.change(line)
        machine.gather()
    machine.change("f")


def postponed(machine: Machine, sammler: Collector) -> None:
    """The collector wants everything, and time."""
    from verbundwacht_wire.messages import Ack

    machine.round(sammler)
    head = machine.frame(1).entry_hash.hex()
    ack = Ack(upto=1, upto_hash=head, hi=1, head=head, want="full", later_s=600)
    machine.clock.advance()
    machine.hears(machine.answer(ack))
    machine.change()


def overflowing(machine: Machine, sammler: Collector) -> None:
    """More waits than the spool may hold: the oldest falls out and is declared."""
    for line in "abcd":
        machine.change(line)
        machine.gather()
    machine.change("e")


def forked(machine: Machine, sammler: Collector) -> None:
    """Another copy went on; this one gives its branch up."""
    machine.round(sammler)
    twin = machine.copy(machine.paths.root.with_name("twin"))
    for line in "abc":
        twin.change(line)
        twin.round(sammler)
    machine.change("x")
    machine.gather()
    machine.clock.now = twin.clock.now
    assert machine.codes(sammler)[0] == "FORK"


Scene = Callable[[Machine, Collector], None]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scene", [backlog, postponed, overflowing, forked])
def test_kill_9_at_any_write_of_gather_loses_nothing_undeclared_and_reuses_no_number(
    machine: Machine,
    sammler: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scene: Scene,
    after: bool,
) -> None:
    scene(machine, sammler)
    before, known = sammler.copied(), _stored(sammler)
    limit = 4000 if scene is overflowing else spool.MAX_BYTES
    at, died = 0, True
    while died:
        at += 1
        victim = machine.copy(tmp_path / f"{at}")
        sammler.restore(before)
        seen = victim.entries()
        with monkeypatch.context() as patch:
            patch.setattr(spool, "MAX_BYTES", limit)
            died = killed(victim.gather, at, after=after)
        _agrees(victim, sammler, seen, known, f"{scene.__name__} at {at}")

    assert at > 4


def _stored(sammler: Collector) -> dict[int, bytes]:
    """What the collector has, by number: these were acknowledged."""
    return dict(sammler.rows("SELECT seq, hash FROM envelope WHERE seq IS NOT NULL"))


def _agrees(
    victim: Machine, sammler: Collector, seen: dict[int, bytes], known: dict[int, bytes], where: str
) -> None:
    """Restarted, the agent sends the same bytes under the same numbers, and gaps are declared."""
    for _ in range(3):
        used = victim.entries()
        assert all(used.get(seq, entry) == entry for seq, entry in seen.items()), where
        seen |= used
        victim.round(sammler)
    victim.change(where)
    victim.gather()
    assert set(victim.codes(sammler)) == {"OK"}, where
    ((hi, upto),) = sammler.rows("SELECT hi, upto FROM chain")
    stored = _stored(sammler)

    assert hi == upto == victim.spooled()[-1], where  # what is missing was declared
    assert known.items() <= stored.items(), where
    if not victim.paths.parked.exists():  # a branch that was given up is stored nowhere
        assert all(stored.get(seq, entry) == entry for seq, entry in seen.items()), where


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_kill_9_at_any_write_of_send_leaves_whole_answers_only(
    machine: Machine, tmp_path: Path, after: bool
) -> None:
    for line in "abc":
        machine.change(line)
        machine.gather()
    raws = [machine.answer(seq=machine.clock.now + n) for n in range(3)]
    frames = {path: path.read_bytes() for path in machine.paths.spool.iterdir()}
    at, died = 0, True
    while died:
        at += 1
        victim = machine.copy(tmp_path / f"{at}")
        died = killed(lambda victim=victim: _carry(victim, raws), at, after=after)  # type: ignore[misc]
        answers = [path.read_bytes() for path in sorted(victim.paths.inbox.glob("[!.]*"))]
        assert answers == raws[: len(answers)], at
        assert [p.read_bytes() for p in sorted(victim.paths.spool.iterdir())] == [
            frames[path] for path in sorted(frames)
        ]
        clear_leavings(victim.paths.inbox)
        assert all(path.suffix == ".vw" for path in victim.paths.inbox.iterdir())

    assert at > 3


def _carry(victim: Machine, raws: list[bytes]) -> None:
    """What a run of the sender does with the disk."""
    clear_leavings(victim.paths.inbox)
    post = Post(letters(victim.paths), victim.paths.inbox)
    post.window()
    for raw in raws:
        post.take(raw, "mqtt")


def test_two_transports_may_deliver_everything_twice_without_effect(
    machine: Machine, sammler: Collector
) -> None:
    for line in "abc":
        machine.change(line)
        machine.gather()
    raws = [letter.path.read_bytes() for letter in letters(machine.paths)]
    first = [taken.code.name for taken in sammler.take(*raws)]
    after_one = sammler.rows("SELECT hi, upto FROM chain"), _stored(sammler)
    again = machine.codes(sammler)
    (answer,) = (path.read_bytes() for path in machine.paths.inbox.glob("*.vw"))
    machine.hears(answer)  # and it came over both, too
    done = machine.gather()

    assert (set(first), set(again)) == ({"OK"}, {"DUPLICATE"})
    assert (sammler.rows("SELECT hi, upto FROM chain"), _stored(sammler)) == after_one
    assert (done, machine.spooled()) == ("beat", [3])
    assert read_frame(raws[-1]).entry_hash == machine.entries()[3]
