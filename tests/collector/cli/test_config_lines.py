"""The line that a message names is the one on which the key stands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.config import Folder, look
from verbundwacht_collector.config_lines import MOST_LINES, line_of

TEXT = '''\
# alliance = "ein Kommentar"
alliance = "V"

[public]
mqtt = """
[mail]
host = 1
"""
https = "a:2"
[mail]  # host = 3
host = "x"
recipients = [
  "a",
  "b",
]
[[webhook]]
name = "eins"
url = "u"
[[webhook]]
name = "zwei"
url = "v"
[web]
listen.deep = 1
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("alliance", 2),
        ("public", 4),
        ("public.mqtt", 5),
        ("public.https", 9),
        ("mail", 10),
        ("mail.host", 11),
        ("mail.recipients", 12),
        ("webhook", 16),
        ("webhook.url", 18),
        ("webhook #1.url", 18),
        ("webhook #2", 19),
        ("webhook #2.name", 20),
        ("webhook #2.url", 21),
        ("web.listen", 23),
    ],
)
def test_a_key_is_found_where_toml_sees_it(key: str, line: int) -> None:
    assert line_of(TEXT, key) == line


def test_a_key_that_is_missing_is_looked_for_in_its_section() -> None:
    assert line_of(TEXT, "mail.sender") == 10
    assert line_of(TEXT, "webhook #2.secret_file") == 19
    assert line_of(TEXT, "interval_s") is None


def test_of_a_very_long_file_no_line_is_told() -> None:
    assert line_of("\n" * MOST_LINES + "a = 1\n", "a") is None


@given(
    st.lists(st.sampled_from(["", "# x = 1", 'a = "x = 1"', "b = [\n1,\n]", "[c]", "d = 1"])),
)
def test_the_line_holds_the_key(before: list[str]) -> None:
    kept = [*dict.fromkeys(one for one in before if one), ""]
    text = "\n".join([*kept, "[part]", "x = 1"])

    line = line_of(text, "part.x")

    assert line is not None
    assert text.split("\n")[line - 1] == "x = 1"


def test_every_message_about_a_key_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text(
        'alliance = 7\n[public]\nmqtt = "a"\nhttps = "b:1"\n[mail]\nhots = "x"\n'
    )
    _, found = look(Folder(tmp_path))

    said = [one.text("de").removeprefix(f"{tmp_path}/collector.toml, ") for one in found]
    assert {one.partition(":")[0] for one in said} == {"Zeile 1", "Zeile 5", "Zeile 6"}
    assert "line 6: unknown key mail.hots" in " ".join(one.text("en") for one in found)
