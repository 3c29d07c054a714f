"""Facts about what the host offers to the network: services and listening sockets."""

from typing import Annotated, Literal

from verbundwacht_wire.facts.base import Section, fact


class Services(Section, frozen=True, kw_only=True):
    """Units of systemd that failed, and network services that start by themselves."""

    failed: Annotated[tuple[str, ...], fact("Fehlgeschlagen", source="systemctl list-units")]
    network: Annotated[
        tuple[str, ...],
        fact("Netzdienste im Autostart", source="systemctl list-unit-files, known names"),
    ]


class Socket(Section, frozen=True, kw_only=True):
    """One socket that accepts from outside the process. Source: proc_pid_net(5)."""

    proto: Annotated[Literal["tcp", "udp"], fact("Protokoll", source="/proc/net/tcp, udp, …6")]
    port: Annotated[int, fact("Port", source="/proc/net, local_address")]
    address: Annotated[str, fact("Adresse", source="/proc/net, local_address")]
    exposed: Annotated[
        bool, fact("von außen erreichbar", source="address is not a loopback address")
    ]
    program: Annotated[
        str | None,
        fact("Programm", source="/proc/*/fd and comm", right="SYS_PTRACE"),
    ] = None


class Listening(Section, frozen=True, kw_only=True):
    """Sockets that listen. UDP sockets on ephemeral ports are clients and left out."""

    sockets: Annotated[tuple[Socket, ...], fact("Offene Ports", source="/proc/net")]
