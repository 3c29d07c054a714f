"""What people on the host ask: where do we stand? What is wrong here says `doctor`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from verbundwacht_agent.absence import current, sentence
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.receipt import load_enrolment
from verbundwacht_agent.spool import Spool
from verbundwacht_wire.errors import WireError
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.messages import Absence

WORDS = {
    "absent": "gibt es hier nicht",
    "denied": "darf nicht gelesen werden",
    "timeout": "hat zu lange gebraucht",
    "failed": "ließ sich nicht lesen",
}


def read_status(paths: Paths, now_ms: int) -> dict[str, Any]:
    """Enrolment, chain, queue and last answer. Times are Unix milliseconds or null.

    Raises StateError for damaged state.
    """
    if not paths.receipt.exists():
        return {"enrolled": False, "prepared": paths.signing_key.exists(), "dir": str(paths.root)}
    enrolment = load_enrolment(paths)
    spool = Spool(paths)
    head = spool.head(enrolment.genesis)
    acked = spool.acked()
    return {
        "enrolled": True,
        "dir": str(paths.root),
        "municipality": enrolment.receipt.municipality,
        "agent": enrolment.receipt.agent,
        "collector": enrolment.receipt.mqtt,
        "seq": head.seq,
        "acknowledged": acked,
        "waiting": sum(seq > acked for seq in spool.seqs()),
        "inbox": len(list(paths.inbox.glob("[!.]*"))),
        "last_report_at": head.frame.header.time if head.frame else None,
        "last_beat_at": _beat_time(paths.beat),
        "last_answer_at": _mtime(paths.gather / "downlink"),
        "absence": msgspec.to_builtins(current(paths, now_ms)),
    }


def _beat_time(path: Path) -> int | None:
    try:
        return read_frame(path.read_bytes()).header.time
    except (FileNotFoundError, WireError):
        return None


def _mtime(path: Path) -> int | None:
    return int(path.stat().st_mtime * 1000) if path.exists() else None


def status_lines(found: Mapping[str, Any]) -> list[str]:
    """The status for people, German."""
    if not found["enrolled"]:
        step = "accept DATEI" if found["prepared"] else "prepare --municipality KÜRZEL"
        return ["Nicht angemeldet.", f"Nächster Schritt: verbundwacht-agent {step}"]
    waiting, inbox = found["waiting"], found["inbox"]
    lines = [
        f"Angemeldet bei {found['municipality']}, Sammler {found['collector']}",
        f"Meldung Nr. {found['seq']} vom {_when(found['last_report_at'])}, "
        f"bestätigt bis Nr. {found['acknowledged']}",
        f"Letztes Lebenszeichen: {_when(found['last_beat_at'])}",
        f"Letzte Antwort verarbeitet: {_when(found['last_answer_at'])}"
        + (f", {inbox} warten auf den nächsten Lauf" if inbox else ""),
    ]
    if found["absence"]:
        lines.append(sentence(msgspec.convert(found["absence"], Absence)))
    if waiting and not inbox:
        lines.append(f"{waiting} Meldungen warten. Senden: verbundwacht-agent send")
    return lines


def _when(at: int | None) -> str:
    if at is None:
        return "noch nie"
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%d.%m.%Y %H:%M:%S")
