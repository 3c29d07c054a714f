"""A collector's folder with one municipality."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from tests.collector.cli.operator import Operator
from tests.fakes import FakeAgent, kernel, listening, services, system


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`serve` sets up the log of its whole process, which here is the tests' own."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with monkeypatch.context() as held:
        held.setattr("structlog.configure", lambda **_: None)
        yield
    structlog.reset_defaults()


@pytest.fixture
def operator(tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet: None) -> Operator:
    """A fresh collector, as `init` leaves it, and one municipality."""
    ready = Operator(tmp_path / "sammler", capsys)
    assert ready.run("municipality", "add", "musterdorf", "--name", "Musterdorf").code == 0
    return ready


@pytest.fixture
def busy(operator: Operator) -> tuple[Operator, FakeAgent]:
    """One host with two open alerts."""
    agent = operator.host()
    said = {"kernel": kernel(), "os": system(), "services": services(), "listening": listening(22)}
    operator.take(agent, agent.report(said))
    changed = {"kernel": kernel(reboot=True), "listening": listening(22, 23)}
    operator.take(agent, agent.report(changed))
    return operator, agent
