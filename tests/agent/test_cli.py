"""What people and programs get from the commands; as processes where the machine itself is read."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.agent.fakes import Machine, recorded

from verbundwacht_agent import cli, host
from verbundwacht_agent.config import load_config
from verbundwacht_agent.errors import ConfigError
from verbundwacht_agent.probes import PROBES
from verbundwacht_wire.manifest import section_hash

COMMANDS = (
    "prepare",
    "accept",
    "gather",
    "send",
    "once",
    "show",
    "announce",
    "watched",
    "status",
    "doctor",
)
STATUSES = {"ok", "absent", "denied", "timeout", "failed"}


def process(*words: str) -> "subprocess.CompletedProcess[str]":
    """The real command as a process of its own."""
    program = Path(sys.executable).with_name("verbundwacht-agent")
    return subprocess.run(
        [program, *words], check=False, capture_output=True, text=True, timeout=90
    )


@pytest.fixture
def on_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands read a recording and not this machine."""
    monkeypatch.setattr(host, "LocalHost", lambda: recorded().denying("/etc/shadow"))


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON on standard output."""
    return json.loads(capsys.readouterr().out)


def test_show_prints_every_section_of_this_machine_as_it_would_leave_it(tmp_path: Path) -> None:
    done = process("show", "--json", "--dir", str(tmp_path))
    shown = json.loads(done.stdout)

    assert done.returncode == 0
    assert list(shown) == ["manifest", "bodies", "agent"]
    assert list(shown["manifest"]) == list(PROBES)
    for name, entry in shown["manifest"].items():
        assert entry["status"] in STATUSES
        assert entry["status"] == "ok" or entry["reason"], name
        assert (name in shown["bodies"]) == (entry["status"] == "ok") == bool(entry["hash"])
    assert shown["agent"].keys() == {"version", "facts", "interval_s", "python"}
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("on_recording")
def test_show_names_the_hash_of_exactly_the_bytes_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["show", "--json", "--section", "sshd", "--dir", str(tmp_path)])
    out = capsys.readouterr().out
    shown = json.loads(out)
    body = out.partition('"sshd":{')[2].partition('"bodies":{"sshd":')[2].partition(',"agent":')[0]

    assert list(shown["bodies"]) == ["sshd"]
    assert section_hash(body[:-1].encode()) == shown["manifest"]["sshd"]["hash"]


@pytest.mark.usefixtures("on_recording")
def test_show_for_people_says_why_a_section_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["--dir", str(tmp_path), "show", "--section", "accounts"])
    out = capsys.readouterr().out

    assert code == 0
    assert "denied" in out or "shadow" in out
    assert out.rstrip().endswith("Mehr verlässt diesen Server nicht.")


def test_an_unknown_section_is_answered_with_the_one_that_was_meant() -> None:
    done = process("show", "--section", "ssdh")

    assert done.returncode == 2
    assert "Meinten Sie sshd?" in done.stderr


def test_a_host_that_is_not_enrolled_says_so_everywhere(tmp_path: Path) -> None:
    status = process("status", "--json", "--dir", str(tmp_path))
    gather = process("--dir", str(tmp_path), "gather")

    assert (status.returncode, json.loads(status.stdout)) == (
        1,
        {"enrolled": False, "prepared": False, "dir": str(tmp_path)},
    )
    assert (gather.returncode, gather.stderr.count("\n")) == (2, 1)
    assert "noch nicht angemeldet" in gather.stderr
    assert not list(tmp_path.iterdir())


def test_status_counts_what_waits_and_what_was_answered(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in "abc":
        machine.change(line)
        machine.gather()
    capsys.readouterr()
    code = cli.main(["status", "--json", "--dir", str(machine.paths.root)])
    found = said(capsys)

    assert code == 0
    assert found.keys() == {
        "enrolled", "dir", "municipality", "agent", "collector", "seq", "acknowledged", "waiting",
        "inbox", "last_report_at", "last_beat_at", "last_answer_at", "absence",
    }  # fmt: skip
    assert (found["seq"], found["acknowledged"], found["waiting"]) == (3, 0, 3)
    assert (found["last_report_at"], found["last_beat_at"]) == (machine.clock.now, None)


def test_status_speaks_to_people_in_german(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.gather()
    capsys.readouterr()
    cli.main(["status", "--dir", str(machine.paths.root)])

    assert capsys.readouterr().out.splitlines() == [
        "Angemeldet bei musterdorf, Sammler sammler.example:8883",
        "Meldung Nr. 1 vom " + _local(machine.clock.now) + ", bestätigt bis Nr. 0",
        "Letztes Lebenszeichen: noch nie",
        "Letzte Antwort verarbeitet: noch nie",
        "1 Meldungen warten. Senden: verbundwacht-agent send",
    ]


def _local(at: int) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%d.%m.%Y %H:%M:%S")


@pytest.mark.usefixtures("on_recording")
def test_doctor_names_each_gap_with_its_cause_and_a_step(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.paths.tls_key.chmod(0o644)
    (machine.paths.root / "agent.toml").write_text("interval = 5")
    code = cli.main(["doctor", "--json", "--dir", str(machine.paths.root)])
    found = said(capsys)

    assert code == 1
    assert all(one.keys() - {"code"} == {"where", "what", "do", "level"} for one in found)
    assert all(one["what"] and one["do"] and one["level"] in ("problem", "note") for one in found)
    told = " ".join(one["what"] for one in found)
    assert "agent.toml" in told
    assert "für andere lesbar" in told
    assert any(one["where"] == "Abschnitt accounts" for one in found)


def test_doctor_tells_a_new_host_its_first_step_and_leaves_no_trace(tmp_path: Path) -> None:
    done = process("doctor", "--json", "--dir", str(tmp_path))
    found = json.loads(done.stdout)

    assert done.returncode == 1
    assert "prepare" in found[0]["do"]
    assert not list(tmp_path.iterdir())


def test_gather_ends_well_though_probes_fail(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = machine.host.without("/etc").without("/var").without("/usr")
    monkeypatch.setattr(host, "LocalHost", lambda: nothing)
    code = cli.main(["gather", "--dir", str(machine.paths.root)])
    statuses = {entry.status for entry in machine.report().manifest.values()}

    assert code == 0
    assert "failed" in statuses


def test_gather_beside_another_one_leaves_with_a_sentence(machine: Machine) -> None:
    import fcntl

    machine.paths.lock.touch()
    with machine.paths.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = process("gather", "--dir", str(machine.paths.root))

    assert done.returncode == 75
    assert done.stderr.count("\n") == 1
    assert "Ein anderer Lauf" in done.stderr


def test_a_full_disk_names_the_step_that_helps_and_loses_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    machine.gather()
    machine.change()
    monkeypatch.setattr(host, "LocalHost", lambda: machine.host)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        code = cli.main(["gather", "--dir", str(machine.paths.root)])
    err = capsys.readouterr().err
    machine.gather()

    assert (code, "Platz schaffen" in err, err.count("\n")) == (2, True, 1)
    assert machine.spooled() == [1, 2]


WRONG = {
    "interval = 300": "Meinten Sie interval_s?",
    "colour = 1": "Möglich ist: interval_s",
    "interval_s = 59": "60 bis 86400",
    "interval_s = -60": "60 bis 86400",
    "interval_s = 86401": "60 bis 86400",
    'interval_s = "300"': "int",
    "interval_s = 300.5": "int",
    "interval_s": "kein TOML",
    "\udcff": "kein TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_setting_is_one_sentence_that_names_file_key_and_step(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes(os.fsencode(text))
    done = process("show", "--section", "os", "--dir", str(tmp_path))

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(path) in done.stderr
    assert WRONG[text] in done.stderr


def test_a_file_of_settings_that_may_not_be_read_is_an_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.paths.root / "agent.toml").mkdir()
    with pytest.raises(ConfigError, match="nicht lesbar"):
        load_config(machine.paths)


def test_the_interval_of_this_host_is_its_own_word(machine: Machine) -> None:
    machine.gather()
    (machine.paths.root / "agent.toml").write_text("interval_s = 300\n")
    machine.change()
    machine.gather()

    assert [machine.report(seq).agent.interval_s for seq in (1, 2)] == [900, 300]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_and_takes_the_folder_on_both_sides(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    parser = cli.build_parser()
    words = {"prepare": ["--municipality", "m"], "accept": ["file"], "announce": ["--end"]}.get(
        command, []
    )

    assert left.value.code == 0
    assert "Beispiele:" in capsys.readouterr().out
    for line in (["--dir", "x", command, *words], [command, *words, "--dir", "x"]):
        assert parser.parse_args(line).dir == "x"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("verbundwacht-agent")
    line = f"{program} show --section packages --dir {tmp_path} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], check=False, capture_output=True, text=True, timeout=60
    )

    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.usefixtures("on_recording")
@pytest.mark.parametrize("where", ["/proc/none/here", "/etc/hostname/x"])
def test_a_folder_that_cannot_be_is_one_sentence(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["prepare", "--municipality", "m", "--dir", where])
    err = capsys.readouterr().err

    assert (code, err.count("\n")) == (2, 1)
    assert "--dir" in err


def test_prepare_answers_programs_with_file_name_and_fingerprint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LocalHost", recorded)
    out = tmp_path / "r.vw"
    words = ["--municipality", "m", "--out", str(out), "--json", "--dir", str(tmp_path / "a")]
    code = cli.main(["prepare", *words])
    found = said(capsys)

    assert code == 0
    assert found.keys() == {"file", "hostname", "fingerprint"}
    assert (found["file"], found["hostname"]) == (str(out), "web01")
    assert re.fullmatch(r"[A-Z2-7]{5}([ -][A-Z2-7]{5}){4}", found["fingerprint"])


def test_watched_prints_absolute_paths_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["watched"])
    lines = capsys.readouterr().out.splitlines()

    assert code == 0
    assert "/etc/ssh" in lines
    assert all(line.startswith("/") and line == line.strip() for line in lines)
