"""Article pages from end to end: real pollers and a worker on a real broker, pages and robots.txt on a local server."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from pipeline.feeds.listing import partition_of
from pipeline.kafka import Follower, Publisher
from pipeline.pages.share import load_past
from pipeline.records import encode, flagged, page_request
from pipeline.topics import FLAGS, MIN_PARTITIONS, PAGES_REQUESTS, PAGES_RESULTS
from tests.articles import make_article
from tests.integration.test_feeds_change import ABOUT, Command
from tests.integration.test_share import Process, write_config
from tests.integration.workers import Collector, Worker, until, workers
from tests.sites import serving

RSS = """<rss version="2.0"><channel><title>Paper</title>{items}</channel></rss>"""
ITEM = "<item><title>{title}</title><link>http://{host}{path}</link><description>{lead}</description></item>"

DENIAL = "The minister of ports denied on Tuesday that she had taken money, and called the letters forged."
CHARGE = "Prosecutors accused the mayor of the old town of having taken bribes for as long as four years."
FILLER = "Some forty people had waited in front of the ministry since the early morning, some without umbrellas."


NOW = datetime.now(UTC)


def page(*paragraphs: str) -> str:
    """A page with a story, and what stands around it."""
    story = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<html><body><nav><a href='/'>Home</a></nav><article><h1>News</h1>{story}</article></body></html>"


@dataclass
class Paper:
    """Two feeds, and the pages of their items."""

    asked: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: web.Request) -> web.Response:
        """Count, then answer."""
        self.asked[request.path] += 1
        items = {
            "/flagged.rss": [
                ("Minister denies taking money", "/denial", "She denied it."),
                ("Harvest is late", "/harvest", "It rained."),
                ("Minister denies having had dinner", "/private/dinner", "She denied it."),
            ],
            "/always.rss": [("Notes from the town", "/notes", "A walk."), ("Weather", "/weather", "Rain.")],
        }.get(request.path)
        if items is not None:
            made = (ITEM.format(title=title, host=request.host, path=path, lead=lead) for title, path, lead in items)
            return web.Response(text=RSS.format(items="".join(made)), content_type="application/rss+xml")
        text = {
            "/robots.txt": "User-agent: *\nDisallow: /private",
            "/denial": page(FILLER, DENIAL, FILLER),
            "/notes": page(FILLER, CHARGE, FILLER),
            "/weather": page(FILLER, FILLER),
        }.get(request.path)
        if text is None:
            return web.Response(status=404)
        return web.Response(text=text, content_type="text/plain" if "robots" in request.path else "text/html")


async def test_a_follower_can_be_narrowed(topics_ready: str) -> None:
    """To what it is given: what it keeps goes on, what is new comes from its beginning, what it gave away is silent."""

    async def send(publisher: Publisher, text: str, *partitions: int) -> None:
        for number in partitions:
            await publisher.send(PAGES_RESULTS, text.encode(), key=b"k", partition=number)

    async with (
        Publisher([topics_ready]) as publisher,
        Follower([topics_ready], [PAGES_RESULTS], from_beginning=True, only=()) as follower,
    ):
        messages: Any = aiter(follower)

        async def come(count: int) -> set[tuple[int, bytes]]:
            found = [await anext(messages) for _ in range(count)]
            return {(one.partition, one.value) for one in found}

        await send(publisher, "first", 2, 3)
        await follower.narrow([2])
        assert await come(1) == {(2, b"first")}
        await follower.narrow([2, 3])
        assert await come(1) == {(3, b"first")}
        await send(publisher, "second", 2, 3)
        assert await come(2) == {(2, b"second"), (3, b"second")}
        await follower.narrow([])
        await follower.narrow([3])
        await send(publisher, "third", 2, 3)
        assert await come(3) == {(3, b"first"), (3, b"second"), (3, b"third")}


def raised(value: bytes) -> list[str]:
    """What a record of `flags` says: title, and whose text the flags are on."""
    one = flagged.decode(value)
    return [f"{one.article.title}: {one.article.text_source}"] if one.heartbeat is None else []


@pytest.mark.timeout(180)
async def test_flags_come_from_the_pages_of_feeds_that_were_added_at_run_time(
    topics_ready: str, tmp_path: Path
) -> None:
    """Flagged: the page follows the flag, and is flagged itself. Always: the page is flagged where the feed was not."""
    paper = Paper()
    worker = Worker(topics_ready, tmp_path / "worker", store="memory")
    async with serving(paper) as site, workers(worker), Collector(topics_ready, {FLAGS: raised}) as flags:
        config = write_config(tmp_path / "config", [f"{site.url}/nothing.rss"])
        poller, feeds = Process("one", topics_ready, config), Command(topics_ready, config)
        await worker.start()
        await poller.start()
        try:
            for setting in ("flagged", "always"):
                await feeds("add", f"{site.url}/{setting}.rss", *ABOUT, "--full-text", setting)
            await worker.ready()
            wanted = {
                "Minister denies taking money: feed",
                "Minister denies taking money: page",
                "Minister denies having had dinner: feed",
                "Notes from the town: page",
            }
            await flags.until(
                lambda: wanted <= set(flags.seen[FLAGS]) and paper.asked["/weather"] > 0,
                lambda: f"{flags.seen}\n{paper.asked}\n{poller.log.read_text()[-3000:]}\n{worker.log[-2000:]}",
            )
        finally:
            await poller.kill()
    assert set(flags.seen[FLAGS]) == wanted
    assert {path: paper.asked[path] for path in ("/denial", "/notes", "/weather", "/harvest", "/private/dinner")} == {
        "/denial": 1, "/notes": 1, "/weather": 1, "/harvest": 0, "/private/dinner": 0,
    }  # fmt: skip
    assert paper.asked["/robots.txt"] == 1


@dataclass
class Slow:
    """Pages that never end for one of the pollers; who asked for which."""

    hangs: str
    by: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    served: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: web.Request) -> web.Response:
        """Remember who asked."""
        if request.path in ("/robots.txt", "/nothing.rss"):
            return web.Response(status=404)
        agent = request.headers["User-Agent"]
        poller, where = agent[agent.index("+") + 1 : -1], f"{request.url.host}{request.path}"
        self.by[where].append(poller)
        if poller == self.hangs:
            await asyncio.Event().wait()
        self.served[where] += 1
        return web.Response(text=page(FILLER, DENIAL), content_type="text/html")

    def visits(self, poller: str) -> int:
        """How many pages it asked for."""
        return sum(poller in asked for asked in self.by.values())


async def ask_for(bootstrap: str, urls: list[str]) -> None:
    """Requests as a poller or a worker makes them."""
    async with Publisher([bootstrap]) as publisher:
        for number, url in enumerate(urls, 1000):
            article = make_article(number, link=url, fetched=NOW, published=NOW)
            request = page_request(article, "flagged", NOW)
            assert request is not None
            home = partition_of(url, MIN_PARTITIONS)
            await publisher.send(PAGES_REQUESTS, encode(request), key=request.host.encode(), partition=home)


@pytest.mark.timeout(180)
async def test_pages_go_with_the_feeds_when_a_poller_is_killed(topics_ready: str, tmp_path: Path) -> None:
    """Each poller visits its hosts' pages; the other visits what a killed one had begun and not begun, and no more."""
    slow = Slow("one")
    async with serving(slow, host="0.0.0.0") as site:
        port = urlsplit(site.url).port
        urls = [f"http://127.0.1.{host}:{port}/{number}" for host in range(1, 21) for number in range(2)]
        config = write_config(tmp_path / "config", [f"http://127.0.0.1:{port}/nothing.rss"])
        one, two = Process("one", topics_ready, config), Process("two", topics_ready, config)
        await one.start()
        await two.start()
        try:
            await until(lambda: all('"ours": 2' in each.log.read_text() for each in (one, two)), "they do not share")
            await ask_for(topics_ready, urls)

            def halved() -> bool:
                """Everybody asked for a page of each of its hosts; `two` has both pages of each of its own."""
                return slow.visits("one") + slow.visits("two") / 2 == 20 and slow.visits("one") > 0

            await until(halved, "not all hosts are visited")
            assert all(len(asked) == 1 for asked in slow.by.values())
            before = {where for where, asked in slow.by.items() if asked == ["two"]}
            one.send(signal.SIGKILL)
            await one.ended()
            await until(lambda: len(slow.served) == len(urls), "pages are left")
            ids = {make_article(number).id for number in range(1000, 1000 + len(urls))}

            def remembered() -> set[str]:
                past = load_past([topics_ready], range(MIN_PARTITIONS))
                return {article for one_ in past.values() for article in one_.done}

            await until(lambda: ids <= remembered(), "not all results are kept")
        finally:
            await one.kill()
            await two.kill()
    assert set(slow.served.values()) == {1}
    assert all(slow.by[where] == ["two"] for where in before)
    assert {asked[-1] for asked in slow.by.values()} == {"two"}
    assert {tuple(asked) for asked in slow.by.values()} <= {("two",), ("one", "two")}
