"""The sender as a process of its own: killed, hanging, and what it costs."""

import ast
import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.agent.transport.doors import Server, behind_tls
from tests.agent.transport.fakes import EnrolledHost, Ledger, Ports
from tests.collector.ingest.fakes import Site

import verbundwacht_agent
from verbundwacht_agent.send import DONE, LEFT_OVER, run

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
    code = run(host.paths)

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


def test_every_line_of_a_run_is_an_event(host: EnrolledHost, site: Site) -> None:
    """The libraries' own complaints would stand as plain text between them."""

    def hang_up(secured: ssl.SSLSocket) -> None:
        secured.recv(4_096)
        secured.sendall(b"\x20\x03\x00\x00\x00" + bytes(5))

    host.spool(1)
    with Server(behind_tls(site, hang_up)) as server:
        host.reach(server.port, server.port)
        process = _child(host, timing="tries_s=(0, 0.1), patience_s=1, end_s=20")
        _, err = process.communicate(timeout=30)

    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert set(events) == {"try.failed", "run.unfinished"}


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
    with Server(behind_tls(site, serve)) as server:
        host.reach(1, server.port)
        process = _child(host, timing="tries_s=(0, 0.1), patience_s=1, end_s=4", after="print(1)")
        out, _ = process.communicate(timeout=30)

    assert (process.returncode, out.strip()) == (LEFT_OVER, "1")  # in order, not cut off
