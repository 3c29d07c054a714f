"""The list of alerts: lines, filters, and one sentence that says how things stand."""

from dataclasses import dataclass

from verbundwacht_collector.alerts.model import HOST_SILENT
from verbundwacht_collector.i18n import N_, _, lookup, ngettext
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
    "open": N_("alle offenen"),
    **{code: word.german for code, word in words.ALERT_STATES.items()},
    "all": N_("alle, auch erledigte"),
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


def alert_line(row: AlertRow, book: RuleBook, covers: Covers | None = None) -> AlertLine:
    """One row as a line. covers: the overlays of the reader's scope, for open alerts."""
    is_open = row.state in words.OPEN_STATES
    return AlertLine(
        url=f"{PATH}/{row.number}",
        number=row.number,
        title=book.problem(row.rule_id, row.title),
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
    if row.state == "resolved":
        return _("behoben auf")
    return _("war auf") if row.state == "closed" else _("auf")


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
    states = {code: lookup(text) for code, text in STATE_WORDS.items()}
    severities = {code: word.text for code, word in words.SEVERITIES.items()}
    names = {
        "state": {code: _("Status: %(state)s", state=text) for code, text in states.items()},
        "severity": severities,
        "municipality": towns,
        "group": groups,
        "host": {"": _("Server: %(host)s", host=rows[0].host if rows else "{}")},
        "q": {"": _("Text: {}")},
    }
    # The default state is no filter that anybody chose: no chip offers to take it away.
    if query.state == AlertQuery().state:
        del names["state"]
    return AlertList(
        verdict=verdict(figures),
        tiles=tiles(figures),
        lines=tuple(alert_line(row, book, covers) for row in rows),
        chips=chips(PATH, query, names),
        hints=hints,
        states=choices(states, query.state),
        severities=choices(severities, query.severity),
        municipalities=choices(towns, query.municipality),
        groups=choices(groups, query.group),
        sorts=choices({code: lookup(text) for code, text in ALERT_SORTS.items()}, query.sort),
        pages=pages(PATH, query, total),
        query=query,
    )


def verdict(figures: Figures) -> str:
    """How things stand, in one or two sentences."""
    found, untaken = sum(figures.open_by_severity.values()), figures.untaken
    if not found:
        return _("Keine Warnung ist offen.")
    if not untaken:
        rest = ngettext("Sie ist in Bearbeitung.", "Alle sind in Bearbeitung.", found)
    elif untaken == found:
        rest = ngettext("Sie ist noch nicht übernommen.", "Noch ist keine übernommen.", found)
    else:
        rest = ngettext(
            "%(number)s hat noch niemand übernommen.",
            "%(number)s hat noch niemand übernommen.",
            untaken,
            number=dates.in_words(untaken).capitalize(),
        )
    return f"{how_many(figures)}. {rest}"


def how_many(figures: Figures) -> str:
    """The open alerts and the critical ones among them, as the beginning of a sentence."""
    found = sum(figures.open_by_severity.values())
    critical = figures.open_by_severity.get("critical", 0)
    first = ngettext(
        "%(number)s Warnung ist offen",
        "%(number)s Warnungen sind offen",
        found,
        number=dates.in_words(found).capitalize(),
    )
    if not critical:
        return first
    also = ngettext(
        "%(number)s davon ist kritisch",
        "%(number)s davon sind kritisch",
        critical,
        number=dates.in_words(critical),
    )
    return f"{first}, {also}"


def tiles(figures: Figures) -> tuple[Tile, ...]:
    """The figures above the list."""
    counts, fresh = figures.open_by_severity, figures.hosts_by_freshness
    hosts, silent = sum(fresh.values()), fresh.get("silent", 0) + fresh.get("never", 0)
    rest = [
        f"{dates.number(counts[code])} {word.text.lower()}"
        for code, word in words.SEVERITIES.items()
        if counts.get(code)
    ]
    critical = counts.get("critical", 0)
    return (
        Tile(
            _("Offene Warnungen"),
            dates.number(sum(counts.values())),
            "",
            ", ".join(rest) or _("nichts zu tun"),
            False,
            PATH,
        ),
        Tile(
            _("Davon kritisch"),
            dates.number(critical),
            "",
            _("zuerst bearbeiten") if critical else _("keine kritische Warnung"),
            bool(critical),
            address(PATH, AlertQuery(severity=("critical",))),
        ),
        Tile(
            _("Noch nicht übernommen"),
            dates.number(figures.untaken),
            "",
            _("Status „Neu“"),
            False,
            address(PATH, AlertQuery(state=("new",))),
        ),
        Tile(
            _("Server melden"),
            dates.number(fresh.get("fresh", 0)),
            _("von %(total)s", total=dates.number(hosts)),
            _missing(fresh.get("late", 0), silent),
            bool(silent),
            "/hosts",
        ),
    )


def _missing(late: int, silent: int) -> str:
    parts = [ngettext("%(num)s verspätet", "%(num)s verspätet", late)] if late else []
    if silent:
        parts.append(ngettext("%(num)s ohne Meldung", "%(num)s ohne Meldung", silent))
    return ", ".join(parts) or _("keiner fehlt")
