"""2,000 agents after an outage of half an hour: the timetable of the sender, in virtual time.

The runs are those of `send` itself, with a clock that only sleeping moves and with doors that say
when the collector is there. When runs begin is the timer's matter: the one that README shows is
read here. A rate is one per minute: in a silent network every run that waits at that moment comes
through with the next repetition of TCP, some 180 of 2,000 agents within four seconds, and nothing
in the sender can spread these.
"""

import random
import re
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from verbundwacht_agent import https, mqtt, send
from verbundwacht_agent.send import Timing

AGENTS: Final = 2_000
INTERVAL_S: Final = 900
OUTAGE_S: Final = 1_800
WARM_S: Final = 4 * INTERVAL_S
WINDOW_S: Final = 60
README: Final = Path(__file__).parents[3] / "README.md"
Outage = Literal["refused", "silent"]


class World:
    """Virtual time, and the collector's doors: down from `begin` to `end`."""

    def __init__(self, outage: Outage, begin: float, end: float) -> None:
        self.outage, self.begin, self.end = outage, begin, end
        self.now = 0.0
        self.tries: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def door(self, post: Any, _peer: Any, _context: Any, patience_s: float, left_s: float) -> None:
        """One try. A network that is silent costs the patience, unless it comes back meanwhile."""
        self.tries.append(self.now)
        if self.begin <= self.now < self.end:
            if self.outage == "refused":
                return
            waits = min(patience_s, left_s)
            if self.now + waits < self.end:
                self.now += waits
                return
            self.now = self.end + random.Random(self.now).uniform(0, 4)  # the next SYN of TCP
        post.over, post.last_news, post.arrived = True, self.now, self.now


class Letters:
    """What a post is to the timetable: whether it is over, and when the last answer came."""

    def __init__(self, now: float) -> None:
        self.over, self.last_news = False, now
        self.arrived: float | None = None


def arrivals(monkeypatch: pytest.MonkeyPatch, outage: Outage, delay_s: float) -> list[float]:
    """When each agent's first delivery after the outage came, rising; seconds since its end.

    delay_s: the timer's; each agent has its own share of it, the same every time.
    """
    end = float(WARM_S + OUTAGE_S)
    world = World(outage, WARM_S, end)
    monkeypatch.setattr(send, "time", world)
    for way in (mqtt, https):
        monkeypatch.setattr(way, "carry", world.door)
    came = []
    for number in range(AGENTS):
        share = random.Random(number).uniform(0, delay_s)
        for turn in range(int(end) // INTERVAL_S + 3):
            world.now = turn * INTERVAL_S + share
            post: Any = Letters(world.now)
            send._deliver(post, None, None, Timing())  # type: ignore[arg-type]
            if post.arrived is not None and post.arrived >= end:
                came.append(post.arrived - end)
                break
    return sorted(came)


def peak(came: list[float], window_s: float) -> float:
    """The highest rate in any window of so many seconds, per second."""
    return max(bisect_left(came, at + window_s) - place for place, at in enumerate(came)) / window_s


def readme_delay_s() -> float:
    """The delay of the timer that README shows: spread over the interval, the same every time."""
    text = README.read_text("utf-8")
    found = re.search(
        r"OnCalendar=\*:0/(\d+)\nRandomizedDelaySec=(\d+)min\nFixedRandomDelay=true", text
    )
    assert found, "README shows a timer whose delay is spread and fixed"
    assert int(found[1]) * 60 == INTERVAL_S
    return int(found[2]) * 60.0


@pytest.mark.parametrize("outage", ["refused", "silent"])
def test_after_an_outage_agents_come_back_at_three_times_the_mean_rate_at_most(
    monkeypatch: pytest.MonkeyPatch, outage: Outage
) -> None:
    came = arrivals(monkeypatch, outage, readme_delay_s())
    mean = AGENTS / came[-1]

    assert len(came) == AGENTS
    assert came[-1] <= INTERVAL_S + Timing().end_s
    assert peak(came, WINDOW_S) <= 3 * mean
    assert peak(came, WINDOW_S) <= 3 * AGENTS / INTERVAL_S  # and of the rate on a usual day


def test_without_the_delay_at_random_the_measure_sees_a_storm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came = arrivals(monkeypatch, "refused", 0.0)

    assert peak(came, WINDOW_S) > 3 * AGENTS / INTERVAL_S


@pytest.mark.parametrize("outage", ["refused", "silent"])
def test_no_run_tries_more_often_than_its_timetable_says(
    monkeypatch: pytest.MonkeyPatch, outage: Outage
) -> None:
    world = World(outage, 0, 10**9)
    monkeypatch.setattr(send, "time", world)
    for way in (mqtt, https):
        monkeypatch.setattr(way, "carry", world.door)
    post: Any = Letters(0)
    send._deliver(post, None, None, Timing())  # type: ignore[arg-type]

    assert len(world.tries) <= 2 * len(Timing().tries_s)
    assert world.now <= Timing().end_s
    assert world.tries == sorted(world.tries)
    assert max(b - a for a, b in pairwise(world.tries)) <= 30
