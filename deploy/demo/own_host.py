"""The machine that the collector itself runs on, watched like any other server of the alliance.

Nothing about it is recorded: its agent reads this machine. Only the name is given, since this
machine is enrolled a second time, as a server of a municipality, under its own.
"""

from verbundwacht_agent.host import LIMIT, LocalHost

OPERATOR = "hochwald-it"
OPERATOR_NAME = "Zweckverband Hochwald-IT"
NAME = "Sammler"


class OwnHost(LocalHost):
    """This very machine, called by what it does."""

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        if path == "/proc/sys/kernel/hostname":
            return f"{NAME}\n".encode()
        return super().read_bytes(path, limit)
