"""The counters add up, whatever arrives, and cost one entry per batch and millisecond."""

from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.observe.tally import CLOCKS, MINUTES, Arrived, Buckets, Tally
from verbundwacht_wire.codes import Code

NOW = 1_790_000_000_000
MINUTE = 60_000

arrivals = st.builds(
    Arrived,
    door=st.sampled_from(["mqtt", "https", "broker"]),
    size=st.integers(1, 300_000),
    at=st.integers(NOW - 90_000, NOW + 5_000),
    code=st.one_of(st.none(), st.sampled_from(list(Code))),
)


@given(batch=st.lists(arrivals, min_size=1, max_size=40))
def test_every_message_is_counted_once_as_answered_or_as_not_stored(batch: list[Arrived]) -> None:
    tally = Tally()
    tally.batch_done(batch, NOW)

    answered = sum(tally.messages.values())
    assert answered + tally.lost == len(batch)
    assert sum(tally.lag_s.counts) == answered
    assert sum(tally.bytes.values()) == sum(one.size for one in batch)
    assert (tally.failed_at is not None) == bool(tally.lost)
    assert (tally.committed_at is not None) == bool(answered)


@given(values=st.lists(st.floats(0, 100), max_size=50))
def test_a_bucket_holds_what_lies_at_or_below_its_bound(values: list[float]) -> None:
    buckets = Buckets((0.5, 1.0, 10.0))
    for value in values:
        buckets.add(value)

    for index, bound in enumerate(buckets.bounds):
        assert sum(buckets.counts[: index + 1]) == sum(value <= bound for value in values)
    assert sum(buckets.counts) == len(values)


def test_a_clock_that_goes_back_gives_no_negative_waiting_time() -> None:
    tally = Tally()
    tally.batch_done([Arrived("mqtt", 300, NOW + 4_000, Code.OK)], NOW)

    assert tally.recent(NOW) == (1, 0)
    assert tally.lag_s.sum == 0


def test_the_longest_wait_is_forgotten_after_a_quarter_of_an_hour_of_better_ones() -> None:
    tally = Tally()
    tally.batch_done([Arrived("mqtt", 300, NOW - 42_000, Code.OK)], NOW)
    worst = tally.recent(NOW)
    for minute in range(1, MINUTES + 1):
        at = NOW + minute * MINUTE
        tally.batch_done([Arrived("mqtt", 300, at - 20, Code.OK)], at)

    assert worst == (1, 42_000)
    assert tally.recent(NOW + MINUTES * MINUTE) == (MINUTES, 20)


def test_after_a_quiet_hour_the_last_messages_still_say_how_long_they_waited() -> None:
    tally = Tally()
    tally.batch_done([Arrived("mqtt", 300, NOW - 70, Code.OK)], NOW)

    assert tally.recent(NOW + 60 * MINUTE) == (0, 70)
    assert Tally().recent(NOW) == (0, None)


def test_one_host_that_speaks_often_does_not_move_the_median_of_the_clocks() -> None:
    tally = Tally()
    tally.committed(0.01, [(host, -200) for host in range(5)])
    tally.committed(0.01, [(7, 9_000_000)] * 500)

    assert tally.clock_offset() == (-200, 6)


def test_only_so_many_clocks_are_remembered_and_none_gives_no_offset() -> None:
    tally = Tally()
    nothing = tally.clock_offset()
    tally.committed(0.01, [(host, host) for host in range(3 * CLOCKS)])

    assert nothing == (None, 0)
    assert tally.clock_offset()[1] == CLOCKS
