"""Who is privileged, by name, how all other accounts stand, as counts only, and PAM's stacks.

`parse_accounts` is pure and takes the four files as text. Hard-learned: a primary group counts
like a membership although /etc/group does not list it, a hash behind `!` is locked and lets
nobody in, and users from a directory (LDAP, SSSD) are in none of these files.
"""

import re
from typing import Final, NamedTuple

from msgspec import structs

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.pam import stack
from verbundwacht_wire.facts import Accounts
from verbundwacht_wire.facts.access import PrivilegedGroup

PRIVILEGED: Final = (
    "admin", "disk", "docker", "incus", "incus-admin", "libvirt", "lxd", "root", "shadow",
    "sudo", "wheel",
)  # fmt: skip
"""Groups whose members are root, or can be in one step."""

_NO_LOGIN: Final = ("nologin", "false", "true", "sync", "halt", "shutdown")
_DIRECTORY: Final = re.compile(r"^passwd:.*\b(sss|ldap|winbind|nis|nisplus|hesiod)\b", re.MULTILINE)
_HASH: Final = re.compile(r"\$[^:]+|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}")
_NEVER_DAYS: Final = 99999  # what login.defs calls "no maximum age"


class _Account(NamedTuple):
    name: str
    uid: int
    gid: int
    hashed: str  # second field; "x" means: see shadow
    shell: str


def probe(host: Host) -> Collected:
    """The local accounts. Raises Unavailable, `denied` without the right to read shadow."""
    body = parse_accounts(
        passwd=host.read_text("/etc/passwd"),
        group=host.read_text("/etc/group"),
        shadow=_shadow(host),
        login_defs=_optional(host, "/etc/login.defs"),
    )
    body = structs.replace(body, pam_auth=stack(host, "auth"), pam_password=stack(host, "password"))
    directory = _DIRECTORY.search(_optional(host, "/etc/nsswitch.conf"))
    return Collected(body, "directory_not_seen" if directory else None)


def _shadow(host: Host) -> str:
    try:
        return _optional(host, "/etc/shadow")
    except Unavailable as error:
        if error.status != "denied":
            raise
        hint = "/etc/shadow ist nur mit den Rechten der systemd-Unit (oder als root) lesbar."
        raise Unavailable("denied", "shadow_denied", hint) from None


def _optional(host: Host, path: str) -> str:
    try:
        return host.read_text(path)
    except Missing:
        return ""


def parse_accounts(*, passwd: str, group: str, shadow: str, login_defs: str) -> Accounts:
    """What the four files say together. Source: passwd(5), group(5), shadow(5), login.defs(5).

    Raises Unavailable `no_accounts` if passwd names nobody, `shadow_missing` if it refers to
    a shadow file that is empty.
    """
    # Split at \n only: splitlines() would let a strange character in a comment make an account.
    accounts = [account for line in passwd.split("\n") if (account := _account(line))]
    if not accounts:
        raise Unavailable("failed", "no_accounts", "/etc/passwd nennt kein einziges Konto.")
    ageing = {fields[0]: fields for line in shadow.split("\n") if (fields := line.split(":"))}
    if not shadow.strip() and any(account.hashed == "x" for account in accounts):
        raise Unavailable("failed", "shadow_missing", "/etc/shadow fehlt oder ist leer.")
    # A locked hash (`!$6$…`) lets nobody in, so only a whole match is a usable password.
    hashes = {account.name: _hashed(account, ageing) for account in accounts}
    usable = [name for name, hashed in hashes.items() if _HASH.fullmatch(hashed)]
    return Accounts(
        uid0=tuple(sorted(account.name for account in accounts if account.uid == 0)),
        privileged=_privileged(group, accounts),
        login_shells=sum(_may_log_in(account.shell) for account in accounts),
        with_password=len(usable),
        empty_password=sum(hashed == "" for hashed in hashes.values()),
        weak_hash=sum(_is_weak(hashes[name]) for name in usable),
        no_max_age=sum(_never_ages(ageing.get(name, [])) for name in usable),
        root_password="root" in usable,
        encrypt_method=_setting(login_defs, "ENCRYPT_METHOD"),
        umask=_setting(login_defs, "UMASK"),
    )


def _account(line: str) -> _Account | None:
    """One line of passwd; None for what getpwent(3) would skip as well."""
    fields = line.split(":")
    # "+" and "-" are the old NIS syntax and name no account of this file.
    if len(fields) != 7 or not fields[0] or fields[0][0] in "+-#":
        return None
    try:
        return _Account(fields[0], int(fields[2]), int(fields[3]), fields[1], fields[6].strip())
    except ValueError:
        return None


def _hashed(account: _Account, ageing: dict[str, list[str]]) -> str:
    """The account's password field; "!" where passwd refers to a line that shadow lacks."""
    if account.hashed != "x":
        return account.hashed
    fields = ageing.get(account.name, [])
    return fields[1] if len(fields) > 1 else "!"


def _privileged(group: str, accounts: list[_Account]) -> tuple[PrivilegedGroup, ...]:
    """Privileged groups that have members; accounts with uid 0 are named elsewhere already."""
    roots = {account.name for account in accounts if account.uid == 0}
    groups: list[PrivilegedGroup] = []
    for line in sorted(group.split("\n")):
        fields = line.split(":")
        # Most servers have all these groups and nobody in them: that is nothing to report.
        if len(fields) != 4 or fields[0] not in PRIVILEGED:
            continue
        listed = {name.strip() for name in fields[3].split(",")} - {""}
        primary = {account.name for account in accounts if str(account.gid) == fields[2]}
        if members := (listed | primary) - roots:
            groups.append(PrivilegedGroup(name=fields[0], members=tuple(sorted(members))))
    return tuple(groups)


def _may_log_in(shell: str) -> bool:
    """An empty shell field means /bin/sh."""
    return shell.rsplit("/", 1)[-1] not in _NO_LOGIN


def _is_weak(hashed: str) -> bool:
    """DES and its extension, MD5, NT: crackable within hours. Source: crypt(5)."""
    return not hashed.startswith("$") or hashed.startswith(("$1$", "$3$", "$md5"))


def _never_ages(fields: list[str]) -> bool:
    maximum = fields[4].strip() if len(fields) > 4 else ""
    return not re.fullmatch("[0-9]{1,9}", maximum) or int(maximum) >= _NEVER_DAYS


def _setting(login_defs: str, name: str) -> str | None:
    """The last value of a setting, None if it is not set."""
    found = re.findall(rf"^\s*{name}\s+(\S+)", login_defs, re.MULTILINE)
    return found[-1] if found else None
