"""Facts about what the host records about itself, and about the clock that dates it."""

from typing import Annotated, Literal

from verbundwacht_wire.facts.base import Section, fact


class Auditd(Section, frozen=True, kw_only=True):
    """The daemon that records what happens in the kernel. Source: auditd(8), audit.rules(7)."""

    enabled: Annotated[bool, fact("Im Autostart", source="wanted by a target of systemd")]
    rules: Annotated[
        int,
        fact("Regeln", source="/etc/audit/audit.rules: -w and -a", right="DAC_READ_SEARCH"),
    ]
    immutable: Annotated[
        bool,
        fact(
            "bis zum Neustart unveränderlich", source="audit.rules: -e 2", right="DAC_READ_SEARCH"
        ),
    ]
    watched: Annotated[
        tuple[str, ...],
        fact(
            "Überwachte Systemdateien",
            source="audit.rules: paths, fixed list",
            right="DAC_READ_SEARCH",
        ),
    ]
    syscalls: Annotated[
        tuple[str, ...],
        fact(
            "Überwachte Systemaufrufe",
            source="audit.rules: -S, fixed list",
            right="DAC_READ_SEARCH",
        ),
    ]
    running: Annotated[bool | None, fact("Läuft", source="control group of the unit")] = None
    max_log_file_action: Annotated[
        str | None,
        fact(
            "wenn eine Datei voll ist",
            source="auditd.conf max_log_file_action",
            right="DAC_READ_SEARCH",
        ),
    ] = None
    disk_full_action: Annotated[
        str | None,
        fact(
            "wenn der Datenträger voll ist",
            source="auditd.conf disk_full_action",
            right="DAC_READ_SEARCH",
        ),
    ] = None


class Journal(Section, frozen=True, kw_only=True):
    """How systemd keeps its journal. Source: journald.conf(5), drop-ins by name."""

    persistent: Annotated[
        bool, fact("Übersteht einen Neustart", source="Storage, and /var/log/journal if auto")
    ]
    storage: Annotated[str, fact("Speicherung", source="journald.conf Storage")]
    forward_to_syslog: Annotated[
        bool | None,
        fact("Weitergabe an Syslog", source="journald.conf ForwardToSyslog; absent: as compiled"),
    ] = None
    max_use: Annotated[
        str | None,
        fact("Obergrenze", source="journald.conf SystemMaxUse; absent: a tenth of the disk"),
    ] = None
    retention: Annotated[
        str | None,
        fact("Höchstalter", source="journald.conf MaxRetentionSec; absent: none"),
    ] = None


class Forward(Section, frozen=True, kw_only=True):
    """One way by which log entries leave the host; where to is not told."""

    via: Annotated[
        Literal["rsyslog", "journal-upload", "audisp-remote"],
        fact("Programm", source="whose configuration names it"),
    ]
    protocol: Annotated[str, fact("Protokoll", source="rsyslog.conf, journal-upload.conf")]
    encrypted: Annotated[bool, fact("verschlüsselt", source="TLS or Kerberos is demanded")]
    everything: Annotated[bool, fact("alle Meldungen", source="*.* or no filter at all")]


class Audit(Section, frozen=True, kw_only=True):
    """What the host records about itself, and whether a copy leaves it."""

    forwards: Annotated[
        tuple[Forward, ...], fact("Weiterleitungen", source="configurations in effect, sorted")
    ]
    syslog: Annotated[
        Literal["rsyslog", "syslog-ng", "none"], fact("Syslog-Dienst", source="installed programs")
    ]
    syslog_enabled: Annotated[
        bool, fact("Syslog-Dienst im Autostart", source="wanted by a target of systemd")
    ]
    syslog_running: Annotated[
        bool | None, fact("Syslog-Dienst läuft", source="control group of the unit")
    ] = None
    auditd: Annotated[
        Auditd | None, fact("Auditdienst", source="absent: auditd is not installed")
    ] = None
    journal: Annotated[
        Journal | None, fact("Journal", source="absent: systemd does not run here")
    ] = None


class TimeClient(Section, frozen=True, kw_only=True):
    """One program that can set the clock."""

    name: Annotated[
        Literal["chrony", "ntpd", "openntpd", "timesyncd"],
        fact("Programm", source="installed programs"),
    ]
    enabled: Annotated[bool, fact("im Autostart", source="wanted by a target of systemd")]
    running: Annotated[bool | None, fact("läuft", source="control group of the unit")] = None


class Time(Section, frozen=True, kw_only=True):
    """Who sets the clock, from which servers. Synchronised need not mean: with the right one."""

    clients: Annotated[tuple[TimeClient, ...], fact("Zeitdienste", source="installed programs")]
    sources: Annotated[
        tuple[str, ...],
        fact(
            "Zeitquellen",
            source="configuration of the programs that run; none: compiled in or by DHCP",
        ),
    ]
    authenticated: Annotated[int, fact("davon gesichert", source="sources with nts or key")]
    rtc_local: Annotated[
        bool, fact("Hardware-Uhr geht nach Ortszeit", source="/etc/adjtime, third line")
    ]
    synchronised: Annotated[
        bool | None,
        fact("Synchronisiert", source="timesyncd's mark, or timedatectl NTPSynchronized"),
    ] = None
    timezone: Annotated[
        str | None, fact("Zeitzone", source="/etc/localtime, a link; absent: UTC")
    ] = None
