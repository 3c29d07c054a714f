"""One host: its findings by group of rules, its sections, its keys and its chain."""

from collections import Counter
from dataclasses import dataclass

from verbundwacht_collector.i18n import _, lookup
from verbundwacht_collector.store.views import FindingRow, HostDetail, SectionRow
from verbundwacht_collector.web import dates, words
from verbundwacht_collector.web.rulebook import UNKNOWN_GROUP, RuleBook
from verbundwacht_collector.web.views.facts import MAX_ROWS, Facts, facts
from verbundwacht_collector.web.views.hosts import HostLine, host_line, summary
from verbundwacht_collector.web.views.reasons import finding_reason, section_reason
from verbundwacht_collector.web.words import Word

ORDER = list(words.OUTCOMES)
SEVERITIES = list(words.SEVERITIES)
NEVER = "unknown"
"""The status of a section that no manifest of the host ever named."""
MIN_SKEW_MS = 5 * 60 * 1000
QUIET = ("pass", "not_applicable")


@dataclass(frozen=True)
class FindingLine:
    """One finding."""

    title: str
    rule_id: str
    subject: str
    severity: Word
    outcome: Word
    since: int
    reason: str | None
    baseline: bool


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one group of rules: those that need a person, and the quiet ones."""

    title: str
    loud: tuple[FindingLine, ...]
    quiet: tuple[FindingLine, ...]
    quiet_summary: str


@dataclass(frozen=True)
class SectionView:
    """One section with its collection status and, if there is one, its content."""

    name: str
    title: str
    status: Word
    reason: str | None
    partial: bool
    stale: bool
    at: int | None
    since: int | None
    facts: Facts | None


@dataclass(frozen=True)
class HostView:
    """Everything on the page of one host."""

    line: HostLine
    groups: tuple[FindingGroup, ...]
    sections: tuple[SectionView, ...]
    not_collected: int
    stale: bool
    full: str
    skew: str
    detail: HostDetail


def host_view(detail: HostDetail, book: RuleBook, *, all_rows: str = "") -> HostView:
    """The page's values; `all_rows` names a section whose tables are shown in full."""
    stale = detail.row.freshness in words.SILENT
    sections = tuple(
        section_view(row, stale=stale, max_rows=10**9 if row.section == all_rows else MAX_ROWS)
        for row in in_order(detail.sections)
    )
    return HostView(
        line=host_line(detail.row),
        groups=finding_groups(detail.findings, book),
        sections=sections,
        not_collected=sum(row.status not in ("ok", "absent") for row in detail.sections),
        stale=stale,
        full=all_rows,
        skew=skew(detail.row.clock_skew_ms),
        detail=detail,
    )


def skew(ms: int) -> str:
    """What is wrong with the host's clock, as a sentence; "" while it is right within 5 min.

    A clock that is behind and messages that somebody holds back look the same from here.
    """
    if abs(ms) < MIN_SKEW_MS:
        return ""
    if ms > 0:
        return _("Die Uhr dieses Servers geht %(span)s vor.", span=dates.span(ms))
    return _(
        "Die Uhr dieses Servers geht %(span)s nach, "
        "oder seine Meldungen werden unterwegs aufgehalten.",
        span=dates.span(-ms),
    )


def in_order(rows: list[SectionRow]) -> list[SectionRow]:
    """Known sections in their order, each of them present; then what else the agent sent.

    A section that the manifest does not name at all is not skipped: it is shown as never
    reported.
    """
    sent = {row.section: row for row in rows}
    # Also what was never sent: a section that is left out would look fine.
    known = [sent[name] if name in sent else _never(name) for name in words.SECTIONS]
    return [*known, *(row for row in rows if row.section not in words.SECTIONS)]


def section_view(row: SectionRow, *, stale: bool, max_rows: int) -> SectionView:
    """One section; with status `ok` a reason says why it is only a part of the truth."""
    known = row.status != NEVER
    return SectionView(
        name=row.section,
        title=words.section(row.section),
        status=words.section_status(row.status),
        reason=section_reason(row.reason) if row.reason else None,
        partial=row.reach == "partial",
        stale=stale and known,
        at=row.collected_at if known else None,
        since=row.since if known else None,
        facts=None if row.body is None else facts(row.section, row.body, max_rows=max_rows),
    )


def finding_groups(rows: list[FindingRow], book: RuleBook) -> tuple[FindingGroup, ...]:
    """Groups in the packs' order; within a group what needs a person first."""
    found: dict[str, list[FindingRow]] = {code: [] for code in book.groups}
    for row in sorted(rows, key=lambda row: _urgency(row, book)):
        found.setdefault(book.texts(row.rule_id).group, []).append(row)
    return tuple(
        FindingGroup(
            book.groups.get(code, lookup(UNKNOWN_GROUP[1])),
            tuple(finding_line(row, book) for row in lines if row.outcome not in QUIET),
            tuple(finding_line(row, book) for row in lines if row.outcome in QUIET),
            summary(Counter(row.outcome for row in lines if row.outcome in QUIET)),
        )
        for code, lines in found.items()
        if lines
    )


def finding_line(row: FindingRow, book: RuleBook) -> FindingLine:
    """One finding with the texts of its rule."""
    rule = book.texts(row.rule_id)
    return FindingLine(
        title=rule.title,
        rule_id=row.rule_id,
        subject=row.subject,
        severity=words.severity(rule.severity),
        outcome=words.outcome(row.outcome),
        since=row.since,
        reason=finding_reason(row.reason) or None,
        baseline=row.baseline and row.outcome == "fail",
    )


def _urgency(row: FindingRow, book: RuleBook) -> tuple[int, int, str, str]:
    rule = book.texts(row.rule_id)
    # What we do not know sorts to the top, where it is seen.
    outcome = ORDER.index(row.outcome) if row.outcome in ORDER else 0
    return outcome, SEVERITIES.index(rule.severity), rule.title, row.subject


def _never(name: str) -> SectionRow:
    return SectionRow(name, NEVER, None, "full", 0, 0, None)
