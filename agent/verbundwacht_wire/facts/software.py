"""Facts about installed software and about updates that wait."""

from typing import Annotated, Literal

from verbundwacht_wire.facts.base import Section, Timestamp, fact

Manager = Literal["dpkg", "rpm"]


class Package(Section, frozen=True, kw_only=True):
    """One installed package; source name and source version are what advisories speak of."""

    name: Annotated[str, fact("Name", source="dpkg status Package")]
    version: Annotated[str, fact("Version", source="dpkg status Version")]
    arch: Annotated[str, fact("Architektur", source="dpkg status Architecture")]
    source: Annotated[
        str | None, fact("Quellpaket", source="dpkg status Source; absent: same as name")
    ] = None
    source_version: Annotated[
        str | None, fact("Version des Quellpakets", source="dpkg status Source (…); absent: same")
    ] = None
    state: Annotated[
        str | None,
        fact("Zustand", source="dpkg status Status, third word; absent: installed"),
    ] = None


class Packages(Section, frozen=True, kw_only=True):
    """What the package manager has installed, half-installed packages included."""

    manager: Annotated[Manager, fact("Paketverwaltung", source="which database was read")]
    installed: Annotated[
        tuple[Package, ...], fact("Pakete", source="/var/lib/dpkg/status, sorted by name and arch")
    ]


class PendingUpdate(Section, frozen=True, kw_only=True):
    """One package for which the lists hold a newer version."""

    name: Annotated[str, fact("Paket", source="apt-get --simulate")]
    installed: Annotated[str, fact("Installiert", source="apt-get --simulate, in brackets")]
    candidate: Annotated[str, fact("Verfügbar", source="apt-get --simulate, in parentheses")]
    security: Annotated[
        bool, fact("Sicherheitsupdate", source="a newer version's label or archive: …-security")
    ]
    held: Annotated[bool, fact("Zurückgehalten", source="apt: on hold")]
    phased: Annotated[bool, fact("Stufenweise Auslieferung", source="apt: deferred by phasing")]


class Automatic(Section, frozen=True, kw_only=True):
    """Automatic updates. Switched on is not the same as working, hence three answers."""

    enabled: Annotated[
        bool, fact("Eingeschaltet", source="apt-config APT::Periodic; program and timer are there")
    ]
    last_success: Annotated[
        Timestamp | None,
        fact("Letzter Erfolg", source="/var/lib/apt/periodic/upgrade-stamp", unit="time"),
    ] = None
    last_error: Annotated[
        str | None,
        fact(
            "Letzter Fehler",
            source="unattended-upgrades.log, kind of the newest error after the last success",
            right="DAC_READ_SEARCH",
        ),
    ] = None


class Updates(Section, frozen=True, kw_only=True):
    """Updates that the host's own package manager would install now."""

    manager: Annotated[Manager, fact("Paketverwaltung", source="which one was asked")]
    pending: Annotated[
        tuple[PendingUpdate, ...],
        fact("Ausstehend", source="apt_pkg, else apt-get --simulate upgrade"),
    ]
    automatic: Annotated[Automatic, fact("Automatische Updates", source="apt-config, stamps, log")]
    lists_date: Annotated[
        Timestamp | None,
        fact("Stand der Paketlisten", source="newest Date in InRelease files", unit="time"),
    ] = None
    lists_checked: Annotated[
        Timestamp | None,
        fact("Listen zuletzt geholt", source="mtime of lists/partial or stamp", unit="time"),
    ] = None
