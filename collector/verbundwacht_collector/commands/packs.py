"""pack lint, test, install: what a rule author does before anything goes out."""

import argparse
from pathlib import Path

from verbundwacht_collector.commands.common import say_json, writing
from verbundwacht_collector.i18n import _
from verbundwacht_collector.rules.errors import PackError


def lint(args: argparse.Namespace) -> int:
    """Every problem is printed as file:line:column; 1 if there is an error."""
    from verbundwacht_collector.rules.load import lint as problems_of
    from verbundwacht_collector.rules.load import read_files

    try:
        catalogue = Path(args.catalogue).read_bytes() if args.catalogue else None
        problems = problems_of(read_files(Path(args.pack)), catalogue=catalogue)
    except PackError as refusal:
        problems = list(refusal.problems)
    errors = [one for one in problems if one.severity == "error"]
    if args.json:
        say_json(problems)
    else:
        for one in problems:
            print(one)
        if not problems:
            print(_("%(pack)s: nichts zu beanstanden", pack=args.pack))
    return 1 if errors else 0


def test(args: argparse.Namespace) -> int:
    """All tests inside the pack ran; 1 if one failed, or if there is none."""
    from verbundwacht_collector.rules.load import load_pack
    from verbundwacht_collector.rules.testing import run_tests

    report = run_tests(load_pack(Path(args.pack)))
    failed = report.failed
    if args.json:
        say_json({"tests": len(report.results), "failed": failed})
    else:
        for one in failed:
            print(one)
            if one.explanation:
                print(f"    {one.explanation}")
        print(
            _(
                "%(results)s Tests, %(failed)s fehlgeschlagen",
                results=len(report.results),
                failed=len(failed),
            )
        )
    return 1 if failed else 0


def install(args: argparse.Namespace) -> int:
    """The pack judges all hosts from now on, a running collector included."""
    from verbundwacht_collector.app import now_ms
    from verbundwacht_collector.packs import install as put
    from verbundwacht_collector.rules.load import read_files

    with writing(args) as tx:
        pack = put(tx, read_files(Path(args.pack)), now=now_ms())
    if args.json:
        say_json(
            {
                "name": pack.name,
                "version": pack.version,
                "digest": pack.digest,
                "rules": len(pack.rules),
            }
        )
    else:
        print(
            _(
                "%(name)s %(version)s gilt jetzt: %(rules)s Regeln.",
                name=pack.name,
                version=pack.version,
                rules=len(pack.rules),
            )
        )
    return 0
