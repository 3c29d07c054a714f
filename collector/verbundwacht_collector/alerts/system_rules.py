"""The collector's own findings: they have no pack, but texts like every rule."""

from typing import Final

from msgspec import Struct

from verbundwacht_collector.alerts.model import (
    HOST_SILENT,
    MUNICIPALITY_SILENT,
    RULE_BLIND,
    Severity,
)


class SystemRule(Struct, frozen=True):
    """The texts of one finding that the collector makes itself, German and English."""

    id: str
    severity: Severity
    title: dict[str, str]
    rationale: dict[str, str]
    expected: dict[str, str]
    remediation: dict[str, str]
    group: str = "collector"


SYSTEM_RULES: Final = {
    HOST_SILENT: SystemRule(
        id=HOST_SILENT,
        severity="medium",
        title={"de": "Server meldet sich nicht mehr", "en": "Server no longer reports"},
        rationale={
            "de": "Ohne Meldungen ist der Zustand unbekannt. Er gilt nicht als in Ordnung.",
            "en": "Without reports the state is unknown. It does not count as good.",
        },
        expected={
            "de": "Eine Meldung spätestens nach drei Melde-Abständen.",
            "en": "A report after three intervals at the latest.",
        },
        remediation={
            "de": "1. Läuft der Server? Ist er im Netz?\n"
            "2. Auf dem Server: verbundwacht-agent status\n"
            "3. Zeigt der Befehl Fehler: verbundwacht-agent doctor\n"
            "Die nächste Meldung des Servers schließt die Warnung von selbst.",
            "en": "1. Is the server up and on the network?\n"
            "2. On the server: verbundwacht-agent status\n"
            "3. If that shows errors: verbundwacht-agent doctor\n"
            "The server's next report ends this alert by itself.",
        },
    ),
    MUNICIPALITY_SILENT: SystemRule(
        id=MUNICIPALITY_SILENT,
        severity="high",
        title={
            "de": "Verbindung zur Kommune ist unterbrochen",
            "en": "Connection to the municipality is broken",
        },
        rationale={
            "de": "Mindestens drei Server und die Hälfte der Kommune melden sich seit derselben "
            "Zeit nicht mehr. Das ist fast immer eine Ursache, nicht viele. "
            "Warnungen zu den einzelnen Servern werden so lange zurückgehalten.",
            "en": "At least three servers and half of the municipality stopped reporting at the "
            "same time. That is almost always one cause, not many. "
            "Alerts about the single servers are held back meanwhile.",
        },
        expected={
            "de": "Mehr als die Hälfte der Server meldet sich.",
            "en": "More than half of the servers report.",
        },
        remediation={
            "de": "1. Rufen Sie die Kommune an: Gibt es eine Störung von Strom oder Internet?\n"
            "2. Wurde an Firewall, DNS oder Leitung gearbeitet?\n"
            "3. Auf einem der Server: verbundwacht-agent doctor --network\n"
            "Sobald wieder genug Server melden, schließt sich die Warnung von selbst.",
            "en": "1. Call the municipality: is there a power or internet outage?\n"
            "2. Has anybody worked on firewall, DNS or the line?\n"
            "3. On one of the servers: verbundwacht-agent doctor --network\n"
            "As soon as enough servers report again, this alert ends by itself.",
        },
    ),
    RULE_BLIND: SystemRule(
        id=RULE_BLIND,
        severity="medium",
        title={"de": "Regel sieht nichts mehr", "en": "Rule no longer sees anything"},
        rationale={
            "de": "Diese Regel hatte hier schon ein Ergebnis. "
            "Seit drei Meldungen fehlen ihr Fakten.",
            "en": "This rule had a result here before. For three reports its facts are missing.",
        },
        expected={
            "de": "Der Agent kann den Abschnitt lesen.",
            "en": "The agent can read the section.",
        },
        remediation={
            "de": "1. Auf dem Server: verbundwacht-agent doctor\n"
            "2. Der Befehl nennt, was nicht gelesen werden kann, und den nächsten Schritt.",
            "en": "1. On the server: verbundwacht-agent doctor\n"
            "2. It names what cannot be read, and the next step.",
        },
    ),
}
