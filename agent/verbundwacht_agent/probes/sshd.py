"""Effective settings of the SSH server, as the server itself reports them.

`parse_effective`, `refusal`, `count_matches` and `includes` are pure. `sshd -T` resolves includes
and compiled-in defaults as no parser of ours could. Hard-learned: it wants readable host keys and,
as root, its run folder; without them it prints nothing, and nothing must not become a default.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Completed, Host, Missing, content
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Sshd

BINARIES: Final = ("/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd", "/usr/local/sbin/sshd")
"""Without any of these the host has no OpenSSH server: proven absent."""

_FOLDER: Final = "/etc/ssh"
_CONFIG: Final = "/etc/ssh/sshd_config"
_DEPTH: Final = 16  # SERVCONF_MAX_DEPTH of OpenSSH
_LINE: Final = re.compile(r"^[ \t]*(Match|Include)(?:[ \t]*=[ \t]*|[ \t]+)(\S.*)$", re.I | re.M)
_WILD: Final = re.compile(r"[*?\[]")
_LISTS: Final = ("ciphers", "macs", "kexalgorithms")
_NUMBERS: Final = ("maxauthtries", "logingracetime")
_WORDS: Final = (
    "permitrootlogin", "passwordauthentication", "kbdinteractiveauthentication",
    "permitemptypasswords", "hostbasedauthentication", "ignorerhosts", "permituserenvironment",
    "x11forwarding", "allowtcpforwarding", "loglevel", "usepam",
)  # fmt: skip

_NO_RUN_FOLDER: Final = "Missing privilege separation directory"
_READ_ONLY: Final = "-all,+dac_read_search"
_AS_NOBODY: Final = ("--reuid", "65534", "--inh-caps", _READ_ONLY, "--ambient-caps", _READ_ONLY)
_REFUSALS: Final = (
    (_NO_RUN_FOLDER, "failed", "no_run_folder",
     "Der Ordner /run/sshd fehlt: den SSH-Dienst einmal starten."),
    ("Permission denied", "denied", "config_denied",
     "Die Konfiguration ist nur mit den Rechten der systemd-Unit lesbar."),
    ("Privilege separation user", "failed", "no_separation_user",
     "Das Systemkonto sshd fehlt: Paket openssh-server neu einrichten."),
    ("bad configuration option", "failed", "bad_config",
     "sshd_config enthält einen Fehler: sshd -t zeigt die Zeile."),
    (" line ", "failed", "bad_config",
     "sshd_config enthält einen Fehler: sshd -t zeigt die Zeile."),
)  # fmt: skip
"""(part of the message, status, reason, hint), first match wins."""


def probe(host: Host) -> Collected:
    """What `sshd -T` says. Raises Unavailable; `absent` only if no server is installed."""
    binary = next((path for path in BINARIES if host.exists(path)), None)
    if binary is None:
        raise Unavailable("absent", "no_ssh_server", "")
    done = host.run((binary, "-T"))
    if _NO_RUN_FOLDER in done.message and host.euid == 0:
        done = _without_run_folder(host, binary) or done
    if done.code != 0:
        raise refusal(done.message, keys_hidden=_keys_hidden(host))
    body = parse_effective(content(done), _match_blocks(host))
    return Collected(body)


def _without_run_folder(host: Host, binary: str) -> Completed | None:
    """The same question asked by nobody with the right to read: sshd then needs no /run/sshd.

    The folder is missing where the service starts with the first connection (Ubuntu 24.04).
    It is not ours to make.
    """
    try:
        done = host.run(("setpriv", *_AS_NOBODY, binary, "-T"))
    except Unavailable:
        return None
    return done if done.code == 0 else None


def _keys_hidden(host: Host) -> bool:
    """True if host keys lie in their folder: then it is the right to read them that lacks."""
    try:
        names = host.list_dir(_FOLDER)
    except Unavailable as error:
        return error.status == "denied"
    # Only their names are looked at; the agent has no business with private keys.
    return host.euid != 0 and any(fnmatchcase(name, "ssh_host_*_key") for name in names)


def refusal(message: str, *, keys_hidden: bool) -> Unavailable:
    """Why `sshd -T` refused, out of what it wrote to standard error."""
    if "no hostkeys available" in message and not keys_hidden:
        hint = "Der Server hat keine Schlüssel: ssh-keygen -A ausführen."
        return Unavailable("failed", "no_host_keys", hint)
    if "no hostkeys available" in message:
        hint = "Die Schlüssel des Servers sind nur mit den Rechten der systemd-Unit lesbar."
        return Unavailable("denied", "host_keys_denied", hint)
    for part, status, reason, hint in _REFUSALS:
        if part in message:
            return Unavailable("denied" if status == "denied" else "failed", reason, hint)
    return Unavailable("failed", "exit_code", "sshd -T von Hand aufrufen und prüfen.")


def parse_effective(output: str, match_blocks: int) -> Sshd:
    """Settings out of `sshd -T`: one lower-case keyword and its value per line.

    The old spelling without-password becomes prohibit-password, as sshd_config(5) has it.
    Raises Unavailable `incomplete_output` if a keyword is missing: never a default.
    """
    values: dict[str, str] = {}
    ports: list[int] = []
    for line in output.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword == "port":
            ports.append(_number(value))
        # sshd_config(5): for each keyword the first value counts.
        values.setdefault(keyword, value.strip())
    if not ports or any(not values.get(key) for key in _LISTS + _NUMBERS + _WORDS):
        raise _incomplete()
    if values["permitrootlogin"] == "without-password":
        values["permitrootlogin"] = "prohibit-password"
    return Sshd(
        port=tuple(sorted(set(ports))),
        match_blocks=match_blocks,
        maxauthtries=_number(values["maxauthtries"]),
        logingracetime=_number(values["logingracetime"]),
        ciphers=tuple(values["ciphers"].split(",")),
        macs=tuple(values["macs"].split(",")),
        kexalgorithms=tuple(values["kexalgorithms"].split(",")),
        **{word: values[word] for word in _WORDS},
    )


def _number(value: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", value.strip()):
        raise _incomplete()
    return int(value)


def _incomplete() -> Unavailable:
    hint = "sshd -T liefert nicht alle erwarteten Zeilen; OpenSSH-Version prüfen."
    return Unavailable("failed", "incomplete_output", hint)


def _match_blocks(host: Host) -> int:
    """Match blocks of the configuration and everything it includes."""
    return sum(count_matches(config) for config in _configs(host, _CONFIG, 0))


def _configs(host: Host, path: str, depth: int) -> Iterator[str]:
    try:
        config = host.read_text(path)
    except Missing:
        return  # sshd runs without a configuration too
    yield config
    if depth < _DEPTH:
        for pattern in includes(config):
            for included in _glob(host, pattern):
                yield from _configs(host, included, depth + 1)


def _glob(host: Host, pattern: str) -> list[str]:
    """Files that match a pattern of glob(7), wildcards in any part of the path."""
    paths = [""]
    for part in pattern.strip("/").split("/"):
        if _WILD.search(part):
            paths = [f"{path}/{name}" for path in paths for name in _names(host, path, part)]
        else:
            paths = [f"{path}/{part}" for path in paths]
    return paths


def _names(host: Host, folder: str, pattern: str) -> list[str]:
    try:
        names = host.list_dir(folder or "/")
    except Missing:
        return []
    return [name for name in names if fnmatchcase(name, pattern) and name[0] != "."]


def count_matches(config: str) -> int:
    """Number of `Match` lines in one file of sshd_config(5)."""
    return sum(keyword.lower() == "match" for keyword, _ in _LINE.findall(config))


def includes(config: str) -> list[str]:
    """Absolute patterns of all `Include` lines; relative ones start at /etc/ssh."""
    patterns: list[str] = []
    for keyword, value in _LINE.findall(config):
        if keyword.lower() == "include":
            words = value.split(" #")[0].replace('"', " ").split()
            patterns += (word if word[0] == "/" else f"{_FOLDER}/{word}" for word in words)
    return patterns
