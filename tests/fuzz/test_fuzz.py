"""Whatever comes in, only the specified errors come out; the kept inputs and some new ones."""

import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.engine import CORPUS, Explorer
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, Target, close

SLOW = {"pipeline": 150, "ack": 150, "message": 400}
MAX_HELD = 32 * 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    close()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_kept_input_ends_as_specified_and_within_its_memory(name: str) -> None:
    explorer = Explorer(TARGETS[name], random.Random(0))
    explorer.target.run(b"")  # what is made once is not what an input costs
    tracemalloc.start()
    try:
        found = explorer.replay()
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert found == []
    assert explorer.runs >= 5
    assert held < MAX_HELD


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_new_inputs_end_as_specified(name: str) -> None:
    """Hypothesis chooses the numbers that the changes are drawn from, and shortens the list."""
    explorer = Explorer(TARGETS[name], random.Random(0))
    seeds, words = [*TARGETS[name].seeds(), *explorer.kept], TARGETS[name].words

    @settings(
        max_examples=SLOW.get(name, 2_000) // 10,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(rng=st.randoms(use_true_random=False), raw=st.binary(max_size=60))
    def try_some(rng: random.Random, raw: bytes) -> None:
        inputs = [raw, *(mutated(rng, seeds, words) for _ in range(9))]
        assert [found for one in inputs if (found := explorer.once(one))] == []

    try_some()


def test_nothing_that_was_found_waits_to_be_mended() -> None:
    assert list(CORPUS.rglob("finding-*")) == []


def test_the_corpus_stays_small() -> None:
    sizes = [path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()]

    assert len(sizes) > 100
    assert sum(sizes) < 300_000


def test_an_error_that_is_not_specified_is_a_finding() -> None:
    def reader(raw: bytes) -> str:
        if b"x" in raw:
            raise KeyError("x")
        return "read"

    explorer = Explorer(Target("none", reader, lambda: [b"abx"], (b"x",)), random.Random(1))
    found = [one for _ in range(50) if (one := explorer.step()) is not None]

    assert found
    assert found[0].problem == "KeyError: 'x'"
