"""The answer to one search: hosts, alerts, rules and packages, the first few of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from verbundwacht_collector.store.views import AlertRow, PackageHost, PackageRow
from verbundwacht_collector.web import words
from verbundwacht_collector.web.filters import AlertQuery, FindingQuery, HostQuery, address
from verbundwacht_collector.web.reads import HostPage
from verbundwacht_collector.web.rulebook import RuleBook, RuleTexts
from verbundwacht_collector.web.views.alerts import AlertLine, alert_line
from verbundwacht_collector.web.views.hosts import HostLine, host_line
from verbundwacht_collector.web.words import Word

PATH: Final = "/search"
SHOWN: Final = 5
SHOWN_RULES: Final = 20
SHOWN_PACKAGES: Final = 25


@dataclass(frozen=True)
class RuleLine:
    """A rule in force; `url` lists its findings."""

    title: str
    id: str
    group: str
    severity: Word
    url: str


@dataclass(frozen=True)
class PackageLine:
    """One version of a package and the first hosts that have it."""

    name: str
    version: str
    hosts: tuple[tuple[str, str, bool], ...]
    more: int


@dataclass(frozen=True)
class SearchView:
    """Everything on the page. packages: None if they were not searched."""

    q: str
    hosts: tuple[HostLine, ...]
    hosts_total: int
    hosts_url: str
    alerts: tuple[AlertLine, ...]
    alerts_total: int
    alerts_url: str
    rules: tuple[RuleLine, ...]
    rules_total: int
    packages: tuple[PackageLine, ...] | None
    packages_total: int
    packages_url: str

    @property
    def nothing(self) -> bool:
        """Whether nothing at all was found, packages included."""
        found = self.hosts_total + self.alerts_total + self.rules_total + self.packages_total
        return not found and self.packages is not None


def search_view(
    q: str,
    *,
    hosts: HostPage,
    alerts: tuple[list[AlertRow], int],
    book: RuleBook,
    packages: list[PackageRow] | None,
) -> SearchView:
    """The page's values."""
    rules = matching_rules(q, book)
    return SearchView(
        q=q,
        hosts=tuple(host_line(row) for row in hosts.rows[:SHOWN]),
        hosts_total=hosts.total,
        hosts_url=address("/hosts", HostQuery(q=q)),
        alerts=tuple(alert_line(row, book) for row in alerts[0][:SHOWN]),
        alerts_total=alerts[1],
        alerts_url=address("/alerts", AlertQuery(state=("all",), q=q)),
        rules=tuple(_rule(rule, book) for rule in rules[:SHOWN_RULES]),
        rules_total=len(rules),
        packages=None if packages is None else tuple(map(_package, packages[:SHOWN_PACKAGES])),
        packages_total=len(packages or ()),
        packages_url=f"{address(PATH, HostQuery(q=q))}&packages=1",
    )


def matching_rules(q: str, book: RuleBook) -> Sequence[RuleTexts]:
    """Rules whose id, title or group contains the text, in the packs' order."""
    wanted = q.casefold()
    return [
        rule
        for rule in book.rules.values()
        if wanted in f"{rule.id} {rule.title} {book.groups.get(rule.group, '')}".casefold()
    ]


def _rule(rule: RuleTexts, book: RuleBook) -> RuleLine:
    return RuleLine(
        title=rule.title,
        id=rule.id,
        group=book.groups.get(rule.group, rule.group),
        severity=words.severity(rule.severity),
        url=address("/findings", FindingQuery(q=rule.id)),
    )


def _package(row: PackageRow) -> PackageLine:
    def line(host: PackageHost) -> tuple[str, str, bool]:
        return host.name, f"/hosts/{host.id}?all=packages#s-packages", host.stale

    first = tuple(line(host) for host in row.hosts[:SHOWN])
    return PackageLine(row.name, row.version, first, len(row.hosts) - len(first))
