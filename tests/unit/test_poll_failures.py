"""The poller when something fails: Kafka refuses, feeds are broken, hosts hang, the process is told to stop."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.poll import UNPUBLISHED, Poller
from pipeline.topics import ARTICLES_RAW, FEED_STATE
from tests.pollers import SETTINGS, LineParser, Paper, World, feed, never, running
from tests.sites import Handler, answering, serving


@pytest.fixture
def world() -> World:
    """A fresh one."""
    return World()


@pytest.mark.parametrize("refused", [ARTICLES_RAW, FEED_STATE])
async def test_what_was_not_acknowledged_is_done_again(world: World, refused: str) -> None:
    """Between fetch and state the broker goes away: the next start fetches whole, publishes all, loses nothing."""
    async with serving(Paper("1 one\n2 two")) as site:
        world.journal.refuses = lambda topic: topic == refused
        assert (await world.once(feed(site.url))).outcomes == {UNPUBLISHED: 1}
        assert world.journal.polled == []
        world.journal.refuses = lambda _topic: False
        assert (await world.once(feed(site.url))).outcomes == {"changed": 1}
        assert [request.headers.get("If-None-Match") for request in site.requests] == [None, None]
    assert world.journal.titles[-2:] == ["one", "two"]
    assert world.sample("polls_total", outcome=UNPUBLISHED) == 1


async def test_an_unacknowledged_poll_keeps_the_old_validators(world: World) -> None:
    """A change that could not be published is still a change at the next poll."""
    paper = Paper("1 one")
    async with serving(paper) as site:
        await world.once(feed(site.url))
        paper.text = "1 one\n2 two"
        world.clock.turn(700)
        world.journal.refuses = lambda topic: topic == ARTICLES_RAW
        await world.once(feed(site.url))
        world.journal.refuses = lambda _topic: False
        assert (await world.once(feed(site.url))).new == 1
    assert world.journal.titles == ["one", "two"]


async def test_a_running_poller_tries_again_after_a_refusal(world: World) -> None:
    """An interval later, in the same process."""
    async with serving(Paper("1 one")) as site, world.poller(feed(site.url)) as poller:
        failed = asyncio.Event()

        def refuse(_topic: str) -> bool:
            failed.set()
            return True

        world.journal.refuses = refuse
        async with running(poller):
            await world.clock.until_asleep()
            world.clock.turn(5)
            await failed.wait()
            world.journal.refuses = lambda _topic: False
            await world.clock.until_asleep()
            world.clock.turn(600)
            await world.journal.until(lambda: len(world.journal.polled) == 1)
    assert world.journal.titles == ["one"]


async def test_bad_feeds_stop_nobody(world: World) -> None:
    """Each kind of failure is classed and kept with its reason; the good feed between them is published."""
    handlers: dict[str, Handler] = {
        "/good": Paper("1 good"),
        "/missing": answering(b"", 404),
        "/forbidden": answering(b"", 403),
        "/overloaded": answering(b"", 503, Retry_After="7200"),
        "/broken": answering(b"broken"),
        "/bug": answering(b"bug"),
        "/huge": answering(bytes(200_000)),
        "/file": answering(b"", 302, Location="file:///etc/passwd"),
        "/ring": answering(b"", 302, Location="/ring"),
        "/lies": answering(b"plain", Content_Encoding="gzip"),
        "/hangs": never,
    }

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handlers[request.path](request)

    async with serving(answer) as site:
        hanging = feed(f"{site.url}/hangs")
        await world.once(*(feed(site.url + path) for path in handlers if path != "/hangs"))
        await world.once(hanging, settings=SETTINGS.model_copy(update={"timeout_seconds": 0.3}))
    outcomes = {url.removeprefix(site.url): kept.outcome for url, kept in world.journal.states.items()}
    assert outcomes == {
        "/good": "changed",
        "/missing": "soft",
        "/forbidden": "hard",
        "/overloaded": "soft",
        "/broken": "hard",
        "/bug": "soft",
        "/huge": "hard",
        "/file": "hard",
        "/ring": "hard",
        "/lies": "temporary",
        "/hangs": "temporary",
    }
    assert world.journal.titles == ["good"]
    reasons = {url.removeprefix(site.url): kept.reason for url, kept in world.journal.states.items()}
    assert reasons["/overloaded"] == "Retry-After: 7200 s"
    assert "not a feed" in reasons["/broken"]
    assert "KeyError" in reasons["/bug"]
    assert all(kept.next_poll > world.clock.now() for kept in world.journal.states.values())
    assert world.journal.states[hanging.url].failures == 1


async def test_a_failure_keeps_what_was_known(world: World) -> None:
    """An outage of the server forgets neither validators nor items."""
    paper = Paper("1 one")
    down = False

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500) if down else await paper(request)

    async with serving(answer) as site:
        await world.once(feed(site.url))
        down = True
        world.clock.turn(700)
        await world.once(feed(site.url))
        down = False
        world.clock.turn(700)
        assert (await world.once(feed(site.url))).outcomes == {"not_modified": 1}
    assert [kept.failures for kept in world.journal.polled] == [0, 1, 0]


async def test_a_bug_while_publishing_costs_only_its_feed(world: World) -> None:
    """An exception that nobody foresaw, outside of fetching and parsing, and the feed is not dropped."""

    def refuse(topic: str) -> bool:
        if topic == ARTICLES_RAW:
            raise ZeroDivisionError
        return False

    world.journal.refuses = refuse
    async with serving(Paper("1 one")) as site, serving(Paper(""), "127.0.0.2") as empty:
        summary = await world.once(feed(site.url), feed(empty.url))
    assert summary.outcomes == {UNPUBLISHED: 1, "changed": 1}
    assert list(world.journal.states) == [empty.url]


async def test_a_stop_leaves_no_state_of_what_was_in_flight(world: World) -> None:
    """A hanging poll is cancelled after its grace; the next start does it."""
    asked = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.set()
        return await never(request)

    async with serving(answer) as site, world.poller(feed(site.url)) as poller:
        async with running(poller) as task:
            await world.clock.until_asleep()
            world.clock.turn(5)
            await asked.wait()
        assert task.result().polls == 0
    assert world.journal.records == []
    assert world.sample("stage_in_progress", stage="poll") == 0


async def test_a_stop_lets_a_poll_end_that_is_nearly_done(world: World) -> None:
    """Within the grace it is finished, published and kept."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        asked.set()
        await go.wait()
        return web.Response(text="1 one")

    async with serving(answer) as site, Fetcher(SETTINGS) as fetcher:
        poller = Poller(
            SETTINGS,
            [feed(site.url)],
            {},
            fetcher=fetcher,
            parser=LineParser(),
            publisher=world.journal,
            metrics=world.metrics,
            clock=world.clock,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(poller.run(stop))
        await world.clock.until_asleep()
        world.clock.turn(5)
        await asked.wait()
        stop.set()
        go.set()
        assert (await task).outcomes == {"changed": 1}
    assert len(world.journal.polled) == 1
