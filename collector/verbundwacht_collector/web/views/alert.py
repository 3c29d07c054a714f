"""One alert: what to do, wanted and found, references, and which actions are open."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from verbundwacht_collector.alerts.model import HOST_SILENT, MUNICIPALITY_SILENT
from verbundwacht_collector.i18n import N_, _, lookup
from verbundwacht_collector.store.views import AlertDetail
from verbundwacht_collector.web import words
from verbundwacht_collector.web.rulebook import RuleBook, RuleTexts
from verbundwacht_collector.web.views.alerts import AlertLine, alert_line
from verbundwacht_collector.web.views.cover import Covers
from verbundwacht_collector.web.views.deliveries import DeliveryLine, delivery_line
from verbundwacht_collector.web.views.history import EventLine, history
from verbundwacht_collector.web.views.hosts import HostLine, host_line
from verbundwacht_collector.web.views.readings import ReadingLine, reading_line
from verbundwacht_collector.web.views.reasons import finding_reason
from verbundwacht_collector.web.words import Word

_NUMBERED: Final = re.compile(r"^\d+\.\s+")
_COMMAND: Final = re.compile(r"^(?P<text>[^:]+:) (?P<command>\S.*[^.])$")
CATALOGUES: Final = {
    "gspp": "Grundschutz++",
    "itgs2023": "IT-Grundschutz 2023",
    "wiba": "WiBA",
    "cis": "CIS",
}
EXTENTS: Final = {"partial": N_("teilweise"), "full": N_("ganz")}


@dataclass(frozen=True)
class Step:
    """One step of a remedy; a command stands on a line of its own."""

    text: str
    command: str | None


@dataclass(frozen=True)
class Remedy:
    """Numbered steps, and what follows them without a number."""

    steps: tuple[Step, ...]
    closing: tuple[str, ...]


@dataclass(frozen=True)
class Earlier:
    """The same problem on the same host before."""

    number: str
    url: str
    opened_at: int
    state: Word


@dataclass(frozen=True)
class AlertView:
    """Everything on the page of one alert."""

    line: AlertLine
    rule: RuleTexts
    remedy: Remedy
    outcome: Word | None
    reason: str
    readings: tuple[ReadingLine, ...]
    references: tuple[tuple[str, tuple[str, ...]], ...]
    events: tuple[EventLine, ...]
    deliveries: tuple[DeliveryLine, ...]
    earlier: tuple[Earlier, ...]
    host: HostLine | None
    """None: the alert is about the municipality."""
    children: tuple[AlertLine, ...]
    open: bool
    silence: bool
    mine: bool
    can_take: bool
    can_claim: bool
    can_pause: bool
    judged_now: bool
    """The pack in force is the one that judged."""
    detail: AlertDetail


def alert_view(detail: AlertDetail, book: RuleBook, *, reader: int, covers: Covers) -> AlertView:
    """The page's values; what is offered depends on the alert's state and on who reads it."""
    row, finding = detail.row, detail.finding
    rule = book.texts(row.rule_id)
    is_open, mine = row.state in words.OPEN_STATES, row.assignee_id == reader
    return AlertView(
        line=alert_line(row, book, covers),
        rule=rule,
        remedy=remedy(rule.remediation),
        outcome=words.outcome(finding.outcome) if finding else None,
        reason=finding_reason(finding.reason) if finding else "",
        readings=tuple(reading_line(*pair) for pair in finding.readings) if finding else (),
        references=references(rule.maps or {}),
        events=history(detail.events),
        deliveries=tuple(delivery_line(one) for one in detail.deliveries),
        earlier=tuple(_earlier(one) for one in detail.earlier),
        host=host_line(detail.host) if detail.host else None,
        children=tuple(alert_line(child, book) for child in detail.children),
        open=is_open,
        silence=row.rule_id in (HOST_SILENT, MUNICIPALITY_SILENT),
        mine=mine,
        can_take=is_open and not (mine and row.state == "taken"),
        # Not from `fix_claimed`: the claim is made, the host has the word.
        can_claim=row.state in ("new", "taken") and detail.host is not None,
        can_pause=is_open,
        judged_now=finding is None or finding.pack_digest == rule.pack_digest,
        detail=detail,
    )


def _earlier(found: Mapping[str, Any]) -> Earlier:
    number = found["number"]
    state = words.alert_state(found["state"])
    return Earlier(number, f"/alerts/{number}", found["opened_at"], state)


def remedy(text: str) -> Remedy:
    """The lines of a remediation: `1. Was zu tun ist: befehl` becomes text and command.

    A step that ends with a full stop is a sentence to its end, whatever colons it has.
    """
    steps: list[Step] = []
    closing: list[str] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        bare = _NUMBERED.sub("", line)
        if bare == line:
            closing.append(line)
        else:
            # The packs write „Was zu tun ist: befehl“ without a full stop after a command.
            found = _COMMAND.match(bare)
            steps.append(Step(found["text"], found["command"]) if found else Step(bare, None))
    return Remedy(tuple(steps), tuple(closing))


def references(maps: Mapping[str, Sequence[Any]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(catalogue, its requirements) by name: „DET.5.10 (teilweise)“, „Serversysteme: …“."""
    return tuple(
        (CATALOGUES.get(catalogue, catalogue), tuple(_requirement(entry) for entry in entries))
        for catalogue, entries in maps.items()
        if entries
    )


def _requirement(entry: Any) -> str:
    # Catalogues of future packs may list plain names.
    if not isinstance(entry, Mapping):
        return str(entry)
    if "list" in entry:
        # The lists are German books: their titles stay, and say so to a screen reader.
        title = f"{entry['list']}: {entry.get('topic', '')}".rstrip(": ")
        return Markup('{} <span lang="de">{}</span>').format(_("Checkliste"), title)
    name = str(entry.get("id", ""))
    if "doc" in entry:
        name = f"{entry['doc']}, {name}"
    extent = EXTENTS.get(str(entry.get("as", "")))
    return f"{name} ({lookup(extent)})" if extent else name
