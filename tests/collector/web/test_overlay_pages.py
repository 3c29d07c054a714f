"""Pauses and maintenance as people plan, see and end them, each inside their own scope."""

import pytest
from tests.collector.alerts.test_windows import ms
from tests.collector.web.client import Visitor, version_of, visitor
from tests.collector.web.stage import (
    FOREIGN,
    HOUR,
    NOW,
    OTHER_TOWN,
    REAL,
    SOC,
    TOWN,
    Stage,
    numbers,
)

from verbundwacht_collector.alerts import planning
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.scope import AllianceScope
from verbundwacht_collector.store.records import OverlayRecord

EVENING = {
    "start-day": "2026-11-20",
    "start-clock": "20:00",
    "end-day": "2026-11-20",
    "end-clock": "22:30",
    "reason": "Umzug des Serverraums",
}


def overlays(site: Stage, town: str = "altenbach") -> list[OverlayRecord]:
    return site.act(lambda tx: tx.overlays(town, 0))


async def send(someone: Visitor, path: str, **fields: str) -> tuple[int, str]:
    page = await someone.post(path, {"csrf": await someone.csrf(), **fields})
    return page.status, page.text


def planned(site: Stage, town: str = "altenbach") -> int:
    """A maintenance that lasts now."""
    alliance = "nahetal" if town == "weinberg" else "hochwald"
    return site.act(
        lambda tx: planning.plan_maintenance(
            tx,
            scope=AllianceScope(alliance),
            municipality_id=town,
            host_id="",
            actor=Actor(1, "brenner"),
            now=NOW,
            starts_at=NOW - HOUR,
            ends_at=NOW + HOUR,
            weekly_until=None,
            reason="Neue Firewall",
        )
    )


async def test_a_pause_needs_reason_and_duration_and_is_seen_where_the_alert_is(
    site: Stage,
) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])
    path = f"/alerts/{number}/pause"
    async with visitor(site, SOC) as jana:
        version = version_of(await jana.get(f"/alerts/{number}"))
        without, text = await send(jana, path, version=version, hours="24")
        status, _ = await send(
            jana, path, version=version, hours="24", **{"pause-reason": "Hersteller liefert"}
        )
        page = await jana.get(f"/alerts/{number}")
        listed = await jana.get("/alerts")
        queue = await jana.get("/")
        pauses = await jana.get("/overlays")

    assert (without, status) == (400, 303)
    assert "Bitte schreiben Sie einen Text." in text
    assert "pausiert bis 21.11.2026, 14:32 Uhr" in page.text
    assert "Die Warnung ist pausiert." in page.text
    assert "pausiert bis" in listed.text
    assert "pausiert bis" not in queue.text, "what is muted is not what is next"
    assert "Hersteller liefert" in pauses.text


async def test_who_was_faster_wins_over_a_pause(site: Stage) -> None:
    number = site.act(lambda tx: numbers(tx, REAL)[0])
    async with visitor(site, SOC) as jana:
        version = version_of(await jana.get(f"/alerts/{number}"))
        await send(jana, f"/alerts/{number}/take", version=version)
        status, _ = await send(
            jana,
            f"/alerts/{number}/pause",
            version=version,
            hours="4",
            **{"pause-reason": "Zu spät"},
        )

    assert status == 409
    assert overlays(site) == []


async def test_a_maintenance_is_planned_in_local_time(site: Stage) -> None:
    async with visitor(site, TOWN) as peter:
        status, _ = await send(peter, "/overlays", municipality="altenbach", **EVENING)
        page = await peter.get("/overlays")

    assert status == 303
    (overlay,) = overlays(site)
    assert (overlay.starts_at, overlay.ends_at) == (ms("2026-11-20T20:00"), ms("2026-11-20T22:30"))
    assert "heute, 20:00 Uhr" in page.text
    assert "geplant" in page.text


async def test_a_maintenance_of_one_host_begins_on_its_page(site: Stage) -> None:
    async with visitor(site, TOWN) as peter:
        host = await peter.get(f"/hosts/{REAL}")
        form = await peter.get(f"/overlays?host={REAL}")
        await send(peter, "/overlays", municipality="altenbach", host=REAL, **EVENING)
        after = await peter.get(f"/hosts/{REAL}")

    assert f"/overlays?host={REAL}" in host.text
    assert f'name="host" value="{REAL}"' in form.text
    assert "Umzug des Serverraums" in after.text
    (overlay,) = overlays(site)
    assert overlay.host_id is not None


async def test_a_weekly_maintenance_lasts_through_its_last_day(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        status, _ = await send(
            jana,
            "/overlays",
            municipality="altenbach",
            weekly="1",
            **EVENING,
            **{"last-day": "2026-12-18"},
        )
        page = await jana.get("/overlays")

    assert status == 303
    (overlay,) = overlays(site)
    assert overlay.weekly_until == ms("2026-12-19T00:00")
    assert "jeden Freitag bis" in page.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"end-day": "2026-11-19"}, "Das Ende liegt nicht nach dem Beginn."),
        ({"end-day": "2026-11-25"}, "höchstens 72 Stunden"),
        ({"end-day": "9999-12-31"}, "höchstens 72 Stunden"),
        ({"start-day": "0001-01-01"}, "höchstens 72 Stunden"),
        ({"weekly": "1", "last-day": "9999-12-31"}, "gilt höchstens ein Jahr"),
        ({"weekly": "1", "last-day": "0001-01-01"}, "läge in der Vergangenheit"),
        ({"start-day": "2026-11-20\0"}, "Bitte Datum und Uhrzeit angeben"),
        ({"start-day": "2026-11-20 "}, "Bitte Datum und Uhrzeit angeben"),
        ({"reason": "x" * 501}, "höchstens 500 Zeichen"),
        ({"start-day": "gestern"}, "Bitte Datum und Uhrzeit angeben"),
        ({"start-day": "", "start-clock": ""}, "Bitte Datum und Uhrzeit angeben"),
        ({"weekly": "1"}, "Bitte Datum und Uhrzeit angeben"),
        ({"reason": " "}, "Bitte einen Grund nennen"),
    ],
)
async def test_a_wrong_form_comes_back_with_what_was_typed_and_what_to_change(
    site: Stage, changes: dict[str, str], says: str
) -> None:
    async with visitor(site, SOC) as jana:
        status, text = await send(
            jana, "/overlays", municipality="altenbach", **{**EVENING, **changes}
        )

    assert status == 400
    assert says in text
    assert 'value="22:30"' in text
    assert overlays(site) == []


async def test_what_was_planned_can_be_ended(site: Stage) -> None:
    overlay_id = planned(site)
    async with visitor(site, TOWN) as peter:
        before = await peter.get("/overlays")
        status, _ = await send(peter, f"/overlays/{overlay_id}/end")
        twice, text = await send(peter, f"/overlays/{overlay_id}/end")
        after = await peter.get("/overlays")

    assert "Zurzeit hält 1 Eintrag Nachrichten zurück." in before.text
    assert (status, twice) == (303, 400)
    assert "Das ist schon zu Ende." in text
    assert "Zurzeit wird nichts zurückgehalten." in after.text
    assert "In den letzten sieben Tagen beendet" in after.text


@pytest.mark.parametrize("login", [OTHER_TOWN, FOREIGN])
async def test_foreign_overlays_are_not_seen_not_ended_and_not_planned(
    site: Stage, login: str
) -> None:
    overlay_id = planned(site)
    async with visitor(site, login) as stranger:
        page = await stranger.get("/overlays")
        foreign, _ = await send(stranger, f"/overlays/{overlay_id}/end")
        missing, _ = await send(stranger, "/overlays/99999/end")
        plan, _ = await send(stranger, "/overlays", municipality="altenbach", **EVENING)
        host = await stranger.get(f"/overlays?host={REAL}")

    assert "Neue Firewall" not in page.text
    assert (foreign, missing, plan, host.status) == (404, 404, 404, 404)
    assert [one.ended_at for one in overlays(site)] == [None]


async def test_an_odd_id_of_a_host_is_not_found(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        page = await jana.get("/overlays?host=%27%20OR%201")

    assert page.status == 404


async def test_a_host_of_another_municipality_is_not_planned_for_under_an_own_name(
    site: Stage,
) -> None:
    async with visitor(site, OTHER_TOWN) as stranger:
        own, _ = await send(stranger, "/overlays", municipality="rosental", host=REAL, **EVENING)
        theirs, _ = await send(
            stranger, "/overlays", municipality="altenbach", host=REAL, **EVENING
        )

    assert (own, theirs) == (404, 404)
    assert overlays(site) == []
