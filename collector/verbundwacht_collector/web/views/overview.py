"""The overview: one sentence, four counts, what is next, and two pictures.

Pure. A percentage is only ever of what was measured; what was not measured is hatched and
counted beside it. Percentages are rounded down: 100 means that really nothing fails.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from verbundwacht_collector.store.views import HostRow
from verbundwacht_collector.web import charts, dates, words
from verbundwacht_collector.web.filters import FindingQuery, HostQuery, address
from verbundwacht_collector.web.reads import Cells, Figures, Frame, Situation
from verbundwacht_collector.web.rulebook import OWN_GROUP, RuleBook
from verbundwacht_collector.web.views.alerts import AlertLine, Tile, alert_line, tiles
from verbundwacht_collector.web.views.cover import Covers

FINDINGS: Final = "/findings"
LEVELS: Final = ((98, "h5"), (95, "h4"), (90, "h3"), (80, "h2"), (0, "h1"))
UNMEASURED: Final = "h0"
FRESHNESS: Final = ("fresh", "late", "silent", "never")


@dataclass(frozen=True)
class Cell:
    """One field of the heatmap. note: what a screen reader hears after the text."""

    text: str
    level: str
    note: str
    partly: bool
    url: str


@dataclass(frozen=True)
class HeatRow:
    """One municipality's fields."""

    name: str
    url: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Link:
    """A number and the list that it counts."""

    number: int
    url: str


@dataclass(frozen=True)
class DotRow:
    """One municipality's hosts; counts in the order of FRESHNESS."""

    name: str
    url: str
    picture: Markup
    total: int
    counts: tuple[Link, ...]


@dataclass(frozen=True)
class Overview:
    """Everything on the page."""

    verdict: str
    tiles: tuple[Tile, ...]
    queue: tuple[AlertLine, ...]
    open_alerts: int
    columns: tuple[str, ...]
    heat: tuple[HeatRow, ...]
    dots: tuple[DotRow, ...]
    legend: tuple[tuple[Markup, str, Link], ...]


def overview(found: Situation, *, frame: Frame, book: RuleBook, covers: Covers) -> Overview:
    """The page's values."""
    groups = {code: text for code, text in book.groups.items() if code != OWN_GROUP[0]}
    fresh = found.figures.hosts_by_freshness
    return Overview(
        verdict=verdict(found.figures),
        tiles=four(found.figures, found.cells),
        queue=tuple(alert_line(row, covers) for row in found.queue),
        open_alerts=sum(found.figures.open_by_severity.values()),
        columns=tuple(groups.values()),
        heat=heat(found, groups, frame.municipalities),
        dots=dot_rows(found.hosts, frame.municipalities),
        legend=tuple(
            (charts.sample(code), words.freshness(code).text, _hosts(fresh.get(code, 0), code))
            for code in FRESHNESS
        ),
    )


def verdict(figures: Figures) -> str:
    """How things stand, in one sentence; silence is never part of good news."""
    found = sum(figures.open_by_severity.values())
    critical = figures.open_by_severity.get("critical", 0)
    who, calm = _who_reports(figures.hosts_by_freshness)
    if not found:
        return f"Keine Warnung ist offen, {'und' if calm else 'aber'} {who}."
    noun = "Warnung ist" if found == 1 else "Warnungen sind"
    first = f"{dates.in_words(found).capitalize()} {noun} offen"
    if critical:
        also = "ist" if critical == 1 else "sind"
        first += f", {dates.in_words(critical)} davon {also} kritisch"
    return f"{first}; {who}."


def _who_reports(fresh: Mapping[str, int]) -> tuple[str, bool]:
    total = sum(fresh.values())
    missing = fresh.get("silent", 0) + fresh.get("never", 0)
    late = fresh.get("late", 0)
    of = f"von {dates.number(total)} {'Server' if total == 1 else 'Servern'}"
    if not total:
        return "noch ist kein Server angemeldet", False
    if missing:
        verb = "meldet" if missing == 1 else "melden"
        return f"{dates.number(missing)} {of} {verb} nichts, ihr Zustand ist unbekannt", False
    if late:
        return f"{dates.number(late)} {of} {'ist' if late == 1 else 'sind'} verspätet", False
    return "der Server meldet" if total == 1 else f"alle {dates.number(total)} Server melden", True


def four(figures: Figures, cells: Cells) -> tuple[Tile, ...]:
    """The four counts; each links to the list it counts."""
    found, _, untaken, reporting = tiles(figures)
    counts: Counter[str] = sum(cells.values(), Counter())
    measured = counts["pass"] + counts["fail"]
    unknown = counts["error"] + counts["stale"]
    failing = Tile(
        "Nicht erfüllte Regeln",
        dates.number(counts["fail"]),
        f"von {dates.number(measured)}",
        f"{dates.number(unknown)} nicht prüfbar oder veraltet" if unknown else "alle geprüft",
        False,
        address(FINDINGS, FindingQuery(outcome=("fail",))),
    )
    if not measured:
        failing = Tile(
            failing.label, "–", "", "noch nichts geprüft", False, address(FINDINGS, FindingQuery())
        )
    heard = Tile(
        reporting.label,
        reporting.value,
        reporting.of,
        reporting.note,
        reporting.loud,
        address("/hosts", HostQuery(freshness=("fresh",))),
    )
    return found, untaken, failing, heard


def heat(
    found: Situation, groups: Mapping[str, str], towns: Mapping[str, str]
) -> tuple[HeatRow, ...]:
    """A row per municipality, also for one without any host."""
    servers = Counter(row.municipality_id for row in found.hosts)
    return tuple(
        HeatRow(
            name=name,
            url=address("/hosts", HostQuery(municipality=town)),
            note=f"{dates.number(servers[town])} Server",
            cells=tuple(
                cell(
                    found.cells.get((town, group), Counter()),
                    town=town,
                    group=group,
                    # Such a server is in no count, and must not hide behind its neighbours.
                    unjudged=found.unjudged.get(town, 0),
                )
                for group in groups
            ),
        )
        for town, name in towns.items()
    )


def cell(counts: Counter[str], *, town: str, group: str, unjudged: int = 0) -> Cell:
    """One field: the share of what was measured, or why there is none.

    unjudged: servers of the municipality without any finding.
    """
    measured, unknown = counts["pass"] + counts["fail"], counts["error"] + counts["stale"]
    missing = f"{dates.number(unknown)} nicht prüfbar oder veraltet" if unknown else ""
    if unjudged:
        also = f"{dates.number(unjudged)} Server noch nie gemessen"
        missing = f"{missing}, {also}" if missing else also
    if not measured:
        text = "veraltet" if counts["stale"] else "nicht prüfbar" if unknown else "offen"
        if not unknown and not unjudged and counts["not_applicable"]:
            text = "entfällt"
        query = FindingQuery(municipality=town, group=group)
        note = missing or ("nicht zutreffend" if counts else "noch nicht gemessen")
        return Cell(text, UNMEASURED, note, False, address(FINDINGS, query))
    share = 100 * counts["pass"] // measured
    level = next(name for least, name in LEVELS if share >= least)
    failing = f"{dates.number(counts['fail'])} nicht erfüllt" if counts["fail"] else ""
    query = FindingQuery(outcome=("fail", "pass"), municipality=town, group=group)
    note = ", ".join(filter(None, ("Prozent", failing, missing)))
    return Cell(str(share), level, note, bool(unknown or unjudged), address(FINDINGS, query))


def dot_rows(hosts: list[HostRow], towns: Mapping[str, str]) -> tuple[DotRow, ...]:
    """A row per municipality with one dot per active host."""
    by_town: dict[str, list[str]] = {town: [] for town in towns}
    for row in hosts:
        by_town[row.municipality_id].append(row.freshness)
    return tuple(
        _dot_row(town, name, by_town[town], index)
        for index, (town, name) in enumerate(towns.items())
    )


def _dot_row(town: str, name: str, codes: list[str], index: int) -> DotRow:
    counted = Counter(codes)
    parts = [
        f"{dates.number(counted[code])} {words.freshness(code).text}"
        for code in FRESHNESS
        if counted[code]
    ]
    return DotRow(
        name=name,
        url=address("/hosts", HostQuery(municipality=town)),
        picture=charts.dots(
            codes,
            ident=f"dots{index}",
            title=f"Server in {name}",
            desc=", ".join(parts) or "noch kein Server angemeldet",
        ),
        total=len(codes),
        counts=tuple(_hosts(counted[code], code, town) for code in FRESHNESS),
    )


def _hosts(number: int, code: str, town: str = "") -> Link:
    return Link(number, address("/hosts", HostQuery(municipality=town, freshness=(code,))))
