"""Each route, each role, an id of somebody else: the answer is the same as for no id at all."""

import re
from collections.abc import Mapping

import pytest
from tests.collector.web.client import visitor
from tests.collector.web.stage import (
    AWAY,
    FOREIGN,
    OTHER_TOWN,
    REAL,
    SOC,
    STOCK,
    TOWN,
    Stage,
    numbers,
)

from verbundwacht_collector.web.app import ROUTES
from verbundwacht_collector.web.guard import Route

WITH_ID = [route for route in ROUTES if "{number" in route.path or "{host" in route.path]
BEHIND_LOGIN = [route for route in ROUTES if route.roles]
STRANGERS_TO_ALTENBACH = (OTHER_TOWN, FOREIGN)
FORM: Mapping[str, str] = {
    "version": "1",
    "comment": "Text",
    "reason": "rule_wrong",
    "close-text": "Text",
    "hours": "4",
    "pause-reason": "Text",
}


def named(route: Route) -> str:
    return f"{route.method} {re.sub(r':[^/]*', '', route.path)}"


def address(route: Route, *, number: str, host: str) -> str:
    path = re.sub(r"\{number:.*?\d,9\}\}", number, route.path)
    path = re.sub(r"\{host:.*?,64\}\}", host, path)
    return re.sub(r"\{(overlay|channel):[^{}]*(\{[^}]*\})?[^{}]*\}", "1", path)


async def answer(site: Stage, login: str, route: Route, path: str) -> tuple[int, str]:
    """Status and text, without what differs between any two pages."""
    async with visitor(site, login) as someone:
        if route.method == "GET":
            page = await someone.get(path)
        else:
            page = await someone.post(path, {**FORM, "csrf": await someone.csrf()})
    return page.status, re.sub(
        r'content="[0-9a-f]{64}"|value="[0-9a-f]{64}"|name="next" value="[^"]*"', "", page.text
    )


@pytest.mark.parametrize("login", STRANGERS_TO_ALTENBACH)
@pytest.mark.parametrize("route", WITH_ID, ids=named)
async def test_a_foreign_id_is_not_found_and_not_changed(
    site: Stage, route: Route, login: str
) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])
    before = site.act(lambda tx: tx.alert_by_number(number))

    foreign = await answer(site, login, route, address(route, number=number, host=REAL))
    missing = await answer(site, login, route, address(route, number="W-2026-9999", host="ff" * 16))

    assert foreign == missing
    assert foreign[0] == 404
    assert site.act(lambda tx: tx.alert_by_number(number)) == before


@pytest.mark.parametrize("login", [SOC, TOWN])
@pytest.mark.parametrize("route", WITH_ID, ids=named)
async def test_the_own_id_is_found_by_both_roles(site: Stage, route: Route, login: str) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])

    status, _ = await answer(site, login, route, address(route, number=number, host=REAL))

    assert status == (200 if route.method == "GET" else 303)


@pytest.mark.parametrize("route", BEHIND_LOGIN, ids=named)
async def test_a_stranger_reaches_no_page_and_is_sent_to_the_login(
    site: Stage, route: Route
) -> None:
    path = address(route, number="W-2026-0001", host=REAL)
    async with visitor(site) as someone:
        if route.method == "GET":
            page = await someone.get(path)
        else:
            page = await someone.post(path, FORM)

    assert page.status == 303
    assert page.headers["Location"].startswith("/login")


async def test_lists_counts_and_search_show_only_the_own_scope(site: Stage) -> None:
    async with visitor(site, OTHER_TOWN) as kai:
        pages = [
            await kai.get(path)
            for path in ("/alerts?state=all", "/hosts", "/alerts?state=all&q=dms01", "/hosts?q=vg")
        ]

    text = "".join(page.text for page in pages)
    assert "vg-ro-dc01" in text
    for foreign in ("Altenbach", "Hohenau", "vg-al-", "Hochwald", "Weinberg"):
        assert foreign not in text


async def test_filtering_by_a_foreign_municipality_or_host_reveals_nothing(site: Stage) -> None:
    async with visitor(site, FOREIGN) as mira:
        town = await mira.get("/alerts?municipality=altenbach")
        unknown = await mira.get("/alerts?municipality=nirgends")
        host = await mira.get(f"/alerts?state=all&host={STOCK}")

    assert "kein bekannter Wert" in town.text
    assert town.text.replace("altenbach", "nirgends") == unknown.text
    assert "vg-al" not in host.text
    assert "Keine Warnung passt" in host.text


async def test_another_alliance_sees_its_own_host(site: Stage) -> None:
    async with visitor(site, FOREIGN) as mira:
        page = await mira.get(f"/hosts/{AWAY}")

    assert page.status == 200
    assert "st-we-dms01" in page.text
