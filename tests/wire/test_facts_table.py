"""Nothing is collected without a purpose, and the table that says so is up to date."""

from tools import facts_table

from verbundwacht_collector.rules.load import load_pack
from verbundwacht_wire.schema import facts_schema

PACK = load_pack(facts_table.PACK)
ROWS = list(facts_table.rows(facts_schema(), facts_table.reads_of(PACK)))


def test_the_committed_table_is_what_the_generator_writes() -> None:
    committed = facts_table.TABLE.read_text("utf-8")

    assert committed == facts_table.table(PACK), "run: python -m tools.facts_table"


def test_a_field_that_no_rule_and_no_page_uses_is_not_sent() -> None:
    useless = [f"{row.section}.{row.path}" for row in ROWS if not (row.rules or row.page)]

    assert useless == []


def test_every_purpose_belongs_to_a_field() -> None:
    fields = {f"{row.section}.{row.path}" for row in ROWS}

    assert facts_table.HOST_PAGE.keys() - fields == set()
    assert all(len(reason) > 10 for reason in facts_table.HOST_PAGE.values())


def test_the_table_holds_every_field_of_the_schema() -> None:
    """By name and label, as two lists may hold the same kind of object."""
    definitions = facts_schema()["$defs"].values()
    fields = {(n, f["title"]) for kind in definitions for n, f in kind["properties"].items()}

    assert {
        (row.path.rpartition(".")[2].removesuffix("[]"), row.schema["title"]) for row in ROWS
    } == (fields)


def test_a_field_read_inside_a_loop_counts_as_read() -> None:
    """By the types that the checker found, not by the words of the rule."""
    by_path = {f"{row.section}.{row.path}": row.rules for row in ROWS}

    assert "linux.listening.cleartext" in by_path["listening.sockets[].port"]
    assert "linux.packages.legacy-servers" in by_path["packages.installed[].name"]
    assert "linux.updates.automatic-enabled" in by_path["updates.automatic.enabled"]
    assert by_path["updates.pending[].candidate"] == ()
