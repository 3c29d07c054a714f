"""The commands: what they print for people and for programs, and how they end."""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.collector.cli.operator import Operator, write_pack
from tests.fakes import FakeAgent, Not

from verbundwacht_collector import admin
from verbundwacht_collector.cli import build_parser

FIELDS = Path(__file__).parent / "fields.json"


def every_command(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The words of each command and group."""
    yield path
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from every_command(command, (*path, name))


COMMANDS = list(every_command(build_parser()))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_helps_with_examples(operator: Operator, words: tuple[str, ...]) -> None:
    ran = operator.run(*words, "--help", with_dir=False)

    assert ran.code == 0
    assert "Beispiele:" in ran.out
    assert "--dir" in ran.out
    assert "--json" in ran.out


def test_the_commands_that_were_promised_are_there() -> None:
    promised = (
        "init; serve; municipality add; municipality list; host add; host list; host show;"
        " findings; alerts; alert show; alert take; alert comment; alert close; pack lint;"
        " pack test; user add"
    )
    assert {tuple(one.split()) for one in promised.split(";")} <= set(COMMANDS)


READS = ["municipality list", "host list", "host show web01", "findings", "alerts"]


@pytest.mark.parametrize("command", [*READS, "alert show NUMBER"])
@pytest.mark.parametrize("json_first", [True, False])
def test_dir_and_json_may_stand_before_or_after(
    busy: tuple[Operator, FakeAgent], command: str, json_first: bool
) -> None:
    operator, _ = busy
    words = command.replace("NUMBER", _number(operator)).split()
    where = ["--dir", str(operator.folder.root)]
    before, after = (["--json"], where) if json_first else (where, ["--json"])
    one = operator.run(*before, *words, *after, with_dir=False)
    other = operator.run(*words, *where, "--json", with_dir=False)

    assert (one.code, other.code) == (0, 0)
    assert one.json == other.json


def _number(operator: Operator) -> str:
    return str(operator.run("alerts", "--json").json[0]["number"])


def shape(value: Any) -> Any:
    """The field names of a document; of a list, those of its first entry."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value and isinstance(value[0], (dict, list)) else []
    return ""


def documents(operator: Operator, tmp_path: Path) -> dict[str, Any]:
    """What each command says to programs."""
    (tmp_path / "p").write_text("lang genug und geheim\n")
    pack = write_pack(tmp_path / "pack")
    request = next(tmp_path.glob("*.vw"))
    number = _number(operator)
    assert operator.run("alert", "show", number, "--json").json["deliveries"] == []
    operator.run("municipality", "add", "drittens", "--contact", "it@drittens.example")
    commands = {
        "init": ["init", "--pack", str(pack)],
        "municipality add": ["municipality", "add", "nebenan"],
        "municipality list": ["municipality", "list"],
        "host add": [
            *("host", "add", "--municipality", "musterdorf", "--request", str(request)),
            *("--receipt", str(tmp_path / "again.quittung")),
        ],
        "host list": ["host", "list"],
        "host show": ["host", "show", "web01"],
        "user add": ["user", "add", "jana", "--password-file", str(tmp_path / "p")],
        "findings": ["findings"],
        "status": ["status"],
        "alerts": ["alerts"],
        "alert show": ["alert", "show", number],
        "alert take": ["alert", "take", number],
        "overlay maintenance": [
            *("overlay", "maintenance", "--municipality", "musterdorf", "--host", "web01"),
            *("--for", "2h", "--reason", "Neue Firewall"),
        ],
        "overlay list": ["overlay", "list"],
        "overlay pause": ["overlay", "pause", number, "--for", "4h", "--reason", "Bekannt"],
        "overlay end": ["overlay", "end", "1"],
        "alert comment": ["alert", "comment", number, "Gesehen."],
        "alert close": ["alert", "close", number, "--reason", "duplicate"],
        "pack test": ["pack", "test", str(admin.bundled_pack())],
        "pack install": ["pack", "install", str(pack)],
        "pack lint": ["pack", "lint", str(pack)],
        "channel test": ["channel", "test", "it@drittens.example"],
        "channel list": ["channel", "list"],
        "evidence export": ["evidence", "export", "--alert", number, "--out", f"{tmp_path}/n"],
        "evidence verify": ["evidence", "verify", f"{tmp_path}/n"],
        "audit verify": ["audit", "verify"],
        "broker prepare": [
            *("broker", "prepare", "--name", "broker.example", "--out", str(tmp_path / "broker")),
        ],
    }
    found = {name: operator.run(*words, "--json").json for name, words in commands.items()}
    operator.change("interval_s = 900", "interval_s = 1")  # something to say for check-config
    for words in (["certificate", "renew"], ["check-config"]):
        found[" ".join(words)] = operator.run(*words, "--json").json
    return found


def test_the_fields_that_programs_rely_on_are_fixed(
    busy: tuple[Operator, FakeAgent], tmp_path: Path
) -> None:
    found = {name: shape(one) for name, one in documents(busy[0], tmp_path).items()}

    assert found == json.loads(FIELDS.read_text("utf-8"))


def test_people_get_a_table_in_german(busy: tuple[Operator, FakeAgent]) -> None:
    operator, agent = busy
    alerts = operator.run("alerts").out
    hosts = operator.run("host", "list").out
    shown = operator.run("host", "show", "web01").out

    assert "kritisch  neu" in alerts
    assert "t.ports (tcp/23)" in alerts
    assert agent.agent.hex() in hosts
    assert "aktuell" in hosts
    assert "nicht erfüllt" in shown


def test_an_empty_table_says_what_to_do_next(operator: Operator) -> None:
    assert "Noch kein Server" in operator.run("host", "list").out
    assert operator.run("alerts").out == "Keine offene Warnung.\n"
    assert operator.run("alerts", "--json").json == []


def test_who_acts_is_named(busy: tuple[Operator, FakeAgent], tmp_path: Path) -> None:
    operator, _ = busy
    (tmp_path / "p").write_text("lang genug und geheim\n")
    operator.run(
        "user", "add", "jana", "--name", "Jana Brenner", "--password-file", str(tmp_path / "p")
    )
    number = _number(operator)
    operator.run("alert", "take", number, "--by", "jana")
    operator.run("alert", "comment", number, "Neustart am Freitag.")
    detail = operator.run("alert", "show", number, "--json").json

    assert [(e["actor"], e["kind"]) for e in detail["events"]] == [
        (None, "opened"),
        ("Jana Brenner", "taken"),
        ("Betrieb", "commented"),
    ]


def test_nothing_that_others_wrote_moves_the_cursor(busy: tuple[Operator, FakeAgent]) -> None:
    operator, agent = busy
    operator.take(agent, agent.report({"services": Not("failed", "\x1b[2J\x1b[31m")}))
    number = _number(operator)
    operator.run("alert", "comment", number, "harmlos\x1b]0;x\x07\r\u202everdreht")
    shown = operator.run("host", "show", "web01").out + operator.run("alert", "show", number).out

    assert "harmlos" in shown
    assert not [char for char in shown if not char.isprintable() and char != "\n"]


def test_a_second_pack_may_not_take_a_rule_of_the_first(operator: Operator, tmp_path: Path) -> None:
    other = write_pack(tmp_path / "other")
    text = (other / "pack.yaml").read_text().replace("verbund/test", "verbund/other")
    (other / "pack.yaml").write_text(text)
    ran = operator.run("pack", "install", str(other))

    assert ran.code == 1
    assert "verbund/test" in ran.sentence
    assert operator.run("pack", "install", str(write_pack(tmp_path / "again"))).code == 0


def test_the_operator_cannot_log_in(busy: tuple[Operator, FakeAgent]) -> None:
    import sqlite3

    operator, _ = busy
    operator.run("alert", "take", _number(operator))
    db = sqlite3.connect(operator.folder.database)

    assert db.execute("SELECT login, disabled, password_hash FROM person").fetchall() == [
        ("operator", 1, "!")
    ]
    db.close()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("alert show W-2026-9999", "Keine Warnung W-2026-9999"),
        ("alert take W-2026-9999", "Keine Warnung W-2026-9999"),
        ("alert take NUMBER --by nobody", "user add nobody"),
        ("alert comment NUMBER ", "1 bis 4000 Zeichen"),
        ("host show nowhere", "host list"),
        ("findings --host nowhere", "host list"),
        ("host add --municipality nowhere --request REQUEST --receipt /tmp/x", "--municipality"),
        ("host add --municipality musterdorf --request /nowhere --receipt /tmp/x", "/nowhere"),
        ("municipality add musterdorf", "gibt es schon"),
        ("municipality add Müsterdorf", "muesterdorf"),
        ("municipality add nebenan --contact nebenan", "--contact 'nebenan'"),
        ("user add jana --municipality nowhere --password-file PASSWORD", "municipality list"),
        ("user add j --password-file PASSWORD", "2 bis 64 Zeichen"),
        ("user add jana --password-file SHORT", "12"),
        ("user add jana --password-file /nowhere", "/nowhere"),
    ],
)
def test_what_is_refused_is_one_sentence_and_exit_code_1(
    busy: tuple[Operator, FakeAgent], tmp_path: Path, command: str, says: str
) -> None:
    operator, _ = busy
    for name, text in (("PASSWORD", "lang genug und geheim\n"), ("SHORT", "kurz\n")):
        (tmp_path / name).write_text(text)
    names = {
        "NUMBER": _number(operator),
        "REQUEST": str(tmp_path / "web01.vw"),
        "PASSWORD": str(tmp_path / "PASSWORD"),
        "SHORT": str(tmp_path / "SHORT"),
    }
    words = [names.get(word, word) for word in command.split(" ")]

    ran = operator.run(*words)

    assert ran.code == 1
    assert says in ran.sentence


@pytest.mark.parametrize("command", ["fly", "alert", "alert close W-1 --reason x", ""])
def test_a_command_that_does_not_exist_is_exit_code_2(operator: Operator, command: str) -> None:
    assert operator.run(*command.split()).code == 2


def test_beside_a_writer_a_command_waits(operator: Operator) -> None:
    import threading

    from verbundwacht_collector.store.sqlite import SqliteStore

    held, store = threading.Event(), SqliteStore(operator.folder.database)

    def write() -> None:
        with store.transaction() as tx:
            tx.set_counter("held", 1)
            held.set()
            time.sleep(0.4)

    writer = threading.Thread(target=write)
    writer.start()
    held.wait(5)
    ran = operator.run("municipality", "add", "nebenan")
    writer.join()
    store.close()

    assert ran.code == 0
