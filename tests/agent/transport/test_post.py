"""What waits to be sent, what an answer crosses off, and what the inbox takes."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.agent.transport.fakes import EnrolledHost, frame

from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.post import MAX_ANSWER, MAX_INBOX, Post, clear_leavings, letters, store
from verbundwacht_wire.frame import PLAIN, read_frame
from verbundwacht_wire.keys import seal
from verbundwacht_wire.messages import ACK, Ack


def _ack(host: EnrolledHost, **fields: object) -> bytes:
    known = {"upto": 0, "upto_hash": "", "hi": 0, "head": "", **fields}
    return frame(ACK, Ack(**known), host.identity.peer, host.signer, 1)  # type: ignore[arg-type]


def _post(host: EnrolledHost) -> Post:
    return Post(letters(host.paths), host.paths.inbox)


def _seqs(host: EnrolledHost) -> list[int | None]:
    return [letter.seq for letter in letters(host.paths)]


def test_unacknowledged_frames_wait_in_their_order(host: EnrolledHost) -> None:
    host.spool(12, 3, 4)
    host.acked(3)

    assert _seqs(host) == [4, 12]


def test_the_beat_waits_only_when_no_frame_does(host: EnrolledHost) -> None:
    """The newest frame stays in the spool, answered or not: it is the agent's state."""
    host.spool(4)
    host.beat(9)
    before = _seqs(host)
    host.acked(4)

    assert (before, _seqs(host)) == ([4], [None])


@pytest.mark.parametrize("text", ["", "x", "4.5", "é"])
def test_without_a_readable_mark_everything_is_sent(host: EnrolledHost, text: str) -> None:
    host.spool(1)
    (host.paths.gather / "acked").write_text(text)

    assert _seqs(host) == [1]


def test_files_of_other_names_are_not_sent(host: EnrolledHost) -> None:
    host.spool(1)
    for name in ("7.vw", f".{2:020d}.vw.new", f"{3:020d}.vw.tmp", "x" * 20 + ".vw"):
        (host.paths.spool / name).write_bytes(b"")

    assert _seqs(host) == [1]


def test_a_host_that_was_never_prepared_has_nothing_to_send(tmp_path: Path) -> None:
    assert letters(Paths(tmp_path / "nowhere")) == []


def test_a_spool_that_may_not_be_read_is_a_setting_to_correct(host: EnrolledHost) -> None:
    host.paths.spool.rmdir()
    host.paths.spool.write_text("not a folder")

    with pytest.raises(ConfigError, match="spool ist nicht lesbar"):
        letters(host.paths)


def test_a_window_holds_eight_frames(host: EnrolledHost) -> None:
    host.spool(*range(1, 12))

    assert [letter.seq for letter, _ in _post(host).window()] == list(range(1, 9))


def test_upto_answers_every_frame_below(host: EnrolledHost) -> None:
    host.spool(1, 2, 3)
    post = _post(host)
    post.window()
    post.take(_ack(host, upto=2, hi=2), "mqtt")

    assert [letter.seq for letter, _ in post.window()] == [3]


def test_a_frame_above_a_gap_is_answered_by_its_hash_alone(host: EnrolledHost) -> None:
    host.spool(1, 2, 3)
    post = _post(host)
    (_, _), (_, second), (_, _) = post.window()
    named = ((2, 0, read_frame(second).entry_hash.hex()), (3, 0, "00" * 32))
    post.take(_ack(host, hi=3, sel=named), "mqtt")

    assert [letter.seq for letter, _ in post.window()] == [1, 3]


@pytest.mark.parametrize(("answered", "left"), [(9, 0), (8, 1), (10, 1), (None, 1)])
def test_a_beat_is_answered_by_its_own_number(
    host: EnrolledHost, answered: int | None, left: int
) -> None:
    host.beat(9, seq=4)
    post = _post(host)
    post.window()
    post.take(_ack(host, upto=4, hi=4, beat=answered), "mqtt")

    assert post.left == left


def test_a_refused_beat_is_answered_by_its_hash(host: EnrolledHost) -> None:
    host.beat(9, seq=4)
    post = _post(host)
    ((_, raw),) = post.window()
    post.take(_ack(host, sel=((4, 203, read_frame(raw).entry_hash.hex()),)), "mqtt")

    assert post.left == 0


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(1, 9)), doubled=st.integers(1, 8))
def test_the_order_of_the_answers_does_not_matter(
    host: EnrolledHost, order: list[int], doubled: int
) -> None:
    for path in host.paths.inbox.iterdir():
        path.unlink()
    host.spool(*range(1, 9))
    post = _post(host)
    hashes = {letter.seq: read_frame(raw).entry_hash.hex() for letter, raw in post.window()}
    for seq in [*order, doubled]:
        post.take(_ack(host, hi=8, sel=((seq, 0, hashes[seq]),)), "mqtt")

    assert post.left == 0
    assert not post.pending
    assert [a.sel[0][0] for a in host.answers()] == [*order, doubled]


def test_an_answer_to_something_else_waits_for_gather_and_crosses_nothing_off(
    host: EnrolledHost,
) -> None:
    host.spool(5)
    post = _post(host)
    post.window()

    assert not post.take(_ack(host, upto=4, hi=4), "mqtt")
    assert (post.left, len(host.answers())) == (1, 1)


def test_a_message_of_another_type_waits_for_gather(host: EnrolledHost) -> None:
    """The sender does not know what gather knows."""
    post = _post(host)
    settings_frame = frame(
        "vw-cfg/1", Ack(upto=9, upto_hash="", hi=9, head=""), host.identity.peer, host.signer, 1
    )

    assert not post.take(settings_frame, "mqtt")
    assert len(list(host.paths.inbox.iterdir())) == 1


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", bytes(MAX_ANSWER + 1)], ids=["empty", "nonsense", "large"]
)
def test_what_is_no_answer_is_dropped(host: EnrolledHost, raw: bytes) -> None:
    assert not _post(host).take(raw, "mqtt")
    assert list(host.paths.inbox.iterdir()) == []


def _of_size(host: EnrolledHost, size: int) -> bytes:
    """An acknowledgement of 1 in exactly so many bytes: spaces behind its JSON, not deflated."""
    data = msgspec.json.encode(Ack(upto=1, upto_hash="", hi=1, head=""))
    header = read_frame(_ack(host)).header
    for spaces in range(size - 400, size):
        payload = data + b" " * spaces
        raw = seal(header._replace(coding=PLAIN, ulen=len(payload)), payload, host.signer)
        if len(raw) == size:
            return raw
    raise AssertionError(f"no frame of {size} bytes")


def test_the_largest_answer_is_taken_and_one_byte_more_is_not(host: EnrolledHost) -> None:
    host.spool(1)
    post = _post(host)
    post.window()

    assert not post.take(_of_size(host, MAX_ANSWER + 1), "mqtt")
    assert post.take(_of_size(host, MAX_ANSWER), "mqtt")


def test_the_inbox_takes_64_files_and_then_the_run_is_over(host: EnrolledHost) -> None:
    host.spool(*range(1, 3))
    post = _post(host)
    for _ in range(MAX_INBOX):
        store(host.paths.inbox, b"x")
    post.window()

    assert post.over
    assert not post.take(_ack(host, upto=2, hi=2), "mqtt")
    assert len(list(host.paths.inbox.iterdir())) == MAX_INBOX


def test_names_in_the_inbox_sort_by_arrival_even_if_the_clock_jumps_back(
    host: EnrolledHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([5_000, 5_000, 100, 7_000])
    monkeypatch.setattr("verbundwacht_agent.post.time.time_ns", lambda: next(times))
    stored = [store(host.paths.inbox, b"x") for _ in range(4)]

    assert sorted(stored) == stored
    assert len(set(stored)) == 4


def test_half_written_answers_of_a_killed_run_are_cleared(host: EnrolledHost) -> None:
    (host.paths.inbox / f".{7:020d}.vw.part").write_bytes(b"half")
    whole = store(host.paths.inbox, b"whole")
    clear_leavings(host.paths.inbox)

    assert list(host.paths.inbox.iterdir()) == [whole]


def test_a_damaged_frame_does_not_hold_up_those_behind_it(host: EnrolledHost) -> None:
    host.spool(1, 2, 3)
    (host.paths.spool / f"{1:020d}.vw").write_bytes(b"damaged")
    post = _post(host)

    assert [letter.seq for letter, _ in post.window()] == [2, 3]
    assert post.left == 3


def test_a_frame_that_gather_deletes_meanwhile_is_not_missed(host: EnrolledHost) -> None:
    host.spool(1, 2)
    post = _post(host)
    (host.paths.spool / f"{1:020d}.vw").unlink()

    assert [letter.seq for letter, _ in post.window()] == [2]
    assert post.left == 1


def test_a_postponed_run_is_over(host: EnrolledHost) -> None:
    host.spool(1, 2)
    post = _post(host)
    post.window()
    post.take(_ack(host, upto=1, later_s=300), "mqtt")

    assert post.over
    assert post.left == 1
