"""A planned absence: what may be announced, how long it is told, what excuses nothing."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector
from tests.fakes import HOUR, MINUTE

from verbundwacht_agent import cli, host
from verbundwacht_agent.absence import announce, current, duration_ms, withdraw
from verbundwacht_agent.errors import AbsenceError
from verbundwacht_wire.messages import Absence

REASON = "Kernel-Update"


def told(machine: Machine) -> Absence | None:
    """What the beat of a run right now says."""
    assert machine.gather() == "beat"
    return machine.beat().agent.absence


@pytest.fixture
def calm(machine: Machine, sammler: Collector) -> Machine:
    """A host whose first report is acknowledged."""
    machine.round(sammler)
    machine.round(sammler)
    return machine


def test_an_announced_absence_is_told_by_every_beat_while_it_lasts(calm: Machine) -> None:
    absence = announce(calm.paths, calm.clock.now, 2 * HOUR, REASON)
    during = [told(calm), told(calm)]
    calm.clock.advance(2 * HOUR - 1)
    last = told(calm)
    calm.clock.advance(1)

    assert during == [absence, absence]
    assert (last, told(calm)) == (absence, None)


def test_a_withdrawn_absence_is_missing_from_the_next_beat(calm: Machine) -> None:
    announce(calm.paths, calm.clock.now, HOUR, REASON)
    before = told(calm)
    was = [withdraw(calm.paths), withdraw(calm.paths)]

    assert before is not None
    assert (was, told(calm)) == ([True, False], None)


def test_a_second_announcement_replaces_the_first(calm: Machine) -> None:
    announce(calm.paths, calm.clock.now, HOUR, REASON)
    calm.clock.advance(MINUTE)
    second = announce(calm.paths, calm.clock.now, HOUR, "Umzug in den anderen Schrank")

    assert told(calm) == second


def test_reports_tell_it_too(calm: Machine) -> None:
    absence = announce(calm.paths, calm.clock.now, HOUR, REASON)
    calm.change()
    calm.gather()

    assert calm.report().agent.absence == absence


def test_an_announcement_does_not_wait_behind_reports_that_were_not_sent(
    machine: Machine, sammler: Collector
) -> None:
    """While reports wait no beat is sent; after them this run tells nothing more."""
    machine.gather()
    absence = announce(machine.paths, machine.clock.now, HOUR, REASON)

    assert [machine.gather(), machine.gather()] == ["report", "beat"]
    assert machine.report().agent.absence == absence
    assert not machine.report().bodies
    assert machine.codes(sammler) == ["OK", "OK"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"{}",
        b'{"from":1,"until":2,"reason":"\xff"}',
        b'{"from":NOW,"until":FIVE,"reason":"zu lang"}',
        b'{"from":LATER,"until":FIVE,"reason":"beginnt erst"}',
        b'{"from":NOW,"until":NOW,"reason":"dauert nicht"}',
        b'{"from":NOW,"until":LATER,"reason":""}',
    ],
)
def test_a_file_that_is_no_absence_excuses_nothing(calm: Machine, content: bytes) -> None:
    now = calm.clock.now
    for word, at in (("NOW", now), ("LATER", now + HOUR + 1), ("FIVE", now + 5 * HOUR)):
        content = content.replace(word.encode(), str(at).encode())
    calm.paths.absence.write_bytes(content)

    assert told(calm) is None


def test_a_clock_set_back_ends_the_absence(calm: Machine) -> None:
    """Or it would last until the clock is right again."""
    announce(calm.paths, calm.clock.now, HOUR, REASON)

    assert current(calm.paths, calm.clock.now - HOUR) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("2h", 120), ("90m", 90), ("90min", 90), ("1h30m", 90), ("4H", 240), ("1 m", 1)],
)
def test_durations_are_read_as_people_write_them(text: str, minutes: int) -> None:
    assert duration_ms(text) == minutes * MINUTE


@pytest.mark.parametrize(
    "text", ["", "2", "h", "0h", "0m", "4h1m", "241m", "5h", "-1h", "1.5h", "2d", "2h30", "9999h"]
)
def test_no_other_duration_is_taken(text: str) -> None:
    with pytest.raises(AbsenceError, match="--for"):
        duration_ms(text)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "ä" * 121, "zwei\nZeilen", "\x1b[31mrot"])
def test_a_reason_that_cannot_be_sent_is_refused_where_it_is_typed(
    calm: Machine, reason: str
) -> None:
    with pytest.raises(AbsenceError, match="--reason"):
        announce(calm.paths, calm.clock.now, HOUR, reason)

    assert not calm.paths.absence.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to own files as another user")
def test_the_file_belongs_to_the_user_under_whom_gather_runs(calm: Machine) -> None:
    os.chown(calm.paths.gather, 65534, 65534)
    announce(calm.paths, calm.clock.now, HOUR, REASON)

    assert (calm.paths.absence.stat().st_uid, calm.paths.absence.stat().st_mode & 0o777) == (
        65534,
        0o640,
    )


def run(capsys: pytest.CaptureFixture[str], machine: Machine, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `announce`."""
    capsys.readouterr()
    code = cli.main(["announce", *words, "--dir", str(machine.paths.root)])
    return code, *capsys.readouterr()


def test_announce_says_until_when_and_that_it_is_not_sent_yet(
    calm: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, calm, "--for", "2h", "--reason", REASON)
    spooled = calm.spooled()
    cli.main(["status", "--dir", str(calm.paths.root)])

    assert (code, spooled) == (0, calm.spooled())
    assert REASON in out and "Wird mit der nächsten Meldung gesendet" in out
    assert f"angekündigt: {REASON}" in capsys.readouterr().out


def test_announce_answers_programs_with_the_absence_as_on_the_wire(
    calm: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said, _ = run(capsys, calm, "--for", "30m", "--reason", REASON, "--json")
    _, ended, _ = run(capsys, calm, "--end", "--json")
    found: dict[str, Any] = json.loads(said)

    assert found["absence"].keys() == {"from", "until", "reason"}
    assert found["absence"]["until"] - found["absence"]["from"] == 30 * MINUTE
    assert (found["sent"], json.loads(ended)) == (False, {"absence": None, "sent": False})


def test_announce_now_gathers_and_says_honestly_if_it_could_not_be_sent(
    calm: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LocalHost", lambda: calm.host)
    for result, words in ((75, "Noch nicht gesendet"), (0, "Gesendet.")):
        monkeypatch.setattr(cli, "send", lambda *_, result=result: result)
        code, out, _ = run(capsys, calm, "--for", "1h", "--reason", REASON, "--now")

        assert (code, words in out) == (result, True)
        absence = calm.report().agent.absence or calm.beat().agent.absence
        assert absence is not None and absence.reason == REASON


@pytest.mark.parametrize(
    "words", [["--for", "2h"], ["--for", "5h", "--reason", REASON], ["--for", "2h", "--reason", ""]]
)
def test_a_wrong_announcement_is_one_german_sentence_and_exit_code_2(
    calm: Machine, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code, out, err = run(capsys, calm, *words)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not calm.paths.absence.exists()


def test_a_host_that_is_not_enrolled_has_nothing_to_announce(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["announce", "--for", "1h", "--reason", REASON, "--dir", str(tmp_path)]

    assert cli.main(words) == 2
    assert "noch nicht angemeldet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
