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
from pipeline.feeds.parser_pool import ParserPool

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
    """The worker is killed and replaced; a feed beside it and one after it are parsed."""
    async with ParserPool(processes=2, timeout_seconds=3.0) as pool:
        hostile = asyncio.create_task(ask(pool, many_attributes()))
        beside = [await ask(pool, FEED) for _ in range(3)]
        stuck = set(pool.pids)
        with pytest.raises(ParseError, match=r"longer than 3 s"):
            await hostile
        after = [await ask(pool, FEED) for _ in range(3)]
        assert beside == after
        assert any(is_gone(pid) for pid in stuck)


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
    body = b"<rss version='2.0'><channel><item><title>" + b"x" * (40 << 20) + b"</title></item></channel></rss>"
    async with ParserPool(processes=1, timeout_seconds=LONG, max_worker_bytes=256 << 20) as pool:
        await ask(pool, FEED)
        before = pool.pids
        with pytest.raises(ParseError, match="more memory than a worker may have"):
            await ask(pool, body)
        assert await ask(pool, FEED)
        assert set(before).isdisjoint(pool.pids)


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
