"""Writes tests/golden: each message as NAME.vw, what must become of it as NAME.json.

Run from the root: `python -m tools.golden`. Every run writes the same bytes; a test compares
them with the files, so a changed file is a changed format and never an accident.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tools.golden_cases import Case, cases
from tools.golden_craft import AGENT_B, DOWNLINK, RFC6979, RFC8032, KeyPair

from verbundwacht_wire.errors import FrameError
from verbundwacht_wire.frame import read_frame

FOLDER = Path(__file__).parent.parent / "tests" / "golden"


def _key(key: KeyPair) -> dict[str, Any]:
    return {
        "alg": key.alg,
        "private": key.private.hex(),
        "spki": key.spki.hex(),
        "kid": key.kid.hex(),
        "tenant": key.tenant,
        "agent": key.agent.hex(),
    }


def _entry_hash(case: Case) -> str | None:
    try:
        return read_frame(case.raw).entry_hash.hex()
    except FrameError:
        return None


def _expectation(case: Case) -> dict[str, Any]:
    return {
        "says": case.says,
        "stage": case.stage,
        "code": case.code,
        "key": case.key.name,
        "spki": case.key.spki.hex(),
        "topic": case.topic,
        "bytes": len(case.raw),
        "entry_hash": _entry_hash(case),
    }


def _text(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def files() -> dict[str, bytes]:
    """File name -> content of everything in the folder but its README."""
    keys = {key.name: _key(key) for key in (RFC6979, RFC8032, AGENT_B, DOWNLINK)}
    made = {"keys.json": _text(keys)}
    for case in cases():
        made[f"{case.name}.vw"] = case.raw
        made[f"{case.name}.json"] = _text(_expectation(case))
    return made


def main() -> int:
    """The folder holds exactly these files and its README; exit code 0."""
    made = files()
    FOLDER.mkdir(exist_ok=True)
    for old in [*FOLDER.glob("*.vw"), *FOLDER.glob("*.json")]:
        if old.name not in made:
            old.unlink()
    for name, content in made.items():
        (FOLDER / name).write_bytes(content)
    sys.stdout.write(f"{len(made)} files in {FOLDER.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
