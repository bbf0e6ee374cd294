"""Consumer lag: how far a group's committed offsets are behind the ends of its topics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafka.errors import KafkaError as ClientError

from pipeline.kafka.connect import CONNECT_SECONDS, admin
from pipeline.kafka.follow import begin_offsets, end_offsets

PAUSE_SECONDS: Final = 0.2
"""Between two questions while a cluster has no coordinator for the group yet."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """Lag of one partition. ``committed`` None: the group has committed nothing, then it is counted from the oldest
    record that is kept."""

    topic: str
    partition: int
    committed: int | None
    begin: int
    end: int

    @property
    def messages(self) -> int:
        """Records that wait; those that retention deleted before they were read do not."""
        return max(0, self.end - max(self.begin, self.committed or 0))


def lag(
    bootstrap: Sequence[str], group: str, topics: Sequence[str], timeout: float = CONNECT_SECONDS
) -> list[PartitionLag]:
    """Lag of a consumer group on every partition of these topics. Blocks; raises KafkaError."""
    # Commits first: read the other way round, a busy group would seem to be ahead of the log.
    committed = _committed(bootstrap, group, timeout)
    begins, ends = begin_offsets(bootstrap, topics), end_offsets(bootstrap, topics)
    return [
        PartitionLag(topic, partition, committed.get((topic, partition)), begins[topic, partition], end)
        for (topic, partition), end in sorted(ends.items())
    ]


def _committed(bootstrap: Sequence[str], group: str, timeout: float) -> dict[tuple[str, int], int]:
    deadline = time.monotonic() + timeout
    with admin(bootstrap, timeout) as client:
        offsets = _asked(client, group, deadline)
    return {
        (partition.topic, partition.partition): entry.offset
        for partition, entry in offsets.items()
        if entry.offset >= 0  # -1: nothing committed
    }


def _asked(client: Any, group: str, deadline: float) -> Any:
    """A new cluster makes the topic of commits when it is first asked for a coordinator: some seconds without one."""
    while True:
        try:
            return client.list_group_offsets({group: None})[group]
        except ClientError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)
