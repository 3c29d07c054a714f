"""A collector that asked for patience is left alone by the runs that follow."""

import time

import pytest
from tests.agent.transport.fakes import EnrolledHost, Ledger, Ports

from verbundwacht_agent import send
from verbundwacht_agent.send import DONE, LEFT_OVER, run
from verbundwacht_agent.wishes import postpone


def test_send_stays_away_as_long_as_was_wished_and_opens_no_connection(
    host: EnrolledHost, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.spool(1)
    host.reach(1, 1)
    now = int(time.time() * 1000)
    monkeypatch.setattr(send, "tls_context", lambda _: pytest.fail("a connection is prepared"))
    postpone(host.paths, now + 600_000, now)
    code = run(host.paths)

    assert code == LEFT_OVER
    assert "run.postponed" in capsys.readouterr().err


def test_when_the_time_is_over_everything_is_sent(
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(1)
    host.reach(*ports)
    (host.paths.gather / "later").write_text(str(int(time.time() * 1000) - 1))
    code = run(host.paths)

    assert (code, ledger.seqs) == (DONE, [1])
