"""What apt says, in the one form into which both ways of asking are brought.

Pure. `refusal` sorts apt's error messages, `judge` decides what an update is. Hard-learned: the
candidate of a security fix may come from a later point release, so the origins of *all* versions
between the installed one and the candidate count.
"""

import re
from typing import Final

import msgspec

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.probes.apt.lists import is_security
from verbundwacht_wire.facts.software import PendingUpdate

_REFUSALS: Final = (
    ("/var/lib/dpkg/status", "failed", "status_broken", "dpkg --audit ausführen."),
    ("Permission denied", "denied", "apt_denied", "Mit den Rechten der systemd-Unit ausführen."),
    ("Unmet dependencies", "failed", "dependencies_broken", "apt-get -f install ausführen."),
    ("sources.list", "failed", "sources_broken", "Die Paketquellen enthalten einen Fehler."),
    ("package lists", "failed", "lists_broken", "apt-get update ausführen."),
    ("Unable to parse package file", "failed", "lists_broken", "apt-get update ausführen."),
    ("/var/lib/apt/lists/", "failed", "lists_broken", "apt-get update ausführen."),
    ("cache file is corrupted", "failed", "lists_broken", "apt-get update ausführen."),
)  # fmt: skip
"""(part of the message, status, reason, hint), first match wins."""

_TARGET: Final = re.compile(r"([^/\s()]*_Packages)(?:\.\w+)?\)?$")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One package with a newer candidate, before anything is decided about it."""

    name: str
    installed: str
    candidate: str
    origins: tuple[str, ...]  # suites, codenames and labels of every newer version
    held: bool
    phased: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Lists that should be there and updates that wait; `end` is written last."""

    targets: dict[str, int | None]  # list's name -> bytes in it, None if not asked
    updates: tuple[Waiting, ...]
    end: bool


def judge(updates: tuple[Waiting, ...]) -> tuple[PendingUpdate, ...]:
    """The facts of the section, sorted by name."""
    return tuple(
        PendingUpdate(
            name=update.name,
            installed=update.installed,
            candidate=update.candidate,
            # Debian's point releases swallow security fixes, Ubuntu copies them to -updates.
            security=any(map(is_security, update.origins)),
            held=update.held,
            phased=update.phased,
        )
        for update in sorted(updates, key=lambda update: update.name)
    )


def parse_target(place: str) -> str | None:
    """The name of a list without folder, extension and what stands before; None if it is none."""
    found = _TARGET.search(place)
    return found[1] if found else None


def refusal(message: str) -> Unavailable:
    """Why apt refused, out of what it wrote to standard error."""
    for part, status, reason, hint in _REFUSALS:
        if part in message:
            return Unavailable("denied" if status == "denied" else "failed", reason, hint)
    return Unavailable("failed", "apt_failed", "apt-get -s upgrade von Hand ausführen und prüfen.")


def incomplete() -> Unavailable:
    """An answer that stops early or contradicts itself."""
    hint = "apt hat unvollständig geantwortet: apt-get -s upgrade von Hand ausführen."
    return Unavailable("failed", "incomplete_output", hint)
