"""What gives a German text away among English ones."""

import re
from typing import Final

GERMAN: Final = re.compile(
    r"[äöüßÄÖÜ„]|\b(?:und|nicht|der|das|dem|den|ist|sind|oder|noch|wird|werden|eine?[mnrs]?|keine?"
    r"|mit|von|bei|nach|seit|zum|zur|wurde|Uhr|heute|gestern|Sie|Ihre?|alle|Warnung|Befund|Kommune"
    r"|Ordner|Datei|Kommunen|Meldung|fehlt|zeigen|prüfen)\b"
)
