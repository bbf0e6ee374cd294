"""A flagged article's page is looked at again: real poller and worker, a page on a local server, the time by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.kafka import Publisher
from pipeline.records import Flagged, ThreadEvent, ThreadInput, Tick, encode, thread_events, thread_inputs
from pipeline.topics import MIN_PARTITIONS, THREAD_EVENTS, THREADS_IN
from tests.integration.test_pages import FILLER, ITEM, RSS, page
from tests.integration.test_share import Process, write_config
from tests.integration.workers import Collector, Worker, workers
from tests.sites import serving

ACCUSED = "The Opposition accused the mayor of Lorn on Monday of having sold the old quay to a cousin for one crown."
DENIED = "The mayor of Lorn denied the accusation on Tuesday and said that every paper had been shown to the council."


@dataclass
class Paper:
    """One feed with one item, whose page may be changed."""

    paragraphs: tuple[str, ...] = (ACCUSED, DENIED, FILLER)

    async def __call__(self, request: web.Request) -> web.Response:
        """The feed, or the page as it is now."""
        if request.path == "/feed.rss":
            item = ITEM.format(title="A quay for a crown", host=request.host, path="/quay", lead=f"{ACCUSED} {DENIED}")
            return web.Response(text=RSS.format(items=item), content_type="application/rss+xml")
        if request.path == "/quay":
            return web.Response(text=page(*self.paragraphs), content_type="text/html")
        return web.Response(status=404)


def event_keys(value: bytes) -> list[str]:
    """What happened, and how a text was changed."""
    event = thread_events.decode(value)
    return [] if event.heartbeat is not None else [f"{event.kind} {event.change or ''}".rstrip()]


def taken_in(value: bytes) -> list[str]:
    """Whether it is the text of a feed or of a page."""
    what = thread_inputs.decode(value).what
    return [what.article.text_source] if isinstance(what, Flagged) and what.heartbeat is None else []


@pytest.mark.timeout(180)
async def test_a_denial_that_a_page_drops_and_takes_up_again_is_told(topics_ready: str, tmp_path: Path) -> None:
    """Ten minutes later it is gone from the page, though the feed still has it; after an hour it is back."""
    paper = Paper()
    worker = Worker(topics_ready, tmp_path / "worker", store="memory")
    follow = {THREAD_EVENTS: event_keys, THREADS_IN: taken_in}
    async with (
        serving(paper) as site,
        workers(worker),
        Collector(topics_ready, follow) as seen,
        Publisher([topics_ready]) as publisher,
    ):

        async def until(topic: str, key: str) -> None:
            await seen.until(
                lambda: seen.seen[topic][key] > 0,
                lambda: f"{key}\n{seen.seen}\n{poller.log.read_text()[-2000:]}\n{worker.log[-2000:]}",
            )

        async def pass_time(after: timedelta) -> None:
            """Tell each partition the time; the worker's own ticks lie behind it from then on."""
            for partition in range(MIN_PARTITIONS):
                tick = ThreadInput(what=Tick(partition=partition, time=datetime.now(UTC) + after))
                await publisher.send(THREADS_IN, encode(tick), key=b"tick", partition=partition)

        poller = Process("one", topics_ready, write_config(tmp_path / "config", [f"{site.url}/feed.rss"]))
        await worker.start()
        await poller.start()
        try:
            await until(THREADS_IN, "page")
            paper.paragraphs = (ACCUSED,)
            await pass_time(timedelta(minutes=11))
            await until(THREAD_EVENTS, "stance_changed removed")
            paper.paragraphs = (ACCUSED, DENIED, FILLER)
            await pass_time(timedelta(minutes=70))
            await until(THREAD_EVENTS, "stance_changed added")
        finally:
            await poller.kill()
    told = [thread_events.decode(one.value or b"") for one in seen.messages[THREAD_EVENTS]]
    removed, added = (one for one in told if one.kind == "stance_changed")
    assert (removed.state, added.state) == ("alleged", "disputed")
    assert quotes(removed) == quotes(added)
    assert "denied the accusation" in quotes(removed)[0]
    assert removed.thread == added.thread


def quotes(event: ThreadEvent) -> list[str]:
    """The quotes that show it."""
    return [one.quote for one in event.evidence]
