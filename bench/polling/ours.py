"""The real poller with all that belongs to it, on a clock that can be turned to the next round."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import msgspec
from prometheus_client import CollectorRegistry

from bench.polling.papers import TEMPLATES, url
from pipeline import logs
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller
from pipeline.feeds.publish import Sends
from pipeline.kafka import Position
from pipeline.metrics import Metrics
from pipeline.records import FeedState, encode, feed_states
from pipeline.settings.models import Feed, LogSettings, PollSettings
from pipeline.topics import FEED_STATE

SETTINGS: Final = PollSettings(allow_private=True, contact="https://bench.example/")
ROUND_SECONDS: Final = 2_100
"""Longer than `slowest_seconds` with its jitter: in the next round every feed is due."""

HISTORY: Final = (-450, -300, -150, 0)
"""Rounds that the states have behind them: a hundred items of each feed are remembered, as after days."""


class Clock:
    """The machine's clock, moved on by `turn`."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._turned = asyncio.Event()

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC) + self._ahead

    def turn(self, seconds: float) -> None:
        """Move on, and wake all sleepers to look."""
        self._ahead += timedelta(seconds=seconds)
        self._turned.set()
        self._turned = asyncio.Event()

    async def sleep_until(self, when: datetime) -> None:
        """Return as soon as `now` is ``when`` or later."""
        while (left := (when - self.now()).total_seconds()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._turned.wait()
            except TimeoutError:
                continue


class Counting:
    """Counts what is published, and passes it on if there is somewhere to."""

    def __init__(self, onward: Sends | None = None, states_onward: Sends | None = None) -> None:
        self.records: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.keep: dict[str, bytes] | None = None
        self._onward, self._states_onward = onward, states_onward
        self._wanted = 0
        self._reached = asyncio.Event()

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> Position:
        """Acknowledged at once, or when the broker has it."""
        position = Position(0, 0)
        onward = self._states_onward if topic == FEED_STATE else self._onward
        if onward is not None:
            position = await onward.send(topic, value, key=key, partition=partition)
        self.records[topic] += 1
        self.bytes[topic] += len(value or b"")
        if topic == FEED_STATE:
            if self.keep is not None:
                self.keep[(key or b"").decode()] = value or b""
            if self.records[topic] >= self._wanted:
                self._reached.set()
        return position

    async def polls(self, more: int, begin: Callable[[], None]) -> None:
        """Until so many more polls have ended, after ``begin``."""
        self._wanted, self._reached = self.records[FEED_STATE] + more, asyncio.Event()
        begin()
        await self._reached.wait()


class Stalls:
    """How late the loop comes to a timer that is due every few milliseconds; and how much of it was at most our own
    work, by the CPU time of the loop's thread: the rest is others' on the same machine.
    """

    def __init__(self, every: float = 0.005) -> None:
        self._every, self.late, self.own = every, list[float](), list[float]()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            began, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(self._every)
            self.late.append(max(time.perf_counter() - began - self._every, 0))
            self.own.append(min(self.late[-1], time.thread_time() - worked))

    def milliseconds(self) -> dict[str, float]:
        """Median, 99th percentile and maximum of both."""
        found = {}
        for name, seconds in (("late", sorted(self.late) or [0.0]), ("own", sorted(self.own) or [0.0])):
            for share in (0.5, 0.99, 1.0):
                found[f"{name} {share}"] = round(1000 * seconds[min(int(share * len(seconds)), len(seconds) - 1)], 1)
        return found


def silent_log() -> None:
    """Log lines as a service writes them, every one, to nowhere."""
    logs.configure(LogSettings(level="info", format="json"), process="poll", stream=Path(os.devnull).open("w"))  # noqa: SIM115


def begin_turn(port: int, reader: str, number: int) -> None:
    """Tell the server that a reader's next round begins. Blocks."""
    with urlopen(f"http://127.0.0.1:{port}/turn/{reader}/{number}", timeout=10) as answer:
        answer.read()


def listed(feeds: Sequence[int], port: int, reader: str) -> list[Feed]:
    """Feeds of the operator's list."""
    return [
        Feed(
            url=url(feed, port, reader),
            outlet=f"Paper {feed % TEMPLATES}",
            owner=f"Owner {feed % TEMPLATES}",
            country="GB",
            language="en",
        )
        for feed in feeds
    ]


def states(past: Sequence[FeedState], feeds: Sequence[int], port: int, reader: str) -> Iterator[tuple[str, bytes]]:
    """Keys and values of `feed-state`: each feed with the past of its template, polled just now."""
    now = datetime.now(UTC)
    times = {"last_poll": now, "last_full_fetch": now, "next_poll": now + timedelta(seconds=ROUND_SECONDS / 2)}
    for feed in feeds:
        address = url(feed, port, reader)
        state = msgspec.structs.replace(past[feed % TEMPLATES], url=address, validated_url=address, **times)
        yield address, encode(state)


async def past(port: int) -> list[FeedState]:
    """Each template's state after its history, which a poller of their own goes through."""
    sink = Counting()
    sink.keep = {}
    feeds = listed(range(TEMPLATES), port, "primer")
    first, *later = HISTORY
    await asyncio.to_thread(begin_turn, port, "primer", first)
    async with running(feeds, {}, sink) as clock:
        await sink.polls(TEMPLATES, lambda: clock.turn(ROUND_SECONDS))
        for turn in later:
            await asyncio.to_thread(begin_turn, port, "primer", turn)
            await sink.polls(TEMPLATES, lambda: clock.turn(ROUND_SECONDS))
    return [feed_states.decode(sink.keep[feed.url]) for feed in feeds]


@asynccontextmanager
async def running(
    feeds: Sequence[Feed], known: dict[str, FeedState], sink: Counting, settings: PollSettings = SETTINGS
) -> AsyncIterator[Clock]:
    """A poller at work, until the block ends."""
    stop, clock, metrics = asyncio.Event(), Clock(), Metrics(CollectorRegistry())
    async with (
        Fetcher(settings) as fetcher,
        ParserPool(settings.parsers, settings.parse_timeout_seconds) as pool,
        asyncio.TaskGroup() as group,
    ):
        poller = Poller(
            settings, feeds, known, fetcher=fetcher, parser=pool, publisher=sink, metrics=metrics, clock=clock
        )
        task = group.create_task(poller.run(stop))
        yield clock
        stop.set()
        await task
