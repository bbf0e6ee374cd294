"""Parsing in processes that can be killed one by one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import ParseError
from pipeline.feeds.parse import parse
from pipeline.feeds.parsed import MAX_ITEMS
from pipeline.feeds.parser_pool import ParserPool
from pipeline.sandbox import Loss

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
FEED = (Path(__file__).parent.parent / "fixtures" / "feeds" / "atom.xml").read_bytes()
LONG = 60.0


@dataclass(frozen=True)
class Listed:
    """A feed as the operator lists it."""

    url: str = "https://feeds.example.org/rss.xml"
    outlet: str = "The Harbour Post"
    language: str = "en"


def many_attributes(count: int = 60_000) -> bytes:
    """A feed that costs feedparser the square of the attributes on one element: at this count over a minute."""
    attributes = b" ".join(b"a%d='1'" % n for n in range(count))
    return b"<rss version='2.0'><channel><item " + attributes + b"><title>x</title></item></channel></rss>"


def items(content: bytes, count: int = 1) -> bytes:
    """A feed of the same item many times."""
    return b"<rss version='2.0'><channel>" + (b"<item>" + content + b"</item>") * count + b"</channel></rss>"


def dtd(subset: bytes, title: bytes) -> bytes:
    """A feed with declarations of its own and an item that uses them."""
    return b"<!DOCTYPE rss [" + subset + b"]>" + items(b"<title>" + title + b"</title>")


async def ask(pool: ParserPool, body: bytes, url: str = Listed().url) -> tuple[str, ...]:
    """Titles in a body."""
    feed = await pool.parse(body, feed=Listed(url), headers={}, fetched=NOON)
    return tuple(article.title for article in feed.articles)


async def hand_over(pool: ParserPool, body: bytes) -> asyncio.Task[tuple[str, ...]]:
    """Give the idle worker a body; return as soon as all of it is on its side of the pipe."""
    (idle,) = pool._idle
    task = asyncio.create_task(ask(pool, body))
    await asyncio.sleep(0)  # it runs up to its first wait, which is for the pipe
    while idle._input.transport.get_write_buffer_size():
        await asyncio.sleep(0)
    return task


def is_gone(pid: int) -> bool:
    """Whether no such process is left, not even as a zombie."""
    return not Path(f"/proc/{pid}").exists()


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    """Two workers with time enough."""
    async with ParserPool(processes=2, timeout_seconds=LONG) as pool:
        yield pool


async def test_a_worker_gives_what_parse_gives(pool: ParserPool) -> None:
    """The pool changes where a feed is parsed, nothing else."""
    feed = await pool.parse(FEED, feed=Listed(), headers={}, fetched=NOON)
    assert feed == parse(FEED, feed=Listed(), headers={}, fetched=NOON)


async def test_what_is_no_feed_is_a_parse_error_and_costs_no_worker(pool: ParserPool) -> None:
    """The reason crosses the pipe; the worker stays."""
    with pytest.raises(ParseError, match="HTML page") as caught:
        await ask(pool, b"<html></html>", "https://example.org/page")
    assert caught.value.url == "https://example.org/page"
    before = pool.pids
    assert await ask(pool, FEED)
    assert pool.pids == before


async def test_two_feeds_are_parsed_at_a_time(pool: ParserPool) -> None:
    """As many workers as asked for, no more, whatever waits."""
    results = await asyncio.gather(*(ask(pool, FEED) for _ in range(12)))
    assert len(set(results)) == 1
    assert len(pool.pids) == 2


async def test_a_feed_that_takes_too_long_is_stopped_and_others_go_on() -> None:
    """The worker is killed and replaced, which is counted; a feed beside it and one after it are parsed."""
    losses: list[Loss] = []
    async with ParserPool(processes=2, timeout_seconds=3.0, on_loss=losses.append) as pool:
        await ask(pool, FEED)
        (stuck,) = pool.pids
        hostile = await hand_over(pool, many_attributes())
        pool.timeout_seconds = LONG
        beside = [await ask(pool, FEED) for _ in range(3)]
        with pytest.raises(ParseError, match=r"parsing took longer than"):
            await hostile
        after = await asyncio.gather(*(ask(pool, FEED) for _ in range(3)))
        assert beside == after
        assert is_gone(stuck)
    assert losses == ["time"]


async def test_other_feeds_do_not_wait_for_one_that_is_stuck(pool: ParserPool) -> None:
    """They are through before it ends, and go on while it is killed."""
    await ask(pool, FEED)
    stuck = pool.pids
    hostile = await hand_over(pool, many_attributes())
    assert len({await ask(pool, FEED) for _ in range(5)}) == 1
    assert not hostile.done()
    os.kill(*stuck, signal.SIGKILL)
    *others, failure = await asyncio.gather(*(ask(pool, FEED) for _ in range(5)), hostile, return_exceptions=True)
    assert len(set(others)) == 1
    assert isinstance(failure, ParseError)


LAUGHS = b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
DEEP = b"<div>" * 100_000
READ, REFUSED_DTD, REFUSED_JSON = "", "its DTD declares more than", "it begins like JSON, but is none"

HOSTILE = {
    "a billion laughs": (dtd(LAUGHS, b"&a9;"), READ),
    "a long entity, often": (dtd(b"<!ENTITY a '" + b"x" * 10_000 + b"'>", b"&a;" * 100_000), REFUSED_DTD),
    "a short entity, often": (dtd(b"<!ENTITY a '" + b"x" * 190 + b"'>", b"&a;" * 100_000), READ),
    "an entity outside": (dtd(b"<!ENTITY a SYSTEM 'file:///etc/passwd'>", b"a&a;"), READ),
    "elements in elements": (items(b"<title>a</title>" + DEEP + DEEP.replace(b"<", b"</")), READ),
    "tags in a text": (items(b"<description>a" + DEEP + DEEP.replace(b"<", b"</") + b"</description>"), READ),
    "HTML in HTML": (items(b"<description><![CDATA[a" + DEEP + b"]]></description>"), READ),
    "one large text": (items(b"<title>a</title><description>" + b"word " * 2_900_000 + b"</description>"), READ),
    "15 MB of items": (items(b"<description>" + b"Some words. " * 1_200 + b"</description>", 1_000), READ),
    "JSON in JSON": (b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 10**6, REFUSED_JSON),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_body_costs_a_failure_at_most(pool: ParserPool, kind: str) -> None:
    """It is read or refused in words; the worker is the same before and after, and no file of ours is in the answer."""
    body, refused = HOSTILE[kind]
    await ask(pool, FEED)
    before = pool.pids
    if refused:
        with pytest.raises(ParseError, match=refused):
            await ask(pool, body)
    else:
        titles = await ask(pool, body)
        assert titles
        assert "root:" not in "".join(titles)
    assert await ask(pool, FEED)
    assert pool.pids == before


async def test_fifty_thousand_items_give_the_newest(pool: ParserPool) -> None:
    """In one worker's time and memory."""
    body = b"<rss version='2.0'><channel><title>T</title>" + b"".join(
        b"<item><title>Story %d</title><guid isPermaLink='false'>%d</guid></item>" % (n, n) for n in range(50_000)
    )
    feed = await pool.parse(body + b"</channel></rss>", feed=Listed(), headers={}, fetched=NOON)
    assert (len(feed.articles), feed.left_out) == (MAX_ITEMS, 50_000 - MAX_ITEMS)


async def test_a_worker_killed_in_the_middle_is_replaced() -> None:
    """What the kernel's memory killer does costs one feed."""
    async with ParserPool(processes=1, timeout_seconds=LONG) as pool:
        await ask(pool, FEED)
        (pid,) = pool.pids
        hostile = await hand_over(pool, many_attributes())
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ParseError, match="SIGKILL"):
            await hostile
        assert await ask(pool, FEED)
        assert pid not in pool.pids


async def test_a_worker_killed_while_idle_costs_nothing(pool: ParserPool) -> None:
    """It is noticed before a feed is given to it."""
    assert await ask(pool, FEED)
    (worker,) = pool._idle
    os.kill(worker.pid, signal.SIGKILL)
    await worker._process.wait()
    assert await ask(pool, FEED)
    assert worker.pid not in pool.pids


async def test_a_cancelled_feed_leaves_no_answer_behind() -> None:
    """The next feed gets its own answer, from another worker."""
    async with ParserPool(processes=1, timeout_seconds=LONG) as pool:
        await ask(pool, FEED)
        hostile = await hand_over(pool, many_attributes())
        hostile.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hostile
        assert await ask(pool, FEED) == ("El ministro rechaza la acusación sin pruebas", "Ministério nega a denúncia")


async def test_a_feed_that_takes_too_much_memory_is_refused() -> None:
    """The worker's address space is bounded; the next feed has a new worker."""
    body = items(b"<a/>" * 1_500_000)
    losses: list[Loss] = []
    async with ParserPool(processes=1, timeout_seconds=LONG, max_worker_bytes=128 << 20, on_loss=losses.append) as pool:
        await ask(pool, FEED)
        before = pool.pids
        with pytest.raises(ParseError, match="more memory than a worker may have"):
            await ask(pool, body)
        assert await ask(pool, FEED)
        assert set(before).isdisjoint(pool.pids)
    assert losses == ["memory"]


async def test_closing_leaves_no_process() -> None:
    """Not the idle one, nor the one at work, whose feed fails with a reason."""
    pool = ParserPool(processes=2, timeout_seconds=LONG)
    await ask(pool, FEED)
    hostile = await hand_over(pool, many_attributes())
    await ask(pool, FEED)
    pids = pool.pids
    await pool.close()
    with pytest.raises(ParseError):
        await hostile
    assert len(pids) == 2
    assert all(map(is_gone, pids))
    assert pool.pids == ()
    with pytest.raises(ParseError, match="stopped"):
        await ask(pool, FEED)


async def test_a_worker_ends_when_its_parent_is_gone() -> None:
    """A killed poller leaves no parser behind: the end of its input ends the worker."""
    pool = ParserPool(processes=1, timeout_seconds=LONG)
    await ask(pool, FEED)
    (worker,) = pool._workers
    worker._input.close()
    async with asyncio.timeout(LONG):
        assert await worker._process.wait() == 0
    await pool.close()
