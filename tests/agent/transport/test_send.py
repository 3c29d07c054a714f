"""Whole runs of the sender against real doors, dead doors and doors that misbehave."""

import asyncio
import json
import os
import ssl
import time
from pathlib import Path

import pytest
from tests.agent.transport.doors import Server, behind_tls, broker_without_collector, swallow
from tests.agent.transport.fakes import Collector, EnrolledHost, Ledger, Ports
from tests.collector.ingest.fakes import Site

from verbundwacht_agent.post import MAX_INBOX, store
from verbundwacht_agent.send import DONE, LEFT_OVER, Timing, run

PATIENT = Timing()  # where MQTT is to succeed, on however busy a machine
QUICK = Timing(tries_s=(0, 0.1, 0.3), patience_s=1, end_s=60)


def _events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_spool_is_delivered_in_order_and_the_answers_wait_for_gather(
    host: EnrolledHost, either_way: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 21))
    host.reach(*either_way)
    code = run(host.paths, PATIENT)

    assert code == DONE
    assert ledger.seqs == list(range(1, 21))
    assert [a.upto for a in host.answers()] == list(range(1, 21))
    assert host.spooled() == list(range(1, 21))


def test_a_beat_is_delivered_and_said_so(
    host: EnrolledHost, either_way: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool(4)
    host.acked(4)
    host.beat(9, seq=4)
    host.reach(*either_way)
    code = run(host.paths, PATIENT)
    (event,) = _events(capsys)

    assert (code, ledger.beats, ledger.seqs) == (DONE, [9], [])
    assert (event["event"], event["n"], event["via"]) == ("beat.sent", 9, "mqtt")
    assert isinstance(event["duration_s"], float)


def test_nothing_to_send_is_done_without_a_connection(host: EnrolledHost) -> None:
    host.paths.peer.unlink()

    assert run(host.paths, QUICK) == DONE


def test_a_dead_mqtt_port_leads_to_https(
    host: EnrolledHost, ports: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool(*range(1, 12))
    host.reach(1, ports.https)
    code = run(host.paths, QUICK)
    sent = [e["via"] for e in _events(capsys) if e["event"] == "report.sent"]

    assert (code, sent) == (DONE, ["https"] * 11)
    assert ledger.seqs == list(range(1, 12))
    assert len(host.answers()) == 11


def test_a_run_ends_as_soon_as_https_has_answered(host: EnrolledHost, ports: Ports) -> None:
    host.spool(1)
    host.reach(1, ports.https)
    start = time.monotonic()
    code = run(host.paths, Timing(tries_s=(0, 0.1, 30), patience_s=0.3, end_s=60))

    assert code == DONE
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("kind", ["tcp", "tls", "broker"])
def test_an_mqtt_port_that_swallows_leads_to_https(
    site: Site, host: EnrolledHost, ports: Ports, ledger: Ledger, kind: str
) -> None:
    """It accepts, or shakes hands, or even gives PUBACKs: only a signed answer counts."""
    serve = {
        "tcp": swallow,
        "tls": behind_tls(site, swallow),
        "broker": behind_tls(site, broker_without_collector),
    }[kind]
    host.spool(1, 2)
    with Server(serve) as server:
        host.reach(server.port, ports.https)
        code = run(host.paths, QUICK)

    assert code == DONE
    assert ledger.seqs == [1, 2]


def test_with_both_doors_dead_everything_stays(
    host: EnrolledHost, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool(1, 2, 3)
    before = {p: p.read_bytes() for p in host.paths.spool.iterdir()}
    code = run(host.paths, QUICK)
    events = _events(capsys)

    assert code == LEFT_OVER
    assert {p: p.read_bytes() for p in host.paths.spool.iterdir()} == before
    assert list(host.paths.inbox.iterdir()) == []
    assert events[-1]["event"] == "run.unfinished"
    assert events[-1]["left"] == 3
    assert {e["via"] for e in events[:-1]} == {"mqtt", "https"}


def test_an_answer_that_comes_late_keeps_the_run_on_mqtt(
    host: EnrolledHost, ports: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Patience is counted from the last answer, not from the start."""
    host.spool(*range(1, 25))
    host.reach(*ports)
    ledger.delay_s = 1
    code = run(host.paths, Timing(patience_s=2))

    assert code == DONE
    assert {e["via"] for e in _events(capsys)} == {"mqtt"}


def test_a_collector_that_is_too_busy_ends_the_run(
    host: EnrolledHost, either_way: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 20))
    host.reach(*either_way)
    ledger.later_s = 900
    code = run(host.paths, PATIENT)

    assert code == LEFT_OVER
    assert len(ledger.seqs) <= 8


def test_a_busy_collector_that_answered_everything_leaves_nothing_over(
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.beat(1)
    host.reach(*ports)
    ledger.later_s = 900

    assert run(host.paths, PATIENT) == DONE


@pytest.mark.parametrize("pad", [os.urandom(9_000), b" " * 3_000_000], ids=["large", "bomb"])
def test_answers_beyond_the_limits_are_dropped_on_both_ways(
    host: EnrolledHost,
    either_way: Ports,
    ledger: Ledger,
    capsys: pytest.CaptureFixture[str],
    pad: bytes,
) -> None:
    host.spool(1)
    host.reach(*either_way)
    ledger.pad = pad
    code = run(host.paths, QUICK)
    dropped = [e["via"] for e in _events(capsys) if e["event"] == "answer.dropped"]

    assert code == LEFT_OVER
    assert set(dropped) == {"mqtt", "https"}
    assert list(host.paths.inbox.iterdir()) == []


def test_a_full_inbox_ends_the_run_and_nothing_is_lost(
    host: EnrolledHost, ports: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool(1)
    host.reach(*ports)
    waiting = [store(host.paths.inbox, b"%d" % n) for n in range(MAX_INBOX)]
    code = run(host.paths, QUICK)

    assert (code, ledger.seqs) == (LEFT_OVER, [])
    assert sorted(host.paths.inbox.iterdir()) == waiting
    assert _events(capsys)[-1]["inbox_full"] is True


def test_a_long_spool_takes_as_many_runs_as_the_inbox_has_room_for(
    host: EnrolledHost, either_way: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 101))
    host.reach(*either_way)
    first = run(host.paths, PATIENT)
    host.acked(host.answers()[-1].upto)
    for path in host.paths.inbox.iterdir():
        path.unlink()
    second = run(host.paths, PATIENT)

    assert (first, second) == (LEFT_OVER, DONE)
    assert sorted(set(ledger.seqs)) == list(range(1, 101))


def test_one_frame_refused_without_a_word_does_not_hold_up_the_others(
    host: EnrolledHost, either_way: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 13))
    host.reach(*either_way)
    ledger.silent = {3}
    code = run(host.paths, QUICK)

    assert code == LEFT_OVER
    assert set(ledger.refused) == {3}
    assert set(ledger.seqs) == set(range(1, 13)) - {3}
    assert {a.sel[0][0] for a in host.answers()} == set(ledger.seqs)


def test_a_collector_of_another_alliance_gets_nothing(
    host: EnrolledHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pinned roots alone are trusted; the log says why nothing was sent."""
    stranger = Collector(Site(tmp_path / "other"))
    host.spool(1)
    with stranger.open() as ports:
        host.reach(*ports)
        code = run(host.paths, QUICK)

    problems = [str(e["problem"]) for e in _events(capsys) if e["event"] == "try.failed"]
    assert (code, stranger.ledger.seqs) == (LEFT_OVER, [])
    assert problems
    assert all("CERTIFICATE_VERIFY_FAILED" in p for p in problems)


def test_a_collector_under_another_name_gets_nothing(
    host: EnrolledHost, ports: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """127.1 leads to the same doors, but their certificate does not say so."""
    host.spool(1)
    host.reach(*ports, host="127.1")
    code = run(host.paths, QUICK)

    problems = [str(e["problem"]) for e in _events(capsys) if e["event"] == "try.failed"]
    assert (code, ledger.seqs) == (LEFT_OVER, [])
    assert all("127.1" in p for p in problems)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000,
        os.urandom(500),
    ],
    ids=["closes", "busy", "no frame", "endless head", "garbage"],
)
def test_an_https_door_that_misbehaves_leaves_the_frame_for_the_next_run(
    site: Site, host: EnrolledHost, answer: bytes
) -> None:
    def serve(secured: ssl.SSLSocket) -> None:
        secured.recv(4_096)
        secured.sendall(answer)

    host.spool(1)
    with Server(behind_tls(site, serve)) as server:
        host.reach(1, server.port)
        code = run(host.paths, QUICK)

    assert code == LEFT_OVER
    assert host.spooled() == [1]
    assert list(host.paths.inbox.iterdir()) == []


def test_a_server_that_closes_after_each_answer_is_reconnected_with_tls(
    site: Site, host: EnrolledHost, ledger: Ledger
) -> None:
    seen: list[bytes] = []

    def serve(secured: ssl.SSLSocket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += secured.recv(4_096)
        head, _, body = data.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < size:
            body += secured.recv(4_096)
        seen.append(body)
        ack = asyncio.run(ledger(body, host.identity.peer)).ack or b""
        secured.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(ack) + ack
        )

    host.spool(1, 2, 3)
    with Server(behind_tls(site, serve)) as server:
        host.reach(1, server.port)
        code = run(host.paths, QUICK)

    assert (code, len(seen)) == (DONE, 3)
