"""A planned absence: one small file, written by a person on this host, carried by gather.

Gather tells it as long as it lasts, with every message. Whoever reads the file believes nothing
in it: what is damaged, too long or over is no absence, so that an error makes the host's silence
an alert and never excuses it.
"""

import os
import re
from datetime import datetime
from typing import Final

import msgspec

from verbundwacht_agent.errors import AbsenceError
from verbundwacht_agent.files import write
from verbundwacht_agent.log import log_event
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.messages import MAX_ABSENCE_MS, MAX_REASON, MAX_REASON_BYTES, Absence

_MINUTE_MS: Final = 60_000
_DURATION: Final = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,3})m(?:in)?)?", re.IGNORECASE)


def duration_ms(text: str) -> int:
    """Milliseconds of `2h`, `90m`, `1h30m`. Raises AbsenceError: unreadable, nothing, too long."""
    found = _DURATION.fullmatch(text.replace(" ", ""))
    if found is None or not any(found.groups()):
        raise AbsenceError(f"--for {text!r} ist keine Dauer. Möglich sind 90m, 2h oder 1h30m.")
    lasts = (int(found[1] or 0) * 60 + int(found[2] or 0)) * _MINUTE_MS
    if not 0 < lasts <= MAX_ABSENCE_MS:
        most = MAX_ABSENCE_MS // (60 * _MINUTE_MS)
        raise AbsenceError(
            f"--for {text!r}: möglich sind 1 Minute bis {most} Stunden. Dauert es länger, "
            "später noch einmal ankündigen oder am Sammler eine Wartung eintragen."
        )
    return lasts


def announce(paths: Paths, now_ms: int, lasts_ms: int, reason: str) -> Absence:
    """The absence begins now and lies where gather finds it; an earlier one is replaced.

    Raises AbsenceError for a reason that cannot be sent.
    """
    try:
        absence = Absence(from_=now_ms, until=now_ms + lasts_ms, reason=reason.strip())
        # The limit of characters is checked where messages are read, and so here.
        raw = msgspec.json.encode(absence)
        msgspec.json.decode(raw, type=Absence)
    except (ValueError, msgspec.ValidationError):
        raise AbsenceError(
            f"--reason: eine Zeile mit 1 bis {MAX_REASON} Zeichen (höchstens {MAX_REASON_BYTES} "
            "Byte), zum Beispiel --reason Kernel-Update. Ohne Namen von Personen."
        ) from None
    write(paths.absence, raw)
    if os.geteuid() == 0:
        folder = paths.gather.stat()  # gather runs as another user, who owns the folder
        os.chown(paths.absence, folder.st_uid, folder.st_gid)
    return absence


def withdraw(paths: Paths) -> bool:
    """Nothing is announced any more; True if something was."""
    was = paths.absence.exists()
    paths.absence.unlink(missing_ok=True)
    return was


def current(paths: Paths, now_ms: int) -> Absence | None:
    """What gather tells now. None: nothing announced, over, or not readable."""
    try:
        absence = msgspec.json.decode(paths.absence.read_bytes(), type=Absence)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:  # msgspec's errors are ValueErrors
        log_event("absence.ignored", "warning", problem=str(problem))
        return None
    return absence if absence.from_ <= now_ms < absence.until else None


def sentence(absence: Absence) -> str:
    """The absence for people, German."""
    until = datetime.fromtimestamp(absence.until / 1000).astimezone()
    return f"Abwesend bis {until:%d.%m.%Y %H:%M} Uhr angekündigt: {absence.reason}"
