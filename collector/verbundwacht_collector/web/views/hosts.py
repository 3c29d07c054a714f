"""The list of hosts: who reports, what is wrong where; silent hosts never look fine."""

from collections.abc import Mapping
from dataclasses import dataclass

from verbundwacht_collector.i18n import _, lookup, ngettext
from verbundwacht_collector.store.views import HostRow
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.filters import HOST_SORTS, HostQuery
from verbundwacht_collector.web.reads import Frame, HostPage
from verbundwacht_collector.web.views.lists import Chip, Choice, Pages, chips, choices, pages
from verbundwacht_collector.web.words import Word

PATH = "/hosts"


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
    return ", ".join(parts) or _("noch nichts geprüft")


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
    names = {"municipality": towns, "freshness": fresh, "q": {"": _("Text: {}")}}
    return HostList(
        verdict=verdict(page.hosts_by_freshness),
        lines=tuple(host_line(row) for row in page.rows),
        chips=chips(PATH, query, names),
        hints=hints,
        municipalities=choices(towns, query.municipality),
        freshness=choices(fresh, query.freshness),
        sorts=choices({code: lookup(text) for code, text in HOST_SORTS.items()}, query.sort),
        pages=pages(PATH, query, page.total),
        query=query,
    )


def verdict(fresh: Mapping[str, int]) -> str:
    """Who reports and who does not, in one sentence. fresh: number of hosts by freshness."""
    total = sum(fresh.values())
    if not total:
        return _("Noch ist kein Server angemeldet.")
    parts = missing(fresh)
    if not parts:
        return ngettext("Der Server meldet.", "Alle %(num)s Server melden.", total)
    reporting = ngettext(
        "%(fresh)s von %(num)s Server meldet",
        "%(fresh)s von %(num)s Servern melden",
        total,
        fresh=dates.number(fresh.get("fresh", 0)),
    )
    return f"{reporting}; {', '.join(parts)}."


def missing(fresh: Mapping[str, int]) -> list[str]:
    """How many are late, silent or were never heard of, each as a clause; none where none is."""
    late, silent, never = (fresh.get(code, 0) for code in ("late", "silent", "never"))
    clauses = (
        (late, ngettext("%(num)s ist verspätet", "%(num)s sind verspätet", late)),
        (silent, ngettext("%(num)s schweigt", "%(num)s schweigen", silent)),
        (
            never,
            ngettext("%(num)s hat noch nie gemeldet", "%(num)s haben noch nie gemeldet", never),
        ),
    )
    return [clause for count, clause in clauses if count]
