"""Errors come from the catalogue only, and the catalogue is what deploy/README.md lists."""

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import config_errors

import verbundwacht_collector
from verbundwacht_collector.config import (
    AlertConfig,
    Broker,
    Config,
    Listen,
    Mail,
    Notify,
    Public,
    Web,
    Webhook,
)
from verbundwacht_collector.config_reading import SHOWN, read
from verbundwacht_collector.errors import CodedError, ConfigError, ConfigProblem, StoreError
from verbundwacht_collector.pki_files import PkiError

PACKAGE: Final = Path(verbundwacht_collector.__file__).parent
CODED: Final = {"CodedError", "ConfigError", "StoreError", "PkiError"}
COLLECTOR: Final = config_errors.COLLECTOR


def faults(source: str) -> Iterator[str]:
    """What is wrong with how this source makes coded errors."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "ConfigProblem":
            yield f"line {node.lineno}: an entry outside of the catalogue"
        if node.func.id in CODED:
            yield from _faults(node)


def _faults(call: ast.Call) -> Iterator[str]:
    if len(call.args) != 1 or not isinstance(call.args[0], ast.Attribute | ast.Name):
        yield f"line {call.lineno}: free words, not an entry of the catalogue"
        return
    kind = call.args[0]
    if isinstance(kind, ast.Attribute):
        given = {one.arg for one in call.keywords if one.arg}
        open_end = any(one.arg is None for one in call.keywords)
        needed = COLLECTOR.names[kind.attr].placeholders
        if not given <= needed or (given != needed and not open_end):
            yield f"line {call.lineno}: {kind.attr} needs {sorted(needed)}, gets {sorted(given)}"


SOURCES: Final = [p for p in PACKAGE.rglob("*.py") if not p.name.endswith("_problems.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_coded_error_is_raised_in_free_words(path: Path) -> None:
    assert list(faults(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        'raise ConfigError("kaputt")',
        'raise ConfigError(f"{path} ist kaputt")',
        'raise StoreError("a" + b)',
        "raise PkiError()",
        "raise ConfigError(config_problems.FILE_MISSING, file=1)",
        "raise ConfigError(config_problems.FILE_MISSING, file=1, folder=2, more=3)",
        "raise ConfigError(config_problems.FILE_MISSING, more=3, **where)",
        'x = ConfigProblem("C999", "", "", "", "")',
    ],
)
def test_free_words_are_found(source: str) -> None:
    assert len(list(faults(source))) == 1


@pytest.mark.parametrize("kind", [CodedError, ConfigError, StoreError, PkiError])
def test_free_words_do_not_even_run(kind: Any) -> None:
    with pytest.raises(AttributeError):
        kind("kaputt")
    with pytest.raises(TypeError):
        kind(ConfigProblem("C000", "{a}", "{a}", "-", "-"), b=1)


def test_every_entry_is_used_somewhere() -> None:
    used = {use.name for use in config_errors.uses(COLLECTOR)}

    assert COLLECTOR.names.keys() - used == set()


@pytest.mark.parametrize("program", config_errors.PROGRAMS, ids=lambda one: one.name.en)
def test_every_entry_has_an_occasion_and_a_heading(program: config_errors.Program) -> None:
    for code, times in config_errors.occasions(program).items():
        assert times, code
        assert code[:2] in config_errors.GROUPS


def test_the_committed_list_is_what_the_code_raises() -> None:
    committed = config_errors.README.read_text("utf-8")

    made = config_errors.document(config_errors.written_by_hand(committed))
    assert committed == made, "run: make docs"


def test_what_is_written_by_hand_is_kept_and_never_lost() -> None:
    kept = "# Von Hand\n\nEin Satz.\n"
    made = config_errors.document(kept)

    assert made.startswith(kept)
    assert config_errors.document(config_errors.written_by_hand(made)) == made
    with pytest.raises(ValueError, match="no line"):
        config_errors.written_by_hand(kept)


def test_every_code_stands_in_the_list_twice_once_per_language() -> None:
    text = config_errors.README.read_text("utf-8")
    for program in config_errors.PROGRAMS:
        for one in program.names.values():
            assert text.count(f"| {one.code} |") == 2


GOOD: Final = {"alliance": "V", "public": {"mqtt": "a:1", "https": "a:2"}}
SCALARS = st.one_of(
    st.text(max_size=5),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
PARTS: Final = (Config, AlertConfig, Broker, Listen, Mail, Notify, Public, Web, Webhook)
NAMES = st.sampled_from(sorted({name for part in PARTS for name in part.__struct_fields__}))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def accepted(table: dict[str, Any]) -> bool:
    try:
        msgspec.convert(table, Config)
    except msgspec.ValidationError:
        return False
    return True


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_file_is_read_exactly_if_the_types_accept_it(extra: dict[str, Any]) -> None:
    table = {**GOOD, **extra}
    raw = toml(table)
    config, found = read(Path("f"), raw, Config)

    assert (config is not None) == accepted(tomllib.loads(raw.decode())) == (not found)


def toml(table: dict[str, Any]) -> bytes:
    return "".join(f"{key} = {inline(value)}\n" for key, value in table.items()).encode()


def inline(value: Any) -> str:
    """The value as TOML 1.0 writes it on one line; like JSON but for tables and DEL."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {inline(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_with_a_code(raw: bytes) -> None:
    config, found = read(Path("f"), raw, Config)

    assert config is None
    assert found


@given(st.text(), st.integers(min_value=0, max_value=5000))
def test_a_long_or_hostile_value_stays_one_short_line(text: str, times: int) -> None:
    raw = toml({"alliance": "V", "public": text * times})
    _, (one,) = read(Path("f"), raw, Config)

    assert one.text("de").isprintable()
    assert len(one.text("de")) < SHOWN + 200
