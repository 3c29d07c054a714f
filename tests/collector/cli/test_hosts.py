"""`host`: who is added, who is asked about, who is found."""

import json
from pathlib import Path

import pytest
from tests.collector.cli.operator import Operator
from tests.fakes import FakeAgent


class TestAddingAHost:
    def test_again_gives_the_same_receipt(self, operator: Operator, tmp_path: Path) -> None:
        operator.host()
        first = (tmp_path / "web01.quittung").read_bytes()
        ran = operator.run(
            *("host", "add", "--municipality", "musterdorf", "--json"),
            *("--request", str(tmp_path / "web01.vw"), "--receipt", str(tmp_path / "b")),
        )

        assert ran.json["again"] is True
        assert (tmp_path / "b").read_bytes() == first
        assert len(operator.run("host", "list", "--json").json) == 1

    def test_without_a_place_for_the_receipt_is_not_done(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        (tmp_path / "r").write_bytes(FakeAgent().request())
        ran = operator.run(
            *("host", "add", "--municipality", "musterdorf"),
            *("--request", str(tmp_path / "r"), "--receipt", "/nowhere/q"),
        )

        assert (ran.code, "/nowhere/q" in ran.sentence) == (1, True)
        assert operator.run("host", "list", "--json").json == []

    @pytest.mark.parametrize("change", ["name", "binding"])
    def test_of_the_same_name_or_machine_is_asked_about(
        self, operator: Operator, tmp_path: Path, change: str
    ) -> None:
        operator.host()
        twin = FakeAgent("web01" if change == "name" else "web02")
        first = json.loads(operator.run("host", "list", "--json").out)[0]["id"]
        import sqlite3

        db = sqlite3.connect(operator.folder.database)
        (binding,) = db.execute("SELECT binding FROM host").fetchone()
        db.close()
        more = {"host_binding": binding} if change == "binding" else {}
        (tmp_path / "r").write_bytes(twin.request(**more))
        words = [
            *("host", "add", "--municipality", "musterdorf"),
            *("--request", str(tmp_path / "r"), "--receipt", str(tmp_path / "q")),
        ]
        asked = operator.run(*words)
        done = operator.run(*words, "--separate")

        assert asked.code == 1
        assert first[:8] in asked.sentence
        assert "--separate" in asked.sentence
        assert done.code == 0

    @pytest.mark.parametrize("raw", [b"", b"x", bytes(300_000)])
    def test_from_something_else_names_the_command_on_the_host(
        self, operator: Operator, tmp_path: Path, raw: bytes
    ) -> None:
        (tmp_path / "r").write_bytes(raw)
        ran = operator.run(
            *("host", "add", "--municipality", "musterdorf"),
            *("--request", str(tmp_path / "r"), "--receipt", str(tmp_path / "q")),
        )

        assert ran.code == 1
        assert "verbundwacht-agent prepare" in ran.sentence
        assert not (tmp_path / "q").exists()

    @pytest.mark.parametrize("name", ["", "a\x1b[31mb", "web\n01", "x" * 65])
    def test_with_a_name_that_would_spoil_a_screen_is_refused(
        self, operator: Operator, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "r").write_bytes(FakeAgent(name).request())
        ran = operator.run(
            *("host", "add", "--municipality", "musterdorf"),
            *("--request", str(tmp_path / "r"), "--receipt", str(tmp_path / "q")),
        )

        assert ran.code == 1
        assert "\x1b" not in ran.err
        assert operator.run("host", "list", "--json").json == []


class TestFindingAHost:
    def test_by_name_id_or_its_beginning(self, busy: tuple[Operator, FakeAgent]) -> None:
        operator, agent = busy
        for text in ("web01", agent.agent.hex(), agent.agent.hex()[:4].upper()):
            assert operator.run("host", "show", text, "--json").json["row"]["name"] == "web01"

    @pytest.mark.parametrize("text", ["%", "%%%%", "____", "web0", ""])
    def test_not_by_something_that_only_looks_like_it(
        self, busy: tuple[Operator, FakeAgent], text: str
    ) -> None:
        assert busy[0].run("host", "show", text).code == 1
