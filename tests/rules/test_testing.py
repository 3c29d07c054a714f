"""The tests inside packs: what makes them fail, and that none at all is a failure, too."""

from datetime import UTC, datetime

from tests.rules.fakes import pack_text

from verbundwacht_collector.rules.load import load_pack_bytes
from verbundwacht_collector.rules.testing import DEFAULT_NOW, TestResult, run_tests, snapshot_of

ROOT = """
  needs: [sshd]
  assert: facts.sshd.permitrootlogin == "no"
"""
SOCKETS = """
  needs: [listening]
  each: facts.listening.sockets
  as: p
  subject: [p.proto, p.port]
  assert: p.port == params.port
"""
PORT = "parameters: {port: {type: int, default: 22}}\n"
TWO = (
    "{listening: {sockets: [{proto: tcp, port: 22, address: '::', exposed: true},"
    " {proto: tcp, port: 23, address: '::', exposed: true}]}}"
)


def results(body: str, *tests: str, head: str = "") -> tuple[TestResult, ...]:
    """The results of a pack with one rule and these tests."""
    lines = "".join(f"  - {test}\n" for test in tests)
    text = pack_text(body + ("  tests:\n" + lines if tests else ""), parameters=head)
    return run_tests(load_pack_bytes({"pack.yaml": text.encode()})).results


def test_a_pack_without_tests_fails() -> None:
    (result,) = results(ROOT)

    assert not result.ok
    assert str(result) == "pack.yaml:1: verbund/test test 1: FAILED: the pack has no tests"


def test_the_report_lists_what_failed() -> None:
    text = pack_text(ROOT + "  tests:\n  - {with: {sshd: {permitrootlogin: yes}}, expect: pass}\n")

    report = run_tests(load_pack_bytes({"pack.yaml": text.encode()}))

    assert [one.problem for one in report.failed] == [
        'expected pass, got fail: facts.sshd.permitrootlogin = "yes"'
    ]
    assert (report.failed[0].line, report.failed[0].expected, report.failed[0].got) == (
        19,
        "pass",
        "fail",
    )


def test_every_outcome_can_be_expected() -> None:
    found = results(
        ROOT,
        '{with: {sshd: {permitrootlogin: "no"}}, expect: pass}',
        '{with: {sshd: {permitrootlogin: "yes"}}, expect: fail, why: \'permitrootlogin = "yes"\'}',
        "{expect: not_applicable, why: not sent}",
        "{collect: {sshd: absent}, expect: not_applicable, why: is absent}",
        "{collect: {sshd: failed}, expect: error}",
        '{with: {sshd: {permitrootlogin: "no"}}, without: [sshd], expect: not_applicable}',
    )

    assert [one.ok for one in found] == [True] * 6
    assert str(found[0]).endswith("linux.test.rule test 1: ok")


def test_the_explanation_must_say_why() -> None:
    (result,) = results(ROOT, "{collect: {sshd: failed}, expect: error, why: timeout}")

    assert "the explanation does not say 'timeout': sshd was not collected" in result.problem


def test_subjects_have_outcomes_of_their_own() -> None:
    right, wrong, unknown = results(
        SOCKETS,
        f"{{with: {TWO}, expect: fail, subjects: {{tcp/22: pass, tcp/23: fail}}}}",
        f"{{with: {TWO}, expect: fail, subjects: {{tcp/22: fail}}}}",
        f"{{with: {TWO}, expect: fail, subjects: {{udp/22: fail}}}}",
        head=PORT,
    )

    assert right.ok
    assert right.explanation.startswith("tcp/23: facts.listening.sockets[1] proto=")
    assert wrong.problem == "tcp/22: expected fail, got pass"
    assert unknown.problem == "no verdict on 'udp/22'; there are 'tcp/22', 'tcp/23'"


def test_a_test_sets_parameters_and_the_clock() -> None:
    body = "  needs: [kernel]\n  assert: facts.kernel.booted + days(params.n) > now\n"
    kernel = "with: {kernel: {booted: '2026-11-01T00:00:00Z'}}, now: '2026-11-22T12:00:00Z'"
    head = "parameters: {n: {type: int, default: 30}}\n"

    found = results(
        body,
        f"{{{kernel}, expect: pass}}",
        f"{{{kernel}, params: {{n: 7}}, expect: fail}}",
        head=head,
    )

    assert [one.ok for one in found] == [True, True]


def test_a_test_without_a_clock_has_a_fixed_one() -> None:
    assert datetime(2026, 1, 1, 12, tzinfo=UTC) == DEFAULT_NOW


def test_a_test_changes_its_fixture_by_merging_replacing_and_removing() -> None:
    fixtures = """fixtures:
  host:
    sshd: {permitrootlogin: "no", port: [22], ciphers: [a, b]}
    kernel: {running: "6.1", outdated: true}
"""
    changes = "{sshd: {port: [23]}, kernel: {outdated: null}, os: {id: debian}}"
    test = f"{{use: host, with: {changes}, collect: {{mounts: denied}}, expect: pass}}"
    body = f"{ROOT}  tests:\n  - {test}\n"
    pack = load_pack_bytes({"pack.yaml": pack_text(body, parameters=fixtures).encode()})

    snapshot = snapshot_of(pack.tests[0])

    assert {name: state.facts for name, state in snapshot.items()} == {
        "sshd": {"permitrootlogin": "no", "port": [23], "ciphers": ["a", "b"]},
        "kernel": {"running": "6.1"},
        "os": {"id": "debian"},
        "mounts": None,
    }
    assert snapshot["mounts"].status == "denied"
    assert pack.fixtures["host"]["kernel"] == {"running": "6.1", "outdated": True}
