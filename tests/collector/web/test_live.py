"""News: only ids, only of the own scope, never more than a page can take, and never for ever."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import pytest
from tests.collector.web.client import Visitor, visitor
from tests.collector.web.stage import (
    AWAY,
    COLLEAGUE,
    FOREIGN,
    HOUR,
    OTHER_TOWN,
    REAL,
    SOC,
    TOWN,
    Stage,
    numbers,
    stage,
)

from verbundwacht_collector.alerts import actions
from verbundwacht_collector.alerts.actions import Actor
from verbundwacht_collector.scope import AllianceScope, MunicipalityScope, Scope
from verbundwacht_collector.store import news
from verbundwacht_collector.store.views import NewsRow
from verbundwacht_collector.web.live import PER_PERSON, Live
from verbundwacht_collector.web.pages import events
from verbundwacht_collector.web.pages.events import told


class Message(NamedTuple):
    """One server-sent event."""

    kind: str
    id: str
    data: Any


class Stream:
    """What an EventSource sees."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def block(self) -> str:
        """The next block of lines up to an empty one; "" at the end of the stream."""
        got = ""
        while not got.endswith("\n\n"):
            line = await asyncio.wait_for(self.answer.content.readline(), 10)
            if not line:
                return ""
            got += line.decode()
        return got

    async def next(self) -> Message:
        """The next message, comments and settings passed over."""
        while block := await self.block():
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line)
            if "event" in fields:
                data = json.loads(fields["data"])
                return Message(fields["event"], fields.get("id", ""), data)
        return Message("closed", "", None)


@asynccontextmanager
async def listening(
    someone: Visitor, after: int | str = "", last: str | None = None
) -> AsyncIterator[Stream]:
    headers = {} if last is None else {"Last-Event-ID": last}
    url = f"{someone.site.url}/events?after={after}"
    async with someone.http.get(url, headers=headers) as answer:
        assert answer.status == 200
        stream = Stream(answer)
        assert await stream.block() == events.RETRY.decode()
        yield stream


def comment(site: Stage, agent: str, alliance: str = "hochwald", times: int = 1) -> str:
    """Somebody comments the first alert of a host; returns its number."""

    def act(tx: Any) -> str:
        number = numbers(tx, agent)[0]
        for _ in range(times):
            actions.comment(
                tx, scope=AllianceScope(alliance), number=number, actor=Actor(1, SOC),
                now=site.clock(), text="Text",
            )  # fmt: skip
        return number

    return site.act(act)


async def newest(site: Stage) -> int:
    return await site.deps.read(news.newest)


async def test_a_change_is_told_by_kind_and_number_and_nothing_else(site: Stage) -> None:
    async with visitor(site, SOC) as jana, listening(jana, await newest(site)) as stream:
        number = comment(site, REAL)
        message = await stream.next()

    assert message == Message(
        "alerts", str(await newest(site)), {"opened": [], "changed": [number]}
    )


@pytest.mark.parametrize("login", [OTHER_TOWN, FOREIGN])
async def test_nobody_hears_of_alerts_outside_the_own_scope(site: Stage, login: str) -> None:
    own = {OTHER_TOWN: ("b0" * 16, "hochwald"), FOREIGN: (AWAY, "nahetal")}[login]
    async with visitor(site, login) as someone, listening(someone, await newest(site)) as stream:
        comment(site, REAL)
        await asyncio.sleep(0.6)
        number = comment(site, *own)
        message = await stream.next()

    assert message.data == {"opened": [], "changed": [number]}


async def test_a_browser_that_was_away_continues_where_it_was(site: Stage) -> None:
    before = await newest(site)
    first = comment(site, REAL)
    async with visitor(site, TOWN) as peter, listening(peter, 1, last=str(before)) as stream:
        message = await stream.next()

    assert message.data == {"opened": [], "changed": [first]}


@pytest.mark.parametrize("login", [SOC, TOWN])
async def test_a_browser_that_was_away_too_long_asks_for_everything(
    site: Stage, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "RING", 3)
    before = await newest(site)
    comment(site, REAL, times=4)
    async with visitor(site, login) as someone, listening(someone, before) as stream:
        message = await stream.next()

    assert (message.kind, message.data) == ("resync", {})


async def test_an_id_of_another_database_asks_for_everything(site: Stage) -> None:
    async with visitor(site, SOC) as jana, listening(jana, 10**12) as stream:
        message = await stream.next()

    assert message.kind == "resync"


async def test_more_news_than_the_queue_holds_become_one_resync(
    site: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "QUEUE", 3)
    async with visitor(site, SOC) as jana, listening(jana, await newest(site)) as stream:
        comment(site, REAL, times=4)
        flood = await stream.next()
        comment(site, REAL)
        calm = await stream.next()

    assert (flood.kind, calm.kind) == ("resync", "alerts")


async def test_a_burst_of_commits_is_told_in_at_most_four_messages_a_second(site: Stage) -> None:
    got: list[Message] = []
    async with visitor(site, SOC) as jana, listening(jana, await newest(site)) as stream:
        until = asyncio.get_running_loop().time() + 1.0
        while asyncio.get_running_loop().time() < until:
            await asyncio.to_thread(comment, site, REAL)
            await asyncio.sleep(0.02)
        last = str(await newest(site))
        while not got or got[-1].id != last:
            got.append(await stream.next())

    assert 1 <= len(got) <= 6


async def test_the_stream_ends_with_the_session(site: Stage) -> None:
    async with visitor(site, SOC) as jana, listening(jana, await newest(site)) as stream:
        site.clock.now += 2 * HOUR
        comment(site, REAL)
        message = await stream.next()
        after = await stream.next()

    assert (message.kind, after.kind) == ("end", "closed")


async def test_the_stream_ends_with_the_grant(site: Stage) -> None:
    async with visitor(site, TOWN) as peter, listening(peter, await newest(site)) as stream:
        site.act(lambda tx: tx.execute("DELETE FROM \"grant\" WHERE role = 'municipal'", {}))
        comment(site, REAL)
        message = await stream.next()

    assert message.kind == "end"


async def test_silence_is_kept_alive_by_comments(
    site: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PING_S", 0.05)
    async with visitor(site, SOC) as jana, listening(jana, await newest(site)) as stream:
        blocks = [await stream.block() for _ in range(2)]

    assert blocks == [": ping\n\n"] * 2


async def test_one_person_may_have_five_streams_and_others_their_own(site: Stage) -> None:
    async with visitor(site, SOC) as jana, visitor(site, COLLEAGUE) as tobias:
        open_ones = [listening(jana) for _ in range(PER_PERSON)]
        for one in open_ones:
            await one.__aenter__()
        sixth = await jana.get("/events")
        async with listening(tobias):
            pass
        for one in open_ones:
            await one.__aexit__(None, None, None)

    assert (sixth.status, sixth.headers["Retry-After"]) == (429, "60")


async def test_a_browser_that_left_frees_its_place_without_any_news(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        for _ in range(PER_PERSON):
            async with listening(jana):
                pass
        await asyncio.sleep(2 * events.GONE_S + 0.2)
        async with listening(jana):
            pass


async def test_no_proxy_may_keep_the_stream_back(site: Stage) -> None:
    async with visitor(site, SOC) as jana, listening(jana) as stream:
        headers = stream.answer.headers

    assert headers["X-Accel-Buffering"] == "no"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"].startswith("text/event-stream")


async def test_a_server_that_stops_hangs_up_at_once(tmp_path: Any) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with stage(tmp_path / "vw.db") as site:
            someone = Visitor(site, http)
            await someone.login(SOC)
            answer = await http.get(f"{site.url}/events")
            began = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - began
        answer.close()

    assert took < 5


async def test_what_the_page_asks_by_itself_does_not_keep_the_session_alive(site: Stage) -> None:
    async with visitor(site, SOC) as jana:
        for _ in range(4):
            site.clock.now += HOUR // 3
            by_itself = await jana.get("/", headers={"X-VW-Live": "1"})

    assert by_itself.status == 303


async def test_nobody_looks_at_the_store_while_nobody_listens(site: Stage) -> None:
    live = Live(site.deps.read)
    async with live.listening(1):
        during = live._watch
    after = live._watch

    assert during is not None
    assert after is None


async def test_the_page_says_up_to_where_it_knows_and_only_within_the_scope(site: Stage) -> None:
    await asyncio.to_thread(comment, site, REAL)

    async def seen(scope: Scope) -> int:
        return await site.deps.read(lambda db: news.newest_seen(db, scope=scope))

    own, town = await seen(AllianceScope("hochwald")), await seen(MunicipalityScope("rosental"))
    async with visitor(site, OTHER_TOWN) as kai:
        page = await kai.get("/")

    assert own == await newest(site) > town
    assert f'data-after="{town}"' in page.text


def test_an_alert_that_opened_is_told_once() -> None:
    text = told(
        [NewsRow(1, "opened", "W-1"), NewsRow(2, "commented", "W-1"), NewsRow(3, "taken", "W-2")]
    )

    assert text == 'id: 3\nevent: alerts\ndata: {"opened":["W-1"],"changed":["W-2"]}\n\n'
    assert told([]) == ""
