"""Runs all probes as an ordinary user and prints what came out; started by test_live.py as root.

Everything is imported before the rights are dropped: the interpreter itself may lie in a folder
that only root can enter, which is no finding about the agent.
"""

import os
import selectors  # noqa: F401 - imported late by host.py, when this process may read less
import subprocess  # noqa: F401
import sys

import msgspec

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LocalHost
from verbundwacht_agent.probes import PROBES

NOBODY = 65534


def main() -> None:
    """Print {section: [status, reason, body]} as JSON."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    found: dict[str, tuple[str, str | None, object]] = {}
    for section, probe in PROBES.items():
        try:
            collected = probe.probe(LocalHost())
            found[section] = ("ok", collected.reason, collected.body)
        except Unavailable as error:
            found[section] = (error.status, error.reason, None)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
