"""The probes, in the order in which their sections are shown.

A probe reads through `Host` and returns a body or raises `Unavailable`, nothing else. Cheap ones
run every time; costly ones when a watched path has changed or the facts are six hours old.
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

PROBES: Final[dict[str, Probe]] = {
    probe.section: probe
    for probe in (
        Probe("os", os.probe),
        Probe("kernel", kernel.probe),
        Probe("packages", packages.probe, costly=True, watches=(packages.STATUS_PATH,)),
        Probe("updates", updates.probe, costly=True, watches=updates.WATCHES),
        Probe("sshd", sshd.probe),
        Probe("sysctl", sysctl.probe),
        Probe("mounts", mounts.probe),
        Probe("accounts", accounts.probe),
        Probe("sudo", sudo.probe),
        Probe("cron", cron.probe),
        Probe("firewall", firewall.probe),
        Probe("mac", mac.probe),
        Probe("audit", audit.probe),
        Probe("time", time.probe),
        Probe("modules", modules.probe),
        Probe("services", services.probe),
        Probe("listening", listening.probe),
        Probe("web", web.probe),
        Probe("certificates", certificates.probe, costly=True, watches=certificates.WATCHES),
        Probe("samba", samba.probe, costly=True, watches=samba.WATCHES),
        Probe("database", database.probe),
        Probe("snmp", snmp.probe),
        Probe("containers", containers.probe),
        Probe("backup", backup.probe),
        Probe("malware", malware.probe),
    )
}
"""Section name -> its probe."""

__all__ = ["PROBES", "Collected", "Probe", "Signature", "package_manager_busy", "signature"]
