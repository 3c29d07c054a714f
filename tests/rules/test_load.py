"""Packs as files: one file or a folder, and what their digest covers."""

import hashlib
from pathlib import Path

import pytest
from tests.rules.fakes import HEAD, TEXTS, pack_text

from verbundwacht_collector.rules.errors import PackError, Problem
from verbundwacht_collector.rules.load import digest, errors_of, lint, load_pack, load_pack_bytes

BODY = """
  needs: [sshd]
  assert: facts.sshd.permitrootlogin == "no"
  maps:
    gspp: [{uuid: 2e782e35-d708-49c3-b022-76616ae204be, id: KONF.4.4, as: partial}]
  tests:
  - {with: {sshd: {permitrootlogin: "no"}}, expect: pass}
  - {with: {sshd: {permitrootlogin: "yes"}}, expect: fail}
  - {collect: {sshd: denied}, expect: error}
"""
GOOD = pack_text(BODY).encode()
FURTHER = ("rules:\n- id: linux.test.other\n" + TEXTS + BODY.lstrip("\n")).encode()


def catalogue(uuid: str, control: str) -> bytes:
    """A catalogue with one control, nested as in the kernel catalogue."""
    prop = f'{{"name": "alt-identifier", "value": "{uuid}"}}'
    inner = f'{{"id": "{control}", "props": [{prop}], "controls": []}}'
    group = f'{{"id": "KONF", "props": [], "groups": [{{"controls": [{inner}]}}]}}'
    return f'{{"catalog": {{"groups": [{group}]}}}}'.encode()


def test_a_pack_of_one_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_bytes(GOOD)

    pack = load_pack(file)

    assert (pack.name, pack.version) == ("verbund/test", "2026.11.1")
    assert pack.digest == hashlib.sha256(GOOD).hexdigest()
    assert [rule.id for rule in pack.rules] == ["linux.test.rule"]
    assert pack.rules[0].maps["gspp"][0]["id"] == "KONF.4.4"


def test_a_folder_has_its_head_in_pack_yaml_and_rules_in_further_files(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_bytes(GOOD)
    (tmp_path / "a.yaml").write_bytes(FURTHER)
    (tmp_path / "README.md").write_text("no part of the pack")

    pack = load_pack(tmp_path)

    assert [rule.id for rule in pack.rules] == ["linux.test.rule", "linux.test.other"]
    assert [rule.file for rule in pack.rules] == ["pack.yaml", "a.yaml"]
    assert pack.rules[1].line == 2


def test_the_head_may_stand_alone_if_other_files_bring_the_rules() -> None:
    pack = load_pack_bytes({"pack.yaml": HEAD.encode(), "a.yaml": FURTHER})

    assert [rule.id for rule in pack.rules] == ["linux.test.other"]


def test_the_digest_covers_names_and_bytes_of_all_files() -> None:
    files = {"pack.yaml": GOOD, "a.yaml": FURTHER}

    assert digest(files) == digest(dict(reversed(files.items())))
    assert digest(files) != digest({"pack.yaml": GOOD, "b.yaml": FURTHER})
    assert digest(files) != digest({"pack.yaml": GOOD, "a.yaml": FURTHER + b"\n"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"pack: x\nrules: []\n", "unknown key 'pack' in a further file of the pack"),
        (b"{}\n", "a further file of the pack has rules or fixtures"),
        (b"parameters: {}\n", "unknown key 'parameters' in a further file of the pack"),
    ],
)
def test_a_further_file_holds_only_rules_and_fixtures(text: bytes, message: str) -> None:
    problems = lint({"pack.yaml": GOOD, "a.yaml": text})

    assert Problem("a.yaml", 1, 1, message) in problems
    assert {one.file for one in problems} == {"a.yaml"}


def test_a_fixture_may_be_in_any_file_and_used_in_any_other() -> None:
    fixtures = b'fixtures:\n  z: {os: {id: debian, version: "12", name: Debian}}\n'
    using = FURTHER.replace(b"expect: pass", b"use: z, expect: pass")
    assert using != FURTHER

    problems = lint({"pack.yaml": GOOD, "a.yaml": using, "z.yaml": fixtures})
    alone = lint({"pack.yaml": GOOD, "a.yaml": using})

    assert problems == []
    assert alone and all("'z' is no fixture" in one.message for one in alone)


def test_a_fixture_has_its_name_to_itself() -> None:
    fixtures = b'fixtures:\n  z: {os: {id: debian, version: "12", name: Debian}}\n'

    problems = lint({"pack.yaml": GOOD, "a.yaml": fixtures, "b.yaml": fixtures})

    assert problems == [
        Problem("b.yaml", 2, 3, "the fixture z is already in another file of the pack")
    ]


def test_an_id_is_unique_over_all_files() -> None:
    again = FURTHER.replace(b"linux.test.other", b"linux.test.rule")

    problems = lint({"pack.yaml": GOOD, "a.yaml": again})

    assert [str(one) for one in problems] == [
        "a.yaml:2:7: error: the id is already used in pack.yaml:7"
    ]


@pytest.mark.parametrize("name", ["nowhere", "nowhere/pack.yaml"])
def test_a_pack_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackError, match="cannot be read: No such file") as refused:
        load_pack(tmp_path / name)

    assert refused.value.problems[0].file == str(tmp_path / name)


def test_a_folder_without_a_head_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(FURTHER)

    with pytest.raises(PackError, match=r"the folder has no pack\.yaml"):
        load_pack(tmp_path)


def test_all_mistakes_are_named_at_once() -> None:
    text = pack_text(BODY.replace("permitrootlogin ==", "permitrotlogin =="))
    text = text.replace("severity: high", "severity: hihg").replace("facts: 1", "facts: 9")

    with pytest.raises(PackError) as refused:
        load_pack_bytes({"pack.yaml": text.encode()})

    assert [one.line for one in refused.value.problems] == [4, 9, 17]
    assert str(refused.value).count("\n") == 2


def test_warnings_do_not_stop_a_pack() -> None:
    text = GOOD.replace(b"needs: [sshd]", b"needs: [sshd, os]")

    problems = lint({"pack.yaml": text})

    assert [one.severity for one in problems] == ["warning"]
    assert errors_of(problems) == []
    assert load_pack_bytes({"pack.yaml": text}).rules[0].needs == ("sshd", "os")


@pytest.mark.parametrize(
    ("uuid", "control", "message"),
    [
        ("2e782e35-d708-49c3-b022-76616ae204be", "KONF.4.4", None),
        ("2e782e35-d708-49c3-b022-76616ae204be", "KONF.4.3", "is KONF.4.3 in the catalogue"),
        ("00000000-d708-49c3-b022-76616ae204be", "KONF.4.4", "the catalogue has no control"),
    ],
)
def test_uuid_and_id_must_name_the_same_control(
    uuid: str, control: str, message: str | None
) -> None:
    problems = lint({"pack.yaml": GOOD}, catalogue=catalogue(uuid, control))

    assert bool(problems) is (message is not None)
    if message is not None:
        assert message in problems[0].message
        assert (problems[0].line, problems[0].column) == (19, 19)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"catalog": []}', b'{"catalog": {"groups": 1}}']
)
def test_what_is_no_catalogue_is_named(data: bytes) -> None:
    with pytest.raises(PackError, match="no OSCAL catalogue"):
        lint({"pack.yaml": GOOD}, catalogue=data)


def test_lint_warns_about_another_edition_of_the_catalogue() -> None:
    data = catalogue("2e782e35-d708-49c3-b022-76616ae204be", "KONF.4.4")
    right = hashlib.sha256(data).hexdigest()[:12]
    for named, count in ((right, 0), ("5150ee1680bf", 1)):
        head = f'catalogues: {{gspp: {{kernel: "2026-07-29", sha256: "{named}"}}}}\n'
        files = {"pack.yaml": pack_text(BODY, parameters=head).encode()}

        problems = lint(files, catalogue=data)

        assert [(one.severity, one.line, one.column) for one in problems] == [
            ("warning", 6, 13)
        ] * count


@pytest.mark.parametrize("head", ["format: 0", "facts: 0"])
def test_version_zero_is_not_known(head: str) -> None:
    key = head.partition(":")[0]
    text = GOOD.replace(f"{key}: 1".encode(), head.encode(), 1)

    assert [one.message for one in lint({"pack.yaml": text})] == [
        f"{key} 0 is not known here; this version knows 1"
    ]


def test_an_expression_longer_than_4_kilobytes_is_refused() -> None:
    long = " || ".join(['facts.sshd.permitrootlogin == "no"'] * 120)
    text = pack_text(BODY.replace('facts.sshd.permitrootlogin == "no"', long))

    problems = lint({"pack.yaml": text.encode()})

    assert [one.message for one in problems] == [
        f"expression of {len(long)} bytes; at most 4096 are allowed"
    ]


@pytest.mark.parametrize(
    ("number", "fits"),
    [(2**63 - 1, True), (2**63, False), (-(2**63), True), (-(2**63) - 1, False)],
)
def test_numbers_in_fixtures_have_64_bits(number: int, fits: bool) -> None:
    head = f"fixtures: {{a: {{sshd: {{maxauthtries: {number}}}}}}}\n"

    problems = lint({"pack.yaml": pack_text(BODY, parameters=head).encode()})

    assert (problems == []) is fits


@pytest.mark.parametrize(
    ("parameter", "fits"),
    [
        ("{type: int, default: 1, min: 1, max: 1}", True),
        ("{type: int, default: '1'}", False),
        ("{type: string, default: 1}", False),
        ("{type: bool, default: 1}", False),
        ("{type: list<string>, default: ab}", False),
        ("{type: list<string>, default: [a, 1]}", False),
        ("{type: list<string>, default: []}", True),
        ("{type: list<int>, default: '12'}", False),
        ("{type: list<int>, default: [1, true]}", False),
        ("{type: list<int>, default: [1, 31], max: 30}", False),
        ("{type: 'map<string,string>', default: {a: b}}", True),
        ("{type: 'map<string,string>', default: {a: [b]}}", False),
        ("{type: 'map<string,string>', default: ab}", False),
    ],
)
def test_a_default_fits_its_parameter(parameter: str, fits: bool) -> None:
    text = pack_text(BODY, parameters=f"parameters: {{p: {parameter}}}\n")

    problems = [one.message for one in lint({"pack.yaml": text.encode()})]

    assert any(one.startswith("default: ") for one in problems) is not fits


def test_empty_files_are_no_crash() -> None:
    problems = lint({"pack.yaml": b"", "a.yaml": b""})

    assert {one.message for one in problems} == {"the file is empty"}


def test_rules_compile_again_in_every_process_from_the_same_bytes() -> None:
    one, two = load_pack_bytes({"pack.yaml": GOOD}), load_pack_bytes({"pack.yaml": GOOD})

    assert one.digest == two.digest
    assert one.rules[0].assertion is not two.rules[0].assertion


@pytest.mark.parametrize(
    ("assertion", "lenient"),
    [
        ("!has(facts.kernel.outdated) || !facts.kernel.outdated", True),
        ("has(facts.kernel.outdated) ? !facts.kernel.outdated : true", True),
        ("!(has(facts.kernel.outdated) && facts.kernel.outdated)", True),
        ("!has(facts.kernel.outdated) ? true : !facts.kernel.outdated", True),
        ("!has(facts.kernel.outdated) && !facts.kernel.container", False),
        ("has(facts.kernel.outdated) && !facts.kernel.outdated", False),
        ("has(facts.kernel.outdated) || facts.kernel.container", False),
        ("facts.kernel.container ? has(facts.kernel.outdated) : !facts.kernel.container", False),
        ("has(facts.kernel.outdated) == facts.kernel.container", False),
    ],
)
def test_lint_warns_where_missing_data_passes(assertion: str, lenient: bool) -> None:
    text = pack_text(f"""
  needs: [kernel]
  assert: "{assertion}"
  tests:
  - {{with: {{kernel: {{container: true}}}}, expect: pass}}
  - {{with: {{kernel: {{container: true}}}}, expect: fail}}
  - {{expect: not_applicable}}
""")

    problems = lint({"pack.yaml": text.encode()})

    assert ["without facts.kernel.outdated passes" in one.message for one in problems] == (
        [True] if lenient else []
    )


@pytest.mark.parametrize(
    ("assertion", "lenient"),
    [
        ("facts.listening.sockets.all(s, !has(s.program) || s.program == 'x')", True),
        ("!facts.listening.sockets.exists(s, has(s.program) && s.program == 'x')", True),
        ("facts.listening.sockets.all(s, has(s.program))", False),
        ("!facts.listening.sockets.exists(s, !has(s.program))", False),
        ("facts.listening.sockets.exists(s, has(s.program))", False),
    ],
)
def test_lint_warns_where_an_element_without_data_passes(assertion: str, lenient: bool) -> None:
    text = pack_text(f'  needs: [listening]\n  assert: "{assertion}"\n')

    problems = lint({"pack.yaml": text.encode()})

    assert any("without s.program passes" in one.message for one in problems) is lenient
