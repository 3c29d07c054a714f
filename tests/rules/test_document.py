"""YAML as packs use it: no surprises in the values, and every character keeps its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.rules.pack.align import offsets
from verbundwacht_collector.rules.pack.document import MAX_BYTES, Document, Entries, Leaf
from verbundwacht_collector.rules.pack.reader import plain


def read(text: str | bytes) -> Document:
    """A document that is allowed to have problems."""
    return Document("x.yaml", text.encode() if isinstance(text, str) else text)


def values(text: str) -> Any:
    """The plain values of a document without problems."""
    document = read(text)
    assert document.problems == []
    assert document.root is not None
    return plain(document.root)


def test_words_of_sshd_stay_words() -> None:
    assert values("a: [no, yes, on, off, n, 22.10.1, 1:30, 2026-11-01, 0o7, 1_000, .inf]") == {
        "a": [
            "no",
            "yes",
            "on",
            "off",
            "n",
            "22.10.1",
            "1:30",
            "2026-11-01",
            "0o7",
            "1_000",
            ".inf",
        ]
    }


def test_the_core_schema_of_yaml_1_2_holds_for_the_rest() -> None:
    assert values("a: [true, false, null, ~, 22, -1, 22.10, 1e3, '22', \"true\"]\nb:") == {
        "a": [True, False, None, None, 22, -1, 22.10, 1000.0, "22", "true"],
        "b": None,
    }


def test_a_directive_does_not_change_the_version_of_yaml() -> None:
    assert values("%YAML 1.1\n---\na: yes\n") == {"a": "yes"}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    document = read(b"\xef\xbb\xbfa: 1\n")

    assert document.root is not None
    assert plain(document.root) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"a: 1\nb: \xff\n", (2, 1), "the file is not UTF-8"),
        (b"a: \x01", (1, 4), "not YAML: unacceptable character"),
        (b"", (1, 1), "the file is empty"),
        (b"a: [1, 2", (1, 9), "not YAML: expected ',' or ']'"),
        (b"a:\n\t- 1\n", (2, 1), "not YAML: found character '\\t'"),
        (b"a: !foo {}", (1, 4), "tags are not allowed (!foo)"),
        (b"- &a [*a]", (1, 3), "anchors are not allowed"),
        (b"<<: {a: 1}\n<<: {}\n", (2, 1), "the key '<<' is already there in line 1"),
        (b"a: 'x", (1, 6), "not YAML: found unexpected end of stream"),
        (b"a" * (MAX_BYTES + 1), (1, 1), "the file has 1000001 bytes; at most 1000000"),
    ],
)
def test_what_is_no_yaml_of_ours_is_named_with_its_place(
    data: bytes, place: tuple[int, int], message: str
) -> None:
    (problem,) = read(data).problems

    assert (problem.line, problem.column) == place
    assert message in problem.message


def test_of_two_equal_keys_the_first_counts() -> None:
    document = read("a: 1\na: 2\n")

    assert document.root is not None
    assert plain(document.root) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("a: one two", "two", (1, 8)),
        ("a: one\n   two", "two", (2, 4)),
        ("a: 'it''s two'", "two", (1, 11)),
        ("a: 'one\n\n     two'", "two", (3, 6)),
        ('a: "x\\ty two"', "two", (1, 10)),
        ('a: "\\u0041\\x42 two"', "two", (1, 16)),
        ('a: "one \\\n     two"', "two", (2, 6)),
        ('a: "\\"q\\" two"', "two", (1, 11)),
        ("a: |\n  one\n  two\n", "two", (3, 3)),
        ("a: |2-\n    one\n   two\n", "two", (3, 4)),
        ("a: >- # why\n  one\n\n  two\n", "two", (4, 3)),
        ("a: >\n  one\n    two\n  three\n", "three", (4, 3)),
        ("a: 'ä ö two'", "two", (1, 9)),
        ("a: one\r\n   two\r\n", "two", (2, 4)),
    ],
)
def test_a_word_is_found_where_it_is_written(text: str, word: str, place: tuple[int, int]) -> None:
    document = read(text)
    assert isinstance(document.root, Entries)
    leaf = document.root.entries["a"][1]
    assert isinstance(leaf, Leaf)

    index = document.inside(leaf, str(leaf.value).index(word))

    assert document.place(index) == place


@given(
    st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(["", "'", '"', "|", ">"])
)
def test_offsets_never_leave_the_scalar_and_never_go_back(value: str, style: str) -> None:
    raw = value if style in ("", "|", ">") else f"{style}{value}{style}"

    found = offsets(raw, value, style)

    assert len(found) == len(value) + 1
    assert all(0 <= index <= len(raw) for index in found)
    assert found == sorted(found)


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=12), st.data())
def test_every_word_of_a_folded_expression_is_found(words: list[str], data: st.DataObject) -> None:
    lines = [words[:1]]
    for word in words[1:]:
        if data.draw(st.booleans()):
            lines.append([word])
        else:
            lines[-1].append(word)
    text = "a: >-\n" + "\n".join("  " + " ".join(line) for line in lines) + "\n"
    document = read(text)
    assert isinstance(document.root, Entries)
    leaf = document.root.entries["a"][1]
    assert isinstance(leaf, Leaf)

    position = 0
    for word in words:
        index = document.inside(leaf, position)
        assert document.text[index : index + len(word)] == word
        position += len(word) + 1
