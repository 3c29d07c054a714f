"""A collector whose broker is not there: it serves all the same, says so, and finds it later."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.collector.ingest.mosquitto import Mosquitto
from tests.system.doors import identity, line, post
from tests.system.enrolled import BINARIES
from tests.system.facts import well_kept
from tests.system.fleet import Member, Names, enrol
from tests.system.running import Serve, Stage, new_stage, serving

PATIENCE_S: Final = 60.0


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = new_stage(tmp_path / "collector")
    stage.add("aurach")
    return stage


@pytest.fixture
def mosquitto(stage: Stage) -> Iterator[Mosquitto]:
    """Ready to be started."""
    one = stage.put_broker_in_front()
    try:
        yield one
    finally:
        one.kill()


@pytest.fixture
def member(stage: Stage) -> Member:
    (one,) = enrol(stage.folder, [Names("aurach", "server")], stage.addresses)
    return one


def wait(condition: Callable[[], bool]) -> None:
    """The condition has come true."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, condition
        time.sleep(0.05)


def events(serve: Serve) -> list[str]:
    """What the collector has logged about its broker."""
    lines = [json.loads(one) for one in serve.log().splitlines() if one.startswith("{")]
    return [one["event"] for one in lines if one["event"].startswith("broker.")]


def doors(stage: Stage) -> str:
    """How the operator's command rates the doors: good, or bad if one is closed."""
    command = (str(BINARIES / "verbundwacht"), "--dir", str(stage.folder.root), "status", "--json")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    levels = {one["name"]: str(one["level"]) for one in json.loads(done.stdout)["checks"]}
    return levels["doors"]


async def test_a_collector_without_its_broker_serves_says_so_and_finds_it_later(
    stage: Stage, mosquitto: Mosquitto, member: Member, tmp_path: Path
) -> None:
    files = identity(member, tmp_path)
    with serving(stage) as serve:
        wait(lambda: "broker.not_connected" in events(serve))
        wait(lambda: doors(stage) == "bad")
        first = await post(member, files, stage.ports.https, member.report(well_kept()))
        mosquitto.start()
        wait(lambda: "broker.connected" in events(serve))
        wait(lambda: doors(stage) == "good")
        async with line(member, files, stage.ports.mqtt) as one:
            await one.publish(member.report({}))
            second = await one.answer()

    assert (first.upto, second.upto) == (1, 2)


def test_a_collector_without_its_broker_ends_in_order_and_soon(
    stage: Stage, mosquitto: Mosquitto
) -> None:
    serve = Serve(stage).wait_ready()
    wait(lambda: "broker.not_connected" in events(serve))

    assert serve.stop() == 0


async def test_a_report_that_came_while_the_collector_was_away_is_answered_when_it_is_back(
    stage: Stage, mosquitto: Mosquitto, member: Member, tmp_path: Path
) -> None:
    mosquitto.start()
    with serving(stage) as serve:
        wait(lambda: "broker.connected" in events(serve))
    async with line(member, identity(member, tmp_path), stage.ports.mqtt) as one:
        await one.publish(member.report(well_kept()))
        with serving(stage):
            ack = await one.answer(PATIENCE_S)

    assert (ack.upto, ack.upto_hash) == (1, member.head.hex())
