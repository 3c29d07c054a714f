"""Whatever happened to a host: its evidence verifies, and says what is missing if something is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from tests.collector.alerts.history import History, histories, perform
from tests.collector.evidence.fakes import of_alert, of_host
from tests.collector.fakes import Collector

from verbundwacht_collector.evidence.verify import verify

EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of messages, and nobody reads their log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def gaps(collector: Collector, agent: bytes) -> bool:
    """Messages of the host that never came in stand between those that did."""
    return bool(
        collector.value(
            "SELECT c.hi <> (SELECT count(*) FROM envelope e WHERE e.host_id = c.host_id"
            " AND e.seq IS NOT NULL) FROM chain c JOIN host h ON h.id = c.host_id"
            " WHERE h.agent = :agent",
            agent=agent,
        )
    )


@EXAMPLES
@given(drawn=histories)
def test_the_evidence_of_any_history_verifies(tmp_path: Path, drawn: list[tuple[Any, ...]]) -> None:
    """Only one thing may be said: that a message never came."""
    history = History(tmp_path, drawn)
    with history.replay() as collector:
        for step in history.steps:
            perform(collector, [step])
        for agent in history.agents:
            data = of_host(collector, agent.agent)
            assert data == of_host(collector, agent.agent)
            gap = bool(history.held) or gaps(collector, agent.agent)
            look(verify(data), gap=gap)
        for number, agent_id in collector.rows(
            "SELECT a.number, h.agent FROM alert a JOIN host h ON h.id = a.host_id"
        ):
            data = of_alert(collector, number)
            gap = bool(history.held) or gaps(collector, agent_id)
            look(verify(data), gap=gap)


def look(result: Any, *, gap: bool) -> None:
    for one in result.findings:
        assert gap and one.check == "chain" and "fehlt Nr." in one.text, result
