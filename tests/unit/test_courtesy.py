"""Sixty days of polling, judged by the server; and a naive loop, to show that the judge can find fault."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import aiohttp
import pytest

from pipeline.feeds.parse import parse
from pipeline.feeds.parsed import ParsedFeed
from pipeline.feeds.poll import Poller
from pipeline.settings.models import Feed, PollSettings
from tests.courtesy import FAULTS, KINDS, Judge
from tests.pollers import World, feed, running
from tests.sites import serving

DAYS = 60
STEP_SECONDS = 1800
"""The clock is turned by half hours: polls come that much late at most, never early."""

TICKS = 10
"""Turns of the event loop without a poll, after which none is about to start either."""

SETTINGS = PollSettings(allow_private=True, interval_seconds=3600, slowest_seconds=7200, concurrency=8)
LISTED = [path for path in KINDS if path != "/etag-2"]


class HereParser:
    """The real parser, without a process around it: what is polled here is harmless."""

    async def parse(
        self, body: bytes, *, feed: Feed, headers: Mapping[str, str], fetched: datetime, known: tuple[str, ...] = ()
    ) -> ParsedFeed:
        """The items of a body."""
        return parse(body, feed=feed, headers=headers, fetched=fetched, known=known)


async def _sixty_days(world: World, poller: Poller) -> None:
    end = world.clock.now() + timedelta(days=DAYS)
    async with running(poller):
        while world.clock.now() < end:
            await world.clock.until_asleep()
            idle = 0
            while idle < TICKS:
                await asyncio.sleep(0)
                idle = 0 if world.sample("stage_in_progress", stage="poll") else idle + 1
            world.clock.turn(STEP_SECONDS)


@pytest.mark.timeout(280)
async def test_sixty_days_without_a_fault() -> None:
    """Every kind of feed is asked as often as it wants to be, and as it wants to be; and it is asked at all."""
    world = World()
    judge = Judge(world.clock)
    async with serving(judge) as site, world.fetcher(SETTINGS) as fetcher:
        feeds = [feed(site.url + path) for path in LISTED]
        poller = Poller(
            SETTINGS, feeds, {}, fetcher=fetcher, parser=HereParser(), publisher=world.journal,
            metrics=world.metrics, clock=world.clock, stop_grace_seconds=0.05,
        )  # fmt: skip
        await _sixty_days(world, poller)
    assert judge.faults == {}, judge.first_faults
    for path in set(LISTED) - {"/gone", "/moved", "/down"}:
        assert judge.requests[path] > DAYS * 5, path
    assert judge.requests["/moved"] < 200
    assert judge.requests["/etag-2"] > DAYS * 5
    gaps = {url.removeprefix(site.url) for url, known in world.journal.states.items() if known.gaps}
    assert gaps == {"/down"}, "nothing is missed but what a server hid for ten days"


async def test_the_judge_finds_fault_with_a_naive_loop() -> None:
    """Every ten minutes everything at once, with what people put into such loops: each fault is found."""
    world = World()
    judge = Judge(world.clock)
    headers = {"Referer": "https://reader.example/"}
    async with (
        serving(judge) as site,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers) as session,
    ):

        async def ask(path: str, **more: str) -> None:
            async with session.get(site.url + path, headers=more, allow_redirects=False) as answer:
                await answer.read()

        for round_ in range(DAYS * 2):
            since = {"If-Modified-Since": str(world.clock.now())} if round_ % 2 else {}
            await asyncio.gather(*(ask(path, **since) for path in LISTED))
            world.clock.turn(240)
            await asyncio.gather(*(ask(path) for path in LISTED))
            world.clock.turn(39_600 - 240)
    assert set(judge.faults) == FAULTS
