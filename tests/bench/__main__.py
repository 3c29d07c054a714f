"""`python -m tests.bench`: what the architecture promises, measured, each beside its budget."""

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure, as_json, table

NAMES: Final = (
    "machine",
    "agent",
    "peers",
    "wire",
    "pipeline",
    "door",
    "latency",
    "rules",
    "evidence",
    "pages",
    "load",
)


def main(argv: list[str] | None = None) -> int:
    """0 if everything could be measured; a missed budget is a figure, not a failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    parser.add_argument("--quick", action="store_true", help="for a look, not for a report")
    parser.add_argument("--only", choices=NAMES, action="append", help="just this group")
    args = parser.parse_args(argv)
    figures: list[Figure] = []
    for name in args.only or NAMES:
        start = time.perf_counter()
        print(f"bench: {name} …", end=" ", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"tests.bench.{name}").measure(args.quick)
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    print(table(figures))
    if args.json is not None:
        args.json.write_bytes(as_json(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
