"""What pages show: German words for every code, and missing never looks like fine."""

import ast
import re
from typing import Any, get_args

import pytest
from tests.collector.web.stage import NOW, ROOT, pack

from verbundwacht_agent.errors import NotOk
from verbundwacht_collector.rules.model import OUTCOMES
from verbundwacht_collector.store.views import EventRow, FindingRow, Freshness, SectionRow
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.reads import Figures
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.templates import initials
from verbundwacht_collector.web.views.alert import Step, references, remedy
from verbundwacht_collector.web.views.alerts import verdict
from verbundwacht_collector.web.views.facts import facts
from verbundwacht_collector.web.views.history import history
from verbundwacht_collector.web.views.host import finding_groups, in_order, section_view, skew
from verbundwacht_collector.web.views.hosts import bar, summary
from verbundwacht_collector.web.views.hosts import verdict as host_verdict
from verbundwacht_collector.web.views.readings import reading_line
from verbundwacht_collector.web.views.reasons import finding_reason
from verbundwacht_wire.facts import SECTIONS

GREEN = "pass"


def section(status: str, body: dict[str, Any] | None = None, reach: str = "full") -> SectionRow:
    return SectionRow("sshd", status, None, reach, NOW, NOW, body)


def finding(outcome: str, rule: str = "linux.ssh.root-login", reason: str = "") -> FindingRow:
    return FindingRow(
        host_id="a0", host="h", municipality_id="m", rule_id=rule, subject="", outcome=outcome,
        stored_outcome=outcome, since=NOW, reason=reason, readings=[], baseline=False,
        pack_digest="",
    )  # fmt: skip


@pytest.mark.parametrize("outcome", [*OUTCOMES, "stale", "something-new"])
def test_only_a_pass_looks_green(outcome: str) -> None:
    assert (words.outcome(outcome).look == GREEN) == (outcome == "pass")


@pytest.mark.parametrize("status", ["ok", *get_args(NotOk), "unknown", "something-new"])
def test_only_a_collected_section_looks_green(status: str) -> None:
    assert (words.section_status(status).look == GREEN) == (status == "ok")


@pytest.mark.parametrize("fresh", [*get_args(Freshness), "something-new"])
def test_only_a_reporting_host_looks_green(fresh: str) -> None:
    assert (words.freshness(fresh).look == GREEN) == (fresh == "fresh")


def test_states_that_are_not_known_differ_in_word_and_look() -> None:
    shown = [words.outcome(code) for code in ("pass", "fail", "error", "stale", "not_applicable")]

    assert len({word.text for word in shown}) == len({word.look for word in shown}) == 5


def phrases() -> set[str]:
    """The fixed phrases with which agents say why a section, or a part of it, is missing."""
    found: set[str] = set()
    for path in (ROOT / "agent" / "verbundwacht_agent").rglob("*.py"):
        for call in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)):
            if getattr(call.func, "id", "") in ("Unavailable", "Collected"):
                given = [*call.args[1:2], *(keyword.value for keyword in call.keywords)]
                parts = [part for one in given for part in ast.walk(one)]
                found |= {str(part.value) for part in parts if isinstance(part, ast.Constant)}
    return {phrase for phrase in found if re.fullmatch(r"[a-z]+(_[a-z]+)*", phrase)}


def test_every_reason_that_agents_give_has_a_german_sentence() -> None:
    known = phrases()

    assert len(known) > 25
    assert known - words.REASONS.keys() == set()


def test_every_section_of_the_vocabulary_has_a_german_title_and_its_place() -> None:
    assert list(words.SECTIONS) == list(SECTIONS)


def test_a_section_that_was_never_sent_is_shown_as_unknown_and_not_left_out() -> None:
    rows = in_order([section("ok", {}), SectionRow("zukunft", "ok", None, "full", 1, 1, {})])

    assert [row.section for row in rows] == [*SECTIONS, "zukunft"]
    assert {row.status for row in rows if row.section not in ("sshd", "zukunft")} == {"unknown"}


def test_a_section_of_a_silent_host_is_stale_and_one_never_sent_is_unknown() -> None:
    known = section_view(section("ok", {}), stale=True, max_rows=5)
    never = section_view(in_order([])[0], stale=True, max_rows=5)

    assert (known.stale, never.stale, never.status.look) == (True, False, "none")


def test_a_field_without_a_value_is_named_as_not_reported() -> None:
    shown = facts("kernel", {"running": "6.1", "booted": "2026-11-10T05:00:00Z"})

    values = {field.label: field.value for field in shown.fields}
    assert values["Neuester installierter Kernel"].look == "missing"
    assert values["Neustart angefordert"].text == "nicht gemeldet"
    assert values["Gestartet am"].text == "10.11.2026, 06:00:00 Uhr"


def test_a_field_that_agents_leave_out_when_it_is_usual_is_not_called_missing() -> None:
    packages = {
        "manager": "dpkg",
        "installed": [
            {"name": "openssh-server", "version": "1", "arch": "amd64", "source": "openssh"},
            {"name": "openssl", "version": "3", "arch": "amd64"},
        ],
    }

    (table,) = facts("packages", packages).tables

    assert table.columns == ("Name", "Version", "Architektur", "Quellpaket")
    assert [row[3].text for row in table.rows] == ["openssh", "–"]


def test_long_tables_are_cut_and_say_so() -> None:
    installed = [{"name": f"p{n}", "version": "1", "arch": "amd64"} for n in range(60)]

    (table,) = facts("packages", {"manager": "dpkg", "installed": installed}, max_rows=50).tables

    assert (len(table.rows), table.total, table.cut) == (50, 60, True)


def test_fields_and_sections_of_newer_agents_are_shown_under_their_own_names() -> None:
    known = facts("os", {"id": "debian", "version": "12", "name": "Debian", "edition": "server"})
    unknown = facts("zukunft", {"wert": 7})

    assert "edition" in [field.label for field in known.fields]
    assert [(field.label, field.value.text) for field in unknown.fields] == [("wert", "7")]


@pytest.mark.parametrize("fixture", ["debian", "debian12-stock", "ubuntu2404-stock", "sparse"])
def test_every_fixture_of_the_pack_can_be_shown(fixture: str) -> None:
    for name, body in pack().fixtures[fixture].items():
        shown = facts(name, body)

        assert shown.fields or shown.tables


def test_findings_stand_in_their_group_with_what_needs_a_person_first() -> None:
    book = rule_book([pack()])
    rows = [finding("pass"), finding("fail", "linux.ssh.password-login"), finding("error", "fort")]

    groups = finding_groups(rows, book)

    assert [group.title for group in groups] == ["SSH-Zugang", "Andere Regeln"]
    assert [line.outcome.text for line in groups[0].loud] == ["nicht erfüllt"]
    assert [line.outcome.text for line in groups[0].quiet] == ["erfüllt"]
    assert groups[1].loud[0].title == "fort"


def test_the_bar_of_a_host_fills_its_width_and_names_every_outcome() -> None:
    counts = {"pass": 20, "fail": 3, "error": 1, "not_applicable": 2, "neu": 1}

    pieces = bar(counts)

    assert round(pieces[-1].x + pieces[-1].width) == 100
    assert [piece.count for piece in pieces] == [3, 1, 20, 2, 1]
    assert summary(counts).startswith("3 nicht erfüllt, 1 nicht prüfbar, 20 erfüllt")
    assert summary({}) == "noch nichts geprüft"


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("sshd is absent (no_ssh_server)", "„SSH-Server“ gibt es auf diesem Server nicht. Es ist"),
        ("updates was not collected: timeout (command_timeout)", "Zeit überschritten. Ein Befehl"),
        ("kernel is not sent by this agent", "Dieser Agent schickt den Abschnitt „Kernel“ nicht."),
        ("the condition `when` is not met", "Die Voraussetzung der Regel ist nicht gegeben."),
        ("something nobody translated", "something nobody translated"),
        ("", ""),
    ],
)
def test_reasons_of_findings_are_german_or_shown_as_they_are(reason: str, sentence: str) -> None:
    assert sentence in finding_reason(reason)


def test_a_reading_has_the_label_of_its_field_and_its_text_without_quotes() -> None:
    line = reading_line("facts.accounts.privileged[1].members[0]", '"mmuster"')
    missing = reading_line("facts.kernel.outdated", "missing")

    assert (line.label, line.value) == ("Konten: Privilegierte Gruppen: Mitglieder", "mmuster")
    assert missing.missing


def test_a_remedy_shows_commands_apart_and_leaves_sentences_whole() -> None:
    text = (
        "1. Listen holen: apt-get update\n2. Redis: Setzen Sie bind 127.0.0.1 ::1.\n"
        "3. Warten.\nFertig."
    )

    found = remedy(text)

    assert found.steps == (
        Step("Listen holen:", "apt-get update"),
        Step("Redis: Setzen Sie bind 127.0.0.1 ::1.", None),
        Step("Warten.", None),
    )
    assert found.closing == ("Fertig.",)


def test_every_rule_of_the_pack_has_a_remedy_and_references_that_can_be_shown() -> None:
    for rule in rule_book([pack()]).rules.values():
        assert remedy(rule.remediation).steps, rule.id
        for catalogue, entries in references(rule.maps or {}):
            assert catalogue in ("Grundschutz++", "IT-Grundschutz 2023", "WiBA", "CIS")
            assert all(entries)


def test_the_history_names_the_day_where_it_changes() -> None:
    day = 86_400_000
    events = [
        EventRow(NOW, "opened", None, "", "regression", None),
        EventRow(NOW + 1, "taken", "Jana Brenner", "", "taken_by_person", None),
        EventRow(NOW + day, "closed", None, "", "rule_removed", None),
        EventRow(NOW + day, "something_new", None, "", "new_reason", None),
    ]

    lines = history(events)

    assert [line.new_day for line in lines] == [True, False, True, False]
    assert [line.what for line in lines] == [
        "Warnung angelegt",
        "hat übernommen",
        "Geschlossen",
        "something_new",
    ]
    assert [line.reason for line in lines] == [
        "Die Regel war vorher erfüllt.",
        None,
        "Die Regel gibt es nicht mehr.",
        "new_reason",
    ]


@pytest.mark.parametrize(
    ("counts", "untaken", "sentence"),
    [
        ({}, 0, "Keine Warnung ist offen."),
        ({"low": 1}, 1, "Eine Warnung ist offen. Sie ist noch nicht übernommen."),
        ({"critical": 1, "low": 12}, 0, "13 Warnungen sind offen, eine davon ist kritisch. Alle"),
        ({"critical": 2, "low": 1}, 2, "Drei Warnungen sind offen, zwei davon sind kritisch. Zwei"),
        ({"low": 3}, 3, "Drei Warnungen sind offen. Noch ist keine übernommen."),
    ],
)
def test_one_sentence_says_how_things_stand(
    counts: dict[str, int], untaken: int, sentence: str
) -> None:
    assert verdict(Figures(counts, untaken, {})).startswith(sentence)


def test_the_sentence_about_hosts_never_counts_a_missing_one_as_reporting() -> None:
    found = host_verdict({"fresh": 148, "late": 1, "silent": 2, "never": 1})

    assert found == (
        "148 von 152 Servern melden; 1 ist verspätet, 2 schweigen, 1 hat noch nie gemeldet."
    )
    assert host_verdict({"fresh": 3}) == "Alle 3 Server melden."
    assert host_verdict({}) == "Noch ist kein Server angemeldet."


def test_times_are_german_local_and_follow_summer_time() -> None:
    summer, winter = 1_782_900_000_000, NOW

    assert dates.iso(summer) == "2026-07-01T12:00:00+02:00"
    assert dates.iso(winter).endswith("+01:00")
    assert dates.moment(winter, winter) == "heute, 14:32 Uhr"
    assert dates.moment(winter - 86_400_000, winter) == "gestern, 14:32 Uhr"
    assert dates.moment(summer, winter) == "01.07.2026, 12:00 Uhr"
    assert dates.number(48213) == "48.213"


def test_a_wrong_clock_is_named_with_its_direction() -> None:
    assert skew(0) == ""
    assert skew(12 * 60_000) == "Die Uhr dieses Servers geht 12 Minuten vor."
    assert "aufgehalten" in skew(-12 * 60_000)


def test_initials_are_first_and_last_name() -> None:
    names = ("Jana Brenner", "Anna Maria von Stein", "Kai", "")

    assert [initials(name) for name in names] == ["JB", "AS", "K", ""]
