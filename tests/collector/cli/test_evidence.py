"""evidence export, evidence verify, audit verify, as an operator and a stranger use them."""

import hashlib
import sqlite3
import stat
from pathlib import Path

import pytest
from tests.collector.cli.operator import Operator
from tests.collector.german import GERMAN
from tests.fakes import FakeAgent

from verbundwacht_collector.equipment import load_signer

Busy = tuple[Operator, FakeAgent]


@pytest.fixture
def file(busy: Busy, tmp_path: Path) -> Path:
    """The evidence of the first alert."""
    out = tmp_path / "w1.nachweis"
    ran = busy[0].run("evidence", "export", "--alert", "W-2026-0001", "--out", str(out))
    assert ran.code == 0, ran.err
    return out


def test_a_file_is_checked_without_a_collector(busy: Busy, file: Path, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    ran = busy[0].run("evidence", "verify", str(file), "--dir", nowhere, with_dir=False)

    assert ran.code == 0, ran
    assert ran.out.startswith("W-2026-0001, web01 in musterdorf\n+ Die Datei ist so, wie")
    assert "!" not in ran.out
    assert "Fingerabdruck" in ran.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_same_in_english(busy: Busy, file: Path) -> None:
    good = busy[0].run("--lang", "en", "evidence", "verify", str(file))
    bad = busy[0].run("--lang", "en", "evidence", "verify", str(file), "--fingerprint", "00")
    log = busy[0].run("--lang", "en", "audit", "verify")

    assert (good.code, bad.code, log.code) == (0, 1, 0)
    for ran in (good, bad, log):
        assert GERMAN.search(ran.out) is None, ran.out


def test_the_fingerprint_is_that_of_the_downlink_key(busy: Busy, file: Path) -> None:
    known = hashlib.sha256(load_signer(busy[0].folder).spki).hexdigest()
    shown = busy[0].run("evidence", "verify", str(file), "--json").json["fingerprint"]
    insisted = busy[0].run("evidence", "verify", str(file), "--fingerprint", known)

    assert shown == known
    assert insisted.code == 0


def test_a_changed_file_ends_with_1_and_says_where(busy: Busy, file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"new":"fail"', b'"new":"pass"'))

    ran = busy[0].run("evidence", "verify", str(file))

    assert ran.code == 1
    assert "behauptet ist pass, die Fakten ergeben fail" in ran.out
    assert "Erste falsche Nummer: 1" in ran.out


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x00" * 1000])
def test_what_is_no_evidence_ends_with_2(busy: Busy, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)

    ran = busy[0].run("evidence", "verify", str(tmp_path / "x"))

    assert ran.code == 2
    assert "kein Nachweis" in ran.sentence


def test_two_exports_are_the_same_bytes(busy: Busy, file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    busy[0].run("evidence", "export", "--alert", "W-2026-0001", "--out", str(again))

    assert again.read_bytes() == file.read_bytes()


def test_a_host_is_exported_as_a_whole(busy: Busy, tmp_path: Path) -> None:
    out = str(tmp_path / "web01.nachweis")
    made = busy[0].run("evidence", "export", "--host", "web01", "--out", out, "--json").json
    result = busy[0].run("evidence", "verify", out, "--json").json

    assert (made["messages"], result["messages"], result["holds"]) == (2, 2, True)


@pytest.mark.parametrize("words", ["--alert W-2026-0999", "--host nirgends"])
def test_what_there_is_not_is_not_found(busy: Busy, tmp_path: Path, words: str) -> None:
    ran = busy[0].run("evidence", "export", *words.split(), "--out", str(tmp_path / "x"))

    assert ran.code == 1
    assert ran.sentence
    assert not (tmp_path / "x").exists()


def test_a_changed_audit_log_ends_with_1_and_names_the_entry(busy: Busy) -> None:
    operator = busy[0]
    db = sqlite3.connect(operator.folder.database)
    db.execute("UPDATE audit SET actor = 'niemand' WHERE id = 2")
    db.commit()
    db.close()

    ran = operator.run("audit", "verify")

    assert ran.code == 1
    assert "Eintrag 2: Der Eintrag wurde nachträglich verändert." in ran.out
    assert operator.run("audit", "verify", "--json").json["first_bad"] == 2
