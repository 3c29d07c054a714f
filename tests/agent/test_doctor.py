"""What the doctor finds: each damage with its cause and a step, and nothing on a sound host."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.agent.fakes import Machine
from tests.collector.fakes import Collector
from tests.fakes import HOUR, MINUTE

from verbundwacht_agent import cli, host
from verbundwacht_agent.collect import Section, collect
from verbundwacht_agent.doctor import Finding, diagnose
from verbundwacht_agent.reasons import REASONS
from verbundwacht_collector.web import words
from verbundwacht_wire.messages import SectionEntry

DAY = 24 * HOUR


@pytest.fixture
def sound(machine: Machine, sammler: Collector) -> Machine:
    """A host in order: reports are acknowledged, a beat lies there."""
    machine.round(sammler)
    machine.round(sammler)
    return machine


def found(machine: Machine, **sections: Section) -> list[Finding]:
    """What is wrong with the agent itself, unless sections are given."""
    return diagnose(machine.paths, sections, machine.clock.now)


def one(machine: Machine) -> Finding:
    """The only finding."""
    (finding,) = found(machine)
    return finding


def test_a_sound_host_has_no_finding(sound: Machine) -> None:
    assert found(sound) == []


DAMAGES: dict[str, tuple[Callable[[Machine], object], str]] = {
    "settings": (lambda m: (m.paths.root / "agent.toml").write_text("interval = 5"), "A104"),
    "signing key open": (lambda m: m.paths.signing_key.chmod(0o640), "A303"),
    "tls key open": (lambda m: m.paths.tls_key.chmod(0o644), "A303"),
    "no signing key": (lambda m: m.paths.signing_key.unlink(), "A301"),
    "damaged key": (lambda m: m.paths.signing_key.write_text("x"), "A304"),
    "no addresses": (lambda m: m.paths.peer.unlink(), "A201"),
    "foreign roots": (lambda m: m.paths.ca.write_text("x"), "A205"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_settings_and_keys_are_named_as_at_the_start_of_a_run(sound: Machine, name: str) -> None:
    damage, code = DAMAGES[name]
    damage(sound)
    finding = one(sound)

    assert (finding.code, finding.level) == (code, "problem")
    assert finding.what and finding.do


def test_an_open_key_is_told_with_the_command_that_closes_it(sound: Machine) -> None:
    sound.paths.signing_key.chmod(0o644)

    assert one(sound).do == f"Rechte setzen: chmod 600 {sound.paths.signing_key}"


def test_a_damaged_state_is_named_and_only_a_new_enrolment_helps(sound: Machine) -> None:
    (sound.paths.spool / f"{1:020d}.vw").write_bytes(b"damaged")

    assert "beschädigt" in one(sound).what
    assert "prepare" in one(sound).do


def test_a_damaged_report_that_waits_is_named_before_the_next_run_declares_it(
    machine: Machine,
) -> None:
    for change in "ab":
        machine.change(change)
        machine.gather()
    (machine.paths.spool / f"{1:020d}.vw").write_bytes(b"damaged")

    assert "1 wartende Meldungen" in one(machine).what


def test_reports_that_wait_for_a_day_are_a_problem_and_those_of_an_hour_are_not(
    machine: Machine,
) -> None:
    machine.gather()
    machine.clock.advance(HOUR)
    early = found(machine)
    machine.clock.advance(DAY)

    assert early == []
    assert "--network" in one(machine).do
    assert "1 Meldungen warten" in one(machine).what


def test_a_full_inbox_names_the_command_that_empties_it(sound: Machine) -> None:
    for number in range(64):
        (sound.paths.inbox / f"{number:020d}.vw").write_bytes(b"")

    assert "gather" in one(sound).do


def test_a_clock_set_back_is_noticed_by_the_last_message(sound: Machine) -> None:
    sound.clock.advance(-10 * MINUTE)

    assert one(sound).where == "Uhr"
    assert "10 Minuten" in one(sound).what


def test_a_certificate_that_has_ended_is_a_problem_and_one_that_ends_soon_a_note(
    sound: Machine,
) -> None:
    from cryptography.x509 import load_pem_x509_certificates

    end = load_pem_x509_certificates(sound.paths.tls_cert.read_bytes())[0].not_valid_after_utc
    end_ms = round(end.timestamp() * 1000)
    levels = []
    for now in (end_ms - 30 * DAY, end_ms - DAY, end_ms):
        sound.clock.now = now
        levels.append([finding.level for finding in found(sound)])

    assert levels == [[], ["note"], ["problem"]]


def test_a_clock_before_the_certificate_is_the_clocks_fault(sound: Machine) -> None:
    sound.clock.now = 1_000_000_000_000

    assert {finding.where for finding in found(sound)} == {"Uhr"}


def test_an_announcement_that_is_over_is_a_note(sound: Machine) -> None:
    sound.paths.absence.write_bytes(b"{}")

    assert (one(sound).level, one(sound).where) == ("note", "Abwesenheit")


def section(status: Any, reason: str | None, hint: str = "", reach: Any = "full") -> Section:
    entry = SectionEntry(hash="", status=status, at=1, reason=reason, reach=reach)
    return Section(entry, None, hint)


@pytest.mark.parametrize(
    ("given", "level", "what", "do"),
    [
        (section("absent", "no_sudo"), "note", "sudo ist nicht installiert.", "Nichts zu tun."),
        (section("denied", "shadow_denied", "Als root."), "problem", "nicht lesbar", "Als root."),
        (section("timeout", "probe_limit"), "problem", "länger als 10 Sekunden", "agent show"),
        (section("failed", "future_reason"), "problem", "Grund: future_reason.", "Hersteller"),
        (section("ok", "keys_denied", reach="partial"), "note", "nur teilweise", "Als root"),
    ],
)
def test_each_section_says_in_german_what_is_missing_why_and_what_to_do(
    sound: Machine, given: Section, level: str, what: str, do: str
) -> None:
    (finding,) = found(sound, sshd=given)

    assert (finding.where, finding.level) == ("Abschnitt sshd", level)
    assert what in finding.what
    assert do in finding.do


def test_reasons_read_the_same_here_and_on_the_pages_of_the_collector() -> None:
    assert {code: str(text) for code, text in words.REASONS.items()} == REASONS


def test_no_finding_of_a_recorded_host_is_without_a_sentence(sound: Machine) -> None:
    nothing = sound.host.without("/etc").without("/usr").without("/var")
    findings = diagnose(sound.paths, collect(nothing, sound.clock), sound.clock.now)

    assert len(findings) > 10
    assert not [one for one in findings if "Grund:" in one.what or not one.do]


def test_the_doctor_ends_with_1_only_if_something_must_be_done(
    sound: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LocalHost", lambda: sound.host)
    monkeypatch.setattr(cli, "now_ms", sound.clock)
    codes = []
    for mode in (0o600, 0o644):
        sound.paths.tls_key.chmod(mode)
        codes.append(cli.main(["doctor", "--dir", str(sound.paths.root)]))
    out = capsys.readouterr().out
    cli.main(["doctor", "--json", "--dir", str(sound.paths.root)])
    told = json.loads(capsys.readouterr().out)

    assert codes == [0, 1]
    assert "Kein Problem." in out and "[A303]" in out
    assert [one["code"] for one in told if one["level"] == "problem"] == ["A303"]
