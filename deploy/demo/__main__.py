"""`make demo`: what is wrong with this very machine, over the real path, within a minute.

Nothing outside its own folder changes, and the folder is removed at the end. The commands
are the ones an operator and an IT department type; only the 24 further hosts are invented.
The collector's own host is one of the watched, too.
"""

import argparse
import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deploy.demo.fleet import HOME, MUNICIPALITIES, Simulated, fleet
from deploy.demo.own_host import OPERATOR, OPERATOR_NAME, OwnHost
from deploy.demo.sink import Inbox, free_port, start

from verbundwacht_agent.cli import now_ms
from verbundwacht_agent.enrol import accept, prepare
from verbundwacht_agent.gather import gather
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.send import run as send
from verbundwacht_collector.cli import main as collector_command

BIN = Path(sys.executable).parent
EVERY_S = 60
STARTED = float(os.environ.get("VERBUNDWACHT_DEMO_START") or time.time())

TOML = """\
alliance = "Verbund Hochwald"
interval_s = 60
[public]
mqtt = "localhost:{mqtt}"
https = "localhost:{https}"
web = "localhost:{web}"
[listen]
mqtt = "127.0.0.1:{mqtt}"
https = "127.0.0.1:{https}"
web = "127.0.0.1:{web}"
metrics = "127.0.0.1:{metrics}"
[alerts]
baseline = "alert"
[web]
insecure_loopback = true
[mail]
host = "127.0.0.1"
port = {smtp}
security = "none"
sender = "verbundwacht@hochwald.example"
recipients = ["soc@hochwald.example"]
"""


def say(text: str) -> None:
    """One line of progress with the seconds since the command was typed."""
    print(f"[{time.time() - STARTED:5.1f} s] {text}", flush=True)


def operator(folder: Path, *words: str) -> Any:
    """One command of the collector, as an operator types it; its JSON answer."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = collector_command(["--dir", str(folder), "--json", *words])
    if code:
        raise SystemExit(f"demo: verbundwacht {' '.join(words)} endete mit {code}")
    return json.loads(out.getvalue())


class Demo:
    """One run in one folder."""

    def __init__(self, root: Path, collector: Path) -> None:
        self.root, self.collector = root, collector
        self.here, self.own = root / "agent", root / "sammler"
        self.inbox = Inbox(root / "mail")
        self.ports = {name: free_port() for name in ("mqtt", "https", "web", "smtp", "metrics")}
        self.password = secrets.token_urlsafe(12)
        self.simulated: list[tuple[Simulated, Paths]] = []

    def found(self) -> None:
        """The alliance exists: keys, database, rules, municipalities, two people."""
        operator(self.collector, "init", "--alliance", "Verbund Hochwald")
        (self.collector / "collector.toml").write_text(TOML.format(**self.ports))
        for short, name in (*MUNICIPALITIES.items(), (OPERATOR, OPERATOR_NAME)):
            contact = f"it@{short}.example"
            operator(
                self.collector, "municipality", "add", short, "--name", name, "--contact", contact
            )
        secret = self.root / "password"
        secret.touch(0o600)
        secret.write_text(self.password)
        for login, extra in (("soc", ()), ("it-altenbach", ("--municipality", HOME))):
            operator(self.collector, "user", "add", login, "--password-file", str(secret), *extra)

    def agent(self, *words: str, folder: Path | None = None) -> int:
        """One command of the agent on this machine, as its IT department types it."""
        command = [str(BIN / "verbundwacht-agent"), *words, "--dir", str(folder or self.here)]
        log = (self.root / "agent.log").open("a")
        with log:
            return subprocess.run(command, stdout=log, stderr=log, check=False).returncode

    def enrol(self) -> str:
        """This machine is enrolled by prepare, host add, accept; returns its id."""
        request, receipt = self.root / "request.vw", self.root / "receipt.vw"
        self.agent("prepare", "--municipality", HOME, "--out", str(request))
        answer = operator(
            self.collector,
            "host",
            "add",
            "--municipality",
            HOME,
            "--request",
            str(request),
            "--receipt",
            str(receipt),
        )
        if self.agent("accept", str(receipt)):
            raise SystemExit(f"demo: accept misslang, siehe {self.root / 'agent.log'}")
        return str(answer["id"])

    def watch_itself(self) -> None:
        """The collector's own host is enrolled with its operator, and has reported."""
        paths = Paths(self.own)
        request, receipt = self.own / "request.vw", self.own / "receipt.vw"
        prepare(paths, OwnHost(), OPERATOR, request, now_ms)
        words = ("host", "add", "--municipality", OPERATOR, "--request", str(request))
        operator(self.collector, *words, "--receipt", str(receipt))
        if self.agent("accept", str(receipt), folder=self.own):
            raise SystemExit(f"demo: accept misslang, siehe {self.root / 'agent.log'}")
        self.agent("once", folder=self.own)

    def verdict(self) -> str:
        """What the collector says about itself, as the first line of `verbundwacht status`."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            collector_command(["--dir", str(self.collector), "status"])
        return out.getvalue().splitlines()[0]

    def enrol_fleet(self) -> None:
        """The invented hosts are enrolled by the same three steps, and marked."""
        for one in fleet():
            paths = Paths(self.root / "fleet" / one.name)
            request, receipt = paths.root / "request.vw", paths.root / "receipt.vw"
            prepare(paths, one.host, one.municipality, request, now_ms)
            operator(
                self.collector,
                "host",
                "add",
                "--simulated",
                "--municipality",
                one.municipality,
                "--request",
                str(request),
                "--receipt",
                str(receipt),
            )
            accept(paths, receipt.read_bytes())
            self.simulated.append((one, paths))

    def report_fleet(self) -> None:
        """Every invented host has gathered and sent once."""

        def once(pair: tuple[Simulated, Paths]) -> int:
            gather(pair[1], pair[0].host, now_ms)
            return send(pair[1])

        with (
            (self.root / "fleet.log").open("a") as log,
            contextlib.redirect_stderr(log),
            ThreadPoolExecutor(4) as pool,
        ):
            left = sum(code != 0 for code in pool.map(once, self.simulated))
        if left:
            say(f"{left} simulierte Server konnten nicht senden, siehe {self.root / 'fleet.log'}")

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """The collector serves as a process of its own until the block ends."""
        log = (self.root / "collector.log").open("w")
        command = [str(BIN / "verbundwacht"), "--dir", str(self.collector), "serve"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self._wait_until_ready(process)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        log = self.root / "collector.log"
        until = time.monotonic() + 30
        while "collector.started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"demo: Der Sammler startet nicht:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)

    def first_alert(self, host: str) -> float:
        """Seconds from the start of the command until this host's first alert is committed."""
        db = sqlite3.connect(f"file:{self.collector / 'collector.db'}?mode=ro", uri=True)
        sql = "SELECT 1 FROM alert a JOIN host h ON h.id = a.host_id WHERE h.agent = ? LIMIT 1"
        until = time.monotonic() + 60
        try:
            while db.execute(sql, (bytes.fromhex(host),)).fetchone() is None:
                if time.monotonic() > until:
                    return float("nan")
                time.sleep(0.02)
        finally:
            db.close()
        return time.time() - STARTED

    def table(self, host: str) -> None:
        """This machine's alerts, as its operator sees them."""
        print()
        collector_command(["--dir", str(self.collector), "alerts", "--host", host])
        print()

    def counts(self) -> tuple[int, int]:
        """How many hosts there are, and how many open alerts."""
        hosts = operator(self.collector, "host", "list")
        return len(hosts), sum(host["open_alerts"] for host in hosts)


def run(demo: Demo, *, once: bool) -> None:
    """The whole demo, from nothing to the closing line."""
    say("Verbund mit fünf Kommunen und dem Betreiber des Sammlers anlegen")
    demo.found()
    sink = start(demo.inbox, demo.ports["smtp"])
    try:
        with demo.serving():
            say(f"Diesen Rechner in {MUNICIPALITIES[HOME]} anmelden, Fakten sammeln, senden")
            host = demo.enrol()
            demo.agent("once")
            first = demo.first_alert(host)
            say("Den Sammler selbst überwachen: noch ein echter Agent auf diesem Rechner")
            demo.watch_itself()
            say("24 weitere Server simulieren (gleicher Weg, als simuliert gekennzeichnet)")
            demo.enrol_fleet()
            demo.report_fleet()
            closing(demo, host, first)
            if not once:
                keep_running(demo)
    finally:
        sink.stop()


def closing(demo: Demo, host: str, first: float) -> None:
    """What the person in front of the terminal wants to know."""
    say("Warnungen zu diesem Rechner:")
    demo.table(host)
    hosts, alerts = demo.counts()
    print(f"Seiten:  http://localhost:{demo.ports['web']}")
    print(f"Zugang:  soc  oder  it-altenbach (sieht nur Altenbach)   Passwort: {demo.password}")
    print(f"Zustand: {demo.verdict()}")
    print(f"Zahlen:  http://127.0.0.1:{demo.ports['metrics']}/metrics")
    print(f"Mail:    {demo.inbox.folder} ({demo.inbox.count} Nachrichten bisher)")
    print("Einstellung hier: baseline = alert. Sonst gilt als geplant, was von Anfang an fehlt.")
    print(f"demo: {hosts} hosts, {alerts} alerts, first alert after {first:.1f} s", flush=True)


def keep_running(demo: Demo) -> None:
    """Everybody reports once a minute, until Ctrl-C."""
    say("Läuft weiter, jede Minute eine Meldung. Ende mit Strg-C.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(EVERY_S)
            demo.agent("once")
            demo.agent("once", folder=demo.own)
            demo.report_fleet()


def main() -> int:
    """Exit code: 0 done, 2 the folder cannot be used."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the closing line")
    parser.add_argument("--dir", type=Path, help="keep the collector's folder here")
    args = parser.parse_args()
    if args.dir is not None and args.dir.exists() and any(args.dir.iterdir()):
        print(f"demo: {args.dir} ist nicht leer. Einen anderen Ordner nennen.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="verbundwacht-demo-"))
    try:
        run(Demo(root, args.dir or root / "collector"), once=args.once)
    except KeyboardInterrupt:
        print()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    say("Ende." if args.dir is None else f"Ende. Der Ordner des Sammlers bleibt: {args.dir}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
