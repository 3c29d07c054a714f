"""The overview: one sentence, four counts, what is next, and two pictures.

Pure. A percentage is only ever of what was measured; what was not measured is hatched and
counted beside it. Percentages are rounded down: 100 means that really nothing fails.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from verbundwacht_collector.i18n import _, ngettext
from verbundwacht_collector.store.views import HostRow
from verbundwacht_collector.web import charts, dates, words
from verbundwacht_collector.web.filters import FindingQuery, HostQuery, address
from verbundwacht_collector.web.reads import Cells, Figures, Frame, Situation
from verbundwacht_collector.web.rulebook import OWN_GROUP, RuleBook
from verbundwacht_collector.web.views.alerts import AlertLine, Tile, alert_line, how_many, tiles
from verbundwacht_collector.web.views.cover import Covers
from verbundwacht_collector.web.views.findings import not_judged

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
        queue=tuple(alert_line(row, book, covers) for row in found.queue),
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
    who, calm = _who_reports(figures.hosts_by_freshness)
    if not sum(figures.open_by_severity.values()):
        if calm:
            return _("Keine Warnung ist offen, und %(who)s.", who=who)
        return _("Keine Warnung ist offen, aber %(who)s.", who=who)
    return f"{how_many(figures)}; {who}."


def _who_reports(fresh: Mapping[str, int]) -> tuple[str, bool]:
    total = sum(fresh.values())
    missing = fresh.get("silent", 0) + fresh.get("never", 0)
    late = fresh.get("late", 0)
    if not total:
        return _("noch ist kein Server angemeldet"), False
    of = ngettext("von %(num)s Server", "von %(num)s Servern", total)
    if missing:
        clause = ngettext(
            "%(num)s %(of)s meldet nichts, ihr Zustand ist unbekannt",
            "%(num)s %(of)s melden nichts, ihr Zustand ist unbekannt",
            missing,
            of=of,
        )
        return clause, False
    if late:
        return (
            ngettext("%(num)s %(of)s ist verspätet", "%(num)s %(of)s sind verspätet", late, of=of),
            False,
        )
    return ngettext("der Server meldet", "alle %(num)s Server melden", total), True


def four(figures: Figures, cells: Cells) -> tuple[Tile, ...]:
    """The four counts; each links to the list it counts."""
    found, _critical, untaken, reporting = tiles(figures)
    counts: Counter[str] = sum(cells.values(), Counter())
    measured = counts["pass"] + counts["fail"]
    unknown = counts["error"] + counts["stale"]
    failing = Tile(
        _("Nicht erfüllte Regeln"),
        dates.number(counts["fail"]),
        _("von %(total)s", total=dates.number(measured)),
        not_judged(unknown) or _("alle geprüft"),
        False,
        address(FINDINGS, FindingQuery(outcome=("fail",))),
    )
    if not measured:
        failing = Tile(
            failing.label,
            "–",
            "",
            _("noch nichts geprüft"),
            False,
            address(FINDINGS, FindingQuery()),
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
            note=ngettext("%(num)s Server", "%(num)s Server", servers[town]),
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


UNKNOWN, NOTHING = "?", "–"
"""In place of a share: nobody knows, and there is nothing to be known."""


def cell(counts: Counter[str], *, town: str, group: str, unjudged: int = 0) -> Cell:
    """One field: the share of what was measured, or why there is none.

    unjudged: servers of the municipality without any finding.
    """
    measured, unknown = counts["pass"] + counts["fail"], counts["error"] + counts["stale"]
    missing = ", ".join(filter(None, (not_judged(unknown), _never_measured(unjudged))))
    if not measured:
        text, why = UNKNOWN, missing or _("noch nicht gemessen")
        if not unknown and not unjudged and counts["not_applicable"]:
            text, why = NOTHING, _("entfällt: trifft auf keinen Server zu")
        query = FindingQuery(municipality=town, group=group)
        return Cell(text, UNMEASURED, why, False, address(FINDINGS, query))
    share = 100 * counts["pass"] // measured
    level = next(name for least, name in LEVELS if share >= least)
    failing = ngettext("%(num)s nicht erfüllt", "%(num)s nicht erfüllt", counts["fail"])
    query = FindingQuery(outcome=("fail", "pass"), municipality=town, group=group)
    note = ", ".join(filter(None, (_("Prozent"), failing if counts["fail"] else "", missing)))
    return Cell(str(share), level, note, bool(unknown or unjudged), address(FINDINGS, query))


def _never_measured(hosts: int) -> str:
    if not hosts:
        return ""
    return ngettext("%(num)s Server noch nie gemessen", "%(num)s Server noch nie gemessen", hosts)


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
            title=_("Server in %(place)s", place=name),
            desc=", ".join(parts) or _("noch kein Server angemeldet"),
        ),
        total=len(codes),
        counts=tuple(_hosts(counted[code], code, town) for code in FRESHNESS),
    )


def _hosts(number: int, code: str, town: str = "") -> Link:
    return Link(number, address("/hosts", HostQuery(municipality=town, freshness=(code,))))
