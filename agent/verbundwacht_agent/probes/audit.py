"""What the host records about itself, and whether a copy leaves it.

`parse_rules` is pure; rsyslog's grammar is in `rsyslog.py`. Hard-learned: a journal with
`Storage=auto` is lost at the next start unless its folder exists, and rules under
/etc/audit/rules.d do nothing before they are compiled into audit.rules.
"""

import re
from collections.abc import Iterator
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes import rsyslog
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.settings import (
    enabled,
    in_effect,
    names,
    optional,
    running,
    systemd_settings,
)
from verbundwacht_wire.facts import Audit
from verbundwacht_wire.facts.records import Auditd, Forward, Journal

_AUDITD: Final = ("/usr/sbin/auditd", "/sbin/auditd")
_SYSLOGS: Final = {"rsyslog": "/usr/sbin/rsyslogd", "syslog-ng": "/usr/sbin/syslog-ng"}
_FILES_WORDS: Final = """
    /etc/apparmor /etc/apparmor.d /etc/audit /etc/group /etc/gshadow /etc/hosts /etc/localtime
    /etc/nftables.conf /etc/pam.d /etc/passwd /etc/security/opasswd /etc/selinux /etc/shadow
    /etc/ssh/sshd_config /etc/sudoers /etc/sudoers.d /sbin/insmod /sbin/modprobe /sbin/rmmod
    /usr/bin/kmod /usr/bin/sudo /var/log/audit /var/log/btmp /var/log/faillog /var/log/lastlog
    /var/log/sudo.log /var/log/wtmp /var/run/faillock /var/run/utmp
"""
FILES: Final = frozenset(_FILES_WORDS.split())
_CALLS_WORDS: Final = """
    adjtimex chmod chown clock_settime creat delete_module execve fchmod fchmodat fchown fchownat
    finit_module fremovexattr fsetxattr ftruncate init_module kexec_load lchown lremovexattr
    lsetxattr mount open openat ptrace removexattr rename renameat setdomainname sethostname
    settimeofday setxattr truncate umount2 unlink unlinkat
"""
CALLS: Final = frozenset(_CALLS_WORDS.split())
_PATH: Final = re.compile(r"(?:^-w\s+|-F\s+(?:path|dir)=)(\S+)")
_CALL: Final = re.compile(r"-S\s+(\S+)")
_ACTION: Final = re.compile("[a-z_]{1,20}")
_SIZE: Final = re.compile(r"[0-9]{1,12}[A-Za-z%]{0,6}")


def probe(host: Host) -> Collected:
    """Recording and forwarding as configured. Raises Unavailable if nothing records at all."""
    try:
        auditd, journal = _auditd(host), _journal(host)
        syslog = next((n for n, p in _SYSLOGS.items() if host.exists(p)), "none")
        forwards = [*_rsyslog(host, syslog), *_upload(host), *_audisp(host)]
    except Unavailable as error:
        if error.status != "denied":
            raise
        hint = "Einstellungen der Protokollierung sind nur mit den Rechten der Unit lesbar."
        raise Unavailable("denied", "audit_denied", hint) from None
    if auditd is None and journal is None and syslog == "none":
        hint = "Weder systemd noch ein Syslog-Dienst noch auditd ist zu sehen."
        raise Unavailable("failed", "no_logging", hint)
    unit = "syslog-ng.service" if syslog == "syslog-ng" else "rsyslog.service"
    body = Audit(
        forwards=tuple(sorted(set(forwards), key=repr)),
        syslog="rsyslog"
        if syslog == "rsyslog"
        else "syslog-ng"
        if syslog == "syslog-ng"
        else "none",
        syslog_enabled=enabled(host, unit),
        syslog_running=None if syslog == "none" else running(host, unit),
        auditd=auditd,
        journal=journal,
    )
    return Collected(body, "syslog_ng_not_read" if syslog == "syslog-ng" else None)


def _auditd(host: Host) -> Auditd | None:
    if not any(map(host.exists, _AUDITD)):
        return None
    compiled = optional(host, "/etc/audit/audit.rules")
    rules = parse_rules((compiled or "").split("\n"))
    settings = {k.lower(): v for k, v in in_effect(_text(host, "/etc/audit/auditd.conf")).items()}
    return Auditd(
        enabled=enabled(host, "auditd.service"),
        running=running(host, "auditd.service"),
        rules=len(rules),
        immutable=is_immutable((compiled or "").split("\n")),
        watched=watched(rules),
        syscalls=syscalls(rules),
        max_log_file_action=_action(settings.get("max_log_file_action")),
        disk_full_action=_action(settings.get("disk_full_action")),
    )


def _text(host: Host, path: str) -> str:
    return optional(host, path) or ""


def _action(value: str | None) -> str | None:
    word = (value or "").lower()
    return word if _ACTION.fullmatch(word) else None


def parse_rules(lines: list[str]) -> list[str]:
    """Lines that make the kernel record something. Source: audit.rules(7)."""
    rules = (line.strip() for line in lines)
    return [rule for rule in rules if rule.startswith(("-w ", "-a ", "-A ")) and _records(rule)]


def _records(rule: str) -> bool:
    return not re.match(r"-[aA]\s+(never,|\S+,never\b|exclude,|\S+,exclude\b)", rule)


def is_immutable(lines: list[str]) -> bool:
    """True if the last word about it is that rules stay until the next start."""
    modes = [line.split()[1] for line in lines if re.match(r"\s*-e\s+[0-9]", line)]
    return bool(modes) and modes[-1] == "2"


def watched(rules: list[str]) -> tuple[str, ...]:
    """Files of the list that rules name, sorted."""
    paths = {path.rstrip("/") for rule in rules for path in _PATH.findall(rule)}
    return tuple(sorted(paths & FILES))


def syscalls(rules: list[str]) -> tuple[str, ...]:
    """System calls of the list that rules name, sorted."""
    calls = {call for rule in rules for listed in _CALL.findall(rule) for call in listed.split(",")}
    return tuple(sorted(calls & CALLS))


def _journal(host: Host) -> Journal | None:
    if not host.exists("/run/systemd/system"):
        return None
    settings = systemd_settings(host, "journald.conf")
    storage = _action(settings.get("Storage")) or "auto"
    to_syslog = settings.get("ForwardToSyslog")
    return Journal(
        persistent=storage == "persistent"
        or (storage == "auto" and host.exists("/var/log/journal")),
        storage=storage,
        forward_to_syslog=None if to_syslog is None else is_true(to_syslog),
        max_use=_size(settings.get("SystemMaxUse")),
        retention=_size(settings.get("MaxRetentionSec")),
    )


def is_true(value: str) -> bool:
    """A truth value as systemd reads it. Source: systemd.syntax(7)."""
    return value.lower() in ("1", "yes", "y", "true", "t", "on")


def _size(value: str | None) -> str | None:
    return value if value and _SIZE.fullmatch(value) else None


def _rsyslog(host: Host, syslog: str) -> list[Forward]:
    if syslog != "rsyslog":
        return []
    main = _text(host, "/etc/rsyslog.conf")
    return rsyslog.forwards(list(_with_includes(host, main, 0)))


def _with_includes(host: Host, config: str, depth: int) -> Iterator[str]:
    yield config
    for pattern in rsyslog.includes(config) if depth < 4 else ():
        folder, _, name = pattern.rpartition("/")
        prefix, star, suffix = name.partition("*")
        found = names(host, folder, suffix) if star else (name,)
        for entry in found:
            if entry.startswith(prefix) and not entry.startswith("."):
                yield from _with_includes(host, _text(host, f"{folder}/{entry}"), depth + 1)


def _upload(host: Host) -> list[Forward]:
    if not enabled(host, "systemd-journal-upload.service"):
        return []
    url = systemd_settings(host, "journal-upload.conf").get("URL", "")
    if not url:
        return []
    # Without a scheme it is https. Source: journal-upload.conf(5).
    plain = url.startswith("http://")
    protocol = "http" if plain else "https"
    return [Forward(via="journal-upload", protocol=protocol, encrypted=not plain, everything=True)]


def _audisp(host: Host) -> list[Forward]:
    for folder in ("/etc/audit", "/etc/audisp"):
        try:
            plugin = in_effect(host.read_text(f"{folder}/plugins.d/au-remote.conf"))
        except Missing:
            continue
        if plugin.get("active", "").lower() == "yes":
            settings = in_effect(_text(host, f"{folder}/audisp-remote.conf"))
            safe = settings.get("transport", "").lower() == "krb5"
            return [Forward(via="audisp-remote", protocol="tcp", encrypted=safe, everything=False)]
    return []
