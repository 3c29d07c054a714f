"""Writes rules/FACTS.md: every fact that leaves a host, and what it is sent for.

Run from the root: `python -m tools.facts_table`. Which rules read a field comes from the
checked expressions of the pack, so a field of a loop's element counts, too. Data is only
collected for a purpose: a field that no rule reads needs a reason in `HOST_PAGE`, and a test
refuses one that has neither.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final, NamedTuple

from verbundwacht_collector.rules.language import nodes
from verbundwacht_collector.rules.language.compile import Expression
from verbundwacht_collector.rules.load import load_pack
from verbundwacht_collector.rules.model import Pack, Rule
from verbundwacht_wire.facts import SECTIONS
from verbundwacht_wire.schema import facts_schema

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "rules" / "FACTS.md"
PACK = ROOT / "rules" / "linux-basis"

HOST_PAGE: Final = {
    "os.name": "the name by which people know the system",
    "os.codename": "the word that stands in package sources and advisories",
    "kernel.running": "what a due restart would replace",
    "kernel.booted": "since when a due restart has been put off",
    "kernel.newest_installed": "what a due restart would bring",
    "packages.manager": "how the versions below are to be compared",
    "packages.installed[].version": "“are we affected?” is asked by version",
    "packages.installed[].arch": "the same package may be there twice",
    "packages.installed[].source": "advisories name the source package",
    "packages.installed[].source_version": "advisories name the source version",
    "updates.manager": "which program the to-do speaks of",
    "updates.lists_checked": "tells a host that does not ask from an archive that stands still",
    "updates.pending[].name": "what is to be installed",
    "updates.pending[].installed": "what is there now",
    "updates.pending[].candidate": "what the update brings",
    "sshd.port": "where the server listens, beside the open ports",
    "sshd.permituserenvironment": "whether users can preload code into their session",
    "sshd.allowtcpforwarding": "whether the host can relay into other networks",
    "sshd.maxauthtries": "how fast passwords can be tried",
    "sshd.logingracetime": "how long a stranger holds a connection",
    "sshd.loglevel": "whether the log names the key that was used",
    "sshd.usepam": "whether account locks hold for SSH",
    "sshd.match_blocks": "whether the settings shown differ for some users",
    "sysctl.kernel_yama_ptrace_scope": "whether programs may read each other's memory",
    "sysctl.kernel_sysrq": "what the console keyboard may do",
    "sysctl.kernel_kexec_load_disabled": "whether root may replace the running kernel",
    "sysctl.net_ipv4_ip_forward": "whether the host routes; explains the settings below",
    "sysctl.net_ipv4_icmp_echo_ignore_broadcasts": "whether it answers to broadcast pings",
    "sysctl.net_ipv4_conf_all_rp_filter": "beside the routes; distributions set it per interface",
    "sysctl.net_ipv4_conf_all_send_redirects": "only a router should; see ip_forward",
    "sysctl.net_ipv4_conf_all_log_martians": "whether forged senders are in the log",
    "mounts.points[].fstype": "tells disk from memory and network",
    "accounts.login_shells": "a new account shows as a change",
    "accounts.with_password": "how many accounts a stolen password could open",
    "accounts.no_max_age": "how many passwords never expire; wanted or not is local policy",
    "accounts.root_password": "whether root can log in at the console",
    "accounts.umask": "who may read what users create",
    "sudo.rules": "a new rule shows as a change",
    "sudo.full": "who can become root, beside the privileged groups",
    "sudo.full_nopasswd": "whose stolen session is root at once",
    "sudo.nopasswd": "how many rules ask for no password",
    "sudo.negated": "exceptions from ALL are easily got round",
    "sudo.authenticate": "whether sudo asks for a password at all",
    "sudo.env_reset": "whether users can hand variables to commands of root",
    "sudo.secure_path": "whether users can choose where commands of root are looked for",
    "sudo.other_password": "whether admins must share the password of root",
    "sudo.logs": "whether there is a log beside the one of the system",
    "sudo.loose_files": "files through which others become root",
    "sudo.use_pty": "whether a command can outlive its session",
    "sudo.timestamp_timeout": "how long an unwatched session stays root",
    "cron.enabled": "whether the tasks below run at all",
    "cron.allow_list": "whether only those named may plan tasks",
    "cron.paths[].path": "which place the modes belong to",
    "cron.paths[].mode": "who may read and write it",
    "cron.paths[].root_owned": "an owner other than root can plant commands",
    "cron.paths[].entries": "a new task shows as a change",
    "cron.paths[].loose": "files through which others become root",
    "cron.paths": "one row per place from which root runs commands",
    "mac.active": "whether anything confines programs beyond their user's rights",
    "mac.lsm": "which security modules the kernel was started with",
    "mac.apparmor": "AppArmor, where the kernel has it",
    "mac.apparmor.enabled": "tells switched off from not there",
    "mac.apparmor.enforce": "how many profiles stop something",
    "mac.apparmor.complain": "how many profiles only write to the log",
    "mac.apparmor.other": "how many profiles do neither",
    "mac.selinux": "SELinux, where it runs or is configured",
    "mac.selinux.mode": "what holds until the next start",
    "mac.selinux.configured": "what holds after the next start",
    "mac.selinux.policy": "which programs it confines",
    "modules.loadable": "whether anything can still be loaded",
    "modules.loaded": "what might be switched off on this server",
    "modules.blocked": "what cannot be loaded by plugging in a device",
    "modules.weakening": "protections that somebody switched off at the start",
    "modules.hardening": "protections that somebody switched on at the start",
    "modules.signed_only": "whether root can load code of his own",
    "modules.lockdown": "what even root may not do to the kernel",
    "modules.vulnerable": "flaws that an update or a setting must close",
    "modules.mitigated": "flaws that are there and held off",
    "modules.undetermined": "flaws that only the operator of the machine below can judge",
    "firewall.hooks": "where the kernel filters, and what it does when no rule matches",
    "firewall.hooks[].family": "IPv4, IPv6 or both",
    "firewall.hooks[].table": "which program the chain belongs to",
    "firewall.hooks[].hook": "incoming, outgoing or passing through",
    "firewall.hooks[].type": "filtering, or rewriting of addresses",
    "firewall.hooks[].priority": "which chain comes first",
    "firewall.hooks[].policy": "what happens when no rule matches",
    "firewall.hooks[].rules": "how many rules come before that",
    "firewall.rules": "an empty firewall shows at once",
    "firewall.digest": "a changed rule shows as a change",
    "firewall.legacy_tables": "rules that the count above does not know",
    "firewall.managers": "who sets the rules up at the next start",
    "firewall.managers[].name": "which program is to be asked",
    "firewall.managers[].enabled": "rules set by hand are gone after a start",
    "firewall.managers[].default_input": "what is intended, beside what is in effect",
    "firewall.drops_ipv4": "an active firewall need not drop anything",
    "firewall.drops_ipv6": "IPv6 is easily forgotten",
    "audit.forwards": "whether an intruder can wipe every trace",
    "audit.forwards[].via": "which program sends",
    "audit.forwards[].protocol": "whether entries can get lost on the way",
    "audit.forwards[].encrypted": "whether others can read them on the way",
    "audit.forwards[].everything": "whether a filter keeps some at home",
    "audit.syslog": "which program writes the classic log files",
    "audit.syslog_enabled": "whether it comes back after a start",
    "audit.syslog_running": "whether it writes now",
    "audit.auditd": "the kernel's own record, where it is installed",
    "audit.auditd.enabled": "whether it comes back after a start",
    "audit.auditd.running": "whether it records now",
    "audit.auditd.rules": "without rules it records next to nothing",
    "audit.auditd.immutable": "whether root can silence it unnoticed",
    "audit.auditd.watched": "changes of which files leave a trace",
    "audit.auditd.syscalls": "which deeds leave a trace",
    "audit.auditd.max_log_file_action": "whether old entries are overwritten",
    "audit.auditd.disk_full_action": "whether the host goes on without a record",
    "audit.journal": "the journal, where systemd runs",
    "audit.journal.persistent": "whether the trace of a crash survives it",
    "audit.journal.storage": "why it does or does not",
    "audit.journal.forward_to_syslog": "whether syslog sees what the journal sees",
    "audit.journal.max_use": "how far back it may reach",
    "audit.journal.retention": "when entries are deleted by age",
    "time.clients": "two clients fight over one clock",
    "time.clients[].name": "which program is to be asked",
    "time.clients[].enabled": "whether it comes back after a start",
    "time.clients[].running": "whether it sets the clock now",
    "time.sources": "a clock may be synchronised with the wrong server",
    "time.authenticated": "whether somebody on the way can set the clock",
    "time.rtc_local": "a clock in local time jumps twice a year",
    "time.synchronised": "logs of two hosts can be compared only then",
    "time.timezone": "how local log files are to be read",
    "accounts.pam_auth": "whether wrong passwords lock an account",
    "accounts.pam_auth[].module": "what is asked at a login",
    "accounts.pam_auth[].control": "whether its no is final",
    "accounts.pam_auth[].options": "how many tries, for how long",
    "accounts.pam_password": "which passwords are refused",
    "accounts.pam_password[].module": "what judges a new password",
    "accounts.pam_password[].control": "whether its no is final",
    "accounts.pam_password[].options": "how long, how different, how it is stored",
    "listening.sockets[].address": "on which interface the port is open",
    "listening.sockets[].program": "who is to be asked about an open port",
    "web.servers": "which web servers are installed",
    "web.sites": "what the server offers",
    "web.sites[].server": "in which configuration to look",
    "web.sites[].name": "which site is meant",
    "web.sites[].listen": "where the site can be reached",
    "web.sites[].tls": "whether the site is encrypted",
    "web.sites[].version_shown": "whether scanners read the version",
    "web.sites[].protocols": "whether old TLS versions are accepted",
    "web.sites[].ciphers": "whether weak ciphers are accepted",
    "certificates.found[].path": "which file is to be renewed",
    "certificates.found[].used_by": "which server is to be reloaded afterwards",
    "certificates.found[].subject": "for which name it was issued",
    "certificates.found[].not_after": "when users will meet a warning",
    "certificates.found[].key": "whether the key is of a kind that is still safe",
    "certificates.found[].key_bits": "whether the key is long enough",
    "certificates.found[].signature_hash": "whether it could be forged",
    "certificates.found[].self_signed": "whether clients can check it",
    "certificates.found": "which certificates need care",
    "certificates.unread": "what a server names and does not get",
    "certificates.unread[].path": "which file is missing or broken",
    "certificates.unread[].used_by": "which server will not start again",
    "certificates.unread[].problem": "why there is no date",
    "samba.server_min_protocol": "whether SMB 1 is accepted",
    "samba.server_signing": "whether connections can be taken over",
    "samba.smb_encrypt": "whether files are encrypted on the way",
    "samba.ntlm_auth": "whether weak logins are accepted",
    "samba.map_to_guest": "whether a wrong password makes a guest",
    "samba.restrict_anonymous": "what strangers can list",
    "samba.netbios": "whether old name services are offered",
    "samba.usershare_guests": "whether users may share with everybody",
    "samba.server_role": "file server, member or domain controller",
    "samba.shares": "how much is offered",
    "samba.guest_shares": "how much is open without a password",
    "database.servers": "which databases run here",
    "database.servers[].engine": "which database is meant",
    "database.servers[].cluster": "which of several clusters is meant",
    "database.servers[].listen": "where it can be reached",
    "database.servers[].exposed": "whether the network can reach it",
    "database.servers[].tls": "whether connections can be encrypted",
    "database.servers[].password_encryption": "how new passwords are kept",
    "database.servers[].tls_required": "whether plain connections are refused",
    "database.servers[].skips_grants": "whether it asks for passwords at all",
    "database.servers[].authentication": "how clients prove who they are",
    "database.servers[].authentication[].method": "whether a method is weak",
    "database.servers[].authentication[].origin": "who may use the method",
    "database.servers[].authentication[].entries": "a new entry shows as a change",
    "snmp.addresses": "where it can be reached",
    "snmp.communities": "how many words open it",
    "snmp.default_communities": "whether scanners know the word",
    "snmp.write_communities": "whether a word can change the host",
    "snmp.open_communities": "whether every address may ask",
    "snmp.v3_users": "whether the safe version is in use",
    "snmp.v3_unprotected": "who comes in without a password",
    "containers.engines": "what runs containers here",
    "containers.engines[].name": "which engine is meant",
    "containers.engines[].hosts": "where it takes commands",
    "containers.engines[].exposed": "whether the network can become root",
    "containers.engines[].tls_verify": "whether commands need a certificate",
    "containers.engines[].userns": "whether root inside is root outside",
    "containers.engines[].live_restore": "whether an update stops containers",
    "containers.engines[].no_new_privileges": "whether containers can gain rights",
    "containers.engines[].insecure_registries": "whether images come unprotected",
    "containers.engines[].socket_mode": "who can become root here",
    "containers.engines[].socket_group": "whose members can become root",
    "backup.programs": "with which program to look further",
    "backup.jobs": "what makes backups here",
    "backup.jobs[].unit": "which unit's log to read",
    "backup.jobs[].result": "whether the last run ended well",
    "backup.jobs[].ended": "when the last run ended",
    "backup.jobs[].triggered": "whether the timer still goes off",
    "backup.clients": "which backup server has to be asked",
    "backup.marks": "what the operator's own script says",
    "backup.marks[].date": "how old the last backup is",
    "backup.marks[].target": "where the last backup lies",
    "backup.marks[].restore_tested": "whether anybody ever restored one",
    "malware.scanners": "whether there is any scanner",
    "malware.scanners[].name": "which console has the findings",
    "malware.scanners[].running": "installed is not scanning",
    "malware.scanners[].updating": "whether signatures come by themselves",
    "malware.scanners[].signatures": "how old the signatures are",
}
"""Fields that no rule reads, with what they tell a person on the page of a host."""

_HEAD = """# Facts

Every field that leaves a host: what it is read from, the right that takes, what it is used for.
Written by `python -m tools.facts_table` from the vocabulary in `verbundwacht_wire/facts` and the
pack `{pack}`; a test compares them. A field with neither rule nor page is not sent.

`?` after a type: the field may be missing, and a rule that reads it says what that means.
Right: `user` is any account; the others are Linux capabilities (capabilities(7)).
Every field is on the page of a host; the last column says what for where no rule reads it.
"""
_COLUMNS = ("field", "type", "unit", "source", "right", "label", "rules", "page")

Reads = Mapping[tuple[str, str], set[str]]
"""(name of the Struct, field) -> ids of the rules that read it."""


class Row(NamedTuple):
    """One field. path: from the section on, `sockets[].port`."""

    section: str
    path: str
    schema: Mapping[str, Any]
    optional: bool
    rules: tuple[str, ...]

    @property
    def page(self) -> str:
        """Why a person looks at it, "" if nobody said."""
        return HOST_PAGE.get(f"{self.section}.{self.path}", "")


def reads_of(pack: Pack) -> Reads:
    """Which fields the rules of a pack read, by what the type-checker knows of each node."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rule in pack.rules:
        for expression in _expressions(rule):
            for node, _ in nodes.walk(expression.root):
                if isinstance(node, nodes.Select):
                    base = expression.checked.types.get(node.base)
                    if base is not None and base.kind == "object":
                        found[base.name, node.field].add(rule.id)
    return found


def _expressions(rule: Rule) -> Iterator[Expression]:
    yield from filter(None, (rule.when, rule.each, *rule.subject, rule.assertion))


def rows(schema: Mapping[str, Any], reads: Reads) -> Iterator[Row]:
    """Every field of every section, parts of lists and objects after the field they are in."""
    for section in SECTIONS:
        name = _struct(schema["properties"][section])
        yield from _rows(schema["$defs"], reads, section, name, "")


def _rows(
    definitions: Mapping[str, Any], reads: Reads, section: str, struct: str, prefix: str
) -> Iterator[Row]:
    required = definitions[struct].get("required", ())
    for name, field in definitions[struct]["properties"].items():
        path = prefix + name
        rules = tuple(sorted(reads.get((struct, name), ())))
        yield Row(section, path, field, name not in required, rules)
        if inner := _struct(field):
            yield from _rows(definitions, reads, section, inner, f"{path}.")
        elif inner := _struct(_items(field)):
            yield from _rows(definitions, reads, section, inner, f"{path}[].")


def _items(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a list holds, also one that may be missing."""
    choices = (field, *field.get("anyOf", ()))
    return next((choice["items"] for choice in choices if "items" in choice), {})


def _struct(field: Mapping[str, Any]) -> str:
    """Name of the Struct that a field is, also one that may be missing; "" if it is none."""
    for choice in (field, *field.get("anyOf", ())):
        if "$ref" in choice:
            return str(choice["$ref"]).rpartition("/")[2]
    return ""


def type_of(field: Mapping[str, Any]) -> str:
    """The type in the words of the rule language."""
    for choice in field.get("anyOf", ()):
        if choice.get("type") != "null":
            return type_of(choice)
    if inner := _struct(field):
        return inner
    if "enum" in field:
        return " or ".join(f'"{value}"' for value in field["enum"])
    if field.get("format") == "date-time":
        return "timestamp"
    if field["type"] == "array":
        return f"list<{type_of(field['items'])}>"
    return {"boolean": "bool", "integer": "int"}.get(field["type"], str(field["type"]))


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or "–" for cell in cells) + " |"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.path}`",
        f"`{type_of(row.schema)}{'?' * row.optional}`",
        row.schema["x-unit"],
        row.schema["x-source"],
        row.schema["x-right"],
        row.schema["title"],
        ", ".join(f"`{rule}`" for rule in row.rules),
        row.page,
    )


def table(pack: Pack) -> str:
    """The whole document."""
    schema = facts_schema()
    every = list(rows(schema, reads_of(pack)))
    parts = [_HEAD.format(pack=pack.name)]
    for section in SECTIONS:
        about = cleandoc(schema["$defs"][_struct(schema["properties"][section])]["description"])
        lines = [_line(_cells(row)) for row in every if row.section == section]
        rule = _line(("---",) * len(_COLUMNS))
        parts.append("\n".join((f"## `{section}`\n\n{about}\n", _line(_COLUMNS), rule, *lines, "")))
    return "\n".join(parts)


def main() -> int:
    """rules/FACTS.md is up to date; exit code 0."""
    TABLE.write_text(table(load_pack(PACK)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
