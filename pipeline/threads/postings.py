"""Stories by their terms: which of the remembered ones share the rarest words with a new one.

An inverted index with bounded work: of a story's `INDEXED` heaviest terms the newest `READ` stories are read, the
terms that fewest stories have first, and no term any more once `BUDGET` stories were read. What is read is a function
of what is in the index, not of what was in it: an index that was rebuilt finds the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

INDEXED: Final = 32
"""Terms of a story that it is found by."""

READ: Final = 256
"""Stories read of a term. A term that more have tells little."""

BUDGET: Final = 320
"""Stories read for a new one. On real events a budget of 64 finds the same threads (bench.threads)."""

Weighted = tuple[tuple[str, int], ...]
"""Keys of terms and their weights, heaviest first."""


class Postings:
    """Term → stories, in the order in which they were added."""

    def __init__(self) -> None:
        self._by_term: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        """How many terms have stories."""
        return len(self._by_term)

    def add(self, story: str, terms: Weighted) -> None:
        """Take in a story as the newest."""
        for term, weight in terms[:INDEXED]:
            self._by_term.setdefault(term, {})[story] = weight

    def remove(self, story: str, terms: Weighted) -> None:
        """Take out a story that was added with these terms."""
        for term, _ in terms[:INDEXED]:
            stories = self._by_term[term]
            del stories[story]
            if not stories:
                del self._by_term[term]

    def alike(self, terms: Weighted) -> dict[str, int]:
        """Stories that share indexed terms, each with the products of the weights, summed; in no order that counts."""
        by_term = self._by_term
        lists = [(stories, weight) for term, weight in terms[:INDEXED] if (stories := by_term.get(term)) is not None]
        lists.sort(key=_shortest)
        found: dict[str, int] = {}
        seen, left = found.get, BUDGET
        for stories, weight in lists:
            newest: Iterable[tuple[str, int]] = stories.items()
            if len(stories) > READ:
                newest = islice(reversed(stories.items()), READ)
            for story, other in newest:
                found[story] = seen(story, 0) + weight * other
            left -= len(stories)
            if left <= 0:
                break
        return found


def _shortest(one: tuple[dict[str, int], int]) -> tuple[int, int]:
    return len(one[0]), -one[1]
