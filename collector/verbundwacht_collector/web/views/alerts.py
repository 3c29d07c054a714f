"""The list of alerts: lines, filters, and one sentence that says how things stand."""

from dataclasses import dataclass

from verbundwacht_collector.alerts.model import HOST_SILENT
from verbundwacht_collector.store.views import AlertRow
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.filters import ALERT_SORTS, AlertQuery, address
from verbundwacht_collector.web.reads import Figures, Frame
from verbundwacht_collector.web.rulebook import RuleBook
from verbundwacht_collector.web.views.cover import Covers
from verbundwacht_collector.web.views.lists import Chip, Choice, Pages, chips, choices, pages
from verbundwacht_collector.web.words import Word

PATH = "/alerts"
STATE_WORDS = {
    "open": "alle offenen",
    **{code: word.text for code, word in words.ALERT_STATES.items()},
    "all": "alle, auch erledigte",
}


@dataclass(frozen=True)
class AlertLine:
    """One alert as the list shows it."""

    url: str
    number: str
    title: str
    severity: Word
    state: Word
    place: str
    host: str
    relation: str
    simulated: bool
    subject: str
    opened_at: int
    assignee: str | None
    stale: bool
    repeated: int
    closed: bool
    cover: str
    """What holds back messages about it, „pausiert bis …“; "" if nothing does."""


@dataclass(frozen=True)
class Tile:
    """One figure above the list; it links to what it counts."""

    label: str
    value: str
    of: str
    note: str
    loud: bool
    url: str


@dataclass(frozen=True)
class AlertList:
    """Everything on the page of the list."""

    verdict: str
    tiles: tuple[Tile, ...]
    lines: tuple[AlertLine, ...]
    chips: tuple[Chip, ...]
    hints: tuple[str, ...]
    states: tuple[Choice, ...]
    severities: tuple[Choice, ...]
    municipalities: tuple[Choice, ...]
    groups: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    pages: Pages
    query: AlertQuery


def alert_line(row: AlertRow, covers: Covers | None = None) -> AlertLine:
    """One row as a line. covers: the overlays of the reader's scope, for open alerts."""
    is_open = row.state in words.OPEN_STATES
    return AlertLine(
        url=f"{PATH}/{row.number}",
        number=row.number,
        title=row.title,
        severity=words.severity(row.severity),
        state=words.alert_state(row.state),
        place=row.municipality,
        host=row.host,
        relation=relation(row),
        simulated=row.simulated,
        subject=row.subject,
        opened_at=row.opened_at,
        assignee=row.assignee,
        stale=is_stale(row),
        repeated=row.repeated,
        closed=not is_open,
        cover=covers.text(row) if covers is not None and is_open else "",
    )


def is_stale(row: AlertRow) -> bool:
    """Whether nobody can know if the alert still holds. That a host is silent does hold then."""
    unknown = row.freshness in words.SILENT and row.state in words.OPEN_STATES
    return unknown and row.rule_id != HOST_SILENT


def relation(row: AlertRow) -> str:
    """How an alert stands to its host: the title says what is wrong there, or was."""
    return {"resolved": "behoben auf", "closed": "war auf"}.get(row.state, "auf")


def alert_list(
    rows: list[AlertRow],
    total: int,
    *,
    query: AlertQuery,
    frame: Frame,
    figures: Figures,
    book: RuleBook,
    hints: tuple[str, ...],
    covers: Covers,
) -> AlertList:
    """The page's values."""
    towns, groups = frame.municipalities, book.groups
    severities = {code: word.text for code, word in words.SEVERITIES.items()}
    names = {
        "state": {code: f"Status: {text}" for code, text in STATE_WORDS.items()},
        "severity": severities,
        "municipality": towns,
        "group": groups,
        "host": {"": f"Server: {rows[0].host if rows else '{}'}"},
        "q": {"": "Text: {}"},
    }
    # The default state is no filter that anybody chose: no chip offers to take it away.
    if query.state == AlertQuery().state:
        del names["state"]
    return AlertList(
        verdict=verdict(figures),
        tiles=tiles(figures),
        lines=tuple(alert_line(row, covers) for row in rows),
        chips=chips(PATH, query, names),
        hints=hints,
        states=choices(STATE_WORDS, query.state),
        severities=choices(severities, query.severity),
        municipalities=choices(towns, query.municipality),
        groups=choices(groups, query.group),
        sorts=choices(ALERT_SORTS, query.sort),
        pages=pages(PATH, query, total),
        query=query,
    )


def verdict(figures: Figures) -> str:
    """How things stand, in one or two sentences."""
    found = sum(figures.open_by_severity.values())
    critical = figures.open_by_severity.get("critical", 0)
    if not found:
        return "Keine Warnung ist offen."
    noun = "Warnung ist" if found == 1 else "Warnungen sind"
    first = f"{dates.in_words(found).capitalize()} {noun} offen"
    if critical:
        also = "ist" if critical == 1 else "sind"
        first += f", {dates.in_words(critical)} davon {also} kritisch"
    if not figures.untaken:
        rest = "Sie ist" if found == 1 else "Alle sind"
        return f"{first}. {rest} in Bearbeitung."
    if figures.untaken == found:
        rest = "Sie ist noch nicht" if found == 1 else "Noch ist keine"
        return f"{first}. {rest} übernommen."
    who = dates.in_words(figures.untaken).capitalize()
    return f"{first}. {who} hat noch niemand übernommen."


def tiles(figures: Figures) -> tuple[Tile, ...]:
    """The figures above the list."""
    counts, fresh = figures.open_by_severity, figures.hosts_by_freshness
    hosts, silent = sum(fresh.values()), fresh.get("silent", 0) + fresh.get("never", 0)
    late = fresh.get("late", 0)
    rest = [
        f"{dates.number(counts[code])} {word.text.lower()}"
        for code, word in words.SEVERITIES.items()
        if counts.get(code)
    ]
    critical = counts.get("critical", 0)
    return (
        Tile(
            "Offene Warnungen",
            dates.number(sum(counts.values())),
            "",
            ", ".join(rest) or "nichts zu tun",
            False,
            PATH,
        ),
        Tile(
            "Davon kritisch",
            dates.number(critical),
            "",
            "zuerst bearbeiten" if critical else "keine kritische Warnung",
            bool(critical),
            address(PATH, AlertQuery(severity=("critical",))),
        ),
        Tile(
            "Noch nicht übernommen",
            dates.number(figures.untaken),
            "",
            "Status „Neu“",
            False,
            address(PATH, AlertQuery(state=("new",))),
        ),
        Tile(
            "Server melden",
            dates.number(fresh.get("fresh", 0)),
            f"von {dates.number(hosts)}",
            _missing(late, silent),
            bool(silent),
            "/hosts",
        ),
    )


def _missing(late: int, silent: int) -> str:
    parts = [f"{dates.number(late)} verspätet"] if late else []
    parts += [f"{dates.number(silent)} ohne Meldung"] if silent else []
    return ", ".join(parts) or "keiner fehlt"
