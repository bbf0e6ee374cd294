"""What a feed costs that is listed and not due: ``python -m bench.polling.idle FEEDS STATES``; prints resident bytes.

The feeds come as they come to a poller of a group: their records and states from the topics, through its share. STATES
is a file with the state of each template (`bench.polling.ours.past`), one line of JSON each.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry

from bench.polling.ours import SETTINGS, Counting, listed, silent_log, states
from bench.polling.processes import descriptors, resident
from pipeline.feeds.fetch import Fetcher
from pipeline.feeds.listing import from_file, partition_of
from pipeline.feeds.parser_pool import ParserPool
from pipeline.feeds.poll import Poller
from pipeline.feeds.share import Share
from pipeline.feeds.state import fold_states
from pipeline.feeds.tenure import Terms
from pipeline.kafka import Message
from pipeline.metrics import Metrics
from pipeline.records import FeedState, encode, feed_states
from pipeline.topics import FEED_STATE, FEEDS

PARTITIONS: Final = 4
PORT: Final = 9
"""Nobody listens there, and nobody is asked."""


async def main(count: int, path: str) -> None:
    """Take the feeds, fall asleep, and say what it takes."""
    silent_log()
    past = [feed_states.decode(line) for line in Path(path).read_bytes().splitlines()]
    metrics, sink = Metrics(CollectorRegistry()), Counting()
    terms = Terms(PARTITIONS, lambda: True)
    async with Fetcher(SETTINGS) as fetcher, ParserPool(SETTINGS.parsers) as pool, asyncio.TaskGroup() as group:
        poller = Poller(SETTINGS, (), {}, fetcher=fetcher, parser=pool, publisher=sink, metrics=metrics, tenure=terms)

        def load(only: Collection[int]) -> dict[str, FeedState]:
            return fold_states((one for one in _states(past, count) if one.partition in only), PARTITIONS)

        share = Share(poller, terms, partitions=PARTITIONS, listed=(), load=load, publisher=sink, metrics=metrics)
        stop = asyncio.Event()
        task = group.create_task(poller.run(stop))
        for feed in listed(range(count), PORT, "idle"):
            value = encode(from_file(feed))
            await share.records([_message(FEEDS, feed.url, value)])
        await share.caught_up(frozenset(range(PARTITIONS)), 1)
        await asyncio.sleep(1)
        gc.collect()
        own = os.getpid()
        report = {"rss": resident(own), "tasks": len(asyncio.all_tasks()), "sockets": descriptors(own)[1]}
        print(json.dumps(report), flush=True)
        stop.set()
        await task


def _states(past: list[FeedState], count: int) -> Iterator[Message]:
    for url, value in states(past, range(count), PORT, "idle"):
        yield _message(FEED_STATE, url, value)


def _message(topic: str, url: str, value: bytes) -> Message:
    return Message(topic, partition_of(url, PARTITIONS), 0, datetime.now(UTC), url.encode(), value, ())


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
