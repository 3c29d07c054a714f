"""The probes, in the order in which their sections are shown.

A probe reads through `Host` and returns a body or raises `Unavailable`, nothing else. Cheap ones
run every time; costly ones when a watched path has changed or the facts are six hours old. What a
cheap one watches only starts a run: what else it reads, such as /proc, nobody can watch.
"""

from typing import Final

from verbundwacht_agent.probes import (
    accounts,
    audit,
    backup,
    certificates,
    containers,
    cron,
    database,
    firewall,
    kernel,
    listening,
    mac,
    malware,
    modules,
    mounts,
    os,
    packages,
    samba,
    services,
    snmp,
    sshd,
    sudo,
    sysctl,
    time,
    updates,
    web,
)
from verbundwacht_agent.probes.collected import Collected, Probe, Signature, signature
from verbundwacht_agent.probes.packages import package_manager_busy


def _etc(names: str) -> tuple[str, ...]:
    return tuple(f"/etc/{name}" for name in names.split())


_ACCOUNTS: Final = _etc("passwd group shadow login.defs nsswitch.conf pam.d security")
_AUDIT: Final = _etc("audit audit/rules.d rsyslog.conf rsyslog.d systemd/journald.conf")
_DATABASE: Final = _etc("mysql mysql/conf.d mysql/mariadb.conf.d my.cnf postgresql")
_FIREWALL: Final = _etc("nftables.conf iptables default/ufw ufw firewalld firewalld/zones")
_SERVICES: Final = _etc("systemd/system systemd/system/multi-user.target.wants")
_TIME: Final = _etc("chrony chrony.conf ntpsec ntp.conf systemd/timesyncd.conf")

PROBES: Final[dict[str, Probe]] = {
    probe.section: probe
    for probe in (
        Probe("os", os.probe, watches=_etc("os-release")),
        Probe("kernel", kernel.probe, watches=("/boot", "/run/reboot-required")),
        Probe("packages", packages.probe, costly=True, watches=(packages.STATUS_PATH,)),
        Probe("updates", updates.probe, costly=True, watches=updates.WATCHES),
        Probe("sshd", sshd.probe, watches=_etc("ssh ssh/sshd_config.d")),
        Probe("sysctl", sysctl.probe, watches=_etc("sysctl.conf sysctl.d")),
        Probe("mounts", mounts.probe, watches=_etc("fstab")),
        Probe("accounts", accounts.probe, watches=_ACCOUNTS),
        Probe("sudo", sudo.probe, watches=_etc("sudoers sudoers.d")),
        Probe("cron", cron.probe, watches=cron.WATCHES),
        Probe("firewall", firewall.probe, watches=_FIREWALL),
        Probe("mac", mac.probe, watches=_etc("apparmor.d selinux/config")),
        Probe("audit", audit.probe, watches=_AUDIT),
        Probe("time", time.probe, watches=_TIME),
        Probe("modules", modules.probe, watches=_etc("modprobe.d modules-load.d")),
        Probe("services", services.probe, watches=_SERVICES),
        Probe("listening", listening.probe),
        Probe("web", web.probe, watches=web.WATCHES),
        Probe(
            "certificates",
            certificates.probe,
            costly=True,
            watches=certificates.WATCHES,
            inputs=certificates.inputs,
        ),
        Probe("samba", samba.probe, costly=True, watches=samba.WATCHES),
        Probe("database", database.probe, watches=_DATABASE),
        Probe("snmp", snmp.probe, watches=_etc("snmp snmp/snmpd.conf.d")),
        Probe("containers", containers.probe, watches=_etc("docker default/docker")),
        Probe("backup", backup.probe, watches=backup.MARKS),
        Probe("malware", malware.probe),
    )
}
"""Section name -> its probe."""

__all__ = ["PROBES", "Collected", "Probe", "Signature", "package_manager_busy", "signature"]
