"""Which operating system the host runs, as os-release(5) says.

`parse_os_release` is pure. Hard-learned: /etc/os-release is usually a link, and in an image it
may be missing while /usr/lib/os-release is there.
"""

import re
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_wire.facts import Os

_PATHS: Final = ("/etc/os-release", "/usr/lib/os-release")
_LINE: Final = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")


def probe(host: Host) -> Collected:
    """The release file of this host. Raises Unavailable if there is none."""
    for path in _PATHS:
        try:
            return Collected(parse_os_release(host.read_text(path)))
        except Missing:
            continue
    raise Unavailable("failed", "no_os_release", "Die Datei /etc/os-release fehlt.")


def parse_os_release(release: str) -> Os:
    """The four fields that name a release; VERSION_ID is "" where a rolling release has none.

    Raises Unavailable if ID is missing: the specified default "linux" would be a guess.
    """
    fields = dict(filter(None, map(_assignment, release.splitlines())))
    if not fields.get("ID"):
        raise Unavailable("failed", "no_os_id", "In /etc/os-release fehlt die Zeile ID=.")
    return Os(
        id=fields["ID"],
        version=fields.get("VERSION_ID", ""),
        name=fields.get("PRETTY_NAME") or fields.get("NAME") or fields["ID"],
        codename=fields.get("VERSION_CODENAME") or None,
    )


def _assignment(line: str) -> tuple[str, str] | None:
    """One shell-like assignment: quotes removed, backslash escapes resolved."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    name, value = found.groups()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        quote, value = value[0], value[1:-1]
        # Nothing is special between single quotes, as in a shell.
        if quote == "'":
            return name, value
    return name, re.sub(r"\\(.)", r"\1", value)
