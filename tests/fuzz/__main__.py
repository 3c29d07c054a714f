"""`make fuzz MINUTES=10`: new inputs for every target; what is new goes into the corpus.

A finding is written as `corpus/<target>/finding-…`, and the tests fail until it is mended.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import structlog
from tests.collector.ingest.fakes import Site
from tests.fuzz.doors import DOORS, besiege, open_door
from tests.fuzz.engine import Explorer, Finding, explore, name_of
from tests.fuzz.targets import TARGETS, close


def main() -> int:
    """0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", choices=sorted({**TARGETS, **DOORS}), action="append")
    args = parser.parse_args()
    print(f"seed {args.seed}")
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)  # each refusal would be a line
    names = args.only or sorted({**TARGETS, **DOORS})
    seconds = args.minutes * 60 / len(names)
    found: list[Finding] = []
    for name in names:
        explorer = Explorer(TARGETS.get(name) or DOORS[name], random.Random(args.seed))
        if name in DOORS:
            found += asyncio.run(_at_the_door(explorer, seconds))
        else:
            found += [*explorer.replay(), *explore(explorer, seconds, print)]
        new = explorer.write()
        print(f"{name}: {explorer.runs} inputs, {len(explorer.buckets)} ways to end, {new} new")
        for one in (one for one in found if one.target == name):
            (explorer.folder / f"finding-{name_of(one.raw)}").write_bytes(one.raw)
    close()
    return 1 if found else 0


async def _at_the_door(explorer: Explorer, seconds: float) -> list[Finding]:
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        path, found = Path(folder), list[Finding]()
        async with open_door(explorer.target.name, path, Site(path)) as door:
            while time.monotonic() < ends and not found:
                found += await besiege(explorer, door, 240)
    for one in found:
        print(f"{one.target}: {one.problem}")
    return found


if __name__ == "__main__":
    sys.exit(main())
