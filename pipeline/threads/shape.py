"""A thread as it is compared with stories: the sums of what its stories have. Whole numbers, so no order shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.threads.postings import Weighted
from pipeline.threads.story import Story

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Shape:
    """Sums over the remembered stories of a thread, by story id in the order of the log."""

    stories: dict[str, int] = field(default_factory=dict)
    """Story → when it was published."""

    terms: Counter[str] = field(default_factory=Counter)
    squares: int = 0
    """Square of the length of `terms`."""

    own: int = 0
    """Squares of the lengths of all stories, summed."""

    numbers: dict[str, Counter[str]] = field(default_factory=dict)
    """What numbers name → values."""

    years: Counter[int] = field(default_factory=Counter)
    days: Counter[tuple[int, ...]] = field(default_factory=Counter)
    """Weekdays that a story names → stories, of those that name any."""

    accusers: Counter[str] = field(default_factory=Counter)
    accused: Counter[str] = field(default_factory=Counter)

    def add(self, story: Story, terms: Weighted) -> None:
        """Take a story in."""
        self.stories[story.id] = story.when
        self._count(story, terms, 1)

    def remove(self, story: Story, terms: Weighted) -> None:
        """Take a story out that was taken in with these terms."""
        del self.stories[story.id]
        self._count(story, terms, -1)

    def _count(self, story: Story, terms: Weighted, sign: int) -> None:
        own = sum(weight * weight for _, weight in terms)
        self.squares += 2 * sign * self.product(terms) + own
        self.own += sign * own
        for term, weight in terms:
            _change(self.terms, term, sign * weight)
        for number in story.numbers:
            values = self.numbers.setdefault(number.names, Counter())
            _change(values, number.value, sign)
            if not values:
                del self.numbers[number.names]
        for counter, some in ((self.accusers, story.accusers), (self.accused, story.accused)):
            for one in some:
                _change(counter, one, sign)
        for year in story.years:
            _change(self.years, year, sign)
        if story.days:
            _change(self.days, story.days, sign)

    def product(self, terms: Weighted) -> int:
        """Scalar product with a story."""
        weight_of = self.terms.get
        return sum([weight * weight_of(term, 0) for term, weight in terms])

    def cosine(self, terms: Weighted, length: float) -> float:
        """Of the angle between a story of that length and the thread's sum: 0 to 1."""
        return self.product(terms) / (length * math.sqrt(self.squares)) if self.squares and length else 0.0

    @property
    def closeness(self) -> float:
        """Mean cosine of two of its stories, 0 with fewer; stories of full length are taken for all of them."""
        size = len(self.stories)
        return (self.squares - self.own) / (self.own * (size - 1)) if size > 1 and self.own else 0.0

    def away(self, when: int) -> int:
        """Seconds between a time and the time in which its stories were published; 0 within."""
        times: Sequence[int] = tuple(self.stories.values())
        return max(0, min(times) - when, when - max(times))


def _change(counter: Counter[T], one: T, by: int) -> None:
    """Count, and forget what is not there any more."""
    changed = counter[one] + by
    if changed:
        counter[one] = changed
    else:
        del counter[one]


def length(terms: Iterable[tuple[str, int]]) -> float:
    """Of a story's vector."""
    return math.sqrt(sum(weight * weight for _, weight in terms))
