"""A real agent in a folder of its own, enrolled by its own commands."""

import subprocess
import sys
from pathlib import Path

from tests.system.running import Stage

BINARIES = Path(sys.executable).parent


def enrol_agent(stage: Stage, municipality: str, folder: Path) -> Path:
    """`prepare`, `host add`, `accept`; the folder can be used by every agent command."""
    folder.mkdir(parents=True)
    request, receipt = folder / "request.vw", folder / "receipt.vw"
    agent = (str(BINARIES / "verbundwacht-agent"), "--dir", str(folder))
    collector = (str(BINARIES / "verbundwacht"), "--dir", str(stage.folder.root))
    said(*agent, "prepare", "--municipality", municipality, "--out", str(request))
    files = ("--request", str(request), "--receipt", str(receipt))
    said(*collector, "host", "add", "--municipality", municipality, *files, "--separate")
    said(*agent, "accept", str(receipt))
    return folder


def said(*command: str) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
