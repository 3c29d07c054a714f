"""The outcomes of a rule: kept apart, in the order in which they are decided."""

from datetime import timedelta
from typing import Any

import pytest
from tests.rules.fakes import NOW, ok, rule

from verbundwacht_collector.rules.evaluate import NOT_SENT, evaluate
from verbundwacht_collector.rules.model import Outcome, Rule, SectionState, Snapshot, Verdict

ROOT_LOGIN = """
  needs: [sshd, os]
  when: facts.os.id == "debian"
  assert: facts.sshd.permitrootlogin == "no"
"""
OUTDATED = """
  needs: [kernel]
  assert: "!facts.kernel.outdated"
  on_missing: {}
"""
SOCKETS = """
  needs: [listening]
  each: facts.listening.sockets
  as: p
  subject: [p.proto, p.port]
  assert: p.port in params.ports
  on_missing: error
"""
PORTS = "parameters: {ports: {type: list<int>, default: [22, 443]}}\n"
DEBIAN = {"id": "debian", "version": "12", "name": "Debian"}


def judged(one: Rule, snapshot: Snapshot, **params: Any) -> Verdict:
    """The only verdict."""
    (verdict,) = evaluate(one, snapshot, params, NOW)
    return verdict


def socket(port: int, proto: str = "tcp") -> dict[str, Any]:
    """A socket that listens everywhere."""
    return {"proto": proto, "port": port, "address": "0.0.0.0", "exposed": True}


@pytest.mark.parametrize(("value", "outcome"), [("no", "pass"), ("yes", "fail")])
def test_an_assertion_decides_between_pass_and_fail(value: str, outcome: Outcome) -> None:
    verdict = judged(rule(ROOT_LOGIN), ok(sshd={"permitrootlogin": value}, os=DEBIAN))

    assert (verdict.outcome, verdict.reason) == (outcome, "")
    assert str(verdict.readings[0]) == f'facts.sshd.permitrootlogin = "{value}"'


@pytest.mark.parametrize("status", ["denied", "timeout", "failed"])
def test_a_section_that_could_not_be_collected_is_an_error(status: str) -> None:
    snapshot = {**ok(os=DEBIAN), "sshd": SectionState(status, "no_host_keys")}

    verdict = judged(rule(ROOT_LOGIN), snapshot)

    assert verdict.outcome == "error"
    assert verdict.reason == f"sshd was not collected: {status} (no_host_keys)"


def test_a_proven_absent_section_is_not_applicable() -> None:
    snapshot = {**ok(os=DEBIAN), "sshd": SectionState("absent")}

    verdict = judged(rule(ROOT_LOGIN), snapshot)

    assert (verdict.outcome, verdict.reason) == ("not_applicable", "sshd is absent")


def test_a_section_that_an_old_agent_does_not_send_is_not_applicable_by_name() -> None:
    verdict = judged(rule(ROOT_LOGIN), ok(os=DEBIAN))

    assert verdict.outcome == "not_applicable"
    assert verdict.reason == f"{NOT_SENT}: sshd"


def test_absent_comes_before_not_sent_and_not_sent_before_an_error() -> None:
    absent, failed = SectionState("absent"), SectionState("failed", "x")

    assert judged(rule(ROOT_LOGIN), {"sshd": failed, "os": absent}).reason == "os is absent"
    assert judged(rule(ROOT_LOGIN), {"os": absent}).reason == "os is absent"
    assert judged(rule(ROOT_LOGIN), {"sshd": failed}).reason == f"{NOT_SENT}: os"


@pytest.mark.parametrize("facts", [None, [], "text"])
def test_a_section_without_its_content_is_an_error(facts: Any) -> None:
    snapshot = {**ok(os=DEBIAN), "sshd": SectionState("ok", None, facts)}

    verdict = judged(rule(ROOT_LOGIN), snapshot)

    assert (verdict.outcome, verdict.reason) == ("error", "the content of sshd is not known here")


def test_a_condition_that_is_not_met_is_not_applicable_whatever_the_assertion_says() -> None:
    snapshot = ok(sshd={"permitrootlogin": "yes"}, os=DEBIAN | {"id": "ubuntu"})

    verdict = judged(rule(ROOT_LOGIN), snapshot)

    assert verdict.outcome == "not_applicable"
    assert verdict.explanation == 'the condition `when` is not met\nfacts.os.id = "ubuntu"'


def test_a_condition_that_cannot_be_decided_is_an_error() -> None:
    verdict = judged(rule(ROOT_LOGIN), ok(sshd={"permitrootlogin": "no"}, os={"id": 5}))

    assert (verdict.outcome, verdict.reason) == ("error", "facts.os.id is not of type string")


@pytest.mark.parametrize("outcome", ["fail", "error", "not_applicable"])
def test_a_missing_field_is_what_the_rule_says_it_is(outcome: Outcome) -> None:
    verdict = judged(rule(OUTDATED.format(outcome)), ok(kernel={}))

    assert (verdict.outcome, verdict.reason) == (outcome, "facts.kernel.outdated is missing")
    assert [str(one) for one in verdict.readings] == ["facts.kernel.outdated = missing"]


def test_a_missing_field_in_the_condition_asks_on_missing_too() -> None:
    body = """
  needs: [kernel]
  when: facts.kernel.outdated
  assert: facts.kernel.reboot_required
  on_missing: fail
"""

    verdict = judged(rule(body), ok(kernel={"reboot_required": True}))

    assert (verdict.outcome, verdict.reason) == ("fail", "facts.kernel.outdated is missing")


def test_what_the_condition_makes_sure_of_needs_no_on_missing() -> None:
    body = """
  needs: [kernel]
  when: has(facts.kernel.outdated)
  assert: "!facts.kernel.outdated"
"""
    one = rule(body)

    assert one.on_missing is None
    assert judged(one, ok(kernel={})).outcome == "not_applicable"
    assert judged(one, ok(kernel={"outdated": True})).outcome == "fail"


def test_a_missing_required_field_is_an_error_even_if_on_missing_says_otherwise() -> None:
    body = """
  needs: [kernel]
  assert: facts.kernel.reboot_required || facts.kernel.outdated
  on_missing: not_applicable
"""

    verdict = judged(rule(body), ok(kernel={}))

    assert verdict.outcome == "error"
    assert "although the vocabulary requires it" in verdict.reason


def test_an_error_while_computing_is_an_error() -> None:
    body = """
  needs: [updates]
  assert: timestamp(facts.updates.manager) < now
"""

    verdict = judged(rule(body), ok(updates={"manager": "dpkg"}))

    assert (verdict.outcome, verdict.subject) == ("error", "")
    assert "'dpkg' is not a date" in verdict.reason


def test_each_element_has_a_verdict_of_its_own() -> None:
    verdicts = evaluate(
        rule(SOCKETS, parameters=PORTS),
        ok(listening={"sockets": [socket(22), socket(23), socket(53, "udp")]}),
        {},
        NOW,
    )

    assert {one.subject: one.outcome for one in verdicts} == {
        "tcp/22": "pass",
        "tcp/23": "fail",
        "udp/53": "fail",
    }
    assert [str(one) for one in verdicts[0].readings] == ["facts.listening.sockets[0] port=22"]
    assert [str(one) for one in verdicts[1].readings] == [
        'facts.listening.sockets[1] proto="tcp" port=23 address="0.0.0.0"',
        "params.ports = [22, 443]",
    ]


def test_what_a_passing_element_was_compared_with_is_named_beside_it() -> None:
    body = """
  needs: [listening, sshd]
  each: facts.listening.sockets
  as: p
  subject: [p.port]
  assert: p.port in facts.sshd.port && p.proto == "tcp"
"""
    snapshot = ok(listening={"sockets": [socket(22)]}, sshd={"port": [22]})

    verdict = judged(rule(body), snapshot)

    assert [str(one) for one in verdict.readings] == [
        'facts.listening.sockets[0] port=22 proto="tcp"',
        "facts.sshd.port = [22]",
    ]


def test_no_element_at_all_is_one_pass_without_subject() -> None:
    verdict = judged(rule(SOCKETS, parameters=PORTS), ok(listening={"sockets": []}))

    assert (verdict.outcome, verdict.subject) == ("pass", "")


def test_of_two_elements_with_one_subject_the_failing_one_counts() -> None:
    body = SOCKETS.replace("[p.proto, p.port]", "[p.proto]")
    for ports in ([22, 23], [23, 22], [22, 23, 443]):
        sockets = [socket(port) for port in ports]

        verdict = judged(rule(body, parameters=PORTS), ok(listening={"sockets": sockets}))

        assert (verdict.outcome, verdict.subject) == ("fail", "tcp")
        assert "port=23" in verdict.explanation


def test_of_two_failing_elements_with_one_subject_the_first_is_explained() -> None:
    body = SOCKETS.replace("[p.proto, p.port]", "[p.proto]")
    sockets = [socket(23), socket(25)]

    verdict = judged(rule(body, parameters=PORTS), ok(listening={"sockets": sockets}))

    assert verdict.readings[0].path == "facts.listening.sockets[0]"


def test_what_blocks_a_rule_with_subjects_gives_one_verdict_without_subject() -> None:
    one = rule(SOCKETS, parameters=PORTS)

    denied = judged(one, {"listening": SectionState("denied", "no_ptrace")})
    broken = judged(one, ok(listening={"sockets": "none"}))

    assert (denied.outcome, denied.subject) == ("error", "")
    assert (broken.outcome, broken.subject) == ("error", "")


def test_an_element_that_cannot_be_named_makes_the_whole_rule_an_error() -> None:
    """A subject without verdict counts as gone, so a nameless one must not hide behind others."""
    sockets = [socket(23), {"proto": "tcp", "address": "::", "exposed": True}]

    verdict = judged(rule(SOCKETS, parameters=PORTS), ok(listening={"sockets": sockets}))

    assert (verdict.outcome, verdict.subject) == ("error", "")


def test_an_element_without_an_optional_field_asks_on_missing_for_its_subject_only() -> None:
    body = """
  needs: [listening]
  each: facts.listening.sockets
  as: p
  subject: [p.port]
  assert: p.program == "sshd"
  on_missing: not_applicable
"""
    sockets = [socket(22) | {"program": "sshd"}, socket(23)]

    known, unknown = evaluate(rule(body), ok(listening={"sockets": sockets}), {}, NOW)

    assert (known.outcome, known.subject) == ("pass", "22")
    assert (unknown.outcome, unknown.subject) == ("not_applicable", "23")
    assert unknown.readings[0].path == "facts.listening.sockets[1]"
    assert "program=missing" in unknown.readings[0].value


def test_subjects_that_are_used_up_by_the_budget_are_errors_and_keep_their_names() -> None:
    body = """
  needs: [packages, listening]
  each: facts.listening.sockets
  as: p
  subject: [p.port]
  assert: facts.packages.installed.all(a, a.name != "x" && a.version != "y" && p.port > 0)
"""
    packages = [{"name": f"p{n}", "version": "1", "arch": "all"} for n in range(4000)]
    sockets = [socket(port) for port in range(1, 21)]

    verdicts = evaluate(
        rule(body),
        ok(packages={"manager": "dpkg", "installed": packages}, listening={"sockets": sockets}),
        {},
        NOW,
    )

    outcomes = [one.outcome for one in verdicts]
    assert len(verdicts) == 20
    assert (outcomes[0], outcomes[-1]) == ("pass", "error")
    assert "200000 steps" in verdicts[-1].reason


def test_settings_replace_defaults_one_by_one() -> None:
    parameters = "parameters: {a: {type: int, default: 1}, b: {type: int, default: 5}}\n"
    body = """
  needs: [sshd]
  assert: facts.sshd.maxauthtries > params.a && facts.sshd.maxauthtries < params.b
"""
    one, snapshot = rule(body, parameters=parameters), ok(sshd={"maxauthtries": 3})

    assert judged(one, snapshot).outcome == "pass"
    assert judged(one, snapshot, a=3).outcome == "fail"
    assert judged(one, snapshot, a=2, b=4).outcome == "pass"


def test_a_setting_of_the_wrong_type_is_an_error() -> None:
    parameters = "parameters: {a: {type: int, default: 1}}\n"
    body = "  needs: [sshd]\n  assert: facts.sshd.maxauthtries > params.a\n"

    verdict = judged(rule(body, parameters=parameters), ok(sshd={"maxauthtries": 3}), a="1")

    assert (verdict.outcome, verdict.reason) == ("error", "params.a is not of type int")


def test_the_clock_is_an_input() -> None:
    body = "  needs: [kernel]\n  assert: facts.kernel.booted + days(30) > now\n"
    one = rule(body)

    fresh = judged(one, ok(kernel={"booted": "2026-11-20T00:00:00Z"}))
    old = judged(one, ok(kernel={"booted": "2026-01-01T00:00:00Z"}))

    assert one.reads_now
    assert (fresh.outcome, old.outcome) == ("pass", "fail")


def test_the_words_of_a_verdict_stay_the_same_while_the_clock_goes_on() -> None:
    one = rule("  needs: [kernel]\n  assert: facts.kernel.booted + days(30) > now\n")
    snapshot = ok(kernel={"booted": "2026-01-01T00:00:00Z"})

    first = evaluate(one, snapshot, {}, NOW)
    later = evaluate(one, snapshot, {}, NOW + timedelta(hours=1))

    assert first == later
    assert first[0].explanation == "facts.kernel.booted = 2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("a\x00b", "a\\u0000b"),
        ("a\nb", "a\\nb"),
        ("\ud800", "\\ud800"),
        ("größe", "größe"),
    ],
)
def test_a_subject_is_printable_whatever_the_host_sends(name: str, subject: str) -> None:
    body = """
  needs: [packages]
  each: facts.packages.installed
  as: p
  subject: [p.name]
  assert: p.version != "0"
"""
    packages = [{"name": name, "version": "1", "arch": "all"}]

    verdict = judged(rule(body), ok(packages={"manager": "dpkg", "installed": packages}))

    assert verdict.subject == subject


def test_long_subjects_stay_short_and_apart() -> None:
    body = """
  needs: [packages]
  each: facts.packages.installed
  as: p
  subject: [p.name]
  assert: p.version != "0"
"""
    names = ["a" * 5000, "a" * 5000 + "b", "c" * 200]
    packages = [{"name": name, "version": "1", "arch": "all"} for name in names]

    verdicts = evaluate(
        rule(body), ok(packages={"manager": "dpkg", "installed": packages}), {}, NOW
    )

    assert len({one.subject for one in verdicts}) == 3
    assert all(len(one.subject) == 200 for one in verdicts)
    assert verdicts[2].subject == "c" * 200


def test_a_rule_knows_its_sections_for_the_pipeline() -> None:
    one = rule(ROOT_LOGIN)

    assert one.sections == {"sshd", "os"}
    assert one.reads_now is False
    assert one.needs == ("sshd", "os")
