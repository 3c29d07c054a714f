"""However a host's messages arrive, in the end the collector knows the same."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collector.alerts.history import changes
from tests.collector.alerts.story import healthy
from tests.collector.fakes import Collector
from tests.fakes import FakeAgent, Said, system

from verbundwacht_wire.codes import Code

EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def known(collector: Collector) -> dict[str, list[tuple[Any, ...]]]:
    """What is known about the host, but for when and by which message it became known."""
    return {
        "chain": collector.rows("SELECT hi, head, upto, upto_hash, epoch, boot FROM chain"),
        "host": collector.rows("SELECT applied_seq, manifest, facts_unknown FROM host"),
        "facts": collector.rows(
            "SELECT section, hash, status, reason FROM host_section ORDER BY 1"
        ),
        "findings": collector.rows(  # a subject that was never seen is not missed either
            "SELECT DISTINCT rule_id, iif(outcome IN ('pass', 'fail'), subject, ''), outcome"
            " FROM finding WHERE NOT (reason LIKE '%gone%') ORDER BY 1, 2"
        ),
        "journal": collector.rows("SELECT seq, hash FROM envelope WHERE seq > 0 ORDER BY 1"),
    }


def spoken(agent: FakeAgent, said: list[dict[str, Said]], reboots: set[int]) -> list[bytes]:
    """The host's reports in order."""
    raws = [agent.report(healthy())]
    for n, sections in enumerate(said):
        if n in reboots:
            agent.reboot()
        raws.append(agent.report(sections))
    return raws


@EXAMPLES
@given(
    said=st.lists(changes, min_size=1, max_size=7),
    reboots=st.sets(st.integers(0, 6), max_size=2),
    data=st.data(),
)
def test_any_order_with_losses_and_repeats_ends_in_the_same_state(
    tmp_path: Path, said: list[dict[str, Said]], reboots: set[int], data: st.DataObject
) -> None:
    with (
        TemporaryDirectory(dir=tmp_path) as folder,
        Collector(Path(folder), durable=False) as collector,
    ):
        agent = collector.host()
        enrolled = collector.copied()
        raws = spoken(agent, said, reboots)
        collector.take(*raws)
        expected = known(collector)
        collector.restore(enrolled)
        order: list[int] = data.draw(st.permutations([*range(len(raws))] * 2), "order")
        arrived: int = data.draw(st.integers(0, len(order)), "how many arrive")
        for which in order[:arrived]:
            assert collector.one(raws[which]).code in (
                Code.OK,
                Code.GAP,
                Code.LATE,
                Code.DUPLICATE,
            )
        collector.take(*raws)  # what is not acknowledged is sent again, in order

        assert known(collector) == expected


@EXAMPLES
@given(
    said=st.lists(changes, min_size=2, max_size=6),
    restored_at=st.integers(0, 5),
    order=st.permutations(range(12)),
)
def test_a_restored_host_is_found_out_whatever_arrives_first_and_heals_by_one_rebase(
    tmp_path: Path, said: list[dict[str, Said]], restored_at: int, order: list[int]
) -> None:
    with (
        TemporaryDirectory(dir=tmp_path) as folder,
        Collector(Path(folder), durable=False) as collector,
    ):
        agent = collector.host()
        collector.one(agent.report(healthy()))
        twin = agent.clone()
        for n, sections in enumerate(said):
            collector.one(agent.report(sections))
            if n < restored_at:
                twin = agent.clone()
        forked = twin.seq < agent.seq
        taken = collector.one(twin.report({"os": system("other")}))

        assert (taken.code == Code.FORK) == forked
        if forked:
            assert taken.chain is not None
            raw = twin.rebase(taken.chain.hi, taken.chain.head)
            assert collector.one(raw).code == Code.OK
        after = [twin.report({"os": system(str(n))}) for n in range(3)]
        for raw in sorted(after, key=lambda raw: order[after.index(raw)]):
            assert collector.one(raw).code in (Code.OK, Code.GAP, Code.LATE)
        assert collector.value("SELECT hi = upto FROM chain") == 1
        assert collector.value("SELECT facts_unknown FROM host") == 0
        assert collector.one(twin.beat()).want is None
