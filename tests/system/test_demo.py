"""`make demo ONCE=1` as people run it: what it promises, and that it leaves nothing behind."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from deploy.demo.own_host import NAME, OPERATOR

ROOT = Path(__file__).parents[2]
SIMULATED = 24
PROMISED_S = 60.0
PATIENCE_S = 240


class Ran(NamedTuple):
    """One demo that ended by itself."""

    said: str
    db: sqlite3.Connection
    temp: Path

    def one(self, sql: str, **values: str) -> tuple[object, ...]:
        """The only row."""
        (row,) = self.db.execute(sql, values).fetchall()
        found: tuple[object, ...] = row
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    kept, temp = tmp_path_factory.mktemp("kept"), tmp_path_factory.mktemp("temp")
    command = [sys.executable, "-m", "deploy.demo", "--once", "--dir", str(kept)]
    environment = {**os.environ, "TMPDIR": str(temp)}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it removes what it started
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    db = sqlite3.connect(f"file:{kept / 'collector.db'}?mode=ro", uri=True)
    yield Ran(said, db, temp)
    db.close()


def test_the_first_alert_is_there_in_time_and_the_counts_are_those_of_the_store(demo: Ran) -> None:
    found = re.search(
        r"^demo: (\d+) hosts, (\d+) alerts, first alert after ([\d.]+) s$", demo.said, re.M
    )
    assert found, demo.said
    hosts, alerts, seconds = int(found[1]), int(found[2]), float(found[3])

    assert hosts == SIMULATED + 2
    assert seconds < PROMISED_S
    stored = "SELECT count(*) FROM alert WHERE state IN ('new', 'taken', 'fix_claimed')"
    assert demo.one(stored) == (alerts,)


def test_the_collectors_own_host_reports_what_this_machine_is_to_its_operator_alone(
    demo: Ran,
) -> None:
    sql = (
        "SELECT h.municipality_id, h.simulated, h.last_seen IS NOT NULL, b.doc FROM host h"
        " JOIN host_section s ON s.host_id = h.id AND s.section = 'kernel'"
        " JOIN body b ON b.municipality_id = h.municipality_id AND b.section = s.section"
        " AND b.hash = s.hash WHERE h.name = :name"
    )
    town, simulated, seen, doc = demo.one(sql, name=NAME)

    assert (town, simulated, seen) == (OPERATOR, 0, 1)
    assert isinstance(doc, bytes)
    assert os.uname().release in zlib.decompress(doc).decode()
    others = "SELECT count(*) FROM host WHERE municipality_id = :town AND name <> :name"
    assert demo.one(others, town=OPERATOR, name=NAME) == (0,)


def test_the_collector_says_that_its_display_can_be_believed(demo: Ran) -> None:
    assert re.search(r"^Zustand: Die Anzeige ist aktuell", demo.said, re.M), demo.said


def test_nothing_is_left_but_the_folder_that_was_asked_for(demo: Ran) -> None:
    assert list(demo.temp.iterdir()) == []
