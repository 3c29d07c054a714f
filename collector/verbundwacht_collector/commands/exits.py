"""What each command's exit code means: for its --help, for README, and for scripts.

Scripts rely on these: a new meaning gets a new code. 130 is Ctrl-C everywhere.
"""

from collections.abc import Mapping
from typing import Final

USAGE: Final = "Bedienung, Konfiguration oder Datenbank"
USUAL: Final[Mapping[int, str]] = {0: "in Ordnung", 1: "nicht gefunden oder abgelehnt", 2: USAGE}
SPECIAL: Final[Mapping[str, Mapping[int, str]]] = {
    "init": {0: "angelegt oder erneuert", 1: "das Regelpaket lädt nicht", 2: USAGE},
    "serve": {0: "beendet, wie verlangt", 2: f"nicht gestartet: {USAGE}"},
    "check-config": {0: "nichts oder nur Hinweise", 2: "mindestens ein Fehler, oder Bedienung"},
    "certificate renew": {0: "erneuert", 2: USAGE},
    "status": {
        0: "alles gut",
        1: "etwas ist anzusehen oder unbekannt",
        2: "kein Sammler läuft",
    },
    "pack lint": {0: "nichts oder nur Hinweise", 1: "mindestens ein Fehler", 2: "Bedienung"},
    "pack test": {
        0: "alle Tests bestanden",
        1: "einer schlug fehl, oder das Paket lädt nicht",
        2: "Bedienung",
    },
}
"""By the words of the command; every other one has the usual meanings."""


def explained(command: str) -> str:
    """The lines for --help; "" stands for the program as a whole."""
    found = SPECIAL.get(command, USUAL)
    return "\n".join(["Exit-Codes:", *(f"{code:4}  {text}" for code, text in found.items())])
