"""Facts about how the host is hardened: who may become root, what is filtered, logged, confined."""

from typing import Annotated, Literal

from verbundwacht_wire.facts.base import Section, fact

_SUDOERS = "/etc/sudoers and its includes"
_NFT = "nft -j list ruleset"
_DROPS = "a packet no rule matches: chains of hook input, walked"


class Sudo(Section, frozen=True, kw_only=True):
    """Who may become root by sudo, and under which conditions. Source: sudoers(5).

    Named are only those who may run everything as root; all other rules are counted.
    """

    rules: Annotated[int, fact("Regeln", source=_SUDOERS, right="DAC_READ_SEARCH")]
    full: Annotated[
        tuple[str, ...],
        fact("Dürfen alles als root", source=_SUDOERS, right="DAC_READ_SEARCH"),
    ]
    full_nopasswd: Annotated[
        tuple[str, ...],
        fact("Dürfen alles als root ohne Passwort", source=_SUDOERS, right="DAC_READ_SEARCH"),
    ]
    nopasswd: Annotated[
        int,
        fact("Regeln ohne Passwort", source="NOPASSWD, !authenticate", right="DAC_READ_SEARCH"),
    ]
    negated: Annotated[
        int,
        fact("Befehle mit Ausnahme", source="commands after !", right="DAC_READ_SEARCH"),
    ]
    authenticate: Annotated[
        bool,
        fact("Passwort wird verlangt", source="Defaults authenticate", right="DAC_READ_SEARCH"),
    ]
    env_reset: Annotated[
        bool,
        fact("Umgebung wird geleert", source="Defaults env_reset", right="DAC_READ_SEARCH"),
    ]
    secure_path: Annotated[
        bool,
        fact("Suchpfad ist festgelegt", source="Defaults secure_path", right="DAC_READ_SEARCH"),
    ]
    other_password: Annotated[
        bool,
        fact(
            "Passwort von root statt des eigenen",
            source="Defaults rootpw, targetpw, runaspw",
            right="DAC_READ_SEARCH",
        ),
    ]
    logs: Annotated[
        bool,
        fact(
            "Eigenes Protokoll",
            source="Defaults logfile, log_input, log_output",
            right="DAC_READ_SEARCH",
        ),
    ]
    loose_files: Annotated[
        int,
        fact(
            "Dateien, die andere als root ändern dürfen",
            source="mode and owner of sudoers and its includes",
        ),
    ]
    use_pty: Annotated[
        bool | None,
        fact(
            "Eigenes Terminal je Befehl",
            source="Defaults use_pty; absent: as compiled",
            right="DAC_READ_SEARCH",
        ),
    ] = None
    timestamp_timeout: Annotated[
        int | None,
        fact(
            "Passwort gilt weiter für",
            source="Defaults timestamp_timeout; negative: for ever; absent: as compiled",
            right="DAC_READ_SEARCH",
            unit="s",
        ),
    ] = None


class CronPath(Section, frozen=True, kw_only=True):
    """One place from which cron runs commands, or that says who may use it."""

    path: Annotated[str, fact("Pfad", source="fixed list")]
    mode: Annotated[str, fact("Rechte", source="stat, octal, four digits")]
    root_owned: Annotated[bool, fact("gehört root", source="stat, uid 0")]
    entries: Annotated[
        int | None,
        fact("Einträge", source="names in the folder, hidden ones left out"),
    ] = None
    loose: Annotated[
        int | None,
        fact(
            "davon von anderen als root änderbar",
            source="stat of each entry; users' own tables left out",
        ),
    ] = None


class Cron(Section, frozen=True, kw_only=True):
    """Who may plant commands that cron runs: modes and owners only, never what is in the files."""

    enabled: Annotated[bool, fact("Im Autostart", source="wanted by a target of systemd")]
    allow_list: Annotated[
        bool, fact("Nur ausdrücklich Berechtigte", source="/etc/cron.allow exists")
    ]
    paths: Annotated[tuple[CronPath, ...], fact("Orte", source="those of the list that exist")]


class AppArmor(Section, frozen=True, kw_only=True):
    """Profiles that the kernel has loaded, counted by mode. Source: apparmor(7)."""

    enabled: Annotated[bool, fact("Eingeschaltet", source="/sys/module/apparmor/parameters")]
    enforce: Annotated[
        int | None,
        fact(
            "Profile, die sperren", source="securityfs apparmor/profiles", right="DAC_READ_SEARCH"
        ),
    ] = None
    complain: Annotated[
        int | None,
        fact(
            "Profile, die nur melden",
            source="securityfs apparmor/profiles",
            right="DAC_READ_SEARCH",
        ),
    ] = None
    other: Annotated[
        int | None,
        fact(
            "Profile ohne Wirkung",
            source="securityfs apparmor/profiles, neither enforce, kill nor complain",
            right="DAC_READ_SEARCH",
        ),
    ] = None


class Selinux(Section, frozen=True, kw_only=True):
    """SELinux now, and after the next start. Source: selinux(8)."""

    mode: Annotated[
        Literal["enforcing", "permissive", "disabled"],
        fact("Modus", source="/sys/fs/selinux/enforce; disabled: no such file system"),
    ]
    configured: Annotated[
        str | None, fact("Modus ab dem nächsten Start", source="/etc/selinux/config SELINUX")
    ] = None
    policy: Annotated[str | None, fact("Richtlinie", source="/etc/selinux/config SELINUXTYPE")] = (
        None
    )


class Mac(Section, frozen=True, kw_only=True):
    """Mandatory access control: what confines programs whatever rights their user has."""

    active: Annotated[
        Literal["apparmor", "selinux", "none"],
        fact("Zwangskontrolle", source="AppArmor enabled, SELinux enforcing or permissive"),
    ]
    lsm: Annotated[
        tuple[str, ...] | None,
        fact("Sicherheitsmodule des Kernels", source="/sys/kernel/security/lsm, in its order"),
    ] = None
    apparmor: Annotated[
        AppArmor | None, fact("AppArmor", source="absent: the kernel was built without")
    ] = None
    selinux: Annotated[
        Selinux | None, fact("SELinux", source="absent: neither running nor configured")
    ] = None


class Modules(Section, frozen=True, kw_only=True):
    """What can get into the kernel, how it was started, and which flaws its processors have.

    Modules are those of a fixed list that servers hardly ever need. Boot parameters are told by
    fixed words only; the line itself may hold anything and is not sent.
    """

    loadable: Annotated[
        bool, fact("Module können geladen werden", source="/proc/sys/kernel/modules_disabled")
    ]
    loaded: Annotated[
        tuple[str, ...], fact("Selten nötige Module, geladen", source="/proc/modules, fixed list")
    ]
    blocked: Annotated[
        tuple[str, ...],
        fact("Selten nötige Module, gesperrt", source="modprobe.d: install … /bin/false"),
    ]
    weakening: Annotated[
        tuple[str, ...],
        fact("Startparameter, die schwächen", source="/proc/cmdline, fixed words"),
    ]
    hardening: Annotated[
        tuple[str, ...],
        fact("Startparameter, die härten", source="/proc/cmdline, fixed words"),
    ]
    signed_only: Annotated[
        bool | None,
        fact("Nur signierte Module", source="/sys/module/module/parameters/sig_enforce"),
    ] = None
    lockdown: Annotated[
        str | None, fact("Lockdown", source="/sys/kernel/security/lockdown, the chosen one")
    ] = None
    vulnerable: Annotated[
        tuple[str, ...] | None,
        fact("Schwachstellen der Prozessoren, offen", source="/sys/devices/system/cpu"),
    ] = None
    mitigated: Annotated[
        tuple[str, ...] | None,
        fact("Schwachstellen der Prozessoren, abgefangen", source="/sys/devices/system/cpu"),
    ] = None
    undetermined: Annotated[
        tuple[str, ...] | None,
        fact("Schwachstellen der Prozessoren, ungewiss", source="/sys/devices/system/cpu"),
    ] = None


class Hook(Section, frozen=True, kw_only=True):
    """One chain that the kernel itself enters. Source: nft(8), base chains."""

    family: Annotated[str, fact("Familie", source=_NFT, right="NET_ADMIN")]
    table: Annotated[str, fact("Tabelle", source=_NFT, right="NET_ADMIN")]
    hook: Annotated[str, fact("Stelle", source=_NFT, right="NET_ADMIN")]
    type: Annotated[str, fact("Art", source=_NFT, right="NET_ADMIN")]
    priority: Annotated[int, fact("Rang", source=_NFT, right="NET_ADMIN")]
    policy: Annotated[str, fact("Vorgabe", source=_NFT, right="NET_ADMIN")]
    rules: Annotated[int, fact("Regeln", source=_NFT, right="NET_ADMIN")]


class FirewallManager(Section, frozen=True, kw_only=True):
    """A program that writes the rules when the host starts, by its files."""

    name: Annotated[
        Literal["firewalld", "iptables", "nftables", "ufw"],
        fact("Verwaltung", source="files under /etc"),
    ]
    enabled: Annotated[
        bool, fact("ab dem nächsten Start", source="ufw.conf ENABLED, or wanted by a target")
    ]
    default_input: Annotated[
        Literal["accept", "drop", "reject"] | None,
        fact(
            "Vorgabe für Eingehendes",
            source="/etc/default/ufw, firewalld's default zone, rules.v4; absent: in its rules",
            right="DAC_READ_SEARCH",
        ),
    ] = None


class Firewall(Section, frozen=True, kw_only=True):
    """What the packet filter does now, and who sets it up at the next start.

    Rules that services rewrite all the time (fail2ban, Kubernetes) and elements of sets are left
    out of count and digest, so that a blocked attacker is no change of the firewall.
    """

    hooks: Annotated[tuple[Hook, ...], fact("Einstiege", source=_NFT, right="NET_ADMIN")]
    rules: Annotated[int, fact("Regeln", source=_NFT, right="NET_ADMIN")]
    digest: Annotated[
        str,
        fact(
            "Prüfsumme der Regeln", source="SHA-256 without counters and handles", right="NET_ADMIN"
        ),
    ]
    legacy_tables: Annotated[
        tuple[str, ...],
        fact(
            "Tabellen im alten iptables",
            source="/proc/net/ip_tables_names, ip6_tables_names",
            right="DAC_READ_SEARCH",
        ),
    ]
    managers: Annotated[
        tuple[FirewallManager, ...], fact("Verwaltungen", source="files under /etc")
    ]
    drops_ipv4: Annotated[
        bool | None,
        fact("Sperrt, was nicht erlaubt ist, bei IPv4", source=_DROPS, right="NET_ADMIN"),
    ] = None
    drops_ipv6: Annotated[
        bool | None,
        fact("Sperrt, was nicht erlaubt ist, bei IPv6", source=_DROPS, right="NET_ADMIN"),
    ] = None
