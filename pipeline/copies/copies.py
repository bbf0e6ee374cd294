"""What an article is a copy of: the index of one partition's texts, and the groups that its copies make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.copies.claims import Claim
from pipeline.records import ArticleBatch

WINDOW: Final = timedelta(hours=72)
"""Event time between two copies, at the most."""

MAX_DOCUMENTS: Final = 1_000_000
"""Articles remembered in a partition, at the most; the oldest go first. Less than 1 kB each."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is remembered."""

    window: timedelta = WINDOW
    documents: int = MAX_DOCUMENTS


class Copies:
    """The memory of one partition. Not thread-safe; one owner.

    How an agent uses it (batches of heartbeats never come here)::

        key = claim_key(batch, offset)
        if key in copies:                       # delivered again
            claim = stored[key]
        else:
            claim = copies.take(key, batch, offset)
            stored[key] = claim
            for stale in copies.stale(batch.fetched):
                copies.forget(stale)
                del stored[stale]
        send(with_copies(batch, claim)); send each of claim.moved to topic `copies`

    If storing or sending fails after `take`, the index is dropped and rebuilt from the stored claims, as with `seen`:
    ``for key, claim in in_log_order(stored): copies.restore(key, claim)``, in chunks.
    """

    def __init__(self, partition: int, limits: Limits | None = None) -> None:
        self.partition = partition
        self.limits = limits or Limits()

    def __contains__(self, key: str) -> bool:
        """Whether the claim with this key was taken in, that is: whether its batch is delivered again."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many articles are remembered."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """Bytes that the index holds, Python's own small objects aside."""
        raise NotImplementedError

    def take(self, key: str, batch: ArticleBatch, offset: int) -> Claim:
        """Decide about each article of a batch that is delivered for the first time, and take it in.

        Articles of one batch may be copies of each other. A revision is never a copy of its own earlier text.
        """
        raise NotImplementedError

    def restore(self, key: str, claim: Claim) -> None:
        """Take in a stored claim, when the index is rebuilt. In log order (`in_log_order`)."""
        raise NotImplementedError

    def stale(self, now: datetime) -> tuple[str, ...]:
        """Keys of the oldest claims: past the window, or over the bound on documents; a few at a time.

        ``now`` is the time of the batch at hand, not of the clock: a replay forgets at the same places.
        """
        raise NotImplementedError

    def forget(self, key: str) -> None:
        """Drop a claim that `stale` named."""
        raise NotImplementedError
