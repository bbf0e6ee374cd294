"""Sixty days of feeds and their pages, judged by the hosts; and a naive crawler, to show that they can find fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest

from pipeline.feeds.article import build
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.poll import Poller
from pipeline.feeds.queue import HostSlots
from pipeline.feeds.tenure import Alone
from pipeline.kafka import Message
from pipeline.pages import robots
from pipeline.pages.extract import PageText
from pipeline.pages.robots import Permit
from pipeline.pages.serve import PageService, Past
from pipeline.pages.visit import PageVisits
from pipeline.records import Article, page_results
from pipeline.settings.models import Feed, PollSettings
from pipeline.topics import PAGES_REQUESTS, PAGES_RESULTS
from tests.courtesy_pages import FAULTS, KINDS, PER_HOST, Judge
from tests.pollers import PARTITIONS, LineParser, World, feed, running
from tests.sites import serving

DAYS = 60
STEP_SECONDS = 3600
FEEDS = 2
"""Of each host."""

TICKS = 60
"""Turns of the event loop without a poll or a visit, after which none is about to start either."""

SETTINGS = PollSettings(
    allow_private=True, interval_seconds=14_400, slowest_seconds=28_800, concurrency=30, per_host=PER_HOST
)


class LinkParser(LineParser):
    """One item a line: its link, its title."""

    def _item(self, line: str, feed: Feed, fetched: datetime) -> Article:
        link, _, title = line.partition(" ")
        return build(
            outlet=feed.outlet, feed=feed.url, link=link, guid="", title=title, lead="", body="", authors=(),
            language=feed.language, published=fetched, fetched=fetched, html=False,
        )  # fmt: skip


class HereReader:
    """robots.txt is read as it is; a page is its text."""

    async def permit(self, rules: bytes, url: str) -> Permit:
        """Whether rules allow a URL."""
        return robots.permit(rules, url)

    async def extract(self, body: bytes, *, url: str, content_type: str, now: datetime) -> PageText:
        """The text of a page."""
        return PageText(text=body.decode())


async def _requests(world: World) -> AsyncIterator[Message]:
    """The topic of requests, as it grows."""
    seen = 0
    while True:
        await world.journal.until(lambda known=seen: len(world.journal.records) > known)  # type: ignore[misc]
        records = list(zip(world.journal.records[seen:], world.journal.places[seen:], strict=True))
        seen += len(records)
        for (topic, key, value), (_, place) in records:
            if topic == PAGES_REQUESTS:
                yield Message(topic, place or 0, 0, world.clock.now(), key, value, ())


async def _sixty_days(world: World, judge: Judge) -> None:
    end = world.clock.now() + timedelta(days=DAYS)
    while world.clock.now() < end:
        await world.clock.until_asleep()
        idle = 0
        while idle < TICKS:
            before = judge.asked
            await asyncio.sleep(0)
            idle = 0 if judge.asked != before or judge.busy else idle + 1
            if idle == TICKS and world.sample("stage_in_progress", stage="poll"):
                idle = 0
        world.clock.turn(STEP_SECONDS)


@pytest.mark.timeout(280)
async def test_sixty_days_of_pages_without_a_fault() -> None:
    """Each page that may be visited is visited, once, when its host wants it; feeds and pages share its places."""
    world = World(slots=HostSlots(PER_HOST))
    judge = Judge(world.clock)
    stop = asyncio.Event()
    async with (
        serving(judge, host="0.0.0.0") as feeds,
        serving(judge, host="0.0.0.0") as pages,
        Fetcher(SETTINGS) as fetcher,
    ):
        port = urlsplit(pages.url).port
        listed = [
            feed(f"http://{host}:{urlsplit(feeds.url).port}/feed{number}?pages={port}").model_copy(
                update={"full_text": "always"}
            )
            for host in KINDS
            for number in range(FEEDS)
        ]
        poller = Poller(
            SETTINGS, listed, {}, fetcher=fetcher, parser=LinkParser(), publisher=world.journal, metrics=world.metrics,
            tenure=Alone(PARTITIONS), slots=world.slots, clock=world.clock, stop_grace_seconds=0.05,
        )  # fmt: skip
        visits = PageVisits(fetcher, HereReader(), world.clock)
        service = PageService(
            visits, world.journal, world.metrics, world.clock, tenure=Alone(PARTITIONS), slots=world.slots
        )
        for number in range(PARTITIONS):
            service.begin(number, Past())
        async with running(poller):
            serve = asyncio.create_task(service.run(_requests(world), stop))
            await _sixty_days(world, judge)
            stop.set()
            await serve
    assert judge.faults == {}, judge.first_faults
    assert judge.busiest == PER_HOST
    items = DAYS * 3 * FEEDS
    for sort, status, share in (("story", "200", 2), ("moved", "302", 0.9), ("trap", "302", 0.4), ("gone", "404", 0.3)):
        assert judge.answers[sort, status] > items * share, (sort, judge.answers)
    assert judge.answers["story", "429"] > items / 5
    results = [page_results.decode(value) for topic, _, value in world.journal.records if topic == PAGES_RESULTS]
    assert len({one.id for one in results}) == len(results) > items * 4.5


async def test_the_judge_finds_fault_with_a_naive_crawler() -> None:
    """Every link at once, as soon as it is seen, and again; with what people put into such loops."""
    world = World()
    judge = Judge(world.clock)
    headers = {"Referer": "https://reader.example/"}
    async with (
        serving(judge, host="0.0.0.0") as site,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers) as session,
    ):
        port = urlsplit(site.url).port

        async def ask(url: str) -> str:
            async with session.get(url) as answer:
                return await answer.text()

        async def crawl(host: str) -> None:
            lines = await ask(f"http://{host}:{port}/feed?pages={port}")
            await asyncio.gather(*(ask(line.partition(" ")[0]) for line in lines.splitlines()))
            await ask(f"http://{host}:{port}/robots.txt")

        for _ in range(6):
            await asyncio.gather(*map(crawl, KINDS))
            world.clock.turn(600)
    assert set(judge.faults) == FAULTS
