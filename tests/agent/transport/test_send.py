"""Whole runs of the sender against real doors, dead doors and doors that misbehave."""

import ast
import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.agent.transport.fakes import Collector, EnrolledHost, Ledger, Ports
from tests.collector.ingest.fakes import HOST, Site

import verbundwacht_agent
from verbundwacht_agent.post import MAX_INBOX, store
from verbundwacht_agent.send import DONE, LEFT_OVER, MISCONFIGURED, Timing, run

PATIENT = Timing()  # where MQTT is to succeed, on however busy a machine
QUICK = Timing(tries_s=(0, 0.1, 0.3), patience_s=1, end_s=60)


def _events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_spool_is_delivered_in_order_and_the_answers_wait_for_gather(
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 21))
    host.reach(*ports)
    code = run(host.paths, PATIENT)

    assert code == DONE
    assert ledger.seqs == list(range(1, 21))
    assert [a.upto for a in host.answers()] == list(range(1, 21))
    assert host.spooled() == list(range(1, 21))


def test_a_beat_is_delivered_and_said_so(
    host: EnrolledHost, ports: Ports, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool(4)
    host.acked(4)
    host.beat(9, seq=4)
    host.reach(*ports)
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


class _Server:
    """A listening socket whose connections are given to a function, each in its thread."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._guarded, args=(connection,)))
            self._threads[-1].start()

    def _guarded(self, connection: socket.socket) -> None:
        with contextlib.closing(connection), contextlib.suppress(OSError, ValueError, IndexError):
            self._serve(connection)  # until the client goes away

    def __enter__(self) -> "_Server":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


def _swallow(connection: socket.socket) -> None:
    while connection.recv(4_096):
        pass


def _tls(site: Site, then: Callable[[ssl.SSLSocket], None]) -> Callable[[socket.socket], None]:
    context = site.server_context()

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection.dup(), server_side=True) as secured:
            then(secured)

    return serve


def _read_packet(secured: ssl.SSLSocket) -> int:
    """The kind of the next packet, whose rest is dropped; these clients send short ones."""
    kind = secured.recv(1)[0]
    size, shift = 0, 0
    while True:
        byte = secured.recv(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    while size:
        size -= len(secured.recv(size))
    return kind


def _broker_without_collector(secured: ssl.SSLSocket) -> None:
    """Accepts everything, acknowledges every frame by PUBACK, and passes nothing on."""
    packet_id = 0
    while True:
        kind = _read_packet(secured) & 0xF0
        if kind == 0x10:
            secured.sendall(b"\x20\x03\x00\x00\x00")
        elif kind == 0x80:
            secured.sendall(b"\x90\x04\x00\x01\x00\x00")
        elif kind == 0x30:
            packet_id += 1
            secured.sendall(bytes((0x40, 2, 0, packet_id + 1)))
        else:
            return


@pytest.mark.parametrize("kind", ["tcp", "tls", "broker"])
def test_an_mqtt_port_that_swallows_leads_to_https(
    site: Site, host: EnrolledHost, ports: Ports, ledger: Ledger, kind: str
) -> None:
    """It accepts, or shakes hands, or even gives PUBACKs: only a signed answer counts."""
    serve = {
        "tcp": _swallow,
        "tls": _tls(site, _swallow),
        "broker": _tls(site, _broker_without_collector),
    }[kind]
    host.spool(1, 2)
    with _Server(serve) as server:
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
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 20))
    host.reach(*ports)
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
    ports: Ports,
    ledger: Ledger,
    capsys: pytest.CaptureFixture[str],
    pad: bytes,
) -> None:
    host.spool(1)
    host.reach(*ports)
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
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 101))
    host.reach(*ports)
    first = run(host.paths, PATIENT)
    host.acked(host.answers()[-1].upto)
    for path in host.paths.inbox.iterdir():
        path.unlink()
    second = run(host.paths, PATIENT)

    assert (first, second) == (LEFT_OVER, DONE)
    assert sorted(set(ledger.seqs)) == list(range(1, 101))


def test_one_frame_refused_without_a_word_does_not_hold_up_the_others(
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 13))
    host.reach(*ports)
    ledger.silent = {3}
    code = run(host.paths, QUICK)

    assert code == LEFT_OVER
    assert set(ledger.seqs) == set(range(1, 13))
    assert len({a.sel[0][0] for a in host.answers()}) == 11


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
    with _Server(_tls(site, serve)) as server:
        host.reach(1, server.port)
        code = run(host.paths, QUICK)

    assert code == LEFT_OVER
    assert host.spooled() == [1]
    assert list(host.paths.inbox.iterdir()) == []


def test_a_server_that_trickles_cannot_hold_the_run_beyond_its_end(
    site: Site, host: EnrolledHost
) -> None:
    """Each byte resets a timeout per read; the run has an end of its own."""

    def serve(secured: ssl.SSLSocket) -> None:
        secured.recv(4_096)
        while True:
            secured.send(b"H")
            time.sleep(0.05)

    host.spool(1)
    with _Server(_tls(site, serve)) as server:
        host.reach(1, server.port)
        process = _child(host, timing="tries_s=(0, 0.1), patience_s=1, end_s=4", after="print(1)")
        out, _ = process.communicate(timeout=30)

    assert (process.returncode, out.strip()) == (LEFT_OVER, "1")  # in order, not cut off


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
    with _Server(_tls(site, serve)) as server:
        host.reach(1, server.port)
        code = run(host.paths, QUICK)

    assert (code, len(seen)) == (DONE, 3)


@pytest.mark.parametrize(
    ("damage", "file", "words"),
    [
        (lambda p: p.peer.unlink(), "peer.json", "ist nicht lesbar"),
        (lambda p: p.peer.write_text("{"), "peer.json", "ist beschädigt"),
        (lambda p: _change(p.peer, mqtt="nowhere"), "peer.json", "mqtt = 'nowhere'"),
        (lambda p: _change(p.peer, https="a:70000"), "peer.json", "https = 'a:70000'"),
        (lambda p: _change(p.peer, agent="xyz"), "peer.json", "agent = 'xyz'"),
        (lambda p: _change(p.peer, municipality="A/B"), "peer.json", "municipality = 'A/B'"),
        (lambda p: _change(p.peer, extra="x"), "peer.json", "extra"),
        (lambda p: p.tls_key.unlink(), "tls-key.pem", "ist nicht lesbar"),
        (lambda p: p.tls_key.write_text("x"), "tls-key.pem", "ist unbrauchbar"),
        (lambda p: p.tls_cert.unlink(), "tls-cert.pem", "ist nicht lesbar"),
        (lambda p: p.ca.write_text("x"), "ca.pem", "ist unbrauchbar"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_and_exit_2(
    host: EnrolledHost,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[object], object],
    file: str,
    words: str,
) -> None:
    host.spool(1)
    damage(host.paths)
    code = run(host.paths, QUICK)
    (event,) = _events(capsys)

    assert code == MISCONFIGURED
    assert event["event"] == "send.misconfigured"
    assert str(host.paths.send / file) in str(event["problem"])
    assert words in str(event["problem"])
    assert "verbundwacht-agent accept" in str(event["problem"])


def _change(path: Path, **values: str) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


_CHILD = """
import sys
from pathlib import Path
{before}
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.send import Timing, run
code = run(Paths(Path(sys.argv[1])), Timing({timing}))
{after}
sys.exit(code)
"""


def _child(
    host: EnrolledHost, *, timing: str = "", before: str = "", after: str = ""
) -> "subprocess.Popen[str]":
    program = _CHILD.format(timing=timing, before=before, after=after)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(host.paths.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_that_is_killed_loses_nothing(
    host: EnrolledHost, ports: Ports, ledger: Ledger
) -> None:
    host.spool(*range(1, 41))
    host.reach(*ports)
    ledger.delay_s = 0.05
    spool = {p: p.read_bytes() for p in host.paths.spool.iterdir()}
    process = _child(host)
    while len(ledger.seqs) < 10:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    known = host.answers()
    ledger.delay_s = 0
    code = run(host.paths, QUICK)

    assert {p: p.read_bytes() for p in host.paths.spool.iterdir()} == spool
    assert code == DONE
    assert sorted(set(ledger.seqs)) == list(range(1, 41))
    assert host.answers()[: len(known)] == known


def test_the_process_is_gone_by_its_end_even_if_a_name_does_not_resolve(
    host: EnrolledHost,
) -> None:
    """Name resolution cannot be interrupted; at exit Python would wait for its thread."""
    host.spool(1)
    start = time.monotonic()
    process = _child(
        host,
        timing="end_s=3",
        before="import socket, time\nsocket.getaddrinfo = lambda *a, **k: time.sleep(60)",
    )
    process.communicate(timeout=30)

    assert process.returncode == LEFT_OVER
    assert time.monotonic() - start < 8
    assert host.spooled() == [1]


def test_a_run_with_nothing_to_send_imports_no_network(host: EnrolledHost) -> None:
    process = _child(
        host, after="print({'ssl', 'asyncio', 'aiomqtt', 'http.client'} & set(sys.modules))"
    )
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out.strip(), err) == (DONE, "set()", "")


def test_a_beat_costs_a_fifth_of_a_second_and_40_mib(host: EnrolledHost, ports: Ports) -> None:
    """CPU of the whole process; its peak is read by itself, a parent's would be inherited."""
    host.beat(1)
    host.reach(*ports)
    usage = (
        "import resource\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(used.ru_utime + used.ru_stime, peak)"
    )
    costs = []
    for _ in range(3):
        process = _child(host, after=usage)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == DONE
        costs.append(tuple(float(value) for value in out.split()))

    assert min(cpu for cpu, _ in costs) < 0.2
    assert max(peak for _, peak in costs) < 40 * 1024


def _sender_modules() -> Iterator[Path]:
    folder = Path(verbundwacht_agent.__file__).parent
    for name in ("send", "post", "peer", "mqtt", "https", "log", "paths", "errors"):
        yield folder / f"{name}.py"


def test_no_module_of_the_sender_imports_what_runs_programs() -> None:
    """asyncio itself imports subprocess; what counts is that no code of ours can reach for it."""
    imported: set[str] = set()
    for path in _sender_modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")

    assert "ssl" in imported
    assert not {"subprocess", "ctypes", "multiprocessing", "structlog", "pty"} & imported
    assert not {name for name in imported if name.startswith("verbundwacht_agent.probes")}


def test_a_sender_that_runs_loads_neither_structlog_nor_ctypes(
    host: EnrolledHost, ports: Ports
) -> None:
    host.beat(1)
    host.reach(*ports)
    process = _child(
        host, after="print({'structlog', 'ctypes', 'psutil', 'cryptography'} & set(sys.modules))"
    )
    out, _ = process.communicate(timeout=30)

    assert (process.returncode, out.strip()) == (DONE, "set()")
