"""This poller's share of the pages: it goes with that of the feeds, partition by partition."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from pipeline.errors import RecordError
from pipeline.kafka import Message, read_log
from pipeline.pages.serve import PageService, Past
from pipeline.records import page_results
from pipeline.topics import PAGES_REQUESTS, PAGES_RESULTS

Load = Callable[[Collection[int]], Mapping[int, Past]]
"""What the results in these partitions say. Blocks."""


class Requests(AsyncIterable[Message], Protocol):
    """What is needed of a `pipeline.kafka.Follower` of `pages.requests`."""

    async def narrow(self, partitions: Collection[int]) -> None:
        """Follow these partitions from now on, and no others; those that are new from their beginning."""


class PageShare:
    """Gives a service the requests of the partitions that the group gives us."""

    def __init__(self, service: PageService, requests: Requests, load: Load) -> None:
        self._service, self._requests, self._load = service, requests, load
        self._held: frozenset[int] = frozenset()

    async def taken(self, partitions: frozenset[int]) -> None:
        """Serve these partitions too: what they hold that has no result."""
        past = await asyncio.to_thread(self._load, partitions)
        for number in partitions:
            self._service.begin(number, past.get(number, Past()))
        self._held |= partitions
        await self._requests.narrow(self._held)

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Serve these partitions no longer, at once."""
        self._held -= partitions
        await self._service.end(partitions)
        await self._requests.narrow(self._held)


def load_past(bootstrap: Sequence[str], partitions: Collection[int]) -> dict[int, Past]:
    """What the results in these partitions say. Blocks; raises KafkaError."""
    return fold_results(read_log(bootstrap, PAGES_RESULTS, partitions))


def fold_results(messages: Iterable[Message]) -> dict[int, Past]:
    """The same from the topic's records; what cannot be read costs a second visit."""
    found: defaultdict[int, Past] = defaultdict(Past)
    for message in messages:
        if message.value is not None:
            with suppress(RecordError):
                found[message.partition].note(page_results.decode(message.value))
    return found


def waiting(bootstrap: Sequence[str]) -> list[Message]:
    """Every request that the topic holds. Blocks; raises KafkaError."""
    return list(read_log(bootstrap, PAGES_REQUESTS))
