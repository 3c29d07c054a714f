"""`make fuzz MINUTES=10`: new inputs for every target; what is new goes into the corpus.

A finding is written as `corpus/<target>/finding-…`, and the tests fail until it is mended.
"""

import argparse
import logging
import random
import sys

import structlog
from tests.fuzz.engine import Explorer, Finding, explore, name_of
from tests.fuzz.targets import TARGETS, close


def main() -> int:
    """0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", choices=sorted(TARGETS), action="append")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)  # each refusal would be a line
    names = args.only or sorted(TARGETS)
    seconds = args.minutes * 60 / len(names)
    found: list[Finding] = []
    for name in names:
        explorer = Explorer(TARGETS[name], random.Random(args.seed))
        found += explorer.replay()
        found += explore(explorer, seconds, print)
        new = explorer.write()
        print(f"{name}: {explorer.runs} inputs, {len(explorer.buckets)} ways to end, {new} new")
        for one in (one for one in found if one.target == name):
            (explorer.folder / f"finding-{name_of(one.raw)}").write_bytes(one.raw)
    close()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
