"""The vocabulary of facts: one Struct per section, each field with unit, source and needed right.

Values are stable: a boot time and not an uptime, a date of the last refresh and not its age.
A field whose value may be unknown is optional and left out of the body when it is; a rule
that reads it must say what missing means. Never here: secrets, command lines, environment,
document names, names of ordinary users.
"""

from typing import Final

from msgspec import Struct

from verbundwacht_wire.facts.access import Accounts, Sshd
from verbundwacht_wire.facts.hardening import Cron, Firewall, Mac, Modules, Sudo
from verbundwacht_wire.facts.network import Listening, Services
from verbundwacht_wire.facts.records import Audit, Time
from verbundwacht_wire.facts.servers import (
    Backup,
    Certificates,
    Containers,
    Database,
    Malware,
    Samba,
    Snmp,
    Web,
)
from verbundwacht_wire.facts.software import Packages, Updates
from verbundwacht_wire.facts.system import Kernel, Mounts, Os, Sysctl

FACTS_VERSION: Final = 1
"""Major version of this vocabulary; a changed meaning raises it, a new optional field does not."""

SECTIONS: Final[dict[str, type[Struct]]] = {
    "os": Os,
    "kernel": Kernel,
    "packages": Packages,
    "updates": Updates,
    "sshd": Sshd,
    "sysctl": Sysctl,
    "mounts": Mounts,
    "accounts": Accounts,
    "sudo": Sudo,
    "cron": Cron,
    "firewall": Firewall,
    "mac": Mac,
    "audit": Audit,
    "time": Time,
    "modules": Modules,
    "services": Services,
    "listening": Listening,
    "web": Web,
    "certificates": Certificates,
    "samba": Samba,
    "database": Database,
    "snmp": Snmp,
    "containers": Containers,
    "backup": Backup,
    "malware": Malware,
}
"""Section name -> the Struct of its body, in the order in which they are shown."""

__all__ = [
    "FACTS_VERSION",
    "SECTIONS",
    "Accounts",
    "Audit",
    "Backup",
    "Certificates",
    "Containers",
    "Cron",
    "Database",
    "Firewall",
    "Kernel",
    "Listening",
    "Mac",
    "Malware",
    "Modules",
    "Mounts",
    "Os",
    "Packages",
    "Samba",
    "Services",
    "Snmp",
    "Sshd",
    "Sudo",
    "Sysctl",
    "Time",
    "Updates",
    "Web",
]
