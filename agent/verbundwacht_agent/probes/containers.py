"""How far Docker and Podman are exposed: their interfaces, and who may use the socket.

`docker` and `daemon_options` are pure. Whoever can write to the socket is root; therefore it is
looked at and never spoken to. Hard-learned: an interface may be switched on in daemon.json or by
an option of the unit, and a drop-in with an empty `ExecStart=` starts anew.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.conf.files import expand, first_there
from verbundwacht_agent.probes.database import is_loopback
from verbundwacht_wire.facts import Containers
from verbundwacht_wire.facts.servers import Engine

_DOCKER: Final = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")
_PODMAN: Final = ("/usr/bin/podman", "/usr/local/bin/podman")
_SNAP: Final = "/snap/bin/docker"
_DAEMON: Final = "/etc/docker/daemon.json"
_UNITS: Final = (
    "/etc/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
)  # fmt: skip
_DROP_INS: Final = "/etc/systemd/system/docker.service.d/*.conf"
_PODMAN_SOCKET: Final = (
    "/etc/systemd/system/podman.socket", "/etc/systemd/system/podman.socket.d/*.conf",
)  # fmt: skip
_DEFAULTS: Final = ("/etc/default/docker", "/etc/sysconfig/docker")
_SYSTEM_GROUPS: Final = 1000  # groups from here on may bear the name of a person
_WORD: Final = re.compile(r'"([^"]*)"|\'([^\']*)\'|(\S+)')
_STREAM: Final = re.compile(r"^ListenStream=(\S+)", re.MULTILINE)
_HOST: Final = re.compile(r"(tcp|unix|fd|npipe|ssh)://[A-Za-z0-9_.:\[\]%/*-]{0,100}")


def probe(host: Host) -> Collected:
    """The engines that are installed. Raises Unavailable; absent without any."""
    engines = []
    if first_there(host, _DOCKER):
        mode, group = _socket(host, ("/run/docker.sock", "/var/run/docker.sock"))
        engines.append(docker(_daemon(host), daemon_options(_commands(host)), mode, group))
    elif host.exists(_SNAP):
        hint = "Docker als Snap wird nicht ausgelesen; das Paket der Distribution verwenden."
        raise Unavailable("failed", "unsupported", hint)
    if first_there(host, _PODMAN):
        mode, group = _socket(host, ("/run/podman/podman.sock",))
        hosts = podman_hosts(_texts(host, _PODMAN_SOCKET))
        engines.append(
            Engine(
                name="podman",
                hosts=hosts,
                exposed=_is_exposed(hosts),
                socket_mode=mode,
                socket_group=group,
            )
        )
    if not engines:
        raise Unavailable("absent", "no_container_engine", "")
    return Collected(Containers(engines=tuple(engines)))


def _daemon(host: Host) -> dict[str, Any]:
    """daemon.json; missing is allowed. Raises Unavailable `bad_config` if it is not an object."""
    try:
        found = msgspec.json.decode(host.read_bytes(_DAEMON) or b"{}")
    except Missing:
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        hint = "/etc/docker/daemon.json ist kein gültiges JSON: dockerd --validate ausführen."
        raise Unavailable("failed", "bad_config", hint)
    return found


def _commands(host: Host) -> Iterator[str]:
    """The files that start the daemon, in the order in which they count."""
    unit = first_there(host, _UNITS)
    yield from _texts(host, (*filter(None, (unit,)), _DROP_INS, *_DEFAULTS))


def _texts(host: Host, patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        for path in expand(host, pattern):
            with suppress(Missing):
                yield host.read_text(path)


def podman_hosts(files: Iterable[str]) -> tuple[str, ...]:
    """TCP interfaces that were added to Podman's socket unit, which listens on a file."""
    given = [value for text in files for value in _STREAM.findall(text)]
    tcp = [f"*:{value}" if value.isdecimal() else value for value in given if value[0] not in "/%@"]
    return tuple(sorted({text for one in tcp if (text := _spelled(one))}))


def daemon_options(files: Iterable[str]) -> dict[str, list[str]]:
    """Options of dockerd with their values, out of units, drop-ins and files of defaults.

    Only options leave this function, and of them `docker` takes those it knows.
    """
    commands: list[str] = []
    for text in files:
        for line in re.sub(r"\\\n", " ", text).split("\n"):
            name, _, value = line.strip().partition("=")
            if name == "ExecStart":
                # An empty one takes back all before.
                commands = [*commands, value] if value.strip() else []
            elif name in ("DOCKER_OPTS", "OPTIONS"):
                commands.append(value.strip("\"'"))
    found: dict[str, list[str]] = {}
    for command in commands:
        words = [a or b or c for a, b, c in _WORD.findall(command)]
        for position, word in enumerate(words):
            name, equals, value = word.partition("=")
            if name.startswith("-H") and not name.startswith("--") and len(name) > 2:
                name, equals, value = "-H", "=", word[2:].lstrip("=")
            if name.startswith("-"):
                follows = words[position + 1] if words[position + 1 :] else ""
                given = value if equals else follows if not follows.startswith("-") else "true"
                key = "host" if name == "-H" else name.lstrip("-")
                found.setdefault(key, []).append(given)
    return found


def docker(
    daemon: dict[str, Any], options: dict[str, list[str]], mode: str | None, group: str | None
) -> Engine:
    """The Docker daemon. Source: dockerd, "Daemon configuration file"."""
    given = daemon.get("hosts")
    hosts = [*(given if isinstance(given, list) else []), *options.get("host", [])]
    known = sorted({text for one in hosts if (text := _spelled(str(one)))})
    registries = daemon.get("insecure-registries")
    remapped = str(daemon.get("userns-remap") or "") or "".join(options.get("userns-remap", []))
    return Engine(
        name="docker",
        hosts=tuple(known),
        exposed=_is_exposed(known),
        tls_verify=_flag("tlsverify", daemon, options),
        userns=bool(remapped),
        live_restore=_flag("live-restore", daemon, options),
        no_new_privileges=_flag("no-new-privileges", daemon, options),
        insecure_registries=len(registries if isinstance(registries, list) else [])
        + len(options.get("insecure-registry", [])),
        socket_mode=mode,
        socket_group=group,
    )


def _spelled(host: str) -> str:
    """An interface without anything that is not an address; "" if it is none."""
    whole = host if "://" in host else f"tcp://{host}" if host else ""
    return whole if _HOST.fullmatch(whole) else ""


def _is_exposed(hosts: Iterable[str]) -> bool:
    return any(host.startswith("tcp://") and not _is_local(host) for host in hosts)


def _is_local(host: str) -> bool:
    address = host.removeprefix("tcp://").rstrip("/")
    bare = address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]
    # dockerd takes an empty address for localhost.
    return not bare or is_loopback(bare)


def _flag(name: str, daemon: dict[str, Any], options: dict[str, list[str]]) -> bool:
    if name in options:
        return options[name][-1].lower() not in ("false", "0")
    return daemon.get(name) is True


def _socket(host: Host, paths: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Permission bits and group of the first socket that is there."""
    for path in paths:
        with suppress(Missing):
            found = host.stat(path)
            return f"{found.mode:04o}", _group(host, found.gid)
    return None, None


def _group(host: Host, gid: int) -> str:
    if gid >= _SYSTEM_GROUPS:
        return "other"
    for line in host.read_text("/etc/group").split("\n"):
        fields = line.split(":")
        if len(fields) == 4 and fields[2] == str(gid):
            return fields[0]
    return str(gid)
