"""A real agent in a folder of its own, enrolled and run by its own commands."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.system.running import Stage

BINARIES: Final = Path(sys.executable).parent
DATABASES: Final = (6379, 11211, 27017, 5432, 3306, 9200, 5984, 33060, 1521, 1433)
"""Ports of the pack's parameter `internal_ports` that anybody may open."""


def enrol_agent(stage: Stage, municipality: str, folder: Path) -> Path:
    """`prepare`, `host add`, `accept`; the folder can be used by every agent command."""
    folder.mkdir(parents=True)
    request, receipt = folder / "request.vw", folder / "receipt.vw"
    collector = (str(BINARIES / "verbundwacht"), "--dir", str(stage.folder.root))
    agent(folder, "prepare", "--municipality", municipality, "--out", str(request))
    files = ("--request", str(request), "--receipt", str(receipt))
    said(*collector, "host", "add", "--municipality", municipality, *files, "--separate")
    agent(folder, "accept", str(receipt))
    return folder


def agent(folder: Path, *command: str) -> str:
    """What a command of the agent prints; it must succeed."""
    return said(str(BINARIES / "verbundwacht-agent"), "--dir", str(folder), *command)


def said(*command: str) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout + done.stderr


def reach_mqtt_at(port: int, folder: Path) -> None:
    """From now on the agent looks for the MQTT door there."""
    peer = folder / "send" / "peer.json"
    peer.write_text(json.dumps({**json.loads(peer.read_text()), "mqtt": f"localhost:{port}"}))


@contextmanager
def open_database() -> Iterator[int]:
    """A database's port of this machine can be reached from outside, within the block.

    It is the one change that any user can make to a machine and that a rule objects to.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for port in DATABASES:
            with suppress(OSError):
                listener.bind(("0.0.0.0", port))
                break
        listener.listen()
        yield int(listener.getsockname()[1])
