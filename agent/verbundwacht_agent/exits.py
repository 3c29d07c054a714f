"""What each command's exit code means: for its --help, for README, and for timers and scripts.

From sysexits.h: 75 is EX_TEMPFAIL, nothing is wrong, the next run goes on; 70 is EX_SOFTWARE.
130 is Ctrl-C everywhere.
"""

from collections.abc import Mapping
from typing import Final

USAGE: Final = "Bedienung oder Konfiguration"
USUAL: Final[Mapping[int, str]] = {0: "in Ordnung", 2: USAGE}
_BUSY: Final = "ein anderer Lauf arbeitet gerade"
_WAITS: Final = "noch nicht alles angekommen, der nächste Lauf macht weiter"
_REFUSED: Final = "es sollte ein Programm gestartet werden: verweigert und beendet"
SPECIAL: Final[Mapping[str, Mapping[int, str]]] = {
    "gather": {0: "abgelegt, auch wenn Abschnitte fehlen", 2: USAGE, 75: _BUSY},
    "send": {0: "alles beim Sammler", 2: USAGE, 70: _REFUSED, 75: _WAITS},
    "once": {
        0: "gesammelt und alles beim Sammler",
        2: USAGE,
        70: _REFUSED,
        75: f"{_BUSY}, oder {_WAITS}",
    },
    "announce": {
        0: "vorgemerkt, mit --now auch gesendet",
        2: USAGE,
        70: _REFUSED,
        75: "vorgemerkt; " + _WAITS,
    },
    "status": {0: "angemeldet", 1: "nicht angemeldet", 2: USAGE},
    "doctor": {0: "nichts zu tun", 1: "etwas ist zu tun", 2: USAGE},
}
"""By the command; every other one has the usual meanings."""


def explained(command: str) -> str:
    """The lines for --help."""
    found = SPECIAL.get(command, USUAL)
    return "\n".join(["Exit-Codes:", *(f"{code:4}  {text}" for code, text in found.items())])
