"""The overview: every number is that of the list behind it, and missing never looks fine."""

import html
import re
from collections import Counter

import pytest
from tests.collector.web.client import Visitor, visitor
from tests.collector.web.stage import (
    FOREIGN,
    NEVER,
    OTHER_TOWN,
    REAL,
    SOC,
    TOWN,
    Stage,
    host_id,
    pack,
)

from verbundwacht_collector.scope import AllianceScope
from verbundwacht_collector.store import judged, read
from verbundwacht_collector.store.views import FindingQuery as StoredQuery
from verbundwacht_collector.web.reads import Figures
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.findings import verdict as finding_verdict
from verbundwacht_collector.web.views.overview import LEVELS, cell, verdict

SCOPE = AllianceScope("hochwald")
TOTAL = re.compile(r"<span>([\d.]+) (?:Warnung|Server|Befund)")
CELL = re.compile(
    r'<td class="(h\d)( part)?"><a title="[^"]*" href="([^"]+)">([^<]+)<span class="sr"> ([^<]*)'
)


async def total(someone: Visitor, url: str) -> int:
    """How many rows the list at this address has."""
    page = await someone.get(html.unescape(url))
    assert page.status == 200, url
    found = TOTAL.search(page.text)
    return int(found[1].replace(".", "")) if found else 0


@pytest.mark.parametrize("login", [SOC, TOWN, OTHER_TOWN, FOREIGN])
async def test_every_count_is_the_length_of_the_list_it_links_to(site: Stage, login: str) -> None:
    async with visitor(site, login) as someone:
        text = (await someone.get("/")).text
        tiles = re.findall(r'class="tile" href="([^"]+)".*?class="v[^"]*">(\d+)', text)
        dots = re.findall(r'<td><a href="(/hosts[^"]+)">(\d+)', text)
        legend = re.findall(r'<a href="(/hosts[^"]+)">[^<]+\((\d+)\)', text)
        lists = {url: await total(someone, url) for url, _ in [*tiles, *dots, *legend]}

    assert len(tiles) == (3 if login in (OTHER_TOWN, FOREIGN) else 4)  # nothing measured: a dash
    assert len(dots) >= 5
    assert len(legend) == 4
    assert {url: int(number) for url, number in [*tiles, *dots, *legend]} == lists


async def test_every_percentage_of_the_heatmap_is_that_of_the_list_it_links_to(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        text = (await jana.get("/")).text
        shares = [c for c in CELL.findall(text) if c[3].isdigit()]
        said = [
            re.search(r"\((\d+) Prozent\)", (await jana.get(html.unescape(url))).text)
            for _, _, url, _, _ in shares
        ]

    assert len(shares) > 10
    assert [share[3] for share in shares] == [found and found[1] for found in said]


async def test_the_heatmap_has_a_field_for_every_group_and_hatches_the_silent_town(
    site: Stage,
) -> None:
    async with visitor(site, OTHER_TOWN) as kai:
        fields = CELL.findall((await kai.get("/")).text)

    assert len(fields) == len(pack().groups)
    assert {level for level, *_ in fields} == {"h0"}
    assert {text for *_, text, _ in fields} == {"?"}


async def test_a_server_that_never_reported_marks_every_field_of_its_town(site: Stage) -> None:
    site.act(
        lambda tx: tx.execute(
            "UPDATE host SET municipality_id = 'altenbach' WHERE id = :id",
            {"id": host_id(tx, NEVER)},
        )
    )

    async with visitor(site, TOWN) as peter:
        fields = CELL.findall((await peter.get("/")).text)

    assert {part or text for _, part, _, text, _ in fields} == {" part", "?"}
    assert all("1 Server noch nie gemessen" in note for *_, note in fields)


async def test_a_retired_server_is_in_no_count_of_the_overview(site: Stage) -> None:
    site.act(
        lambda tx: tx.execute(
            "UPDATE host SET state = 'retired' WHERE id = :id", {"id": host_id(tx, REAL)}
        )
    )

    async with visitor(site, TOWN) as peter:
        text = (await peter.get("/")).text
        listed = await total(peter, "/hosts?freshness=fresh")

    assert "1 von 1" in text
    assert listed == 1


async def test_counts_and_lines_of_findings_come_from_the_same_rows(site: Stage) -> None:
    scope, now = SCOPE, site.clock()

    async def rows(query: StoredQuery) -> Counter[str]:
        found = await site.deps.read(
            lambda db: judged.finding_page(db, query, scope=scope, now=now)
        )
        return Counter(row.outcome for row in found)

    async def counted(query: StoredQuery) -> Counter[str]:
        found: Counter[str] = Counter()
        for one in await site.deps.read(
            lambda db: judged.finding_counts(db, query, scope=scope, now=now)
        ):
            found[one.outcome] += one.count
        short = await site.deps.read(
            lambda db: judged.outcome_counts(db, query, scope=scope, now=now)
        )
        assert found == short
        return found

    for query in (
        StoredQuery(limit=1000),
        StoredQuery(limit=1000, outcome=("stale",)),
        StoredQuery(limit=1000, municipality="altenbach", q="ssh"),
        StoredQuery(limit=1000, group="nichts"),
    ):
        assert await rows(query) == await counted(query)
    everything = await counted(StoredQuery())
    assert everything["stale"] > 0
    known = await site.deps.read(lambda db: read.findings(db, scope=scope, now=now))
    assert everything == Counter(row.outcome for row in known)


@pytest.mark.parametrize(
    ("counts", "text", "level"),
    [
        ({}, "?", "h0"),
        ({"stale": 3}, "?", "h0"),
        ({"error": 3}, "?", "h0"),
        ({"not_applicable": 3}, "–", "h0"),
        ({"stale": 3, "pass": 1}, "100", "h5"),
        ({"pass": 999, "fail": 1}, "99", "h5"),
        ({"fail": 3}, "0", "h1"),
    ],
)
def test_a_field_shows_a_share_only_of_what_was_measured(
    counts: dict[str, int], text: str, level: str
) -> None:
    found = cell(Counter(counts), town="t", group="g")

    assert (found.text, found.level) == (text, level)
    assert found.partly == (text == "100")


def test_all_that_a_town_lacks_is_hatched_even_where_the_rest_does_not_apply() -> None:
    found = cell(Counter({"not_applicable": 4}), town="t", group="g", unjudged=1)

    assert (found.text, found.level) == ("?", "h0")


def test_the_levels_fall_from_calm_to_loud_without_a_gap() -> None:
    assert [least for least, _ in LEVELS] == sorted((least for least, _ in LEVELS), reverse=True)
    assert LEVELS[-1][0] == 0


@pytest.mark.parametrize(
    ("severities", "fresh", "sentence"),
    [
        ({}, {}, "Keine Warnung ist offen, aber noch ist kein Server angemeldet."),
        ({}, {"fresh": 5}, "Keine Warnung ist offen, und alle 5 Server melden."),
        ({}, {"fresh": 1}, "Keine Warnung ist offen, und der Server meldet."),
        (
            {},
            {"fresh": 4, "late": 1},
            "Keine Warnung ist offen, aber 1 von 5 Servern ist verspätet.",
        ),
        ({"low": 1}, {"fresh": 5}, "Eine Warnung ist offen; alle 5 Server melden."),
        (
            {"critical": 2, "low": 5},
            {"fresh": 3, "silent": 1, "never": 1},
            "Sieben Warnungen sind offen, zwei davon sind kritisch; "
            "2 von 5 Servern melden nichts, ihr Zustand ist unbekannt.",
        ),
    ],
)
def test_the_verdict_is_one_sentence_and_silence_is_never_good_news(
    severities: dict[str, int], fresh: dict[str, int], sentence: str
) -> None:
    assert verdict(Figures(severities, 0, fresh)) == sentence


def test_the_sentence_above_findings_counts_only_what_was_measured() -> None:
    some = finding_verdict(Counter({"pass": 3, "fail": 1, "stale": 2, "not_applicable": 9}))
    none = finding_verdict(Counter({"stale": 2}))

    assert some == (
        "3 von 4 gemessenen Befunden sind erfüllt (75 Prozent); 2 nicht prüfbar oder veraltet."
    )
    assert none == "Nichts davon ist gemessen: 2 nicht prüfbar oder veraltet."


def test_the_collectors_own_group_has_no_field_since_no_host_is_judged_by_it() -> None:
    assert not set(rule_book([pack()]).of_group("collector")) & {r.id for r in pack().rules}
