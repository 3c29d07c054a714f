"""At most ten messages an hour and one bundle, the most severe first, nothing lost or doubled."""

import asyncio
from itertools import pairwise

import pytest
from tests.collector.fakes import Collector
from tests.collector.notify.flood import (
    BUSY,
    Killed,
    Mailbox,
    alerts,
    closes,
    drain,
    outbox,
    states,
)
from tests.fakes import DAY, HOUR, MINUTE, FakeAgent

from verbundwacht_collector.app import add_channel
from verbundwacht_collector.notify.claim import GATHER_MS
from verbundwacht_collector.notify.errors import DeliveryError
from verbundwacht_collector.notify.schedule import LEASE_MS


@pytest.fixture
def mailbox(collector: Collector, agent: FakeAgent) -> Mailbox:
    """Where the SOC's messages arrive."""
    return Mailbox(collector.clock)


async def test_ten_go_out_directly_and_the_rest_in_one_bundle(
    collector: Collector, mailbox: Mailbox
) -> None:
    numbers = alerts(collector, 53)
    worker = outbox(collector, mailbox)
    await drain(worker)
    early = len(mailbox.got)
    collector.clock.advance(HOUR)
    await drain(worker)

    (bundle,) = mailbox.bundles
    assert (early, len(mailbox.got)) == (10, 11)
    assert len(bundle.inside) == 43
    assert {*mailbox.said[:10], *bundle.inside} == {f"opened {one}" for one in numbers}
    assert states(collector) == {"delivered": 53}


async def test_what_was_bundled_says_so(collector: Collector, mailbox: Mailbox) -> None:
    alerts(collector, 12)
    worker = outbox(collector, mailbox)
    await drain(worker)
    collector.clock.advance(HOUR)
    await drain(worker)

    found = collector.rows(
        "SELECT d.response, n.state, n.id FROM delivery d JOIN notice n ON n.id = d.notice_id"
    )
    assert found == [("250 taken", "delivered", mailbox.bundles[0].id)] * 2


async def test_up_to_the_cap_nothing_is_bundled(collector: Collector, mailbox: Mailbox) -> None:
    worker = outbox(collector, mailbox)
    for _ in range(3):
        alerts(collector, 10)
        await drain(worker)
        collector.clock.advance(HOUR + 1)

    assert len(mailbox.got) == 30
    assert mailbox.bundles == []


async def test_the_most_severe_go_first(collector: Collector, mailbox: Mailbox) -> None:
    alerts(collector, 20, severity="low")
    alerts(collector, 6, severity="critical")
    alerts(collector, 3, severity="medium")
    await drain(outbox(collector, mailbox))

    direct = sorted(one.severity for one in mailbox.got)
    assert direct == ["critical"] * 6 + ["low"] + ["medium"] * 3


async def test_a_critical_one_above_the_cap_brings_the_bundle_forward_once_an_hour(
    collector: Collector, mailbox: Mailbox
) -> None:
    worker = outbox(collector, mailbox)
    alerts(collector, 15)
    await drain(worker)
    collector.clock.advance(MINUTE)
    (first,) = alerts(collector, 1, severity="critical")
    await drain(worker)
    collector.clock.advance(GATHER_MS)
    (also,) = alerts(collector, 1)
    await drain(worker)
    forward = [len(one.inside) for one in mailbox.bundles]
    collector.clock.advance(MINUTE)
    (second,) = alerts(collector, 1, severity="critical")
    await drain(worker)
    still = len(mailbox.bundles)
    collector.clock.advance(HOUR)
    await drain(worker)

    assert (forward, still) == ([7], 1)
    assert {f"opened {first}", f"opened {also}"} <= set(mailbox.bundles[0].inside)
    assert mailbox.bundles[1].inside == (f"opened {second}",)
    assert mailbox.bundles[1].at - mailbox.bundles[0].at >= HOUR


async def test_each_channel_has_an_hour_of_its_own(collector: Collector, mailbox: Mailbox) -> None:
    collector.act(
        lambda tx: add_channel(tx, "mail", "it@musterdorf.example", municipality_id="musterdorf")
    )
    alerts(collector, 14)
    await drain(outbox(collector, mailbox))

    assert len(mailbox.got) == 20


async def test_what_a_bundle_holds_is_not_told_once_it_has_ended(
    collector: Collector, mailbox: Mailbox
) -> None:
    numbers = alerts(collector, 13)
    worker = outbox(collector, mailbox)
    await drain(worker)
    told = {one.split()[1] for one in mailbox.said}
    held = [one for one in numbers if one not in told]
    closes(collector, held[0])
    collector.clock.advance(HOUR)
    await drain(worker)

    (bundle,) = mailbox.bundles
    assert set(bundle.inside) == {f"opened {one}" for one in held[1:]}
    assert states(collector) == {"delivered": 12, "superseded": 1}


async def test_a_bundle_of_which_nothing_is_left_is_not_sent(
    collector: Collector, mailbox: Mailbox
) -> None:
    numbers = alerts(collector, 11)
    worker = outbox(collector, mailbox)
    await drain(worker)
    told = {one.split()[1] for one in mailbox.said}
    collector.clock.advance(HOUR)
    mailbox.refuses = BUSY
    await drain(worker)
    (held,) = [one for one in numbers if one not in told]
    closes(collector, held)
    mailbox.refuses = None
    collector.clock.advance(HOUR)
    await drain(worker)

    assert len(mailbox.got) == 10
    assert collector.value("SELECT state FROM notice") == "superseded"
    assert states(collector) == {"delivered": 10, "superseded": 1}


async def test_a_bundle_is_tried_again_and_only_one_is_under_way(
    collector: Collector, mailbox: Mailbox
) -> None:
    worker = outbox(collector, mailbox)
    alerts(collector, 12)
    await drain(worker)
    mailbox.refuses = BUSY
    for _ in range(30):
        collector.clock.advance(10 * MINUTE)
        alerts(collector, 1)
        await drain(worker)
    under_way = collector.value("SELECT count(*) FROM notice")
    mailbox.refuses = None
    for _ in range(40):
        collector.clock.advance(10 * MINUTE)
        await drain(worker)

    assert under_way == 1
    assert states(collector) == {"delivered": 42}
    times = [one.at for one in mailbox.bundles]
    assert all(after - before >= HOUR for before, after in pairwise(times))


async def test_a_bundle_that_is_refused_for_good_ends_all_that_it_carried(
    collector: Collector, mailbox: Mailbox
) -> None:
    alerts(collector, 13)
    worker = outbox(collector, mailbox)
    await drain(worker)
    mailbox.refuses = DeliveryError("550 no such user", permanent=True)
    collector.clock.advance(HOUR)
    await drain(worker)

    assert states(collector) == {"delivered": 10, "failed": 3}
    assert collector.rows("SELECT DISTINCT response FROM delivery WHERE state = 'failed'") == [
        ("550 no such user",)
    ]


async def test_a_bundle_that_never_got_through_expires_with_all_that_it_carried(
    collector: Collector, mailbox: Mailbox
) -> None:
    alerts(collector, 13)
    worker = outbox(collector, mailbox)
    await drain(worker)
    mailbox.refuses = BUSY
    for _ in range(60):
        collector.clock.advance(HOUR)
        await drain(worker)

    assert states(collector) == {"delivered": 10, "expired": 3}


async def test_a_worker_that_dies_with_a_bundle_leaves_it_to_the_next_under_the_same_id(
    collector: Collector, mailbox: Mailbox
) -> None:
    alerts(collector, 13)
    await drain(outbox(collector, mailbox))
    collector.clock.advance(HOUR)
    mailbox.dies = True
    with pytest.raises(Killed):
        await outbox(collector, mailbox).send_due()
    mailbox.dies = False
    between = states(collector)
    collector.clock.advance(LEASE_MS)
    await drain(outbox(collector, mailbox))

    first, second = mailbox.bundles
    assert between == {"delivered": 10, "sending": 3}
    assert (first.id, first.inside) == (second.id, second.inside)
    assert states(collector) == {"delivered": 13}


async def test_what_died_while_being_sent_keeps_its_place_in_the_hour(
    collector: Collector, mailbox: Mailbox
) -> None:
    alerts(collector, 1)
    mailbox.dies = True
    with pytest.raises(Killed):
        await outbox(collector, mailbox).send_due()
    mailbox.dies = False
    alerts(collector, 11)
    await drain(outbox(collector, mailbox))
    collector.clock.advance(LEASE_MS)
    await drain(outbox(collector, mailbox))

    assert len({one.id for one in mailbox.got}) == 10
    assert len(mailbox.got) == 11  # one of them twice, under one id


async def test_a_clock_that_was_set_back_holds_nothing_for_longer_than_the_hour(
    collector: Collector, mailbox: Mailbox
) -> None:
    worker = outbox(collector, mailbox)
    alerts(collector, 10)
    await drain(worker)
    collector.clock.advance(-300 * DAY)
    alerts(collector, 3)
    await drain(worker)

    assert len(mailbox.got) == 13


async def test_the_cap_is_a_setting(collector: Collector, mailbox: Mailbox) -> None:
    alerts(collector, 7)
    await drain(outbox(collector, mailbox, per_hour=2))

    assert len(mailbox.got) == 2


async def test_two_workers_keep_one_cap(collector: Collector, mailbox: Mailbox) -> None:
    alerts(collector, 40)
    workers = [outbox(collector, mailbox) for _ in range(2)]
    while sum(await asyncio.gather(*(one.send_due() for one in workers))):
        pass
    collector.clock.advance(HOUR)
    while sum(await asyncio.gather(*(one.send_due() for one in workers))):
        pass

    assert len(mailbox.got) == len({one.id for one in mailbox.got}) == 11
    assert states(collector) == {"delivered": 40}
