"""The pack as a whole: it lints clean, its tests pass, and missing facts never look good."""

import json
import re
from collections.abc import Iterator

import pytest
from tests.rules.linux_basis.stock_matrix import NOW, PACK_FOLDER, RECORD, judge, matrix

from verbundwacht_agent.probes.accounts import PRIVILEGED
from verbundwacht_agent.probes.modules import RARE
from verbundwacht_agent.probes.services import NETWORK
from verbundwacht_collector.rules.evaluate import evaluate
from verbundwacht_collector.rules.load import lint, load_pack, read_files
from verbundwacht_collector.rules.model import Rule, SectionState
from verbundwacht_collector.rules.testing import run_tests
from verbundwacht_wire.facts import SECTIONS

PACK = load_pack(PACK_FOLDER)
REPORT = run_tests(PACK)
every_rule = pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)


def texts(rule: Rule) -> Iterator[tuple[str, str]]:
    """(language, text) of everything that people read."""
    for part in (rule.title, rule.problem, rule.rationale, rule.expected, rule.remediation):
        yield from part.items()


def test_the_pack_lints_without_error_or_warning() -> None:
    assert lint(read_files(PACK_FOLDER)) == []


def test_there_are_at_least_62_rules_and_every_section_has_one() -> None:
    read = {section for rule in PACK.rules for section in rule.sections}

    assert len(PACK.rules) >= 62
    assert read == set(PACK.fixtures["debian"]) == set(SECTIONS)


@every_rule
def test_all_tests_of_a_rule_pass(rule: Rule) -> None:
    results = [result for result in REPORT.results if result.rule_id == rule.id]

    assert results
    assert [str(result) for result in results if not result.ok] == []


@every_rule
def test_a_rule_is_tested_both_ways_and_its_failures_are_explained(rule: Rule) -> None:
    tests = [test for test in PACK.tests if test.rule_id == rule.id]

    assert any(test.expect == "pass" for test in tests)
    assert any(test.expect == "fail" for test in tests)
    assert any(test.expect == "not_applicable" for test in tests)
    assert all(test.why for test in tests if test.expect == "fail")


@every_rule
def test_every_section_a_rule_needs_is_tested_as_not_collected(rule: Rule) -> None:
    tested = {
        section
        for test in PACK.tests
        if test.rule_id == rule.id and test.expect == "error"
        for section in test.collect
    }

    assert tested >= set(rule.needs)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("absent", "not_applicable"),
        ("denied", "error"),
        ("timeout", "error"),
        ("failed", "error"),
    ],
)
@every_rule
def test_no_rule_passes_on_a_section_that_was_not_read(
    rule: Rule, status: str, outcome: str
) -> None:
    snapshot = {name: SectionState(status, "by the test") for name in SECTIONS}

    verdicts = evaluate(rule, snapshot, {}, NOW)

    assert [verdict.outcome for verdict in verdicts] == [outcome]


@every_rule
def test_no_rule_passes_on_a_host_that_sends_nothing(rule: Rule) -> None:
    verdicts = evaluate(rule, {}, {}, NOW)

    assert [verdict.outcome for verdict in verdicts] == ["not_applicable"]


def test_a_well_kept_server_passes_every_rule() -> None:
    outcomes = judge(PACK, "debian")

    assert {one for verdicts in outcomes.values() for one in verdicts.values()} == {"pass"}


def test_stock_installations_are_judged_as_recorded() -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))

    assert matrix(PACK) == recorded


def test_nothing_that_fails_on_a_fresh_installation_is_severe() -> None:
    severities = {rule.id: rule.severity for rule in PACK.rules}
    failing = {
        severities[rule_id]
        for outcomes in matrix(PACK).values()
        for rule_id, verdicts in outcomes.items()
        if "fail" in verdicts.values()
    }

    assert failing == {"medium", "low"}


def test_no_rule_is_blind_on_a_fresh_installation() -> None:
    outcomes = [verdicts for fixture in matrix(PACK).values() for verdicts in fixture.values()]

    assert all("error" not in verdicts.values() for verdicts in outcomes)


@every_rule
def test_texts_are_in_both_languages_and_steps_correspond(rule: Rule) -> None:
    steps = {
        language: re.findall(r"^(\d+)\. ", text, re.MULTILINE)
        for language, text in rule.remediation.items()
    }

    assert {language for language, _ in texts(rule)} == {"de", "en"}
    assert all(text.strip() for _, text in texts(rule))
    assert steps["de"] == steps["en"] == [str(n + 1) for n in range(len(steps["de"]))] != []


@every_rule
def test_german_sentences_have_at_most_twenty_words(rule: Rule) -> None:
    sentences = [
        sentence
        for language, text in texts(rule)
        if language == "de"
        for sentence in re.split(r"(?<=[.!?:])\s+|\n", text)
    ]

    assert [sentence for sentence in sentences if len(sentence.split()) > 20] == []


def test_defaults_name_only_what_the_agent_reports() -> None:
    groups = set(PACK.parameters["root_equivalent_groups"].default)
    services = set(PACK.parameters["unneeded_services"].default)
    drivers = set(PACK.parameters["unwanted_modules"].default)

    assert groups <= set(PRIVILEGED)
    assert services <= NETWORK
    assert drivers <= RARE


def test_a_release_supported_for_money_is_also_listed_without() -> None:
    free = PACK.parameters["support_ends"].default
    paid = PACK.parameters["paid_support_ends"].default

    assert {release for release in paid if paid[release] <= free.get(release, "9999")} == set()


def test_the_readme_names_every_rule_with_its_controls_and_every_parameter() -> None:
    readme = (PACK_FOLDER / "README.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in readme.splitlines() if row.startswith("| `linux.")}

    assert f"{len(PACK.rules)} rules over the {len(SECTIONS)} sections" in readme
    assert set(rows) == {rule.id for rule in PACK.rules}
    for rule in PACK.rules:
        entries = [
            entry for name in ("gspp", "itgs2023", "cis") for entry in rule.maps.get(name, ())
        ]
        assert [entry["id"] for entry in entries if entry["id"] not in rows[rule.id]] == []
        assert f"| {rule.severity} | {rule.title['en']} |" in rows[rule.id]
    assert [name for name in PACK.parameters if f"`{name}`" not in readme] == []


@every_rule
def test_an_alert_says_the_problem_and_not_the_wish(rule: Rule) -> None:
    assert rule.problem != rule.title
