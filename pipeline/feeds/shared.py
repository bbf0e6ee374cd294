"""The shared list of feeds on its topic: reading it, and writing changes to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.errors import KafkaError, PublishError
from pipeline.feeds.listing import Changes, decode_records, partition_of
from pipeline.feeds.publish import Sends
from pipeline.kafka import describe_topics, read_table
from pipeline.records import FeedRecord, encode
from pipeline.topics import FEED_STATE, FEEDS, PAGES_REQUESTS, PAGES_RESULTS

DIVIDED: Final = (FEEDS, FEED_STATE, PAGES_REQUESTS, PAGES_RESULTS)
"""Topics whose partitions of one number go to one poller: what it asks of a host, and what it knows of it."""


def read_list(bootstrap: Sequence[str]) -> dict[str, FeedRecord]:
    """The list, by key; feeds that are paused or removed are in it. Blocks; raises KafkaError."""
    return decode_records(read_table(bootstrap, FEEDS))


def count_partitions(bootstrap: Sequence[str]) -> int:
    """How many partitions the topics have that pollers divide among them (`DIVIDED`). Blocks.

    Raises:
        KafkaError: one of them is not there, or their numbers differ.
    """
    found = describe_topics(bootstrap, DIVIDED)
    return agreed({name: topic.partitions for name, topic in found.items()})


def agreed(numbers: Mapping[str, int]) -> int:
    """The number of partitions that all topics of `DIVIDED` have; raises KafkaError if there is none. Pure."""
    for name in DIVIDED:
        if name not in numbers:
            raise KafkaError(f"there is no topic {name}: run `counterclaim topics apply`")
    if len(set(numbers.values())) > 1:
        said = ", ".join(f"{name} has {number}" for name, number in sorted(numbers.items()))
        raise KafkaError(f"topics that are divided together need equal numbers of partitions: {said}")
    return numbers[FEEDS]


async def write_list(publisher: Sends, changes: Changes, partitions: int) -> None:
    """Write the changes, each to the partition of its feed's host; all are acknowledged when this returns.

    Raises:
        KafkaError: at least one was not. The others were, and the same changes may be written again.
    """
    sends = (
        publisher.send(
            FEEDS,
            None if record is None else encode(record),
            key=key.encode(),
            partition=partition_of(key, partitions),
        )
        for key, record in changes.items()
    )
    ends = await asyncio.gather(*sends, return_exceptions=True)
    errors = [end for end in ends if isinstance(end, BaseException)]
    for error in errors:
        if not isinstance(error, PublishError):
            raise error
    if errors:
        raise KafkaError(
            f"{len(errors)} of {len(ends)} changes were not written ({errors[0]}): "
            "do the same again, what is there is not written twice"
        ) from errors[0]
