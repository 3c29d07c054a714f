"""What an author should not ship although it has a clear meaning. Pure.

Rules without tests invert silently, so a rule needs a test that passes, one that fails and one
that shows what happens when it cannot be decided.
"""

from collections.abc import Mapping, Sequence

from verbundwacht_collector.rules.language import nodes
from verbundwacht_collector.rules.language.nodes import Node, path_of, walk
from verbundwacht_collector.rules.model import Pack, Rule, Test
from verbundwacht_collector.rules.pack.build import Draft
from verbundwacht_collector.rules.pack.document import Entries, Part
from verbundwacht_collector.rules.pack.maps import wrong_pair
from verbundwacht_collector.rules.pack.reader import Reader, Record


def review(
    main: Reader,
    head: Record,
    drafts: Sequence[Draft],
    pack: Pack,
    ids: Mapping[str, str] | None,
) -> None:
    """Notes what is wrong in each draft and in the pack as a whole."""
    for draft, rule in zip(drafts, pack.rules, strict=True):
        _expressions(draft, rule)
        _tests(draft, rule, [test for test in pack.tests if test.rule_id == rule.id])
        if ids is not None:
            _pairs(draft, ids)
    used = {name for rule in pack.rules for name in rule.parameters}
    for name, (key, _) in main.named(head.get("parameters"), "parameters").items():
        if name not in used:
            main.error(key, f"no rule reads the parameter {name!r}")
    groups = {rule.group for rule in pack.rules}
    for name, (key, _) in main.named(head.get("groups"), "groups").items():
        if name not in groups:
            main.warn(key, f"no rule is in the group {name!r}")


def _expressions(draft: Draft, rule: Rule) -> None:
    reader = draft.reader
    for source in draft.sources:
        for remark in source.checked.remarks:
            reader.error(reader.document.inside(source.leaf, remark.offset), remark.message)
    for part in reader.items(draft.record.get("needs"), "needs"):
        name = getattr(part, "value", "")
        if name not in rule.sections:
            reader.warn(part, f"the rule reads nothing of {name!r}; it only waits for it")
    if rule.on_missing and not any(source.checked.unguarded for source in draft.sources):
        reader.warn(draft.place("on_missing"), "nothing that the rule reads can be missing")
    _lenient(draft)


def _lenient(draft: Draft) -> None:
    """Warns where missing data passes: has() is false, and so the assertion is true."""
    # The assertion; in `when` a missing field makes a rule not applicable, never green.
    source = draft.sources[-1]
    for node, _ in walk(source.checked.root):
        if isinstance(node, nodes.Has) and _if_missing(source.checked.root, node) is True:
            path = path_of(node.path)
            index = draft.reader.document.inside(source.leaf, node.pos)
            who = "a host" if str(path).startswith("facts.") else "an element"
            draft.reader.warn(index, f"{who} without {path} passes; say on_missing instead")


def _if_missing(node: Node, asked: nodes.Has) -> bool | None:
    """The value of a condition if `asked` is false and nothing else is known; None: open."""
    match node:
        case nodes.Has():
            return False if node is asked else None
        case nodes.Literal(value=bool(value)):
            return value
        case nodes.Not(operand=operand):
            inner = _if_missing(operand, asked)
            return None if inner is None else not inner
        case nodes.Logic(op=op, terms=terms):
            stop = op == "||"
            found = [_if_missing(term, asked) for term in terms]
            if stop in found:
                return stop
            return None if None in found else not stop
        case nodes.Choice(test=test, then=then, other=other):
            # Only what follows from the missing field alone counts: everything else stays open.
            met = _if_missing(test, asked)
            if met is None:
                return None
            return _if_missing(then if met else other, asked)
        # An empty list makes `all` true and `exists` false, so only these two follow.
        case nodes.Loop(macro="all", body=body):
            return True if _if_missing(body, asked) is True else None
        case nodes.Loop(macro="exists", body=body):
            return False if _if_missing(body, asked) is False else None
    return None


def _tests(draft: Draft, rule: Rule, tests: Sequence[Test]) -> None:
    outcomes = {test.expect for test in tests}
    lacking = [one for one in ("pass", "fail") if one not in outcomes]
    # One of the two is enough: some rules need only sections that every host has.
    if not outcomes & {"not_applicable", "error"}:
        lacking.append("not_applicable or error")
    index = draft.place("tests" if tests else "id")
    if lacking:
        draft.reader.error(index, f"no test expects {', '.join(lacking)}")
    parts = draft.reader.items(draft.record.get("tests"), "tests")
    for part, test in zip(parts, tests, strict=False):
        if rule.reads_now and test.now is None and test.expect in ("pass", "fail"):
            draft.reader.warn(part, "the rule reads the clock; give the test a `now`")


def _pairs(draft: Draft, ids: Mapping[str, str]) -> None:
    maps = draft.record.get("maps")
    entries = maps.entries if isinstance(maps, Entries) else {}
    found: list[Part] = []
    if "gspp" in entries:
        found = draft.reader.items(entries["gspp"][1], "gspp")
    for part in found:
        record = draft.reader.record(part, "an entry of gspp", (), ("uuid", "id", "as"))
        uuid, control = (getattr(record.get(key), "value", "") for key in ("uuid", "id"))
        if problem := wrong_pair(str(uuid), str(control), ids):
            draft.reader.error(record.get("uuid", part), problem)
