"""Facts about the machine itself: release, kernel, kernel settings, mounted file systems."""

from typing import Annotated

from verbundwacht_wire.facts.base import Section, Timestamp, fact


class Os(Section, frozen=True, kw_only=True):
    """Which operating system the host runs. Source: os-release(5)."""

    id: Annotated[str, fact("Distribution", source="/etc/os-release ID")]
    version: Annotated[str, fact("Version", source='/etc/os-release VERSION_ID, "" if rolling')]
    name: Annotated[str, fact("Bezeichnung", source="/etc/os-release PRETTY_NAME")]
    codename: Annotated[str | None, fact("Codename", source="/etc/os-release VERSION_CODENAME")] = (
        None
    )


class Kernel(Section, frozen=True, kw_only=True):
    """Which kernel runs, which is installed, and whether a restart is due."""

    running: Annotated[str, fact("Laufender Kernel", source="/proc/sys/kernel/osrelease")]
    booted: Annotated[Timestamp, fact("Gestartet am", source="/proc/stat btime", unit="time")]
    container: Annotated[
        bool,
        fact("Läuft in einem Container", source="/proc/2/comm, systemd's marker, /proc/1/environ"),
    ]
    reboot_required: Annotated[
        bool, fact("Neustart angefordert", source="/run/reboot-required, /var/run/reboot-required")
    ]
    newest_installed: Annotated[
        str | None, fact("Neuester installierter Kernel", source="/boot/vmlinuz-*, by version")
    ] = None
    outdated: Annotated[
        bool | None,
        fact("Älterer Kernel als installiert läuft", source="running against newest_installed"),
    ] = None


class Sysctl(Section, frozen=True, kw_only=True):
    """The hardening keys under /proc/sys; a key that this kernel lacks is left out.

    Field names are the sysctl names with dots replaced. Interface settings are those of
    `all`; `default` only decides about interfaces that appear later. Source: sysctl(8).
    """

    kernel_randomize_va_space: Annotated[
        int | None, fact("kernel.randomize_va_space", source="/proc/sys")
    ] = None
    kernel_kptr_restrict: Annotated[
        int | None, fact("kernel.kptr_restrict", source="/proc/sys")
    ] = None
    kernel_dmesg_restrict: Annotated[
        int | None, fact("kernel.dmesg_restrict", source="/proc/sys")
    ] = None
    kernel_yama_ptrace_scope: Annotated[
        int | None, fact("kernel.yama.ptrace_scope", source="/proc/sys")
    ] = None
    kernel_sysrq: Annotated[int | None, fact("kernel.sysrq", source="/proc/sys")] = None
    kernel_unprivileged_bpf_disabled: Annotated[
        int | None, fact("kernel.unprivileged_bpf_disabled", source="/proc/sys")
    ] = None
    kernel_kexec_load_disabled: Annotated[
        int | None, fact("kernel.kexec_load_disabled", source="/proc/sys")
    ] = None
    kernel_perf_event_paranoid: Annotated[
        int | None, fact("kernel.perf_event_paranoid", source="/proc/sys")
    ] = None
    fs_protected_hardlinks: Annotated[
        int | None, fact("fs.protected_hardlinks", source="/proc/sys")
    ] = None
    fs_protected_symlinks: Annotated[
        int | None, fact("fs.protected_symlinks", source="/proc/sys")
    ] = None
    fs_protected_fifos: Annotated[int | None, fact("fs.protected_fifos", source="/proc/sys")] = None
    fs_protected_regular: Annotated[
        int | None, fact("fs.protected_regular", source="/proc/sys")
    ] = None
    fs_suid_dumpable: Annotated[int | None, fact("fs.suid_dumpable", source="/proc/sys")] = None
    net_ipv4_ip_forward: Annotated[int | None, fact("net.ipv4.ip_forward", source="/proc/sys")] = (
        None
    )
    net_ipv4_tcp_syncookies: Annotated[
        int | None, fact("net.ipv4.tcp_syncookies", source="/proc/sys")
    ] = None
    net_ipv4_icmp_echo_ignore_broadcasts: Annotated[
        int | None, fact("net.ipv4.icmp_echo_ignore_broadcasts", source="/proc/sys")
    ] = None
    net_ipv4_conf_all_rp_filter: Annotated[
        int | None, fact("net.ipv4.conf.all.rp_filter", source="/proc/sys")
    ] = None
    net_ipv4_conf_all_accept_redirects: Annotated[
        int | None, fact("net.ipv4.conf.all.accept_redirects", source="/proc/sys")
    ] = None
    net_ipv4_conf_all_send_redirects: Annotated[
        int | None, fact("net.ipv4.conf.all.send_redirects", source="/proc/sys")
    ] = None
    net_ipv4_conf_all_accept_source_route: Annotated[
        int | None, fact("net.ipv4.conf.all.accept_source_route", source="/proc/sys")
    ] = None
    net_ipv4_conf_all_log_martians: Annotated[
        int | None, fact("net.ipv4.conf.all.log_martians", source="/proc/sys")
    ] = None
    net_ipv6_conf_all_accept_redirects: Annotated[
        int | None, fact("net.ipv6.conf.all.accept_redirects", source="/proc/sys")
    ] = None
    net_ipv6_conf_all_accept_source_route: Annotated[
        int | None, fact("net.ipv6.conf.all.accept_source_route", source="/proc/sys")
    ] = None


class Mount(Section, frozen=True, kw_only=True):
    """One mounted file system. Source: proc_pid_mountinfo(5)."""

    path: Annotated[str, fact("Pfad", source="/proc/1/mountinfo field 5")]
    fstype: Annotated[str, fact("Dateisystem", source="/proc/1/mountinfo after the separator")]
    options: Annotated[
        tuple[str, ...], fact("Optionen", source="/proc/1/mountinfo field 6, sorted")
    ]


class Mounts(Section, frozen=True, kw_only=True):
    """What is mounted for process 1: the own table is falsified by the unit's sandbox.

    Left out: kernel file systems, container layers, mounts below /home, /run/user and /media.
    """

    points: Annotated[tuple[Mount, ...], fact("Eingehängt", source="/proc/1/mountinfo")]
