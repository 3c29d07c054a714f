"""What gather has learned of the collector decides whether a run begins, and on which way."""

import json
import time

import pytest
from tests.agent.transport.fakes import EnrolledHost, Ledger, Ports, frame

from verbundwacht_agent import send
from verbundwacht_agent.post import Post, clear_leavings, letters
from verbundwacht_agent.send import DONE, LEFT_OVER, run
from verbundwacht_agent.wishes import doubt, postpone
from verbundwacht_wire.messages import ACK, Ack


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


def test_where_answers_were_forged_a_run_begins_with_https(
    host: EnrolledHost, ports: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool(1, 2)
    host.reach(*ports)
    doubt(host.paths, forged=True)
    code = run(host.paths)
    ways = [json.loads(line)["via"] for line in capsys.readouterr().err.splitlines()]

    assert (code, ledger.seqs) == (DONE, [1, 2])
    assert set(ways) == {"https"}


def test_where_answers_were_forged_and_https_is_dead_mqtt_is_tried_all_the_same(
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(1)
    host.reach(ports.mqtt, 1)
    doubt(host.paths, forged=True)
    code = run(host.paths)

    assert (code, ledger.seqs) == (DONE, [1])


def test_an_old_answer_that_is_played_once_more_does_not_end_a_run(host: EnrolledHost) -> None:
    host.spool(7)
    post = Post(letters(host.paths), host.paths.inbox)
    clear_leavings(host.paths.inbox)
    post.window()
    old = Ack(upto=6, upto_hash="", hi=6, head="", later_s=900)
    answered = post.take(frame(ACK, old, host.identity.peer, host.signer, 1), "mqtt")

    assert (answered, post.over, post.postponed) == (False, False, False)
