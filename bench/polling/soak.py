"""A poller under churn for minutes: feeds come and go, hosts hang, reset, drip, fail and move. Does anything grow?

The clock runs `SPEED` times as fast, with short intervals, so that ten minutes are some thousand polls of each feed.
Every few seconds: resident memory (children included), descriptors, sockets, tasks, series of metrics. At the end a
straight line through the second half of each says whether it has settled; one that grows ends the run with 1.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from bench.polling import mischief
from bench.polling.ours import Clock, Counting, begin_turn, listed, silent_log
from bench.polling.processes import descriptors, tree_resident
from bench.polling.verdict import Tolerance, verdict
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller
from pipeline.metrics import Metrics
from pipeline.records import FeedState
from pipeline.settings.models import PollSettings

FEEDS: Final = 1_000
"""Listed at a time, of twice as many that there are."""

SPEED: Final = 60.0
SETTINGS: Final = PollSettings(
    allow_private=True, interval_seconds=600, timeout_seconds=3, connect_timeout_seconds=2, concurrency=128
)
LOOK_SECONDS: Final = 5.0
CHURN_SECONDS: Final = 1.0
CHURNED: Final = 10
"""Feeds that leave, and as many that come, each time."""

TURN_SECONDS: Final = 30.0
"""Real seconds from one edition of the papers to the next."""

TOLERANCES: Final = {
    "MB": Tolerance(share=0.05, least=10),
    "descriptors": Tolerance(share=0.15, least=30),
    "sockets": Tolerance(share=0.15, least=30),
    "tasks": Tolerance(share=0.15, least=30),
    "series": Tolerance(share=0, least=0),
}
"""Over half a run. Sockets and tasks swing with the hosts that hang; series are the same from the start."""


class FastClock(Clock):
    """`SPEED` times as fast as the machine's."""

    def __init__(self) -> None:
        super().__init__()
        self._began, self._start = super().now(), time.monotonic()

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return self._began + timedelta(seconds=SPEED * (time.monotonic() - self._start))

    async def sleep_until(self, when: datetime) -> None:
        """Return as soon as `now` is ``when`` or later."""
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(left / SPEED)


class Looks:
    """What was measured, by name."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics, self._began = metrics, time.monotonic()
        self.seconds: list[float] = []
        self.values: dict[str, list[float]] = {name: [] for name in TOLERANCES}

    def take(self) -> dict[str, float]:
        """One look."""
        open_now, sockets = descriptors(os.getpid())
        found = {
            "MB": tree_resident(os.getpid()) / 2**20,
            "descriptors": open_now,
            "sockets": sockets,
            "tasks": len(asyncio.all_tasks()),
            "series": sum(len(family.samples) for family in self._metrics.registry.collect()),
        }
        self.seconds.append(time.monotonic() - self._began)
        for name, value in found.items():
            self.values[name].append(value)
        return found

    def judge(self) -> bool:
        """Print what is made of it; whether nothing grows."""
        verdicts = [verdict(name, self.seconds, values, TOLERANCES[name]) for name, values in self.values.items()]
        print("\n| | first | last | growth over the second half | allowed | |\n|---|---|---|---|---|---|")
        for one in verdicts:
            print(
                f"| {one.name} | {one.first:.0f} | {one.last:.0f} | {one.growth:+.1f} | {one.allowed:.1f} "
                f"| {'flat' if one.flat else 'GROWS'} |"
            )
        return all(one.flat for one in verdicts)


async def soak(port: int, seconds: float) -> int:
    """Run for so long; 0 when nothing grows, else 1."""
    silent_log()
    metrics, sink, clock, stop = Metrics(CollectorRegistry()), Counting(), FastClock(), asyncio.Event()
    looks = Looks(metrics)
    async with (
        Fetcher(SETTINGS) as fetcher,
        ParserPool(SETTINGS.parsers, SETTINGS.parse_timeout_seconds) as pool,
        asyncio.TaskGroup() as group,
    ):
        poller = Poller(SETTINGS, (), {}, fetcher=fetcher, parser=pool, publisher=sink, metrics=metrics, clock=clock)
        polling = group.create_task(poller.run(stop))
        churning = group.create_task(_churn(poller, port))
        turning = group.create_task(_turn(port))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
            found = looks.take()
            if len(looks.seconds) % 6 == 1:
                said = ", ".join(f"{name} {value:.0f}" for name, value in found.items())
                print(f"{looks.seconds[-1]:.0f} s: {sum(sink.records.values()):,} records, {said}", flush=True)
        churning.cancel()
        turning.cancel()
        stop.set()
        summary = await polling
    print(f"\n{summary.polls:,} polls: {summary.outcomes}")
    return 0 if looks.judge() else 1


async def _churn(poller: Poller, port: int) -> None:
    """Take feeds in and out; one that comes back has the state it left with, as from the topic."""
    dice = random.Random(11)
    everything = listed(range(2 * FEEDS), port, mischief.READER)
    left: dict[str, FeedState] = {}
    outside = list(everything[FEEDS:])
    inside = list(everything[:FEEDS])
    for feed in inside:
        poller.add(feed, None)
    while True:
        await asyncio.sleep(CHURN_SECONDS)
        dice.shuffle(inside)
        dice.shuffle(outside)
        going, coming = inside[:CHURNED], outside[:CHURNED]
        left |= await poller.drop([feed.url for feed in going])
        for feed in coming:
            poller.add(feed, left.pop(feed.url, None))
        inside, outside = inside[CHURNED:] + coming, outside[CHURNED:] + going


async def _turn(port: int) -> None:
    number = 0
    while True:
        await asyncio.to_thread(begin_turn, port, mischief.READER, number)
        await asyncio.sleep(TURN_SECONDS)
        number += 1
