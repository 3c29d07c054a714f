"""Facts about servers and their upkeep: how they are set up, and who protects their data.

What the files say, not what a connection shows: a setting may wait for a restart, and the
library below (OpenSSL) may be stricter. A setting that nobody made is left out where its
default differs between versions; a rule that reads it says what that means.
"""

from typing import Annotated, Literal

from verbundwacht_wire.facts.base import Right, Section, Timestamp, fact

_CONF = "the server's configuration, includes resolved"
_SMB = "testparm -s -v"
_SNMP = "snmpd.conf and its includes"
_HBA = "pg_hba.conf"
_DOCKER = "daemon.json, options of the unit"
_SHOW = "systemctl show"
_MARK = "the operator's marker file"
_R: Right = "DAC_READ_SEARCH"


class Certificate(Section, frozen=True, kw_only=True):
    """The certificate that a server presents: the first of the file it names."""

    path: Annotated[str, fact("Datei", source=_CONF, right=_R)]
    used_by: Annotated[tuple[str, ...], fact("Verwendet von", source="which server names it")]
    subject: Annotated[str | None, fact("Ausgestellt auf", source="X.509 subject, common name")] = (
        None
    )
    not_after: Annotated[Timestamp, fact("Gültig bis", source="X.509 notAfter", unit="time")]
    key: Annotated[
        Literal["rsa", "ec", "ed25519", "ed448", "dsa", "other"],
        fact("Schlüsselart", source="X.509 public key"),
    ]
    key_bits: Annotated[int | None, fact("Schlüssellänge", source="X.509", unit="bits")] = None
    signature_hash: Annotated[
        str | None, fact("Hash der Signatur", source="X.509; absent: in the key's kind, or unknown")
    ] = None
    self_signed: Annotated[bool, fact("Selbst signiert", source="issuer is the subject")]


class UnreadCertificate(Section, frozen=True, kw_only=True):
    """A file that a server names and in which no certificate was read."""

    path: Annotated[str, fact("Datei", source=_CONF, right=_R)]
    used_by: Annotated[tuple[str, ...], fact("Verwendet von", source="which server names it")]
    problem: Annotated[
        Literal["missing", "denied", "broken", "variable"],
        fact("Problem", source="opening and parsing the file"),
    ]


class Certificates(Section, frozen=True, kw_only=True):
    """Certificates named by nginx, Apache, Postfix, Dovecot, Samba. Never a private key."""

    found: Annotated[tuple[Certificate, ...], fact("Zertifikate", source=_CONF)]
    unread: Annotated[tuple[UnreadCertificate, ...], fact("Nicht gelesen", source=_CONF)]


class BackupJob(Section, frozen=True, kw_only=True):
    """A unit that makes a backup and ends. A good result says "ran", not "restorable"."""

    unit: Annotated[str, fact("Unit", source="systemctl show Id, without instance")]
    result: Annotated[
        Literal["success", "failed", "running", "never"],
        fact("Letztes Ergebnis", source="systemctl show Result; since the last boot"),
    ]
    ended: Annotated[
        Timestamp | None,
        fact("Zuletzt beendet", source="systemctl show InactiveEnterTimestamp", unit="time"),
    ] = None
    triggered: Annotated[
        Timestamp | None,
        fact("Zuletzt ausgelöst", source="stamp in /var/lib/systemd/timers", unit="time"),
    ] = None


class BackupMark(Section, frozen=True, kw_only=True):
    """What the operator's own script wrote after the last backup."""

    date: Annotated[Timestamp, fact("Letzte Sicherung", source=_MARK, unit="time")]
    target: Annotated[str | None, fact("Ziel", source="marker file; host name or label")] = None
    restore_tested: Annotated[
        Timestamp | None, fact("Rückspielung geprüft", source=_MARK, unit="time")
    ] = None


class Backup(Section, frozen=True, kw_only=True):
    """Evidence that backups run. An empty section proves nothing: a hypervisor may do it."""

    programs: Annotated[tuple[str, ...], fact("Programme", source="known programs and folders")]
    jobs: Annotated[tuple[BackupJob, ...], fact("Sicherungsläufe", source=_SHOW)]
    clients: Annotated[tuple[str, ...], fact("Aktive Dienste", source="systemctl show ActiveState")]
    marks: Annotated[
        tuple[BackupMark, ...], fact("Marken des Betreibers", source="marker files, newest first")
    ]


class Scanner(Section, frozen=True, kw_only=True):
    """A malware scanner. Installed is not scanning, hence three answers."""

    name: Annotated[str, fact("Programm", source="known programs and folders")]
    running: Annotated[bool | None, fact("Dienst läuft", source="systemctl show ActiveState")] = (
        None
    )
    updating: Annotated[
        bool | None, fact("Aktualisiert sich selbst", source="ClamAV: freshclam unit or cron")
    ] = None
    signatures: Annotated[
        Timestamp | None, fact("Stand der Signaturen", source="ClamAV: mtime of daily", unit="time")
    ] = None


class Malware(Section, frozen=True, kw_only=True):
    """Malware scanners among those we know."""

    scanners: Annotated[tuple[Scanner, ...], fact("Virenscanner", source="known programs")]


class WebSite(Section, frozen=True, kw_only=True):
    """One server block of nginx or one virtual host of Apache."""

    server: Annotated[Literal["nginx", "apache"], fact("Webserver", source="which file")]
    name: Annotated[str, fact("Name", source="first server_name or ServerName, else empty")]
    listen: Annotated[tuple[str, ...], fact("Adressen", source="listen, VirtualHost, Listen")]
    tls: Annotated[bool, fact("TLS", source="listen … ssl, SSLEngine")]
    version_shown: Annotated[
        bool, fact("Nennt seine Version", source="server_tokens, ServerTokens; default: shown")
    ]
    protocols: Annotated[
        tuple[str, ...] | None,
        fact("TLS-Versionen", source="ssl_protocols, SSLProtocol; absent: program's default"),
    ] = None
    ciphers: Annotated[
        tuple[str, ...] | None,
        fact("Cipher-Liste", source="ssl_ciphers, SSLCipherSuite; absent: program's default"),
    ] = None


class Web(Section, frozen=True, kw_only=True):
    """Web servers and what they serve, nginx and Apache only."""

    servers: Annotated[tuple[str, ...], fact("Webserver", source="/usr/sbin/nginx, apache2, httpd")]
    sites: Annotated[tuple[WebSite, ...], fact("Auftritte", source=_CONF)]


class Samba(Section, frozen=True, kw_only=True):
    """Effective settings of the file server; shares are counted, never named."""

    server_min_protocol: Annotated[str, fact("server min protocol", source=_SMB)]
    server_signing: Annotated[str, fact("server signing", source=_SMB)]
    smb_encrypt: Annotated[
        str | None, fact("server smb encrypt", source="testparm; absent: older than 4.14")
    ] = None
    ntlm_auth: Annotated[str, fact("ntlm auth", source=_SMB)]
    map_to_guest: Annotated[str, fact("map to guest", source=_SMB)]
    restrict_anonymous: Annotated[int, fact("restrict anonymous", source=_SMB)]
    netbios: Annotated[bool, fact("NetBIOS eingeschaltet", source="testparm: disable netbios")]
    usershare_guests: Annotated[
        bool, fact("Nutzerfreigaben für Gäste", source="testparm: usershare allow guests")
    ]
    server_role: Annotated[str, fact("server role", source=_SMB)]
    shares: Annotated[int, fact("Freigaben", source=_SMB, unit="shares")]
    guest_shares: Annotated[
        int, fact("Freigaben ohne Anmeldung", source="testparm: guest ok", unit="shares")
    ]


class Authentication(Section, frozen=True, kw_only=True):
    """How many entries let clients of one origin in by one method."""

    method: Annotated[str, fact("Verfahren", source=_HBA, right=_R)]
    origin: Annotated[
        Literal["local", "loopback", "network"],
        fact("Herkunft", source=_HBA, right=_R),
    ]
    entries: Annotated[int, fact("Einträge", source=_HBA, right=_R, unit="entries")]


class DatabaseServer(Section, frozen=True, kw_only=True):
    """One database server; who may enter which database stays on the host."""

    engine: Annotated[Literal["postgresql", "mariadb", "mysql"], fact("System", source="binary")]
    cluster: Annotated[str, fact("Instanz", source="PostgreSQL: version/name, else empty")]
    listen: Annotated[
        tuple[str, ...], fact("Adressen", source="listen_addresses, bind-address or default")
    ]
    exposed: Annotated[
        bool, fact("von außen erreichbar", source="some address is not a loopback address")
    ]
    tls: Annotated[
        bool | None, fact("TLS", source="ssl, ssl-cert; absent: the program makes its own")
    ] = None
    password_encryption: Annotated[
        str | None, fact("Hash-Verfahren neuer Passwörter", source="password_encryption")
    ] = None
    tls_required: Annotated[
        bool | None, fact("TLS vorgeschrieben", source="require_secure_transport")
    ] = None
    skips_grants: Annotated[
        bool | None, fact("Rechteprüfung abgeschaltet", source="skip-grant-tables")
    ] = None
    authentication: Annotated[
        tuple[Authentication, ...],
        fact("Anmeldeverfahren", source="pg_hba.conf; empty for others", right=_R),
    ]


class Database(Section, frozen=True, kw_only=True):
    """Database servers of this host: listening and authentication, never their content."""

    servers: Annotated[
        tuple[DatabaseServer, ...], fact("Datenbankserver", source="PostgreSQL, MariaDB, MySQL")
    ]


class Snmp(Section, frozen=True, kw_only=True):
    """Who may ask the SNMP server. Community strings are compared here and never sent."""

    addresses: Annotated[
        tuple[str, ...], fact("Adressen", source="agentaddress; empty: all", right=_R)
    ]
    communities: Annotated[
        int, fact("Communitys (Version 1 und 2c)", source=_SNMP, right=_R, unit="communities")
    ]
    default_communities: Annotated[
        int, fact("mit bekanntem Namen", source="hash in a list", right=_R, unit="communities")
    ]
    write_communities: Annotated[
        int, fact("mit Schreibrecht", source=_SNMP, right=_R, unit="communities")
    ]
    open_communities: Annotated[
        int, fact("ohne Beschränkung der Herkunft", source=_SNMP, right=_R, unit="communities")
    ]
    v3_users: Annotated[
        int, fact("Konten (Version 3)", source="rouser, rwuser", right=_R, unit="accounts")
    ]
    v3_unprotected: Annotated[
        int, fact("ohne Anmeldung zugelassen", source="noauth", right=_R, unit="accounts")
    ]


class Engine(Section, frozen=True, kw_only=True):
    """One container engine. Whoever can write to its socket is root."""

    name: Annotated[Literal["docker", "podman"], fact("Programm", source="dockerd, podman")]
    hosts: Annotated[tuple[str, ...], fact("Schnittstellen", source=_DOCKER)]
    exposed: Annotated[
        bool, fact("von außen erreichbar", source="some TCP interface is not on loopback")
    ]
    tls_verify: Annotated[bool | None, fact("verlangt Client-Zertifikate", source=_DOCKER)] = None
    userns: Annotated[bool | None, fact("eigene Nutzerkennungen", source="userns-remap")] = None
    live_restore: Annotated[bool | None, fact("live-restore", source=_DOCKER)] = None
    no_new_privileges: Annotated[bool | None, fact("no-new-privileges", source=_DOCKER)] = None
    insecure_registries: Annotated[
        int | None, fact("Quellen ohne TLS", source="insecure-registries", unit="registries")
    ] = None
    socket_mode: Annotated[
        str | None, fact("Rechte des Sockets", source="stat of the socket, octal")
    ] = None
    socket_group: Annotated[
        str | None, fact("Gruppe des Sockets", source="stat; 'other' if not a system group")
    ] = None


class Containers(Section, frozen=True, kw_only=True):
    """Container engines and how far they are exposed; no question to their interfaces."""

    engines: Annotated[tuple[Engine, ...], fact("Container-Dienste", source="Docker, Podman")]
