"""How long it takes: from the start of `once` to the commit, and from a change to the mail.

Real processes on loopback, one clock. A commit is dated by its acknowledgement, which leaves
only after it; an alert by its row; a notification by the mail server that took it. The change is
a port that is opened; `once` starts at that moment, as a path unit would start it.
"""

import contextlib
import json
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.bench import process
from tests.bench.figures import Budget, Figure, Ratio, median, percentile
from tests.system.enrolled import enrol_agent, open_database
from tests.system.mailbox import Mail, Mailbox, mailbox
from tests.system.running import Stage, new_stage, serving


class Change(NamedTuple):
    """Seconds from one change until it was known further on."""

    acknowledged: float
    alert: float
    mail: float


def measure(quick: bool) -> list[Figure]:
    """`once` to commit over 100 runs, change to alert and mail over 20."""
    runs, changes = (3, 1) if quick else (100, 20)
    with tempfile.TemporaryDirectory() as name, mailbox() as box:
        # Forty mails to one recipient are measured; the cap would bundle most of them.
        stage = new_stage(
            Path(name) / "collector", mail_port=box.port, baseline="plan", per_hour=1000
        )
        stage.add("aurach")
        with serving(stage):
            folder = enrol_agent(stage, "aurach", Path(name) / "agent")
            process.agent(folder, "once")  # the first report, and bytecode
            beats = [_acknowledged(folder) for _ in range(runs)]
            found = [_change(stage, folder, box) for _ in range(changes)]
    start = median(one.wall_s for one in process.interpreter_starts())
    ratio = Ratio(median(beats) / start, "start of an interpreter")
    return [
        Figure("latency: once → commit, p50", median(beats), "s", ratio=ratio, note=f"{runs} runs"),
        Figure("latency: once → commit, p95", percentile(beats, 95), "s"),
        *_both("change → report committed", [one.acknowledged for one in found]),
        *_both("change → alert stored", [one.alert for one in found], Budget(5)),
        *_both("change → mail handed over", [one.mail for one in found], Budget(6)),
    ]


def _both(name: str, seconds: Sequence[float], budget: Budget | None = None) -> list[Figure]:
    many = f"{len(seconds)} changes"
    return [
        Figure(f"latency: {name}, p50", median(seconds), "s", note=many),
        Figure(f"latency: {name}, p95", percentile(seconds, 95), "s", budget),
    ]


def _acknowledged(folder: Path) -> float:
    """Seconds from the start of `once` until its message was acknowledged."""
    start = time.time()
    said = process.agent(folder, "once").said
    for line in said.splitlines():
        event = json.loads(line)
        if event["event"] in ("beat.sent", "report.sent"):
            return datetime.fromisoformat(event["timestamp"]).timestamp() - start
    raise AssertionError(f"nothing was sent: {said}")


def _change(stage: Stage, folder: Path, box: Mailbox) -> Change:
    """A port is opened and the mail about it is there; then all is as it was before."""
    before = len(box.mails)
    with open_database() as port:
        start = time.time()
        acknowledged = _acknowledged(folder)
        mail = box.wait(lambda one: _about(one, port, "hoch"), since=before)
        alert = _changed_at(stage, port) - start
    for _ in range(2):
        process.agent(folder, "once")
    box.wait(lambda one: _about(one, port, "behoben"), since=before)
    return Change(acknowledged, alert, mail.at - start)


def _about(mail: Mail, port: int, mark: str) -> bool:
    return mark in mail.subject and f"tcp/{port}" in mail.subject


def _changed_at(stage: Stage, port: int) -> float:
    with contextlib.closing(sqlite3.connect(stage.folder.database)) as db:
        question = "SELECT changed_at FROM alert WHERE subject = ? ORDER BY id DESC LIMIT 1"
        return float(db.execute(question, (f"tcp/{port}",)).fetchone()[0]) / 1000
