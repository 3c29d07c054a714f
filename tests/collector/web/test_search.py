"""The search: everything in the own scope by a part of its name, and nothing beyond it."""

import html
import re

import pytest
from tests.collector.web.client import visitor
from tests.collector.web.stage import (
    DAY,
    FOREIGN,
    MINUTE,
    OTHER_TOWN,
    REAL,
    SOC,
    TOWN,
    Stage,
    host_id,
    pack,
)

from verbundwacht_collector.scope import AllianceScope, MunicipalityScope
from verbundwacht_collector.store import search
from verbundwacht_collector.web.pages import search as search_page
from verbundwacht_collector.web.rulebook import rule_book
from verbundwacht_collector.web.views.search import matching_rules


def headings(text: str) -> list[str]:
    return re.findall(r'<h2 id="s\d">([^<]+)', text)


async def test_one_word_finds_alerts_hosts_rules_and_packages(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        ssh = await jana.get("/search?q=SSH")
        host = await jana.get("/search?q=dms01")
        package = await jana.get("/search?q=paket-07")

    assert headings(ssh.text) == ["Warnungen", "Regeln", "Pakete"]
    assert headings(host.text) == ["Warnungen", "Server"]
    assert headings(package.text) == ["Pakete"]
    assert package.text.count("<code>paket-07") == 10


@pytest.mark.parametrize("login", [OTHER_TOWN, FOREIGN])
async def test_a_search_finds_nothing_of_others_whatever_is_asked(site: Stage, login: str) -> None:
    async with visitor(site, login) as someone:
        text = ""
        for q in ("vg-al", "altenbach", "W-2026", "paket", "linux", "a", "%", "_"):
            text += (await someone.get(f"/search?q={q}&packages=1")).text

    for foreign in ("vg-al-", "ge-ho-", "Altenbach", "Hohenau"):
        assert foreign not in text


async def test_the_totals_are_those_of_the_lists_they_link_to(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        text = (await jana.get("/search?q=vg")).text
        found = re.findall(r'<a href="(/(?:alerts|hosts)\?[^"]+)">alle (\d+)', text)
        lists = [(await jana.get(html.unescape(url))).text for url, _ in found]

    assert len(found) == 2
    for (_, total), page in zip(found, lists, strict=True):
        assert re.search(rf"<span>{total} (Warnung|Server)", page)


async def test_a_rule_leads_to_its_findings(site: Stage) -> None:
    async with visitor(site, TOWN) as peter:
        text = (await peter.get("/search?q=linux.ssh")).text
        (url, *_) = re.findall(r'href="(/findings\?q=[^"]+)"', text)
        page = await peter.get(html.unescape(url))

    assert "vg-al-dms01" in page.text


async def test_a_package_on_a_silent_server_is_marked_as_stale(site: Stage) -> None:
    async with visitor(site, TOWN) as peter:
        fresh = await peter.get("/search?q=paket-001")
        site.act(
            lambda tx: tx.execute(
                "UPDATE host SET last_seen = :at WHERE id = :id",
                {"at": site.clock() - DAY, "id": host_id(tx, REAL)},
            )
        )
        stale = await peter.get("/search?q=paket-001")

    assert "veraltet" not in fresh.text
    assert "veraltet" in stale.text


async def test_packages_match_by_name_alone_and_a_retired_server_has_none(site: Stage) -> None:
    town = MunicipalityScope("altenbach")

    async def names(text: str) -> list[str]:
        found = await site.deps.read(
            lambda db: search.packages(db, text, scope=town, now=site.clock())
        )
        return [row.name for row in found]

    assert await names("PAKET-11") == [f"paket-11{n}" for n in range(10)]
    assert await names("amd64") == await names("1.7-1") == []
    site.act(lambda tx: tx.execute("UPDATE host SET state = 'retired'", {}))
    assert await names("paket-11") == []


async def test_in_a_large_scope_packages_are_searched_only_when_asked_for(
    site: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_page, "PACKAGES_AT_ONCE", 1)
    async with visitor(site, SOC) as jana:
        first = await jana.get("/search?q=paket-001")
        (url,) = re.findall(r'href="(/search[^"]+)"', first.text)
        second = await jana.get(html.unescape(url))

    assert "Nichts gefunden" not in first.text
    assert "<code>paket-001" not in first.text
    assert "<code>paket-001" in second.text


async def test_what_was_typed_comes_back_as_text_and_never_as_markup(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        page = await jana.get("/search", params={"q": '"><script>x</script>'})

    assert "<script>x" not in page.text
    assert page.text.count("&lt;script&gt;x") >= 2


async def test_a_person_may_search_thirty_times_a_minute_and_others_have_their_own(
    site: Stage,
) -> None:
    async with visitor(site, SOC) as jana, visitor(site, TOWN) as peter:
        answers = [(await jana.get("/search?q=zzz")).status for _ in range(31)]
        other = await peter.get("/search?q=zzz")
        site.clock.now += MINUTE
        later = await jana.get("/search?q=zzz")

    assert answers == [200] * 30 + [429]
    assert (other.status, later.status) == (200, 200)


async def test_an_empty_search_asks_for_a_text_and_reads_nothing(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        page = await jana.get("/search?q=+++")

    assert "Geben Sie oben" in page.text
    assert headings(page.text) == []


async def test_an_alliance_finds_the_packages_of_all_its_towns(site: Stage) -> None:
    found = await site.deps.read(
        lambda db: search.packages(
            db, "paket-000", scope=AllianceScope("hochwald"), now=site.clock()
        )
    )

    assert [(row.version, [host.name for host in row.hosts]) for row in found] == [
        ("1.0-1", ["vg-al-dms01"])
    ]


def test_rules_match_by_id_title_and_group() -> None:
    book = rule_book([pack()])

    assert matching_rules("LINUX.SSH", book)
    assert matching_rules("ssh-zugang", book)
    assert not matching_rules("gibtesnicht", book)
