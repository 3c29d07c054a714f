"""The list of findings: what the heatmap and the counts of the overview stand for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from verbundwacht_collector.i18n import _, ngettext
from verbundwacht_collector.store.views import FindingRow
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.filters import FindingQuery
from verbundwacht_collector.web.reads import FindingPage, Frame
from verbundwacht_collector.web.rulebook import RuleBook
from verbundwacht_collector.web.views.lists import Chip, Choice, Pages, chips, choices, pages
from verbundwacht_collector.web.views.reasons import finding_reason
from verbundwacht_collector.web.words import Word

PATH = "/findings"


@dataclass(frozen=True)
class FindingLine:
    """One finding as the list shows it."""

    outcome: Word
    severity: Word
    title: str
    subject: str
    host: str
    host_url: str
    place: str
    since: int
    reason: str
    baseline: bool


@dataclass(frozen=True)
class FindingList:
    """Everything on the page."""

    verdict: str
    lines: tuple[FindingLine, ...]
    chips: tuple[Chip, ...]
    hints: tuple[str, ...]
    outcomes: tuple[Choice, ...]
    municipalities: tuple[Choice, ...]
    groups: tuple[Choice, ...]
    pages: Pages
    query: FindingQuery


def finding_list(
    page: FindingPage,
    *,
    query: FindingQuery,
    frame: Frame,
    book: RuleBook,
    hints: tuple[str, ...],
) -> FindingList:
    """The page's values."""
    outcomes = {code: word.text for code, word in words.OUTCOMES.items()}
    names = {
        "outcome": outcomes,
        "municipality": frame.municipalities,
        "group": book.groups,
        "q": {"": _("Text: {}")},
    }
    return FindingList(
        verdict=verdict(page.by_outcome),
        lines=tuple(_line(row, frame.municipalities, book) for row in page.rows),
        chips=chips(PATH, query, names),
        hints=hints,
        outcomes=choices(outcomes, query.outcome),
        municipalities=choices(frame.municipalities, query.municipality),
        groups=choices(book.groups, query.group),
        pages=pages(PATH, query, sum(page.by_outcome.values())),
        query=query,
    )


def _line(row: FindingRow, towns: Mapping[str, str], book: RuleBook) -> FindingLine:
    rule = book.texts(row.rule_id)
    return FindingLine(
        outcome=words.outcome(row.outcome),
        severity=words.severity(rule.severity),
        title=rule.title,
        subject=row.subject,
        host=row.host,
        host_url=f"/hosts/{row.host_id}",
        place=towns.get(row.municipality_id, row.municipality_id),
        since=row.since,
        reason=finding_reason(row.reason),
        baseline=row.baseline,
    )


def verdict(counts: Counter[str]) -> str:
    """What the chosen findings say, in one sentence: only what was measured has a share."""
    measured, unknown = counts["pass"] + counts["fail"], counts["error"] + counts["stale"]
    if not sum(counts.values()):
        return _("Zu dieser Auswahl gibt es keinen Befund.")
    beside = not_judged(unknown)
    if not measured:
        if beside:
            return _("Nichts davon ist gemessen: %(beside)s.", beside=beside)
        return _("Nichts davon ist gemessen.")
    first = ngettext(
        "%(passed)s von %(num)s gemessenen Befunden sind erfüllt (%(share)s Prozent)",
        "%(passed)s von %(num)s gemessenen Befunden sind erfüllt (%(share)s Prozent)",
        measured,
        passed=dates.number(counts["pass"]),
        share=100 * counts["pass"] // measured,
    )
    return f"{first}; {beside}." if beside else f"{first}."


def not_judged(count: int) -> str:
    """How many findings say neither yes nor no; empty for none."""
    if not count:
        return ""
    return ngettext(
        "%(num)s nicht prüfbar oder veraltet", "%(num)s nicht prüfbar oder veraltet", count
    )
