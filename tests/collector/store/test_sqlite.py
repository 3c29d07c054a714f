"""The file: its versions, its writers, and what happens when the disk is full."""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from tests.collector.fakes import Collector
from tests.fakes import kernel

from verbundwacht_collector.errors import Conflict, StoreError
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_collector.store.records import Chain
from verbundwacht_collector.store.sqlite import NEWEST, SqliteStore, connect, migrate, version_of


def version(path: Path) -> int:
    db = connect(path, readonly=True)
    try:
        return version_of(db, path)
    finally:
        db.close()


def set_version(path: Path, number: int) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE schema_version SET version = ?", (number,))
    db.close()


class TestVersions:
    def test_from_nothing_to_the_newest(self, tmp_path: Path) -> None:
        path = tmp_path / "collector.db"
        migrate(path)

        assert version(path) == NEWEST
        SqliteStore(path).close()

    def test_again_changes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "collector.db"
        migrate(path)
        db = connect(path)
        db.execute("INSERT INTO alliance VALUES ('a', 'A', '')")
        db.close()
        migrate(path)

        db = connect(path, readonly=True)
        assert db.execute("SELECT id FROM alliance").fetchall() == [("a",)]
        db.close()

    @pytest.mark.parametrize("folder", ["mit Leerzeichen", "raute#1", "frage?x=1", "100%25", "ä"])
    def test_in_a_folder_with_any_name(self, tmp_path: Path, folder: str) -> None:
        path = tmp_path / folder / "collector.db"
        path.parent.mkdir()
        migrate(path)

        assert [p.name for p in tmp_path.iterdir()] == [folder]
        assert version(path) == NEWEST

    def test_in_the_working_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        migrate(Path("collector.db"))

        assert version(tmp_path / "collector.db") == NEWEST

    def test_a_newer_database_is_refused_in_one_sentence_and_stays_as_it_is(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "collector.db"
        migrate(path)
        connect(path).close()  # in its usual mode
        set_version(path, NEWEST + 1)
        before = path.read_bytes()

        for use in (migrate, SqliteStore):
            with pytest.raises(StoreError, match=f"{NEWEST + 1}.*{NEWEST}") as refusal:
                use(path)
            assert str(path) in str(refusal.value)
            assert "\n" not in str(refusal.value)
        assert path.read_bytes() == before

    def test_an_older_database_names_the_command_that_renews_it(self, tmp_path: Path) -> None:
        path = tmp_path / "collector.db"
        migrate(path)
        set_version(path, NEWEST - 1)

        with pytest.raises(StoreError, match="verbundwacht init"):
            SqliteStore(path)

    def test_no_database_names_the_command_that_makes_one(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="verbundwacht init"):
            SqliteStore(tmp_path / "collector.db")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"y" * 5000])
    def test_something_else_under_its_name_is_one_sentence(
        self, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "collector.db"
        path.write_bytes(content)

        with pytest.raises(StoreError, match=r"collector\.db"):
            SqliteStore(path)
        assert path.read_bytes() == content


class TestTransactions:
    def test_all_or_nothing(self, collector: Collector) -> None:
        agent = collector.host()
        before = collector.dump("envelope", "chain", "host", "counter")

        def work(tx: Transaction) -> None:
            tx.count("code:201")
            tx.set_counter("downlink_seq", 5)
            tx.add_envelope(1, 1, b"h", kind="k", code=0, at=0, frame=agent.report())
            raise KeyError("in the middle")

        with pytest.raises(KeyError), collector.store.transaction() as tx:
            work(tx)

        assert collector.dump("envelope", "chain", "host", "counter") == before

    def test_a_full_disk_is_said_and_the_store_lives_on(self, collector: Collector) -> None:
        agent = collector.host()
        db = collector.store._db
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
        raw = agent.report({"kernel": kernel(filler="x" * 4000), "os": b'{"x":1}'})
        with pytest.raises(StoreError, match="full"):
            for n in range(200):
                collector.act(
                    lambda tx, n=n: tx.add_envelope(  # type: ignore[misc]
                        1, 1000 + n, b"h", kind="k", code=0, at=0, frame=bytes(4000)
                    )
                )
        db.execute("PRAGMA max_page_count = 1000000")

        assert collector.one(raw).chain is not None

    def test_a_chain_that_moved_meanwhile_is_a_conflict(self, collector: Collector) -> None:
        collector.host()
        chain = collector.act(lambda tx: tx.host_by_id(1)).chain

        with pytest.raises(Conflict):
            collector.act(lambda tx: _move(tx, chain))

    def test_a_number_can_be_taken_once(self, collector: Collector) -> None:
        collector.host()

        def add(tx: Transaction) -> None:
            tx.add_envelope(1, 7, b"h", kind="k", code=0, at=0, frame=b"f")

        with collector.store.transaction() as tx:
            add(tx)
        with pytest.raises(sqlite3.IntegrityError), collector.store.transaction() as tx:
            add(tx)


def _move(tx: Transaction, chain: Chain) -> None:
    tx.move_chain(1, msgspec.structs.replace(chain, hi=99), chain)


HOLD = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
db.execute("INSERT INTO counter VALUES ('held', 1)")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
db.execute("COMMIT")
"""


def hold(path: Path, seconds: float) -> "subprocess.Popen[str]":
    """Another process that writes; it has the lock when this returns."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


class TestTwoProcesses:
    def test_the_second_writer_waits_for_the_first(self, collector: Collector) -> None:
        with hold(collector.path, 0.5):
            started = time.monotonic()
            collector.act(lambda tx: tx.set_counter("mine", tx.counter("held") + 1))
            waited = time.monotonic() - started

        assert waited > 0.3
        assert collector.value("SELECT value FROM counter WHERE name = 'mine'") == 2

    def test_a_writer_that_never_ends_is_named_in_one_sentence(self, collector: Collector) -> None:
        collector.store._db.execute("PRAGMA busy_timeout = 100")
        with hold(collector.path, 0.6), pytest.raises(StoreError, match="anderen Befehl"):
            collector.act(lambda tx: tx.set_counter("mine", 1))

    def test_a_reader_never_waits(self, collector: Collector) -> None:
        with hold(collector.path, 0.6) as other:
            reader = connect(collector.path, readonly=True)
            found = reader.execute("SELECT count(*) FROM counter WHERE name = 'held'").fetchone()
            reader.close()
            assert other.poll() is None

        assert found == (0,)

    def test_a_write_by_somebody_else_is_noticed_once(self, collector: Collector) -> None:
        collector.store.changed_elsewhere()
        with hold(collector.path, 0):
            pass
        collector.act(lambda tx: tx.set_counter("own", 1))

        assert collector.store.changed_elsewhere()
        assert not collector.store.changed_elsewhere()

    def test_the_own_writes_are_not_somebody_elses(self, collector: Collector) -> None:
        collector.store.changed_elsewhere()
        collector.act(lambda tx: tx.set_counter("own", 1))

        assert not collector.store.changed_elsewhere()

    def test_many_writers_lose_nothing(self, collector: Collector) -> None:
        def count(times: int) -> None:
            store = SqliteStore(collector.path)
            for _ in range(times):
                with store.transaction() as tx:
                    tx.set_counter("sum", tx.counter("sum") + 1)
            store.close()

        threads = [threading.Thread(target=count, args=(20,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert collector.value("SELECT value FROM counter WHERE name = 'sum'") == 60


def test_a_reader_cannot_write(collector: Collector) -> None:
    reader = connect(collector.path, readonly=True)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO counter VALUES ('x', 1)")
    reader.close()


def test_the_database_itself_keeps_two_open_alerts_of_one_problem_apart(
    collector: Collector,
) -> None:
    collector.host()
    sql = (
        "INSERT INTO alert (number, fingerprint, municipality_id, host_id, rule_id, subject,"
        " severity, title, state, opened_at, changed_at, evidence)"
        " VALUES (:n, x'00', 'musterdorf', 1, 'r', '', 'high', 't', 'new', 0, 0, x'00')"
    )
    collector.rows(sql, n="W-1")

    with pytest.raises(sqlite3.IntegrityError):
        collector.rows(sql, n="W-2")
