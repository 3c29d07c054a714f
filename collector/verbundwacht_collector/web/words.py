"""The words for the codes of the database: one place, so that every page says the same.

The tables hold the German texts and are translated when one is shown. A code that is missing
here is shown as it is, never left out: an unknown word is a smaller fault than a state that
nobody sees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.i18n import N_, lookup, ngettext


@dataclass(frozen=True)
class Word:
    """A code as users see it: the German word, and the name of its shape and colour."""

    german: str
    look: str

    @property
    def text(self) -> str:
        """The word in the reader's language."""
        return lookup(self.german)


SEVERITIES: Final = {
    "critical": Word(N_("Kritisch"), "crit"),
    "high": Word(N_("Hoch"), "high"),
    "medium": Word(N_("Mittel"), "med"),
    "low": Word(N_("Niedrig"), "low"),
}

ALERT_STATES: Final = {
    "new": Word(N_("Neu"), "new"),
    "taken": Word(N_("In Bearbeitung"), "act"),
    "fix_claimed": Word(N_("Nachweis offen"), "act"),
    "resolved": Word(N_("Behoben"), "ok"),
    "closed": Word(N_("Geschlossen"), "done"),
}
OPEN_STATES: Final = ("new", "taken", "fix_claimed")

OUTCOMES: Final = {
    "fail": Word(N_("nicht erfüllt"), "fail"),
    "error": Word(N_("nicht prüfbar"), "error"),
    "stale": Word(N_("veraltet"), "stale"),
    "pass": Word(N_("erfüllt"), "pass"),
    "not_applicable": Word(N_("nicht zutreffend"), "na"),
}
"""In the order in which they are shown: what needs a person first."""

SECTION_STATUSES: Final = {
    "ok": Word(N_("gesammelt"), "pass"),
    "absent": Word(N_("nicht vorhanden"), "na"),
    "denied": Word(N_("keine Berechtigung"), "denied"),
    "timeout": Word(N_("Zeit überschritten"), "timeout"),
    "failed": Word(N_("fehlgeschlagen"), "error"),
    "unknown": Word(N_("noch nie gemeldet"), "none"),
}

FRESHNESS: Final = {
    "fresh": Word(N_("meldet"), "pass"),
    "late": Word(N_("verspätet"), "late"),
    "silent": Word(N_("schweigt"), "fail"),
    "never": Word(N_("noch keine Meldung"), "none"),
}

SILENT: Final = ("silent", "never")
"""Nothing is known about such a host now: whatever it last said is stale."""

SECTIONS: Final = {
    "os": N_("Betriebssystem"),
    "kernel": N_("Kernel"),
    "packages": N_("Installierte Pakete"),
    "updates": N_("Ausstehende Updates"),
    "sshd": N_("SSH-Server"),
    "sysctl": N_("Kernel-Einstellungen"),
    "mounts": N_("Dateisysteme"),
    "accounts": N_("Konten"),
    "sudo": N_("Sudo"),
    "cron": N_("Geplante Aufgaben (Cron)"),
    "firewall": N_("Firewall"),
    "mac": N_("Zwangskontrolle (AppArmor, SELinux)"),
    "audit": N_("Protokollierung"),
    "time": N_("Uhrzeit"),
    "modules": N_("Kernel-Module und Prozessor"),
    "services": N_("Dienste"),
    "listening": N_("Offene Ports"),
    "web": N_("Webserver"),
    "certificates": N_("Zertifikate"),
    "samba": N_("Dateifreigaben (Samba)"),
    "database": N_("Datenbanken"),
    "snmp": N_("SNMP-Server"),
    "containers": N_("Container"),
    "backup": N_("Datensicherung"),
    "malware": N_("Schutz vor Schadsoftware"),
}

REASONS: Final = {
    "apt_failed": N_("Die Paketverwaltung hat mit einem Fehler abgebrochen."),
    "apt_settings_denied": N_("Die Einstellungen der Paketverwaltung sind nicht lesbar."),
    "audit_denied": N_("Einstellungen der Protokollierung sind für den Agenten nicht lesbar."),
    "bad_config": N_("Die Konfiguration eines Dienstes ist fehlerhaft."),
    "bad_mountinfo": N_("Die Liste der Dateisysteme hat ein unbekanntes Format."),
    "bad_output": N_("Die Ausgabe des Befehls hat ein unbekanntes Format."),
    "bad_value": N_("Ein Wert hat ein unbekanntes Format."),
    "certificates_denied": N_("Manche Zertifikate sind für den Agenten nicht lesbar."),
    "certificates_unread": N_("Manche der eingetragenen Zertifikate fehlen oder sind unlesbar."),
    "command_stuck": N_("Ein Befehl ließ sich nicht beenden."),
    "command_timeout": N_("Ein Befehl brauchte länger als 10 Sekunden."),
    "config_missing": N_("Die Konfiguration eines installierten Dienstes fehlt."),
    "directory_not_seen": N_(
        "Nicht alle Konten sind sichtbar, weil ein Verzeichnisdienst sie führt."
    ),
    "empty_output": N_("Der Befehl lieferte keine Ausgabe."),
    "empty_status": N_("Die Datenbank der Pakete ist leer."),
    "exit_code": N_("Ein Befehl endete mit einem Fehler."),
    "file_missing": N_("Eine erwartete Datei fehlt."),
    "file_too_large": N_("Eine Datei ist ungewöhnlich groß."),
    "firewall_denied": N_("Die Regeln der Firewall sind für den Agenten nicht lesbar."),
    "host_keys_denied": N_("Die Schlüssel des SSH-Servers sind für den Agenten nicht lesbar."),
    "include_missing": N_("Eine eingebundene Datei der Konfiguration fehlt."),
    "incomplete_output": N_("Die Ausgabe des Befehls ist unvollständig."),
    "internal_error": N_("Der Agent hatte selbst einen Fehler."),
    "keys_denied": N_("Manche Einstellungen sind für den Agenten nicht lesbar."),
    "legacy_not_seen": N_("Ein Teil der Regeln liegt im alten iptables und ist nicht lesbar."),
    "lists_broken": N_("Die Paketlisten sind beschädigt."),
    "lists_incomplete": N_("Die Paketlisten sind unvollständig."),
    "lists_missing": N_("Die Paketlisten fehlen. Sie müssen zuerst geholt werden."),
    "mark_denied": N_("Die Marke der Datensicherung ist für den Agenten nicht lesbar."),
    "mark_unreadable": N_("Die Marke der Datensicherung ist unvollständig."),
    "mark_untrusted": N_("Die Marke der Datensicherung kann jeder Nutzer ändern; sie zählt nicht."),
    "no_accounts": N_("Es ist kein einziges Konto verzeichnet."),
    "no_boot_line": N_("Die Startparameter des Kernels fehlen."),
    "no_boot_time": N_("Der Zeitpunkt des Starts ist nicht lesbar."),
    "no_container_engine": N_("Weder Docker noch Podman ist installiert."),
    "no_cron": N_("Es ist kein Cron installiert."),
    "no_cron_folders": N_("Die Ordner von Cron fehlen, obwohl es installiert ist."),
    "no_database_server": N_("Weder PostgreSQL noch MariaDB oder MySQL ist installiert."),
    "no_file_server": N_("Samba ist nicht installiert."),
    "no_host_keys": N_("Der SSH-Server hat keine eigenen Schlüssel."),
    "no_keys": N_("Die Kernel-Einstellungen sind nicht lesbar."),
    "no_logging": N_("Es ist kein Dienst zu sehen, der etwas protokolliert."),
    "no_nft": N_("Die Regeln sind nicht lesbar, weil das Paket nftables fehlt."),
    "no_os_id": N_("Das Betriebssystem nennt seinen Namen nicht."),
    "no_os_release": N_("Die Angaben zum Betriebssystem fehlen."),
    "no_proc_net": N_("Die Angaben des Kernels unter /proc/net fehlen."),
    "no_snmp_server": N_("Es ist kein SNMP-Server installiert."),
    "no_sources": N_("Es ist keine Paketquelle eingerichtet."),
    "no_ssh_server": N_("Es ist kein SSH-Server installiert."),
    "no_sudo": N_("sudo ist nicht installiert."),
    "no_sudoers": N_("Die Regeln von sudo fehlen, obwohl es installiert ist."),
    "no_sysfs": N_("Die Angaben des Kernels unter /sys fehlen."),
    "no_systemd": N_("Die Dienstverwaltung systemd läuft hier nicht."),
    "no_time_settings": N_("Die Einstellungen der Uhr fehlen."),
    "no_tls_server": N_("Keiner der bekannten Server mit Zertifikaten ist installiert."),
    "no_web_server": N_("Weder nginx noch Apache ist installiert."),
    "not_a_file": N_("An der erwarteten Stelle liegt keine Datei."),
    "output_too_large": N_("Die Ausgabe eines Befehls ist ungewöhnlich groß."),
    "package_manager_busy": N_("Die Paketverwaltung war gerade beschäftigt."),
    "probe_limit": N_("Der Abschnitt brauchte länger als 10 Sekunden."),
    "process_hidden": N_("Angaben über andere Prozesse sind für den Agenten verborgen."),
    "profiles_not_seen": N_("Die Profile von AppArmor sind für den Agenten nicht sichtbar."),
    "program_missing": N_("Ein Programm, das der Agent aufruft, ist nicht installiert."),
    "programs_denied": N_("Zu manchen Ports ist das Programm für den Agenten verborgen."),
    "read_denied": N_("Eine Datei ist für den Agenten nicht lesbar."),
    "read_error": N_("Eine Datei ließ sich nicht lesen."),
    "run_limit": N_("Der Lauf des Agenten wurde nach einer Minute beendet."),
    "security_lists_missing": N_("Die Paketlisten für Sicherheitsupdates fehlen."),
    "selinux_not_mounted": N_("SELinux läuft, seine Angaben fehlen aber."),
    "services_not_seen": N_("Ob die Dienste laufen, ist ohne systemd nicht feststellbar."),
    "shadow_denied": N_("Die Datei mit den Passwort-Prüfwerten ist für den Agenten nicht lesbar."),
    "shadow_missing": N_("Die Datei mit den Passwort-Prüfwerten fehlt."),
    "spool_denied": N_("Die Aufgaben der Benutzer sind für den Agenten nicht sichtbar."),
    "status_broken": N_("Die Datenbank der Pakete ist beschädigt."),
    "sudo_directory_not_seen": N_(
        "Weitere Regeln von sudo führt unsichtbar ein Verzeichnisdienst."
    ),
    "sudoers_denied": N_("Die Regeln von sudo sind für den Agenten nicht lesbar."),
    "sudoers_not_understood": N_("Nicht jede Zeile der Regeln von sudo ist verständlich."),
    "sync_not_seen": N_("Ob die Uhr synchronisiert ist, war nicht zu erfahren."),
    "syslog_ng_not_read": N_("Die Weiterleitungen von syslog-ng werden noch nicht gelesen."),
    "too_large": N_("Der Abschnitt ist zu groß für eine Meldung."),
    "too_many_includes": N_("Die Konfiguration bindet zu viele Dateien ein."),
    "unsupported": N_("Dieses Betriebssystem wird noch nicht unterstützt."),
}
"""Why a section was not, or not wholly, collected: the agents' fixed phrases."""

UNITS: Final[dict[str, Callable[[int], str]]] = {
    "s": lambda n: ngettext("%(num)s Sekunde", "%(num)s Sekunden", n),
    "accounts": lambda n: ngettext("%(num)s Konto", "%(num)s Konten", n),
    "packages": lambda n: ngettext("%(num)s Paket", "%(num)s Pakete", n),
}


def severity(code: str) -> Word:
    """The word for a severity."""
    return SEVERITIES.get(code, Word(code, "low"))


def alert_state(code: str) -> Word:
    """The word for an alert's state."""
    return ALERT_STATES.get(code, Word(code, "new"))


def outcome(code: str) -> Word:
    """The word for a finding's outcome; an unknown one looks like one that cannot be judged."""
    return OUTCOMES.get(code, Word(code, "error"))


def section_status(code: str) -> Word:
    """The word for a section's collection status."""
    return SECTION_STATUSES.get(code, Word(code, "error"))


def freshness(code: str) -> Word:
    """The word for how recently a host reported."""
    return FRESHNESS.get(code, Word(code, "none"))


def reason(code: str) -> str | None:
    """Why a section is missing, as a sentence; None for a code of a newer agent."""
    found = REASONS.get(code)
    return None if found is None else lookup(found)


def section(name: str) -> str:
    """The title of a section; unknown ones (of newer agents) keep their name."""
    return lookup(SECTIONS.get(name, name))
