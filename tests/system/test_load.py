"""The load generator: what it counts is what the collector has, and it stays on this machine."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from deploy.load.__main__ import _arguments as arguments
from deploy.load.__main__ import main, run
from deploy.load.collector import found, running_at, serving
from deploy.load.doors import door_at
from deploy.load.drive import Drive, Plan, Tally
from deploy.load.errors import NotLoopback
from deploy.load.fleet import Fleet
from deploy.load.host import Host, Message
from tests.system.running import quiet_log

from verbundwacht_collector.store.sqlite import connect


def _asked(root: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(connect(root / "collector.db", readonly=True)) as db:
        return db.execute(sql).fetchall()


def _run(root: Path, *more: str) -> dict[str, Any]:
    words = ["--hosts", "10", "--minutes", "0.034", "--interval", "1", "--collector", str(root)]
    return run(arguments([*words, *more]), root)


@pytest.mark.parametrize("door", ["mqtt", "https"])
def test_every_message_of_a_fleet_is_acknowledged_and_in_the_store(
    tmp_path: Path, door: str
) -> None:
    summary = _run(tmp_path, "--door", door)

    assert summary["sent"] == summary["acked"] == 21 and summary["lost"] == 0
    reports = summary["kinds"]["full"] + summary["kinds"].get("change", 0)
    assert _asked(tmp_path, "SELECT count(*) FROM envelope WHERE seq IS NOT NULL") == [(reports,)]
    assert _asked(tmp_path, "SELECT count(*) FROM host WHERE simulated") == [(10,)]
    assert running_at(door_port(tmp_path)) is None, "its collector still runs"


def door_port(root: Path) -> int:
    """Where the MQTT door of this collector is."""
    return int(found(root)[1].public.mqtt.rpartition(":")[2])


def test_a_second_run_goes_on_with_the_same_hosts_and_their_chains(tmp_path: Path) -> None:
    _run(tmp_path, "--mix", "1/0/0")
    summary = _run(tmp_path, "--mix", "1/0/0")

    assert summary["kinds"] == {"beat": summary["sent"]} and summary["lost"] == 0
    assert _asked(tmp_path, "SELECT count(*) FROM host") == [(10,)]


def test_changes_open_alerts(tmp_path: Path) -> None:
    summary = _run(tmp_path, "--mix", "0/1/0", "--seed", "27")

    assert summary["kinds"] == {"full": 10, "change": 11} and not summary["refused"]
    assert _asked(tmp_path, "SELECT 1 FROM alert LIMIT 1")


@pytest.mark.parametrize("public", ["192.0.2.7:8883", "[2001:db8::1]:8883", "no.such.invalid:8883"])
def test_an_address_elsewhere_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], public: str
) -> None:
    folder, config = found(tmp_path)
    text = folder.config.read_text()
    folder.config.write_text(text.replace(config.public.mqtt, public))

    code = main(["--hosts", "1", "--minutes", "1", "--collector", str(tmp_path)])

    assert code == 2 and public in capsys.readouterr().err
    assert not (tmp_path / "load.db").exists()
    assert _asked(tmp_path, "SELECT count(*) FROM host") == [(0,)]


def test_no_door_is_made_for_an_address_elsewhere() -> None:
    with pytest.raises(NotLoopback, match=r"192\.0\.2\.7"):
        door_at("https", "192.0.2.7:443", "")


def test_with_a_collector_killed_in_between_nothing_acknowledged_is_missing(
    tmp_path: Path,
) -> None:
    folder, config = found(tmp_path)
    fleet = Fleet(folder, config)
    with quiet_log():
        fleet.enrol(10, 3)
    acknowledged: list[tuple[Host, Message]] = []
    door = door_at("mqtt", config.public.mqtt, fleet.issuing)
    with serving(folder, door.port) as collector:

        def witness(host: Host, message: Message) -> None:
            acknowledged.append((host, message))
            if len(acknowledged) == 40:
                os.kill(collector.pid, signal.SIGKILL)

        plan = Plan(400, 0, (50, 50, 0), 4)
        tally = Drive(fleet, fleet.hosts(10), door, plan, witness).run()

    assert tally.acked >= 40 and tally.lost > 0
    assert tally.sent == tally.acked + tally.lost + tally.refused.total() == tally.kinds.total()
    assert tally.acked == len(acknowledged)
    reports = {row[0] for row in _asked(tmp_path, "SELECT hash FROM envelope")}
    beats = dict(
        _asked(tmp_path, "SELECT h.agent, c.beat_n FROM chain c JOIN host h ON h.id = c.host_id")
    )
    for host, message in acknowledged:
        kept = (
            beats[host.agent] >= message.n if message.kind == "beat" else message.entry in reports
        )
        assert kept, message


def test_a_drive_that_is_stopped_ends_with_every_message_counted(tmp_path: Path) -> None:
    folder, config = found(tmp_path)
    fleet = Fleet(folder, config)
    with quiet_log():
        fleet.enrol(5, 2)
    door = door_at("mqtt", config.public.mqtt, fleet.issuing)
    with serving(folder, door.port):
        drive = Drive(fleet, fleet.hosts(5), door, Plan(1_000_000, 0, (1, 0, 0), 2))
        tally = drive.run(_stop_after(20, drive.stop), every_s=0.05)

    assert tally.lost == 0 and tally.acked == tally.sent == tally.kinds.total()


def _stop_after(many: int, stop: Callable[[], None]) -> Callable[[Tally], None]:
    return lambda tally: stop() if tally.sent >= many else None
