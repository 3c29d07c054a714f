"""Facts about who may enter the host and how: SSH server, accounts."""

from typing import Annotated

from verbundwacht_wire.facts.base import Section, fact

_T = "sshd -T"


class Sshd(Section, frozen=True, kw_only=True):
    """Effective settings of the SSH server. Source: sshd_config(5), `sshd -T`."""

    port: Annotated[tuple[int, ...], fact("Port", source=_T, right="DAC_READ_SEARCH")]
    permitrootlogin: Annotated[
        str,
        fact(
            "PermitRootLogin",
            source="sshd -T, without-password spelled prohibit-password",
            right="DAC_READ_SEARCH",
        ),
    ]
    passwordauthentication: Annotated[
        str, fact("PasswordAuthentication", source=_T, right="DAC_READ_SEARCH")
    ]
    kbdinteractiveauthentication: Annotated[
        str, fact("KbdInteractiveAuthentication", source=_T, right="DAC_READ_SEARCH")
    ]
    permitemptypasswords: Annotated[
        str, fact("PermitEmptyPasswords", source=_T, right="DAC_READ_SEARCH")
    ]
    hostbasedauthentication: Annotated[
        str, fact("HostbasedAuthentication", source=_T, right="DAC_READ_SEARCH")
    ]
    ignorerhosts: Annotated[str, fact("IgnoreRhosts", source=_T, right="DAC_READ_SEARCH")]
    permituserenvironment: Annotated[
        str, fact("PermitUserEnvironment", source=_T, right="DAC_READ_SEARCH")
    ]
    x11forwarding: Annotated[str, fact("X11Forwarding", source=_T, right="DAC_READ_SEARCH")]
    allowtcpforwarding: Annotated[
        str, fact("AllowTcpForwarding", source=_T, right="DAC_READ_SEARCH")
    ]
    maxauthtries: Annotated[int, fact("MaxAuthTries", source=_T, right="DAC_READ_SEARCH")]
    logingracetime: Annotated[
        int, fact("LoginGraceTime", source=_T, right="DAC_READ_SEARCH", unit="s")
    ]
    loglevel: Annotated[str, fact("LogLevel", source=_T, right="DAC_READ_SEARCH")]
    usepam: Annotated[str, fact("UsePAM", source=_T, right="DAC_READ_SEARCH")]
    ciphers: Annotated[tuple[str, ...], fact("Ciphers", source=_T, right="DAC_READ_SEARCH")]
    macs: Annotated[tuple[str, ...], fact("MACs", source=_T, right="DAC_READ_SEARCH")]
    kexalgorithms: Annotated[
        tuple[str, ...], fact("KexAlgorithms", source=_T, right="DAC_READ_SEARCH")
    ]
    match_blocks: Annotated[
        int,
        fact(
            "Match-Abschnitte (weichen im Einzelfall ab)",
            source="sshd_config and its includes",
            right="DAC_READ_SEARCH",
        ),
    ]


class PrivilegedGroup(Section, frozen=True, kw_only=True):
    """A group whose members can become root; its members are named, unlike ordinary users."""

    name: Annotated[str, fact("Gruppe", source="/etc/group")]
    members: Annotated[tuple[str, ...], fact("Mitglieder", source="/etc/group, primary included")]


class PamModule(Section, frozen=True, kw_only=True):
    """One line of a PAM stack; options of a fixed list only, as they are in effect."""

    module: Annotated[str, fact("Modul", source="/etc/pam.d, without .so")]
    control: Annotated[str, fact("Wirkung", source="/etc/pam.d, second word")]
    options: Annotated[
        tuple[str, ...],
        fact("Einstellungen", source="arguments, and the module's file in /etc/security"),
    ]


class Accounts(Section, frozen=True, kw_only=True):
    """Who is privileged, by name, and how the other accounts stand, as counts only."""

    uid0: Annotated[tuple[str, ...], fact("Konten mit UID 0", source="/etc/passwd")]
    privileged: Annotated[
        tuple[PrivilegedGroup, ...],
        fact("Privilegierte Gruppen", source="/etc/group, passwd; without uid 0"),
    ]
    login_shells: Annotated[
        int, fact("Konten mit Anmelde-Shell", source="/etc/passwd", unit="accounts")
    ]
    with_password: Annotated[
        int,
        fact("mit Passwort", source="/etc/shadow", right="DAC_READ_SEARCH", unit="accounts"),
    ]
    empty_password: Annotated[
        int,
        fact("mit leerem Passwort", source="/etc/shadow", right="DAC_READ_SEARCH", unit="accounts"),
    ]
    weak_hash: Annotated[
        int,
        fact(
            "mit schwachem Passwort-Hash (DES, MD5)",
            source="/etc/shadow prefix",
            right="DAC_READ_SEARCH",
            unit="accounts",
        ),
    ]
    no_max_age: Annotated[
        int,
        fact(
            "mit Passwort ohne Höchstalter",
            source="/etc/shadow field 5",
            right="DAC_READ_SEARCH",
            unit="accounts",
        ),
    ]
    root_password: Annotated[
        bool,
        fact("root hat ein Passwort", source="/etc/shadow", right="DAC_READ_SEARCH"),
    ]
    encrypt_method: Annotated[
        str | None, fact("Hash-Verfahren neuer Passwörter", source="/etc/login.defs")
    ] = None
    umask: Annotated[str | None, fact("UMASK", source="/etc/login.defs")] = None
    pam_auth: Annotated[
        tuple[PamModule, ...] | None,
        fact("PAM beim Anmelden", source="/etc/pam.d/common-auth or system-auth, with includes"),
    ] = None
    pam_password: Annotated[
        tuple[PamModule, ...] | None,
        fact(
            "PAM beim Ändern des Passworts",
            source="/etc/pam.d/common-password or system-auth, with includes",
        ),
    ] = None
