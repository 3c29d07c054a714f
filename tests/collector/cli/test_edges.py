"""Where commands meet a damaged folder, a running collector, or an end in the middle."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from tests.agent.fakes import Crash, dying
from tests.collector.cli.operator import BINARY, Operator, write_pack
from tests.fakes import FakeAgent
from tests.system.running import Stage, free_ports, new_stage, serving

from verbundwacht_collector import admin, pki_files
from verbundwacht_collector.config import Config, Folder, Public, load
from verbundwacht_collector.equipment import load_signer
from verbundwacht_collector.store.sqlite import SqliteStore

READS = ["municipality list", "host list", "alerts", "findings"]


@pytest.mark.parametrize("command", [*READS, "municipality add nebenan", "serve"])
def test_a_database_that_breaks_off_is_one_sentence(operator: Operator, command: str) -> None:
    raw = operator.folder.database.read_bytes()
    operator.folder.database.write_bytes(raw[:4096] + os.urandom(len(raw) - 4096))
    ran = operator.run(*command.split())

    assert ran.code == 2
    assert str(operator.folder.database) in ran.sentence


@pytest.mark.parametrize("command", [*READS, "municipality add nebenan"])
def test_an_empty_database_names_the_command_that_renews_it(
    operator: Operator, command: str
) -> None:
    operator.folder.database.write_bytes(b"")
    ran = operator.run(*command.split())

    assert ran.code == 2
    assert "verbundwacht init" in ran.sentence


def test_no_alert_in_a_municipality_that_is_not_there_is_no_good_news(operator: Operator) -> None:
    here = operator.run("alerts", "--municipality", "musterdorf")
    typo = operator.run("alerts", "--municipality", "mustredorf")

    assert (here.code, here.out) == (0, "Keine offene Warnung.\n")
    assert (typo.code, "municipality list" in typo.sentence) == (1, True)


def test_init_makes_no_second_signing_key_beside_a_database(
    operator: Operator, tmp_path: Path
) -> None:
    pack = write_pack(tmp_path / "pack")
    operator.folder.downlink.unlink()
    before = operator.listing()
    ran = operator.run("init", "--pack", str(pack))

    assert ran.code == 2
    assert str(operator.folder.downlink) in ran.sentence
    assert operator.listing() == before


@pytest.mark.parametrize(
    "name", ["downlink-key.pem", "issuing-key.pem", "root-key.pem", "server-key.pem"]
)
def test_no_door_opens_while_others_may_read_a_key(operator: Operator, name: str) -> None:
    path = operator.folder.keys / name
    path.chmod(0o640)
    ran = operator.run("serve")

    assert ran.code == 2
    assert f"chmod 600 {path}" in ran.sentence


@pytest.mark.parametrize("content", ["pässwort-mit-umlaut".encode("latin-1"), b""])
def test_a_password_that_cannot_be_read_makes_no_user(
    operator: Operator, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "passwort"
    file.write_bytes(content)
    ran = operator.run("user", "add", "jana", "--password-file", str(file))

    assert (ran.code, bool(ran.sentence)) == (1, True)


def test_a_reader_that_goes_away_is_no_error(operator: Operator) -> None:
    line = (
        f"{BINARY} municipality list --dir {operator.folder.root} | true; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", line], check=False, capture_output=True, text=True, timeout=30
    )

    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_password_comes_over_standard_input_and_goes_nowhere(operator: Operator) -> None:
    words = [str(BINARY), "user", "add", "jana", "--dir", str(operator.folder.root), "--json"]
    done = subprocess.run(
        words,
        input="Sehr geheim, sehr lang\n",
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert json.loads(done.stdout) == {"login": "jana", "role": "soc", "municipality_id": None}
    assert all(b"Sehr geheim" not in data for data in operator.listing().values())


@pytest.mark.parametrize("after", [False, True])
def test_init_that_dies_at_any_write_is_simply_repeated(tmp_path: Path, after: bool) -> None:
    pack = write_pack(tmp_path / "pack")
    config = Config(alliance="Verbund", public=Public(mqtt="a:1", https="a:2"))
    toml = 'alliance = "Verbund"\n[public]\nmqtt = "a:1"\nhttps = "a:2"\n'
    at, died = 0, True
    while died:
        at += 1
        folder = Folder(tmp_path / f"{at}")
        with dying(at, after=after) as came:
            with suppress(Crash):
                admin.init(folder, toml, config, ["localhost"], pack)
            died = came()
        name = admin.init(folder, toml, config, ["localhost"], pack)

        assert name == "verbund/test"
        assert load(folder) == config
        assert load_signer(folder).kid and pki_files.load_authority(pki_files.PkiFiles(folder.keys))
        assert not list(folder.root.rglob("*.new"))
        SqliteStore(folder.database).close()

    assert at > 5


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return new_stage(tmp_path / "collector", pack=write_pack(tmp_path / "pack"))


def _command(stage: Stage, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [BINARY, *words, "--dir", stage.folder.root],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stderr


def test_commands_beside_a_running_collector_do_their_work_and_a_second_one_is_refused(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "r").write_bytes(FakeAgent().request())
    (tmp_path / "p").write_text("lang genug und geheim\n")
    host = ("--request", str(tmp_path / "r"), "--receipt", str(tmp_path / "q"))
    with serving(stage) as running:
        done = [
            _command(stage, "municipality", "add", "musterdorf"),
            _command(stage, "host", "add", "--municipality", "musterdorf", *host),
            _command(stage, "user", "add", "jana", "--password-file", str(tmp_path / "p")),
            _command(stage, "pack", "install", str(tmp_path / "pack")),
            _command(stage, "host", "list"),
        ]
        second = _command(stage, "serve")
        code = running.stop()

    assert done == [(0, "")] * 5
    assert (second[0], "listen.mqtt" in second[1]) == (2, True)
    assert code == 0
    assert "failed" not in running.log()


def test_a_collector_that_was_told_to_stop_leaves_its_doors_to_the_next(stage: Stage) -> None:
    codes = []
    for _ in range(2):
        with serving(stage) as running:
            codes.append(running.stop())

    assert codes == [0, 0]
    assert free_ports(1)
