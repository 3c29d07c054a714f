"""The catalogues are complete: no text without its translation, none that stands nowhere."""

from pathlib import Path

import pytest
from babel.messages import Catalog
from tools import messages

from verbundwacht_collector.i18n import LANGUAGES, SOURCE

OTHERS = [language for language in LANGUAGES if language != SOURCE]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_every_translation_is_used(language: str) -> None:
    wanted = messages.template()

    found = messages.faults(wanted, messages.read(language))

    assert len(wanted) > 200
    assert not found, "make messages; then translate:\n" + "\n".join(found)


@pytest.mark.parametrize("language", OTHERS)
def test_running_the_tool_again_changes_nothing_in_a_complete_catalogue(language: str) -> None:
    catalogue = messages.updated(language)

    assert messages.written(catalogue) == messages.path_of(language).read_bytes()


def test_a_catalogue_with_any_fault_is_refused_with_text_and_place() -> None:
    wanted, there = Catalog(), Catalog(locale="en")
    for text in ("fehlt", "unsicher", "Name %(a)s", ("%(num)s Ding", "%(num)s Dinge"), "gut"):
        wanted.add(text, locations=[("seite.py", 0)])
    there.add("unsicher", "unsure", flags=["fuzzy"])
    there.add("Name %(a)s", "name %(b)s")
    there.add(("%(num)s Ding", "%(num)s Dinge"), ("%(num)s thing", ""))
    there.add("gut", "good")
    there.add("fort", "gone")

    found = messages.faults(wanted, there)

    assert found == [
        "not translated: 'fehlt' (seite.py)",
        "marked fuzzy: 'unsicher' (seite.py)",
        "placeholders differ: 'Name %(a)s' (seite.py)",
        "not translated: ('%(num)s Ding', '%(num)s Dinge') (seite.py)",
        "stands nowhere any more: 'fort'",
    ]


def test_a_mark_around_anything_but_a_fixed_text_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("{{ _(view.title) }}")

    with pytest.raises(messages.MarkError, match=r"seite\.py:1: _\(\) takes fixed texts"):
        list(messages.python_texts('_(f"Server {name}")', "seite.py"))
    with pytest.raises(messages.MarkError, match=r"page\.html:1: _\(\) takes fixed texts only"):
        list(messages.template_texts(page))


def test_every_form_of_a_mark_in_python_is_found() -> None:
    source = """
plain = _("Name %(a)s", a=_("innen"))
many = ngettext("%(num)s Ding", "%(num)s Dinge", len(_("gezählt")))
table = {"a": N_("Tabelle")}
inside = f"{_('eingebettet')}"
apart = i18n.pgettext("Muster", "dd.MM.y")
"""

    found = {text.id for text in messages.python_texts(source, "seite.py")}

    assert found == {
        "Name %(a)s",
        "innen",
        ("%(num)s Ding", "%(num)s Dinge"),
        "gezählt",
        "Tabelle",
        "eingebettet",
        "dd.MM.y",
    }


@pytest.mark.parametrize("text", ["100 %", "%s Server", "%(a)d"])
def test_a_percent_sign_that_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percent sign"):
        messages.placeholders(text)
