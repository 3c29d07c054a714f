"""The words of the status page: one sentence for each answer that a check can give.

Whoever adds an answer in `observe.status` adds a sentence here; a test walks all of them.
"""

from typing import Final

from verbundwacht_collector.i18n import N_
from verbundwacht_collector.observe.status import Level
from verbundwacht_collector.web.words import Word
from verbundwacht_wire.codes import Code

TITLES: Final = {
    "store": N_("Speicher"),
    "ingest": N_("Aufnahme der Meldungen"),
    "doors": N_("Eingänge"),
    "hosts": N_("Server"),
    "packs": N_("Regelpakete"),
    "outbox": N_("Benachrichtigungen"),
    "disk": N_("Platz"),
    "clock": N_("Uhr"),
    "refusals": N_("Abgelehnte Meldungen"),
}
WORDS: Final[dict[Level, Word]] = {
    "good": Word(N_("in Ordnung"), "pass"),
    "unknown": Word(N_("unbekannt"), "none"),
    "warn": Word(N_("ansehen"), "error"),
    "bad": Word(N_("gestört"), "fail"),
}
SENTENCES: Final = {
    ("store", "answers"): N_("Der Speicher nimmt Meldungen an."),
    ("store", "never"): N_("Seit dem Start hat der Speicher noch nichts bestätigt."),
    ("store", "stuck"): N_("Der Speicher antwortet seit %(silent)s nicht."),
    ("store", "failing"): N_("Die letzten Meldungen ließen sich nicht speichern."),
    ("ingest", "quick"): N_("Meldungen sind nach höchstens %(lag)s gespeichert."),
    ("ingest", "slow"): N_("Meldungen warten bis zu %(lag)s, bis sie gespeichert sind."),
    ("ingest", "stuck"): N_("Meldungen warten %(lag)s und länger, bis sie gespeichert sind."),
    ("ingest", "quiet"): N_("Seit dem Start kam noch keine Meldung an."),
    ("doors", "open"): N_("Alle Eingänge sind offen: %(doors)s."),
    ("doors", "closed"): N_("Geschlossen ist: %(doors)s."),
    ("doors", "none"): N_("Welche Eingänge offen sind, ist nicht bekannt."),
    ("hosts", "heard"): N_("%(fresh)s von %(hosts)s Servern melden sich."),
    ("hosts", "none"): N_("Noch ist kein Server angemeldet."),
    ("hosts", "never"): N_("Noch hat sich kein Server gemeldet."),
    ("hosts", "all_silent"): N_(
        "Kein Server meldet sich. Das liegt eher am Sammler oder am Netz als an allen Servern."
    ),
    ("hosts", "half_silent"): N_("Nur %(fresh)s von %(hosts)s Servern melden sich."),
    ("packs", "in_force"): N_("In Kraft: %(packs)s."),
    ("packs", "none"): N_("Kein Regelpaket ist in Kraft: Nichts wird geprüft."),
    ("outbox", "empty"): N_("Alle Benachrichtigungen sind unterwegs oder zugestellt."),
    ("outbox", "unread"): N_("Der Stand der Benachrichtigungen war nicht zu erfahren."),
    ("outbox", "late"): N_("Die älteste Benachrichtigung wartet seit %(unsent)s."),
    ("outbox", "stuck"): N_("Die älteste Benachrichtigung wartet seit %(unsent)s."),
    ("outbox", "failed"): N_(
        "In den letzten 24 Stunden kam eine Benachrichtigung endgültig nicht an."
    ),
    ("outbox", "nobody"): N_("Niemand wird benachrichtigt: Kein Empfänger ist eingerichtet."),
    ("disk", "room"): N_("%(free)s von %(total)s sind frei."),
    ("disk", "low"): N_("Nur noch %(free)s von %(total)s sind frei."),
    ("disk", "full"): N_("Der Datenträger ist fast voll: %(free)s von %(total)s sind frei."),
    ("disk", "unread"): N_("Wie viel Platz frei ist, war nicht zu erfahren."),
    ("clock", "agrees"): N_("Unsere Uhr stimmt mit den Uhren der Server überein."),
    ("clock", "nobody"): N_("Seit dem Start hat noch kein Server seine Uhrzeit genannt."),
    ("clock", "off"): N_("Unsere Uhr und die Uhren der Server liegen %(offset)s auseinander."),
    ("clock", "wrong"): N_("Unsere Uhr und die Uhren der Server liegen %(offset)s auseinander."),
    ("refusals", "none"): N_("In den letzten 24 Stunden war keine Ablehnung auffällig."),
    ("refusals", "alarming"): N_("In den letzten 24 Stunden fielen Ablehnungen auf: %(codes)s."),
    ("refusals", "when"): N_("Auffällige Ablehnungen gab es; wann zuletzt, ist nicht bekannt."),
}
STEPS: Final = {
    ("store", "stuck"): N_(
        "Datenträger und Last prüfen, sonst den Dienst neu starten. Die Server behalten ihre "
        "Meldungen und senden sie noch einmal."
    ),
    ("store", "failing"): N_(
        "Platz und Rechte der Datenbank prüfen; den Grund nennt das Protokoll bei batch.failed. "
        "Verloren ist nichts, die Server senden noch einmal."
    ),
    ("ingest", "slow"): N_("Last des Rechners ansehen. Bis dahin hinkt die Anzeige nach."),
    ("ingest", "stuck"): N_("Last und Datenträger prüfen. Die Anzeige zeigt einen älteren Stand."),
    ("ingest", "quiet"): N_("Mit der nächsten Meldung eines Servers steht hier ein Wert."),
    ("doors", "closed"): N_("Den Dienst neu starten; den Grund nennt das Protokoll."),
    ("hosts", "none"): N_("Server anmelden: verbundwacht host add"),
    ("hosts", "all_silent"): N_("Prüfen, ob die Eingänge von außen erreichbar sind."),
    ("hosts", "half_silent"): N_("Prüfen, ob diese Server ein gemeinsames Netz haben."),
    ("packs", "none"): N_("Ein Paket in Kraft setzen: verbundwacht pack install"),
    ("outbox", "late"): N_("Mailserver und Webhook prüfen; die Warnung nennt die letzte Antwort."),
    ("outbox", "stuck"): N_(
        "Mailserver und Webhook prüfen. Dringendes bis dahin telefonisch weitergeben."
    ),
    ("outbox", "failed"): N_("An der Warnung steht bei der Zustellung, warum."),
    ("outbox", "nobody"): N_("In collector.toml [mail] oder [[webhook]] eintragen."),
    ("disk", "low"): N_("Platz schaffen. Ist der Datenträger voll, wird nichts mehr angenommen."),
    ("disk", "full"): N_("Sofort Platz schaffen. Ist er voll, wird nichts mehr angenommen."),
    ("clock", "nobody"): N_("Mit dem nächsten Lebenszeichen steht hier ein Wert."),
    ("clock", "off"): N_("Uhrzeit dieses Rechners prüfen, etwa mit timedatectl."),
    ("clock", "wrong"): N_(
        "Uhrzeit dieses Rechners prüfen, etwa mit timedatectl. Geht sie falsch, gelten Server zu "
        "Unrecht als verspätet oder als aktuell."
    ),
    ("refusals", "alarming"): N_(
        "Unten nachsehen, was es war. Eine falsche Unterschrift oder ein doppelter Server kann "
        "ein Angriff sein, auch ein zurückgespielter Stand."
    ),
}
CODES: Final = {
    Code.TOO_LARGE: N_("größer, als eine Meldung sein darf"),
    Code.FRAME: N_("kein lesbarer Umschlag"),
    Code.HEADER: N_("der Kopf der Meldung ist unzulässig"),
    Code.ALG: N_("ein Verfahren der Unterschrift, das hier nicht gilt"),
    Code.UNKNOWN_KEY: N_("der Schlüssel gehört zu keinem angemeldeten Server"),
    Code.IDENTITY: N_("Kopf, Schlüssel und Verbindung nennen verschiedene Absender"),
    Code.SIGNATURE: N_("die Unterschrift stimmt nicht"),
    Code.KEY_STATE: N_("der Server oder sein Schlüssel ist gesperrt"),
    Code.DECRYPT: N_("der Inhalt lässt sich nicht entschlüsseln"),
    Code.DUPLICATE: N_("war schon da und kam noch einmal"),
    Code.PRUNED: N_("älter, als das Journal zurückreicht"),
    Code.FORK: N_("zwei verschiedene Meldungen unter einer Nummer"),
    Code.CLONED: N_("der Server meldet sich doppelt"),
    Code.GAP: N_("davor fehlen Meldungen desselben Servers"),
    Code.LATE: N_("kam nach einer neueren an"),
    Code.CLOCK: N_("die Uhr des Servers geht falsch, oder die Meldung wurde aufgehalten"),
    Code.RESTORED: N_("der Server wurde auf einen alten Stand zurückgesetzt"),
    Code.DROPPED_BY_AGENT: N_("vom Agenten selbst verworfen"),
    Code.ULEN: N_("die angegebene Länge stimmt nicht"),
    Code.INFLATE: N_("der Inhalt lässt sich nicht entpacken"),
    Code.JSON: N_("der Inhalt ist kein gültiges JSON"),
    Code.SCHEMA: N_("der Inhalt hat eine unbekannte Form"),
    Code.LIMITS: N_("der Inhalt überschreitet eine Grenze"),
}
