"""Precision, recall and F1 from counts (van Rijsbergen, *Information Retrieval*, 1979)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Counts(NamedTuple):
    """Scored lines: flagged rightly, flagged wrongly, missed, and rightly left alone."""

    hit: int = 0
    false: int = 0
    missed: int = 0
    rest: int = 0

    @property
    def lines(self) -> int:
        """How many lines were scored."""
        return sum(self)

    @property
    def precision(self) -> float | None:
        """Share of the flagged that is right; None when nothing is flagged."""
        return _share(self.hit, self.hit + self.false)

    @property
    def recall(self) -> float | None:
        """Share of what should be flagged that is; None when nothing should be."""
        return _share(self.hit, self.hit + self.missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two; None when nothing is flagged and nothing should be."""
        return _share(2 * self.hit, 2 * self.hit + self.false + self.missed)


def count(pairs: Iterable[tuple[bool, bool]]) -> Counts:
    """Counts of (should be flagged, is flagged)."""
    of = Counter(pairs)
    return Counts(of[True, True], of[False, True], of[True, False], of[False, False])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
