"""What the fixed phrases of the manifest mean, for people on the host. German, pure.

The pages of the collector say the same sentences; a test compares them. What to do is not here:
the place that found the reason knows that best and says so in its hint.
"""

from typing import Final

REASONS: Final = {
    "apt_failed": "Die Paketverwaltung hat mit einem Fehler abgebrochen.",
    "apt_settings_denied": "Die Einstellungen der Paketverwaltung sind nicht lesbar.",
    "audit_denied": "Einstellungen der Protokollierung sind für den Agenten nicht lesbar.",
    "bad_config": "Die Konfiguration eines Dienstes ist fehlerhaft.",
    "bad_mountinfo": "Die Liste der Dateisysteme hat ein unbekanntes Format.",
    "bad_output": "Die Ausgabe des Befehls hat ein unbekanntes Format.",
    "bad_value": "Ein Wert hat ein unbekanntes Format.",
    "certificates_denied": "Manche Zertifikate sind für den Agenten nicht lesbar.",
    "certificates_unread": "Manche der eingetragenen Zertifikate fehlen oder sind unlesbar.",
    "command_stuck": "Ein Befehl ließ sich nicht beenden.",
    "command_timeout": "Ein Befehl brauchte länger als 10 Sekunden.",
    "config_missing": "Die Konfiguration eines installierten Dienstes fehlt.",
    "directory_not_seen": "Nicht alle Konten sind sichtbar, weil ein Verzeichnisdienst sie führt.",
    "empty_output": "Der Befehl lieferte keine Ausgabe.",
    "empty_status": "Die Datenbank der Pakete ist leer.",
    "exit_code": "Ein Befehl endete mit einem Fehler.",
    "file_missing": "Eine erwartete Datei fehlt.",
    "file_too_large": "Eine Datei ist ungewöhnlich groß.",
    "firewall_denied": "Die Regeln der Firewall sind für den Agenten nicht lesbar.",
    "host_keys_denied": "Die Schlüssel des SSH-Servers sind für den Agenten nicht lesbar.",
    "include_missing": "Eine eingebundene Datei der Konfiguration fehlt.",
    "incomplete_output": "Die Ausgabe des Befehls ist unvollständig.",
    "internal_error": "Der Agent hatte selbst einen Fehler.",
    "keys_denied": "Manche Einstellungen sind für den Agenten nicht lesbar.",
    "legacy_not_seen": "Ein Teil der Regeln liegt im alten iptables und ist nicht lesbar.",
    "lists_broken": "Die Paketlisten sind beschädigt.",
    "lists_incomplete": "Die Paketlisten sind unvollständig.",
    "lists_missing": "Die Paketlisten fehlen. Sie müssen zuerst geholt werden.",
    "mark_denied": "Die Marke der Datensicherung ist für den Agenten nicht lesbar.",
    "mark_unreadable": "Die Marke der Datensicherung ist unvollständig.",
    "mark_untrusted": "Die Marke der Datensicherung kann jeder Nutzer ändern; sie zählt nicht.",
    "no_accounts": "Es ist kein einziges Konto verzeichnet.",
    "no_boot_line": "Die Startparameter des Kernels fehlen.",
    "no_boot_time": "Der Zeitpunkt des Starts ist nicht lesbar.",
    "no_container_engine": "Weder Docker noch Podman ist installiert.",
    "no_cron": "Es ist kein Cron installiert.",
    "no_cron_folders": "Die Ordner von Cron fehlen, obwohl es installiert ist.",
    "no_database_server": "Weder PostgreSQL noch MariaDB oder MySQL ist installiert.",
    "no_file_server": "Samba ist nicht installiert.",
    "no_host_keys": "Der SSH-Server hat keine eigenen Schlüssel.",
    "no_keys": "Die Kernel-Einstellungen sind nicht lesbar.",
    "no_logging": "Es ist kein Dienst zu sehen, der etwas protokolliert.",
    "no_nft": "Die Regeln sind nicht lesbar, weil das Paket nftables fehlt.",
    "no_os_id": "Das Betriebssystem nennt seinen Namen nicht.",
    "no_os_release": "Die Angaben zum Betriebssystem fehlen.",
    "no_proc_net": "Die Angaben des Kernels unter /proc/net fehlen.",
    "no_snmp_server": "Es ist kein SNMP-Server installiert.",
    "no_sources": "Es ist keine Paketquelle eingerichtet.",
    "no_ssh_server": "Es ist kein SSH-Server installiert.",
    "no_sudo": "sudo ist nicht installiert.",
    "no_sudoers": "Die Regeln von sudo fehlen, obwohl es installiert ist.",
    "no_sysfs": "Die Angaben des Kernels unter /sys fehlen.",
    "no_systemd": "Die Dienstverwaltung systemd läuft hier nicht.",
    "no_time_settings": "Die Einstellungen der Uhr fehlen.",
    "no_tls_server": "Keiner der bekannten Server mit Zertifikaten ist installiert.",
    "no_web_server": "Weder nginx noch Apache ist installiert.",
    "not_a_file": "An der erwarteten Stelle liegt keine Datei.",
    "output_too_large": "Die Ausgabe eines Befehls ist ungewöhnlich groß.",
    "package_manager_busy": "Die Paketverwaltung war gerade beschäftigt.",
    "probe_limit": "Der Abschnitt brauchte länger als 10 Sekunden.",
    "process_hidden": "Angaben über andere Prozesse sind für den Agenten verborgen.",
    "profiles_not_seen": "Die Profile von AppArmor sind für den Agenten nicht sichtbar.",
    "program_missing": "Ein Programm, das der Agent aufruft, ist nicht installiert.",
    "programs_denied": "Zu manchen Ports ist das Programm für den Agenten verborgen.",
    "read_denied": "Eine Datei ist für den Agenten nicht lesbar.",
    "read_error": "Eine Datei ließ sich nicht lesen.",
    "run_limit": "Der Lauf des Agenten wurde nach einer Minute beendet.",
    "security_lists_missing": "Die Paketlisten für Sicherheitsupdates fehlen.",
    "selinux_not_mounted": "SELinux läuft, seine Angaben fehlen aber.",
    "services_not_seen": "Ob die Dienste laufen, ist ohne systemd nicht feststellbar.",
    "shadow_denied": "Die Datei mit den Passwort-Prüfwerten ist für den Agenten nicht lesbar.",
    "shadow_missing": "Die Datei mit den Passwort-Prüfwerten fehlt.",
    "spool_denied": "Die Aufgaben der Benutzer sind für den Agenten nicht sichtbar.",
    "status_broken": "Die Datenbank der Pakete ist beschädigt.",
    "sudo_directory_not_seen": "Weitere Regeln von sudo führt unsichtbar ein Verzeichnisdienst.",
    "sudoers_denied": "Die Regeln von sudo sind für den Agenten nicht lesbar.",
    "sudoers_not_understood": "Nicht jede Zeile der Regeln von sudo ist verständlich.",
    "sync_not_seen": "Ob die Uhr synchronisiert ist, war nicht zu erfahren.",
    "syslog_ng_not_read": "Die Weiterleitungen von syslog-ng werden noch nicht gelesen.",
    "too_large": "Der Abschnitt ist zu groß für eine Meldung.",
    "too_many_includes": "Die Konfiguration bindet zu viele Dateien ein.",
    "unsupported": "Dieses Betriebssystem wird noch nicht unterstützt.",
}

_STEPS: Final = {
    "denied": "Als root starten, oder die Rechte der Dienst-Einheit prüfen.",
    "not_seen": "Nichts zu tun: mehr ist auf diesem Server nicht zu erfahren.",
    "lists_incomplete": "apt-get update ausführen und Meldungen beachten.",
    "unread": "Die eingetragenen Dateien prüfen: verbundwacht-agent show --section certificates",
    "mark": "Die Marke der Datensicherung prüfen: nur root darf sie schreiben, ein Objekt JSON.",
}


def sentence(reason: str | None) -> str:
    """The reason as a German sentence; the phrase itself where there is none."""
    return REASONS.get(reason or "", f"Grund: {reason}.")


def step(reason: str | None) -> str:
    """What to do about a reason that nobody gave a hint for."""
    text = reason or ""
    return next(
        (said for part, said in _STEPS.items() if part in text),
        "verbundwacht-agent show zeigt, was fehlt; sonst dem Hersteller melden.",
    )
