"""The page Systemzustand, and the two probes beside it that need no login."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.collector.web.client import visitor
from tests.collector.web.stage import (
    FOREIGN,
    MINUTE,
    NOW,
    REAL,
    SOC,
    TOWN,
    Stage,
    Watched,
    Writes,
    host_id,
    observer,
    stage,
)

from verbundwacht_collector.web.readers import Readers
from verbundwacht_wire.codes import Code


async def status_of(site: Stage, login: str = SOC) -> str:
    async with visitor(site, login) as someone:
        page = await someone.get("/status")
    assert page.status == 200
    return page.text


def nothing_waits(site: Stage) -> None:
    site.act(lambda tx: tx.execute("UPDATE delivery SET state = 'delivered', done_at = 1", {}))


async def test_the_soc_sees_it_and_a_municipality_is_not_told_that_it_exists(site: Stage) -> None:
    async with visitor(site, TOWN) as town:
        page, missing = await town.get("/status"), await town.get("/nirgends")
        start = await town.get("/")
    text = await status_of(site)

    assert (page.status, missing.status) == (404, 404)
    assert "/status" not in start.text
    assert 'href="/status" aria-current="page"' in text


async def test_deliveries_that_nobody_takes_are_named_first_with_their_age(site: Stage) -> None:
    text = await status_of(site)

    lead = text.partition('class="lead">')[2].partition("</p>")[0]
    assert "Die älteste Benachrichtigung wartet seit 8 Stunden." in lead
    assert "telefonisch" in lead


async def test_each_code_has_its_plain_meaning_and_when_it_was_last_given(site: Stage) -> None:
    site.act(lambda tx: tx.count("code:108", 5))
    site.act(lambda tx: tx.set_counter("at:108", NOW - 3 * MINUTE))
    nothing_waits(site)
    text = await status_of(site)

    assert "Bitte ansehen: Abgelehnte Meldungen." in text
    assert "die Unterschrift stimmt nicht" in text
    row = text.partition('<th scope="row">108</th>')[2].partition("</tr>")[0]
    assert "<td>5</td><td>2</td>" in row
    assert "heute, 14:29 Uhr" in row


async def test_a_count_without_a_time_says_that_the_time_is_unknown(site: Stage) -> None:
    site.act(lambda tx: tx.count("code:102", 1))
    text = await status_of(site)

    row = text.partition('<th scope="row">102</th>')[2].partition("</tr>")[0]
    assert "unbekannt" in row


async def test_an_odd_host_is_named_to_its_own_alliance_only(site: Stage) -> None:
    row = site.act(lambda tx: host_id(tx, REAL))
    site.act(lambda tx: tx.count(f"host:{row}:{Code.FORK.value}", 2))
    site.act(lambda tx: tx.set_skew(row, -7 * 60 * MINUTE))
    own, foreign = await status_of(site), await status_of(site, FOREIGN)

    assert "vg-al-dms01" in own
    assert "7 Stunden daneben" in own
    assert "Kein Server ist durch seine Kette" in foreign
    assert "vg-al" not in foreign
    assert "Altenbach" not in foreign


def failing_disk(_: Path) -> os.statvfs_result:
    raise OSError("no such device")


def nearly_full(_: Path) -> os.statvfs_result:
    return os.statvfs_result((4096, 4096, 1_000_000, 90_000, 70_000, 1, 1, 1, 0, 255))


@pytest.mark.parametrize(
    ("statvfs", "said", "verdict"),
    [
        (failing_disk, "Wie viel Platz frei ist, war nicht zu erfahren.", "Unbekannt ist: Platz."),
        (nearly_full, "Nur noch 287 MB von 4,1 GB sind frei.", "Bitte ansehen: Platz."),
    ],
)
async def test_a_disk_that_is_low_or_cannot_be_read_is_said(
    tmp_path: Path,
    statvfs: Callable[[Path], os.statvfs_result],
    said: str,
    verdict: str,
) -> None:
    async with stage(tmp_path / "vw.db", statvfs=statvfs) as site:
        nothing_waits(site)
        site.act(lambda tx: tx.set_counter("at:108", 1))
        site.act(lambda tx: tx.count("code:108"))
        text = await status_of(site)

    assert said in text
    assert verdict in text


async def test_a_store_that_cannot_be_read_is_unknown_and_still_a_page(
    site: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("verbundwacht_collector.observe.observer.observed", broken)
    text = await status_of(site)

    assert "Der Stand der Benachrichtigungen war nicht zu erfahren." in text
    assert "Unbekannt ist:" in text


async def test_the_probes_answer_without_a_login_and_with_a_dead_session(site: Stage) -> None:
    async with visitor(site) as someone:
        answers = [
            await someone.get(path, cookies={"vw": "made-up"}) for path in ("/healthz", "/readyz")
        ]

    assert [(page.status, page.text) for page in answers] == [(200, "ok\n"), (200, "ok\n")]
    assert all(page.headers["Cache-Control"] == "no-store" for page in answers)


class Stuck(Watched):
    """A writer that neither answers nor commits, and counts how often it was asked."""

    asked = 0

    async def answers(self) -> None:
        self.asked += 1
        await asyncio.Event().wait()

    async def run(self, work: object) -> None:  # type: ignore[override]
        self.asked += 1
        raise RuntimeError("disk is full")


async def test_a_thousand_probes_of_a_stuck_writer_ask_it_once_each_and_all_fail(
    site: Stage,
) -> None:
    stuck = Stuck(Writes(site.store))
    found = observer(
        site.store.path, Readers(site.store.path), stuck, site.clock, keep_s=60.0, patience_s=0.2
    )
    alive = await asyncio.gather(*(found.alive() for _ in range(1000)))
    ready = [await found.ready() for _ in range(1000)]
    found.close()

    assert stuck.asked == 2
    assert all(lines == alive[0] and lines for lines in alive)
    assert all(lines == ready[0] and lines for lines in ready)
    assert "disk" not in "".join(ready[0])
