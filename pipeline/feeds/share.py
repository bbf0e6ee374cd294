"""This poller's share of the feeds: what the group gives is polled, what it takes is dropped, changes are followed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

import structlog

from pipeline.clock import Clock, SystemClock
from pipeline.feeds.listing import Changes, as_feed, decode_records, partition_of, reconcile, revived, wanted
from pipeline.feeds.poll import Poller
from pipeline.feeds.publish import Sends
from pipeline.feeds.schedule import fraction
from pipeline.feeds.shared import write_list
from pipeline.feeds.tenure import Terms
from pipeline.kafka import Message
from pipeline.metrics import Metrics
from pipeline.records import FeedRecord, FeedState
from pipeline.settings.models import Feed

Load = Callable[[Collection[int]], dict[str, FeedState]]
"""Reads the states of these partitions of `feed-state`. Blocks."""


class Share:
    """Follows the topic `feeds` for one poller. A `pipeline.kafka.Reader`."""

    def __init__(
        self,
        poller: Poller,
        terms: Terms,
        *,
        partitions: int,
        listed: Sequence[Feed],
        load: Load,
        publisher: Sends,
        metrics: Metrics,
        clock: Clock | None = None,
    ) -> None:
        self._poller, self._terms, self._partitions, self._load = poller, terms, partitions, load
        self._listed, self._publisher = listed, publisher
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self._reading: defaultdict[int, dict[str, FeedRecord]] = defaultdict(dict)
        self._held: dict[int, dict[str, FeedRecord]] = {}
        self._states: dict[str, FeedState] = {}
        self._log = structlog.get_logger(__name__)

    async def records(self, messages: Sequence[Message]) -> None:
        """Gather a partition that is still being read; follow the changes of one that is ours."""
        for message in messages:
            if message.key is None:
                continue
            key = message.key.decode(errors="replace")
            record = decode_records({message.key: message.value}).get(key) if message.value is not None else None
            if record is None and message.value is not None:
                continue  # unreadable, and said so: what was known of it holds
            held = self._held.get(message.partition)
            if held is not None:
                await self._change(held, key, record)
            elif record is None:
                self._reading[message.partition].pop(key, None)
            else:
                self._reading[message.partition][key] = record

    async def caught_up(self, partitions: frozenset[int], generation: int) -> None:
        """Poll the feeds of these partitions, by the states that their last poller left."""
        states = await asyncio.to_thread(self._load, partitions)
        missing: Changes = {}
        for number in sorted(partitions):
            here = {url: known for url, known in states.items() if partition_of(url, self._partitions) == number}
            newest = max((known.generation for known in here.values()), default=0)
            self._terms.take(number, generation, newest)
            self._states |= here
            self._held[number] = self._reading.pop(number, {})
            if not self._held[number]:
                missing |= reconcile((one for one in self._listed if self._home(one.url) == number), {})
        taken = (record for number in partitions for record in self._held[number].values())
        for record in sorted(taken, key=lambda one: fraction(one.url)):  # those that are late begin in this order
            self._begin(record)
        self._say("taken", partitions, generation)
        if missing:
            # The list was applied at the start, so the log was lost since then. What we write comes back to us.
            self._log.warning("list lost", feeds=len(missing), why="the topic is empty: the file's feeds are put back")
            await write_list(self._publisher, missing, self._partitions)

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Stop polling the feeds of these partitions, at once."""
        urls: list[str] = []
        for number in partitions:
            self._terms.give_up(number)
            self._reading.pop(number, None)
            urls += [record.url for record in self._held.pop(number, {}).values()]
        await self._poller.drop(urls)
        self._states = {url: known for url, known in self._states.items() if self._home(url) not in partitions}
        self._say("given up", partitions, None)

    async def _change(self, held: dict[str, FeedRecord], key: str, after: FeedRecord | None) -> None:
        before = held.pop(key, None)
        if after is not None:
            held[key] = after
        if before is not None and after is not None and _same(before, after):
            return
        if before is not None and wanted(before):
            self._states |= await self._poller.drop([before.url])
        if after is not None:
            self._begin(after, asked=True)
        self._log.info("list changed", feed=key, polled=wanted(after))

    def _begin(self, record: FeedRecord, *, asked: bool = False) -> None:
        if wanted(record):
            known = self._states.pop(record.url, None)
            self._poller.add(as_feed(record), revived(known, record, self._clock.now()), asked=asked)

    def _home(self, url: str) -> int:
        return partition_of(url, self._partitions)

    def _say(self, what: str, partitions: frozenset[int], generation: int | None) -> None:
        self._metrics.poll_partitions.set(self._terms.count)
        feeds = sum(map(len, self._held.values()))
        self._log.info(what, partitions=sorted(partitions), generation=generation, ours=self._terms.count, feeds=feeds)


def _same(before: FeedRecord, after: FeedRecord) -> bool:
    """Whether nothing changes for the poller."""
    same_feed = as_feed(before) == as_feed(after) and before.resumed == after.resumed
    return same_feed and wanted(before) == wanted(after)
