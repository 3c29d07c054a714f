"""What an alert says on the terminal: in the reader's language, and of whom."""

from tests.collector.cli.operator import Operator
from tests.fakes import FakeAgent

from verbundwacht_collector.alerts.model import MUNICIPALITY_SILENT
from verbundwacht_collector.alerts.system_rules import SYSTEM_RULES
from verbundwacht_collector.store.sqlite import SqliteStore

TITLE = SYSTEM_RULES[MUNICIPALITY_SILENT].title


def broken_line(operator: Operator) -> None:
    """The whole municipality fell silent."""
    store = SqliteStore(operator.folder.database)
    with store.transaction() as tx:
        tx.execute(
            "INSERT INTO alert (number, fingerprint, municipality_id, rule_id, subject, severity,"
            " title, state, opened_at, changed_at, evidence) VALUES ('W-2026-0001', x'01',"
            " 'musterdorf', :rule, '', 'high', :title, 'new', 0, 0, x'')",
            {"rule": MUNICIPALITY_SILENT, "title": TITLE["de"]},
        )
    store.close()


def test_titles_are_in_the_language_that_was_asked_for(operator: Operator) -> None:
    broken_line(operator)
    german = operator.run("alerts").out
    english = operator.run("--lang", "en", "alerts").out

    assert TITLE["de"] in german
    assert TITLE["en"] in english
    assert TITLE["de"] not in english


def test_an_alert_about_a_municipality_names_no_server(operator: Operator) -> None:
    broken_line(operator)
    shown = operator.run("alert", "show", "W-2026-0001")

    assert shown.code == 0
    assert shown.out.splitlines()[1] == "Musterdorf"


def test_a_rule_that_is_gone_keeps_the_title_that_was_stored(
    busy: tuple[Operator, FakeAgent],
) -> None:
    operator, _ = busy
    store = SqliteStore(operator.folder.database)
    with store.transaction() as tx:
        tx.execute("UPDATE alert SET rule_id = 't.gone', title = 'Alter Titel'", {})
    store.close()

    assert "Alter Titel" in operator.run("--lang", "en", "alerts").out
