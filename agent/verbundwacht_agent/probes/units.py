"""What systemd knows about some units: one command, one dictionary per unit.

`parse_show` and `parse_time` are pure. Hard-learned: `Result=success` also stands at a unit that
has never run, and what does not exist is answered for as well, with LoadState=not-found.
"""

import re
from datetime import UTC, datetime
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, text

PROPERTIES: Final = (
    "Id,LoadState,ActiveState,Type,Result,TriggeredBy,InactiveEnterTimestamp,ExecMainStartTimestamp"
)
_TIME: Final = re.compile(r"[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")

Unit = dict[str, str]


def command(*names: str) -> tuple[str, ...]:
    """The question for units by name or pattern; patterns find what is loaded."""
    return ("systemctl", "show", "--timestamp=utc", "-p", PROPERTIES, "--", *names)


def show(host: Host, *names: str) -> list[Unit] | None:
    """The units that exist; None where systemd is not process 1. Raises Unavailable."""
    if not host.exists("/run/systemd/system"):
        return None
    done = host.run(command(*names))
    # Not content(): without any such unit the answer is empty.
    if done.code != 0:
        raise Unavailable("failed", "exit_code", "systemctl show von Hand aufrufen und prüfen.")
    return parse_show(text(done.stdout))


def parse_show(output: str) -> list[Unit]:
    """One dictionary per existing unit, sorted by name. Raises Unavailable `bad_output`."""
    units = []
    for paragraph in filter(str.strip, output.split("\n\n")):
        pairs = [line.partition("=") for line in paragraph.strip().split("\n")]
        unit = {name: value for name, _, value in pairs}
        if not {"Id", "LoadState", "ActiveState"} <= unit.keys():
            raise Unavailable("failed", "bad_output", "Die Ausgabe von systemctl ist unbekannt.")
        if unit["LoadState"] in ("loaded", "masked"):
            units.append(unit)
    return sorted(units, key=lambda unit: unit["Id"])


def parse_time(value: str) -> datetime | None:
    """A time of systemctl in UTC, None if the event has not happened since the last boot."""
    found = _TIME.fullmatch(value.strip())
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
