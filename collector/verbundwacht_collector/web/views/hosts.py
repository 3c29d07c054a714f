"""The list of hosts: who reports, what is wrong where; silent hosts never look fine."""

from collections.abc import Mapping
from dataclasses import dataclass

from verbundwacht_collector.store.views import HostRow
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.filters import HOST_SORTS, HostQuery
from verbundwacht_collector.web.reads import Frame, HostPage
from verbundwacht_collector.web.views.lists import Chip, Choice, Pages, chips, choices, pages
from verbundwacht_collector.web.words import Word

PATH = "/hosts"
MISSING = (
    ("late", "ist verspätet", "sind verspätet"),
    ("silent", "schweigt", "schweigen"),
    ("never", "hat noch nie gemeldet", "haben noch nie gemeldet"),
)


@dataclass(frozen=True)
class Segment:
    """One outcome's share of a host's findings, as a piece of a bar of width 100."""

    word: Word
    count: int
    x: float
    width: float


@dataclass(frozen=True)
class HostLine:
    """One host as the list shows it."""

    url: str
    name: str
    place: str
    os: str
    retired: bool
    freshness: Word
    last_seen: int | None
    simulated: bool
    bar: tuple[Segment, ...]
    summary: str
    open_alerts: int
    alerts_url: str


@dataclass(frozen=True)
class HostList:
    """Everything on the page of the list."""

    verdict: str
    lines: tuple[HostLine, ...]
    chips: tuple[Chip, ...]
    hints: tuple[str, ...]
    municipalities: tuple[Choice, ...]
    freshness: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    pages: Pages
    query: HostQuery


def bar(counts: Mapping[str, int]) -> tuple[Segment, ...]:
    """The outcomes side by side, those that need a person first; empty without findings."""
    # Unknown outcomes come last but are counted: the bar must add up.
    order = [*words.OUTCOMES, *(code for code in counts if code not in words.OUTCOMES)]
    total = sum(counts.values())
    segments: list[Segment] = []
    x = 0.0
    for code in order:
        if count := counts.get(code, 0):
            width = round(100 * count / total, 2)
            segments.append(Segment(words.outcome(code), count, round(x, 2), width))
            x += width
    return tuple(segments)


def summary(counts: Mapping[str, int]) -> str:
    """„3 nicht erfüllt, 1 nicht prüfbar, 20 erfüllt“; says so when nothing was judged yet."""
    parts = [f"{dates.number(piece.count)} {piece.word.text}" for piece in bar(counts)]
    return ", ".join(parts) or "noch nichts geprüft"


def host_line(row: HostRow) -> HostLine:
    """One row as a line."""
    return HostLine(
        url=f"{PATH}/{row.id}",
        name=row.name,
        place=row.municipality,
        os=row.os,
        retired=row.state != "active",
        freshness=words.freshness(row.freshness),
        last_seen=row.last_seen,
        simulated=row.simulated,
        bar=bar(row.outcomes),
        summary=summary(row.outcomes),
        open_alerts=row.open_alerts,
        alerts_url=f"/alerts?host={row.id}",
    )


def host_list(
    page: HostPage, *, query: HostQuery, frame: Frame, hints: tuple[str, ...]
) -> HostList:
    """The page's values."""
    towns = frame.municipalities
    fresh = {code: word.text for code, word in words.FRESHNESS.items()}
    names = {"municipality": towns, "freshness": fresh, "q": {"": "Text: {}"}}
    return HostList(
        verdict=verdict(page.hosts_by_freshness),
        lines=tuple(host_line(row) for row in page.rows),
        chips=chips(PATH, query, names),
        hints=hints,
        municipalities=choices(towns, query.municipality),
        freshness=choices(fresh, query.freshness),
        sorts=choices(HOST_SORTS, query.sort),
        pages=pages(PATH, query, page.total),
        query=query,
    )


def verdict(fresh: Mapping[str, int]) -> str:
    """Who reports and who does not, in one sentence. fresh: number of hosts by freshness."""
    total = sum(fresh.values())
    if not total:
        return "Noch ist kein Server angemeldet."
    parts = [
        f"{dates.number(number)} {one if number == 1 else many}"
        for code, one, many in MISSING
        if (number := fresh.get(code, 0))
    ]
    if not parts:
        return "Der Server meldet." if total == 1 else f"Alle {dates.number(total)} Server melden."
    reporting = f"{dates.number(fresh.get('fresh', 0))} von {dates.number(total)} Servern melden"
    return f"{reporting}; {', '.join(parts)}."
