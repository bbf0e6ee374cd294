"""What a poller must know of its place among others before it asks a feed, or remembers anything of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pipeline.feeds.listing import partition_of

LAPSED_SECONDS: Final = 1.0
"""How long nothing is asked before we look again whether feeds and pages are still ours."""


class Tenure(Protocol):
    """Which feeds are ours, and whether they still are."""

    def holds(self) -> bool:
        """Whether we are a member of the group now. When we are not, our feeds may be somebody else's already."""

    def partition(self, url: str) -> int | None:
        """The partition of `feed-state` that a feed's state goes to; None: as Kafka's own partitioner says."""

    def generation(self, url: str) -> int | None:
        """What to sign a feed's state with. None: it may not be written now, because the feed may not be ours."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Nobody to share with: one round by hand, or a test."""

    partitions: int | None = None

    def holds(self) -> bool:
        """Always."""
        return True

    def partition(self, url: str) -> int | None:
        """Where the group would look for it."""
        return None if self.partitions is None else partition_of(url, self.partitions)

    def generation(self, _url: str) -> int | None:
        """The least: a state keeps the generation that it has."""
        return 0


class Terms:
    """Our partitions of the group, each with the generation that its states are signed with."""

    def __init__(self, partitions: int, holds: Callable[[], bool]) -> None:
        self._partitions, self._holds = partitions, holds
        self._terms: dict[int, int] = {}

    def take(self, partition: int, generation: int, newest: int) -> None:
        """It is ours as of the group's ``generation``; ``newest`` is the last one that its states are signed with.

        A group that was empty for a while is forgotten by Kafka and counts from 1 again; the states do not.
        """
        self._terms[partition] = max(generation, newest + 1)

    def give_up(self, partition: int) -> None:
        """It is not ours any more."""
        self._terms.pop(partition, None)

    @property
    def count(self) -> int:
        """Partitions that are ours."""
        return len(self._terms)

    def holds(self) -> bool:
        """Whether we are surely a member."""
        return self._holds()

    def partition(self, url: str) -> int:
        """By the feed's host."""
        return partition_of(url, self._partitions)

    def generation(self, url: str) -> int | None:
        """That of the feed's partition, while it is ours."""
        return self._terms.get(self.partition(url)) if self._holds() else None
