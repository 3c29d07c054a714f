"""`init`: a folder that can be served, whole or not at all; keys in use stay."""

from pathlib import Path

import pytest
from tests.collector.cli.operator import Operator, write_pack
from tests.collector.rulebook import REBOOT

from verbundwacht_collector import admin


class TestInit:
    def test_twice_changes_no_key_and_no_setting(self, operator: Operator, tmp_path: Path) -> None:
        pack = write_pack(tmp_path / "pack")
        before = {n: d for n, d in operator.listing().items() if not n.endswith(".db")}
        ran = operator.run("init", "--pack", str(pack), "--alliance", "Anders")

        assert ran.code == 0
        after = {n: d for n, d in operator.listing().items() if not n.endswith(".db")}
        assert after == before

    def test_never_replaces_keys_that_are_in_use(self, operator: Operator, tmp_path: Path) -> None:
        pack = write_pack(tmp_path / "pack")
        (operator.folder.keys / "server.pem").unlink()
        before = operator.listing()
        ran = operator.run("init", "--pack", str(pack))

        assert ran.code == 2
        assert "Sicherung" in ran.sentence
        assert operator.listing() == before

    def test_with_a_pack_that_does_not_load_writes_nothing(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        pack = write_pack(tmp_path / "pack", REBOOT.replace("kernel", "kernal"))
        target = tmp_path / "neu"
        ran = operator.run("init", "--dir", str(target), "--pack", str(pack), with_dir=False)

        assert ran.code == 1
        assert "pack.yaml:" in ran.err
        assert not target.exists()

    @pytest.mark.parametrize("name", ["", "a b", "sammler:1", "müller.example", "*", "a/b", "-x"])
    def test_with_a_name_that_no_server_can_have_writes_nothing(
        self, operator: Operator, tmp_path: Path, name: str
    ) -> None:
        pack = write_pack(tmp_path / "pack")
        target = tmp_path / "neu"
        ran = operator.run(
            "init", "--dir", str(target), "--pack", str(pack), f"--public={name}", with_dir=False
        )

        assert ran.code == 2
        assert "--public" in ran.sentence
        assert not target.exists()

    @pytest.mark.parametrize("name", ["sammler.example", "10.0.0.7", "fd00::7", "localhost"])
    def test_with_a_name_or_an_address_makes_what_serve_reads(
        self, operator: Operator, tmp_path: Path, name: str
    ) -> None:
        from verbundwacht_collector.config import Folder, load

        pack = write_pack(tmp_path / "pack")
        target = tmp_path / "neu"
        ran = operator.run(
            *("init", "--dir", str(target), "--pack", str(pack), "--public", name),
            with_dir=False,
        )

        assert ran.code == 0
        assert name in load(Folder(target)).public.mqtt

    @pytest.mark.parametrize("step", ["create", "migrate", "install"])
    def test_that_was_interrupted_is_simply_repeated(
        self, operator: Operator, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pack = write_pack(tmp_path / "pack")
        target = tmp_path / "neu"
        words = ("init", "--dir", str(target), "--pack", str(pack))
        with monkeypatch.context() as broken:

            def die(*_: object, **__: object) -> None:
                (target / "keys").mkdir(parents=True, exist_ok=True)
                raise KeyboardInterrupt

            broken.setattr(admin, step, die)
            assert operator.run(*words, with_dir=False).code == 130
            assert operator.run(*words, "--json", with_dir=False).code == 130
        ran = operator.run(*words, with_dir=False)

        assert ran.code == 0
        assert (target / "collector.toml").exists()
