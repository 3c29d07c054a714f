"""What each command's exit code means: for its --help, for README, and for scripts.

Scripts rely on these: a new meaning gets a new code. 130 is Ctrl-C everywhere.
"""

from collections.abc import Mapping
from typing import Final

from verbundwacht_collector.i18n import N_, _, lookup

USAGE: Final = N_("Bedienung, Konfiguration oder Datenbank")
USUAL: Final[Mapping[int, str]] = {
    0: N_("in Ordnung"),
    1: N_("nicht gefunden oder abgelehnt"),
    2: USAGE,
}
SPECIAL: Final[Mapping[str, Mapping[int, str]]] = {
    "init": {0: N_("angelegt oder erneuert"), 1: N_("das Regelpaket lädt nicht"), 2: USAGE},
    "serve": {
        0: N_("beendet, wie verlangt"),
        2: N_("nicht gestartet: Bedienung, Konfiguration oder Datenbank"),
    },
    "check-config": {
        0: N_("nichts oder nur Hinweise"),
        2: N_("mindestens ein Fehler, oder Bedienung"),
    },
    "certificate renew": {0: N_("erneuert"), 2: USAGE},
    "status": {
        0: N_("alles gut"),
        1: N_("etwas ist anzusehen oder unbekannt"),
        2: N_("kein Sammler läuft"),
    },
    "pack lint": {
        0: N_("nichts oder nur Hinweise"),
        1: N_("mindestens ein Fehler"),
        2: N_("Bedienung"),
    },
    "pack test": {
        0: N_("alle Tests bestanden"),
        1: N_("einer schlug fehl, oder das Paket lädt nicht"),
        2: N_("Bedienung"),
    },
    "evidence verify": {
        0: N_("alles stimmt"),
        1: N_("etwas stimmt nicht oder ist nicht prüfbar"),
        2: N_("kein Nachweis, oder Bedienung"),
    },
    "audit verify": {
        0: N_("unverändert"),
        1: N_("verändert oder lückenhaft"),
        2: USAGE,
    },
}
"""By the words of the command; every other one has the usual meanings."""


def explained(command: str) -> str:
    """The lines for --help; "" stands for the program as a whole."""
    found = SPECIAL.get(command, USUAL)
    return "\n".join(
        [_("Exit-Codes:"), *(f"{code:4}  {lookup(text)}" for code, text in found.items())]
    )
