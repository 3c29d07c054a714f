"""Packs and hosts that want to use up the collector: stopped, in bounded time and memory."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.rules.fakes import NOW, ok, pack_text, rule

from verbundwacht_collector.rules.errors import ExpressionError
from verbundwacht_collector.rules.evaluate import evaluate
from verbundwacht_collector.rules.language.parse import parse
from verbundwacht_collector.rules.load import lint

MEBIBYTES = 1024  # ru_maxrss counts kibibytes


@contextmanager
def bounded(seconds: float, mebibytes: int) -> Iterator[None]:
    """The block takes at most so much CPU time, and the peak of the process rises no more."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < mebibytes * MEBIBYTES


def packages(count: int, name: str = "p{}") -> dict[str, Any]:
    """A host with many packages."""
    return {
        "manager": "dpkg",
        "installed": [
            {"name": name.format(n), "version": "1", "arch": "all"} for n in range(count)
        ],
    }


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        (b"a: &a [x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n", "anchors are not allowed"),
        (b"x" * 10_000_000, "at most 1000000 are allowed"),
        (b"[" * 900_000, "nested deeper than 24 levels"),
        (b"{a: " * 200_000, "nested deeper than 24 levels"),
        (b"- " * 400_000, "nested deeper than 24 levels"),
        (b"? " * 400_000, "a key must be a word"),
        (b"a:" * 400_000, "not YAML"),
        (b"&a " * 300_000, "anchors are not allowed"),
        (b"a: '" + b"x\n" * 400_000, "not YAML"),
    ],
)
def test_a_yaml_bomb_is_refused(bomb: bytes, message: str) -> None:
    with bounded(seconds=10, mebibytes=200):
        problems = lint({"pack.yaml": bomb})

    assert message in problems[0].message


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        ("(" * 4096, "ends too early"),
        ("(" * 5000, "at most 4096"),
        ("!" * 4000 + "true", "nested deeper than 60 levels"),
        ("-" * 4000 + "x", "nested deeper than 60 levels"),
        ("[" * 2000 + "]" * 2000, "nested deeper than 60 levels"),
        ("x" + ".y" * 2000, "nested deeper than 60 levels"),
        ("1" + "+1" * 2000, "nested deeper than 60 levels"),
        ("true?" * 800 + "1", "unexpected '?'"),
        ("9" * 4000, "does not fit into 64 bits"),
    ],
)
def test_an_expression_bomb_is_refused(bomb: str, message: str) -> None:
    with bounded(seconds=2, mebibytes=64), pytest.raises(ExpressionError) as refused:
        parse(bomb)

    assert message in refused.value.message


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|a)*b", "(x{1000}){1000}", "((((a{9}){9}){9}){9})"]
)
def test_a_regex_bomb_is_refused_or_linear(pattern: str) -> None:
    body = f"""
  needs: [sshd]
  assert: facts.sshd.permitrootlogin.matches("{pattern}")
"""
    with bounded(seconds=2, mebibytes=64):
        problems = lint({"pack.yaml": pack_text(body).encode()})
        if not [one for one in problems if "RE2" in one.message]:
            snapshot = ok(sshd={"permitrootlogin": "a" * 200_000})
            (verdict,) = evaluate(rule(body), snapshot, {}, NOW)
            assert verdict.outcome == "fail"


@pytest.mark.parametrize(
    "assertion",
    [
        "facts.packages.installed.all(a, facts.packages.installed.all(b, a.name != b.name + 'x'))",
        "facts.packages.installed.all(a, [1,2,3,4].all(b, [1,2,3].all(c,"
        " facts.packages.installed.all(d, a.name != d.name + 'x' || b > c))))",
        "facts.packages.installed.map(a, facts.packages.installed.map(b, a.name + b.name))"
        ".exists(l, size(l) == 1)",
        "facts.packages.installed.exists(a, (a.name + a.name + a.name + a.name).contains('zz'))",
    ],
)
def test_a_loop_bomb_ends_as_an_error(assertion: str) -> None:
    body = f"  needs: [packages]\n  assert: >-\n    {assertion}\n"
    snapshot = ok(packages=packages(20_000))

    with bounded(seconds=3, mebibytes=128):
        (verdict,) = evaluate(rule(body), snapshot, {}, NOW)

    assert verdict.outcome == "error"
    assert "more than 200000 steps" in verdict.reason


def test_many_subjects_that_all_fail_are_explained_in_bounded_time() -> None:
    body = """
  needs: [packages]
  each: facts.packages.installed
  as: p
  subject: [p.name]
  assert: facts.packages.installed.exists(q, q.name == p.version)
"""
    with bounded(seconds=5, mebibytes=128):
        verdicts = evaluate(rule(body), ok(packages=packages(2_000)), {}, NOW)

    assert len(verdicts) == 2_000
    assert {one.outcome for one in verdicts} == {"fail", "error"}


def test_a_host_with_huge_texts_gets_short_verdicts() -> None:
    body = """
  needs: [packages]
  assert: facts.packages.installed.all(a, a.name == "x")
"""
    snapshot = ok(packages=packages(50, name="y" * 100_000 + "{}"))

    with bounded(seconds=2, mebibytes=64):
        (verdict,) = evaluate(rule(body), snapshot, {}, NOW)

    assert verdict.outcome == "fail"
    assert len(verdict.explanation) < 2_000


@pytest.mark.parametrize("version", ["1" * 100_000, "1.~" * 50_000, "1" * 256])
def test_a_huge_version_is_refused_or_cheap(version: str) -> None:
    body = """
  needs: [packages]
  assert: facts.packages.installed.all(a, version_lt("deb", a.version, "2"))
"""
    snapshot = ok(packages=packages(1) | {"installed": [{"version": version}]})

    with bounded(seconds=2, mebibytes=64):
        (verdict,) = evaluate(rule(body), snapshot, {}, NOW)

    assert verdict.outcome in ("error", "fail")


def test_deeply_nested_facts_do_not_overflow_the_stack() -> None:
    name: Any = "x"
    for _ in range(100_000):
        name = {"name": name}
    body = """
  needs: [packages]
  assert: facts.packages.installed.all(a, a.version == "x")
"""
    snapshot = ok(packages={"installed": [{"name": name, "version": "1"}]})

    (verdict,) = evaluate(rule(body), snapshot, {}, NOW)

    assert verdict.outcome == "fail"
    assert 'version="1"' in verdict.explanation
    while isinstance(name, dict):  # taken apart by hand: the interpreter would recurse
        name = name.pop("name")
