"""The file server as `testparm` explains it: protocol, signing, guests.

`parse_testparm` is pure. testparm knows the defaults of its own version, which have changed more
than once. Hard-learned: it prints a share's `guest ok` only where that differs from [global],
and everything in [global] is not about a share.
"""

import re
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, content
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.conf.files import first_there
from verbundwacht_wire.facts import Samba

PROGRAMS: Final = ("/usr/sbin/smbd", "/usr/sbin/samba", "/usr/local/samba/sbin/smbd")
TESTPARM: Final = ("testparm", "-s", "-v")
WATCHES: Final = (*PROGRAMS, "/usr/bin/testparm", "/etc/samba/smb.conf", "/etc/samba")
_SECTION: Final = re.compile(r"\[(.+)\]")
_SETTING: Final = re.compile(r"\s+([^=]+?) = ?(.*)")
_REQUIRED: Final = (
    "server min protocol", "server signing", "ntlm auth", "map to guest", "restrict anonymous",
    "disable netbios", "usershare allow guests", "server role", "guest ok",
)  # fmt: skip


def probe(host: Host) -> Collected:
    """What testparm says. Raises Unavailable; absent if no file server is installed."""
    if first_there(host, PROGRAMS) is None:
        raise Unavailable("absent", "no_file_server", "")
    return Collected(parse_testparm(content(host.run(TESTPARM))))


def parse_testparm(output: str) -> Samba:
    """Settings out of `testparm -s -v`. Raises Unavailable `incomplete_output`, never a default.

    Shares that are switched off (`available = No`) do not count. Source: smb.conf(5).
    """
    settings: dict[str, str] = {}
    shares: list[dict[str, str]] = []
    current: dict[str, str] = {}
    for line in output.split("\n"):
        if section := _SECTION.fullmatch(line.strip()):
            current = settings
            if section[1].lower() != "global":
                current = {}
                shares.append(current)
        elif setting := _SETTING.fullmatch(line):
            current[setting[1].lower()] = setting[2].strip()
    if any(not settings.get(name) for name in _REQUIRED):
        hint = "testparm liefert nicht alle erwarteten Zeilen; Samba-Version prüfen."
        raise Unavailable("failed", "incomplete_output", hint)
    offered = [share for share in shares if share.get("available") != "No"]
    for_guests = [
        share for share in offered if share.get("guest ok", settings["guest ok"]) == "Yes"
    ]
    return Samba(
        server_min_protocol=settings["server min protocol"],
        server_signing=settings["server signing"],
        smb_encrypt=settings.get("server smb encrypt"),
        ntlm_auth=settings["ntlm auth"],
        map_to_guest=settings["map to guest"],
        restrict_anonymous=_number(settings["restrict anonymous"]),
        netbios=settings["disable netbios"] == "No",
        usershare_guests=settings["usershare allow guests"] == "Yes",
        server_role=settings["server role"],
        shares=len(offered),
        guest_shares=len(for_guests),
    )


def _number(value: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", value):
        raise Unavailable("failed", "bad_value", "testparm nennt für eine Zahl etwas anderes.")
    return int(value)
